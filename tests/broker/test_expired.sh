# Hostile 96: a device that overslept its certificate's end may renew it, where the policy says so, and nothing else. Only
# Mosquitto 2.1 can be told to let it connect.
. "$(dirname "$0")/lib.sh"
need mosquitto
version=$({ mosquitto -h || true; } | sed -n 's/^mosquitto version \([0-9.]*\).*/\1/p')
[[ $version != 2.0.* ]] || skip "Mosquitto $version refuses expired certificates in TLS; 2.1 has disable_client_cert_date_checks"
world_make
BROKER_EXTRA="disable_client_cert_date_checks true" SLOT_EXTRA="accept_expired 7d"
broker_start

# short_device NAME SECONDS: a certificate that ends so soon.
short_device() (
  cd "$T/pki"
  pki_key "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$1" -config ca.conf -out "$1.csr"
  openssl ca -batch -notext -config ca.conf -cert issuer.pem -keyfile issuer.key -in "$1.csr" -out "$1.pem" -extensions device \
    -startdate "$(date -u -d 'now -10 days' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "now $2 seconds" +%Y%m%d%H%M%SZ)" 2>"$T/pki.out"
)
denied() { # NAME TOPIC: a PUBLISH there is
  tls_of "$1"
  mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$2" -m secret 2>&1 | grep -qi 'not authorized'
}
# resume DEVICE OUT: its persistent session.
resume() {
  raw_open "$1" "$2"
  raw_send "$(packet 10 "$(hex_text MQTT)0400003c$(hex_text "$1")")"
  until_true 10 test -s "$2" || fail "no CONNACK for $1"
}

pki_device witness
listen "$T/witness" witness 'some/topic' 'some/will'

step "while it is valid it may do everything; it falls asleep with a subscription"
short_device meter $((8 * SLOW))
resume meter "$T/meter-1.out"
raw_send "$(packet 82 "0001$(hex_text some/news)01")"
expect_log "Sending SUBACK to meter"
raw_send e000; raw_close
until_true 10 grep -qE "Client meter .*(disconnected|closed)" "$T/broker.log" || fail "the meter is still there"
tls_of witness
mosquitto_pub "${TLS[@]}" -q 1 -t some/news -m kept-for-the-meter
end_s=$(date -u -d "$(openssl x509 -in "$T/pki/meter.pem" -noout -enddate | cut -d= -f2)" +%s)
over() { (($(date +%s) > end_s)); } # it is valid through that second
until_true 20 over || fail "its certificate does not end"

step "expired: the queued messages are not delivered"
resume meter "$T/meter-2.out"
raw_send "$(packet_publish 2 "$(topic_of meter get)" 0001 "")"
trigger_came() { (($(count_hex "$T/meter-2.out" "$(printf %s "$(topic_of meter renew)" | hex_of)") > 0)); }
until_true 10 trigger_came || fail "an expired device is not asked to renew"
equal "$(count_hex "$T/meter-2.out" "$(printf kept-for-the-meter | hex_of)")" 0

step "nor what is published now, to its old subscription"
tls_of witness
mosquitto_pub "${TLS[@]}" -q 1 -t some/news -m not-for-the-meter
raw_send "$(packet_publish 2 "$(topic_of meter get)" 0002 "")"
trigger_came_twice() { (($(count_hex "$T/meter-2.out" "$(printf %s "$(topic_of meter renew)" | hex_of)") > 1)); }
until_true 10 trigger_came_twice || fail "no answer to the second get"
equal "$(count_hex "$T/meter-2.out" "$(printf not-for-the-meter | hex_of)")" 0
raw_send e000; raw_close

step "it can neither publish, nor subscribe, nor leave a will"
denied meter some/topic || fail "an expired device published"
denied meter '$CONTROL/cert-renewal/v1' || fail "an expired device reached the operator channel"
for filter in '#' some/news '$SYS/#' '$share/g/some/news' '$identity/#'; do
  tls_of meter
  out=$(mosquitto_sub "${TLS[@]}" -V 5 -i meter-sub -W $((10 * SLOW)) -t "$filter" 2>&1) || true
  [[ $out == *[Dd]enied* || $out == *"ot authorized"* || $out == *"rejected"* ]] || fail "'$filter' was granted: $out"
done
tls_of meter
mosquitto_sub "${TLS[@]}" -i meter-will --will-topic some/will --will-payload last-words --will-qos 1 -q 1 \
  -t "$(topic_of meter renew)" >/dev/null 2>&1 &
WILL_PID=$!
OTHER_PIDS+=("$WILL_PID")
expect_log "Sending SUBACK to meter-will"
kill -KILL "$WILL_PID"
until_true 10 grep -q "Client meter-will .*\(disconnected\|closed\)" "$T/broker.log" || fail "the will's client is still there"
tls_of witness
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m the-end
until_true 10 grep -q the-end "$T/witness" || fail "the witness is deaf"
! grep -q 'secret\|last-words' "$T/witness" || fail "something of the expired device was published"

step "it renews, and is as free as before"
csr_make "$T/new" meter
renew meter "$T/new.csr" "$T/new.pem"
cert_check "$T/new.pem" "$T/new.key" meter
tls_of meter "$T/new.pem" "$T/new.key"
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m renewed
until_true 10 grep -q renewed "$T/witness" || fail "the renewed device cannot publish"

step "its former certificate is shown out"
denied meter some/topic || fail "a superseded, expired certificate published"
tls_of meter
mosquitto_sub "${TLS[@]}" -i meter-old -q 1 -t "$(topic_of meter renew)" >/dev/null 2>&1 &
OLD_PID=$!
OTHER_PIDS+=("$OLD_PID")
expect_log "is disconnected: came with a superseded certificate"
kill -KILL "$OLD_PID"

step "too late is too late, for devices and operators alike"
pki_device late -90 -8
denied late some/topic || fail "a certificate of last week published"
denied late "$(topic_of late csr)" || fail "a certificate of last week renewed"
expect_log "is disconnected: its certificate, or one above it, is not valid at this time"
(cd "$T/pki" && pki_sign old-operator operator-1 issuer device -90 -1)
[[ $(command_send '{"commands":[{"command":"getStatus"}]}' old-operator) != *uptime* ]] || fail "an expired operator commands"
world_end
