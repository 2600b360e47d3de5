# use_identity_as_username (and use_subject_as_username) make no difference: the certificate is who a device is. Operators by
# user name: only as good as the broker's authentication.
. "$(dirname "$0")/lib.sh"
world_make
PLUGIN_EXTRA=$'admin_username alice\nviewer_username operator-2'
for setting in "use_identity_as_username true" "use_identity_as_username false" "use_subject_as_username true"; do
  step "$setting"
  BROKER_EXTRA=$setting
  broker_start
  device=d${#setting}
  pki_device "$device"
  csr_make "$T/$device" "$device"
  renew "$device" "$T/$device.csr" "$T/$device.pem"
  cert_check "$T/$device.pem" "$T/$device.key" "$device"
  case $setting in
    *identity*true)
      pki_device operator-2
      contains "$(command_send '{"commands":[{"command":"getStatus"}]}' operator-2)" '"uptime"'
      contains "$(command_send '{"commands":[{"command":"triggerRenewal","device":"d1"}]}' operator-2)" not-authorised ;;
    *identity*false)
      pki_device bare # a device that is due, were it not an operator
      tls_of bare
      answer=$(mosquitto_rr "${TLS[@]}" -u alice -q 1 -W 10 -t "$CONTROL" -e "$CONTROL/response" \
        -m '{"commands":[{"command":"getStatus"}]}')
      contains "$answer" '"uptime"' ;;
  esac
  broker_stop
done
world_end
