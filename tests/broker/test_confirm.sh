# Seeing the new certificate at a TLS connect advances the generation; until then the old one works and the new one is
# offered again. The inventory is filled from what devices present, also those that were enrolled elsewhere.
. "$(dirname "$0")/lib.sh"
world_start
record() { command_send "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"$1\"}]}"; }
connect() { # DEVICE [PEM KEY]
  tls_of "$@"
  mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m here
}
record_says() { contains "$(record "$1")" "$2"; }
becomes() { until_true 10 record_says "$@" || fail "getDevice $1 does not say $2 but: $(record "$1")"; }

step "a fleet enrolled elsewhere is known after its first connect"
for i in 1 2 3 4 5; do
  pki_device "fleet-$i"
  connect "fleet-$i"
  becomes "fleet-$i" "$(serial_of "$T/pki/fleet-$i.pem")"
  record_says "fleet-$i" '"generation":0'
  record_says "fleet-$i" '"state":"triggered"' # eighty of its ninety days are over: it is asked at once
  record_says "fleet-$i" '"reason":"expiry"'
  record_says "fleet-$i" "$(date -u -d "$(openssl x509 -in "$T/pki/fleet-$i.pem" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)"
done
contains "$(record nobody)" unknown-device

step "issued, not confirmed: the device still comes with the old one"
csr_make "$T/new" fleet-1
renew fleet-1 "$T/new.csr" "$T/new.pem"
becomes fleet-1 '"state":"issued"'
record_says fleet-1 "$(serial_of "$T/new.pem")"
record_says fleet-1 '"generation":0'

step "it waits for the device and is offered at its next appearance, in the request's own format"
tls_of fleet-1
mosquitto_sub "${TLS[@]}" -C 1 -W $((10 * SLOW)) -t "$(topic_of fleet-1 certificate)" >"$T/offered.pem"
cmp "$T/offered.pem" "$T/new.pem"
record_says fleet-1 '"generation":0'

step "a broker that restarts forgets nothing"
broker_stop
broker_start
connect fleet-1
becomes fleet-1 '"state":"issued"'

step "seen at a connect: confirmed"
connect fleet-1 "$T/new.pem" "$T/new.key"
becomes fleet-1 '"generation":1'
record_says fleet-1 '"state":"quiet"'
record_says fleet-1 "$(serial_of "$T/new.pem")"
connect fleet-1 "$T/new.pem" "$T/new.key"
record_says fleet-1 '"generation":1'

step "its window is far away"
cp "$T/pki/fleet-1.pem" "$T/old.pem"; cp "$T/pki/fleet-1.key" "$T/old.key"
cp "$T/new.pem" "$T/pki/fleet-1.pem"; cp "$T/new.key" "$T/pki/fleet-1.key"
csr_make "$T/third" fleet-1
contains "$(ask fleet-1 "$(cat "$T/third.csr")")" too-early

step "the old one again: no way back, an alarm, and another renewal"
listen "$T/events" operator-1 "$CONTROL/event/+"
connect fleet-1 "$T/old.pem" "$T/old.key"
until_true 10 grep -q '"alarm":"regression"' "$T/events" || fail "no alarm for a certificate that was superseded"
becomes fleet-1 '"reason":"regression"'
record_says fleet-1 '"generation":1'
record_says fleet-1 "$(serial_of "$T/new.pem")"

step "and the new one after that: two have this identity"
connect fleet-1
until_true 10 grep -q split-identity "$T/events" || fail "no alarm for two that use their certificates in turn"

step "generation 2 ends it"
renew fleet-1 "$T/third.csr" "$T/third.pem"
cert_check "$T/third.pem" "$T/third.key" fleet-1
connect fleet-1 "$T/third.pem" "$T/third.key"
becomes fleet-1 '"generation":2'
connect fleet-1 "$T/third.pem" "$T/third.key"
record_says fleet-1 '"state":"quiet"'
[[ $(grep -c split-identity "$T/events") -eq 1 ]] || fail "told more than once: $(cat "$T/events")"
world_end
