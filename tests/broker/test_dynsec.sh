# Beside the dynamic-security plugin, named before it and behind it: devices renew without any role, roles go on deciding
# about everything else, and its own control topic works.
. "$(dirname "$0")/lib.sh"
need mosquitto_ctrl
DYNSEC=$(ls /usr/lib/*/mosquitto_dynamic_security.so /usr/lib/mosquitto_dynamic_security.so 2>/dev/null | head -n 1 || true)
[[ -n $DYNSEC ]] || skip "mosquitto_dynamic_security.so is not installed"
world_make
DEFAULT_ACCESS=defer
mosquitto_ctrl dynsec init "$T/dynsec.json" admin-user admin-password >/dev/null

# The devices come without password: anonymous for dynamic security, known by certificate to us.
ctrl() {
  mosquitto_ctrl -h 127.0.0.1 -p "$PORT" --cafile "$T/pki/root.pem" --cert "$T/pki/operator-1.pem" --key "$T/pki/operator-1.key" \
    -u admin-user -P admin-password dynsec "$@" 2>&1
}

for order in first second; do
  step "the plugin comes $order"
  cp "$T/dynsec.json" "$T/dynsec-$order.json"
  BROKER_EXTRA="plugin $DYNSEC
plugin_opt_config_file $T/dynsec-$order.json"
  [[ -n $PORT ]] || broker_start
  broker_stop
  plugin_conf
  broker_conf
  if [[ $order == second ]]; then
    sed -i "/^plugin/d" "$T/mosquitto.conf"
    printf '%s\n' "plugin $DYNSEC" "plugin_opt_config_file $T/dynsec-$order.json" "plugin $CR_PLUGIN" \
      "plugin_opt_config_file $T/plugin.conf" >>"$T/mosquitto.conf"
  fi
  broker_launch
  broker_gone && fail "the broker did not start"

  contains "$(ctrl listClients)" admin-user
  ctrl createGroup devices >/dev/null
  ctrl createRole device >/dev/null
  ctrl addRoleACL device publishClientSend 'open/#' allow >/dev/null
  ctrl addRoleACL device subscribePattern 'open/#' allow >/dev/null
  ctrl addGroupRole devices device >/dev/null
  ctrl setAnonymousGroup devices >/dev/null
  contains "$(ctrl getAnonymousGroup)" devices

  device=dynsec-$order
  pki_device "$device"
  csr_make "$T/$device" "$device"
  renew "$device" "$T/$device.csr" "$T/$device.pem"
  cert_check "$T/$device.pem" "$T/$device.key" "$device"

  listen "$T/heard" "$device" open/+ closed/+
  tls_of "$device"
  mosquitto_pub "${TLS[@]}" -q 1 -t closed/a -m closed
  mosquitto_pub "${TLS[@]}" -q 1 -t open/a -m opened
  until_true 10 grep -q opened "$T/heard" || fail "a role's ACL does not count"
  ! grep -q closed "$T/heard" || fail "what no role grants was delivered"

  pki_device intruder
  csr_make "$T/evil" "$device"
  tls_of intruder
  mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$(topic_of "$device" csr)" -m "$(cat "$T/evil.csr")" 2>"$T/denied" || true
  contains "$(cat "$T/denied")" "ot authorized"
  kill "$LISTENER_PID"
done
world_end
