# The README's lines renew a device, with nothing but openssl and mosquitto_rr, over MQTT 5 and 3.1.1; the same request
# again gets the same certificate.
. "$(dirname "$0")/lib.sh"
world_start

# One device through the lines of the README; $1: how mosquitto_rr is given the request.
readme_lines() {
  local how=(-m "$(cat new.csr)")
  [[ $1 == -f ]] && how=(-f new.csr)
  mosquitto_rr -V "$version" --cert "pki/$device.pem" --key "pki/$device.key" --cafile pki/root.pem -h 127.0.0.1 -p "$PORT" \
    -W $((10 * SLOW)) -t '$identity/v1/'"$device"'/operational/csr' -e '$identity/v1/'"$device"'/operational/certificate' \
    "${how[@]}" > new.pem
}

cd "$T"
for version in 5 mqttv311; do
  device=sensor-8492-${version%v*}
  pki_device "$device"
  step "renewing $device"
  openssl ecparam -name prime256v1 -genkey -noout -out new.key; openssl req -new -key new.key -subj /CN="$device" -out new.csr;
  readme_lines -f
  if grep -q statusCode new.pem && log_has "'$(topic_of "$device" csr)', ... (0 bytes)"; then
    step "this mosquitto_rr ($(mosquitto_rr --version 2>&1 | head -n 1)) sends nothing for -f: with -m instead"
    readme_lines -m
  fi
  cert_check new.pem new.key "$device"
  equal "$(grep -c BEGIN new.pem)" 2 # leaf and issuing certificate; a root is never sent
  [[ $(serial_of new.pem) != "$(serial_of "pki/$device.pem")" ]] || fail "the same serial"

  step "the same request again: the same bytes"
  renew "$device" new.csr again.pem -V "$version"
  cmp new.pem again.pem

  step "the new certificate opens the next connection"
  tls_of "$device" new.pem new.key
  mosquitto_pub "${TLS[@]}" -t some/topic -m hello
done
world_end
