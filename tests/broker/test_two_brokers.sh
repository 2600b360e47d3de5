# Two brokers share one Redis: what is due begins once and reaches the device wherever it is connected; a device asks on one
# and confirms on the other; a broker that dies takes nothing with it; the same request to both gets the same certificate.
. "$(dirname "$0")/lib.sh"
SLOT_EXTRA='renewal_spread 0%'
world_start

. "$(dirname "$0")/two.sh"
certificates_of() { cat "$T"/journal*/*.jsonl | grep '"what":"issued"' | grep -c "\"device\":\"$1\"" || true; }
triggers_of() { cat "$T"/journal*/*.jsonl | grep '"what":"triggered"' | grep -c "\"device\":\"$1\"" || true; }
kill_hard() { kill -KILL "${PIDS[$1]}"; wait "${PIDS[$1]}" 2>/dev/null || true; }

record() { command_send "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"$1\"}]}"; }
record_says() { contains "$(on "$1" record "$2")" "$3"; }
becomes() { until_true $((15 * SLOW)) record_says "$@" || fail "getDevice $2 does not say $3 but: $(on "$1" record "$2")"; }
connect() { tls_of "$@"; mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m here; }
got() { grep -q "/$2 " "$1"; } # FILE VERB
# A short-lived certificate whose window, the last third, opens in so many seconds.
pki_due_in() { # NAME SECONDS
  local from to
  from=$(date -u -d "now $(($2 + 40 - 120)) seconds" +%Y%m%d%H%M%SZ) to=$(date -u -d "now $(($2 + 40)) seconds" +%Y%m%d%H%M%SZ)
  (cd "$T/pki" && pki_key "$1.key" && openssl req -new -key "$1.key" -subj "/CN=$1" -config ca.conf -out "$1.csr" &&
    openssl ca -batch -notext -config ca.conf -cert issuer.pem -keyfile issuer.key -in "$1.csr" -out "$1.pem" \
      -extensions device -startdate "$from" -enddate "$to" 2>"$T/pki.out") || fail "openssl ca"
}
certified() { on "$1" renew "$2" "$T/$2.csr" "$3" -W 2 && grep -q 'END CERT' "$3"; } # BROKER DEVICE ANSWER

step "a second broker"
second_start

step "triggered on the first, heard on the second"
pki_device meter-1 -1 300
on 2 listen "$T/meter-1.heard" meter-1 "$(topic_of meter-1 renew)"
becomes 1 meter-1 '"state":"quiet"'
# What others say is listened to from a second after the start on.
told() {
  on 1 command_send '{"commands":[{"command":"triggerRenewal","device":"meter-1"}]}' >/dev/null
  until_true 2 got "$T/meter-1.heard" renew
}
until_true 15 told || fail "the second broker does not hear of what the first one does"

step "asked on the first, confirmed on the second"
csr_make "$T/meter-1" meter-1
on 1 renew meter-1 "$T/meter-1.csr" "$T/meter-1.pem"
cert_check "$T/meter-1.pem" "$T/meter-1.key" meter-1
on 2 connect meter-1 "$T/meter-1.pem" "$T/meter-1.key"
becomes 1 meter-1 '"generation":1'

step "due while connected: asked by itself, once, within seconds"
pki_due_in meter-2 10
on 2 listen "$T/meter-2.heard" meter-2 "$(topic_of meter-2 renew)"
record_says 1 meter-2 '"state":"quiet"'
! got "$T/meter-2.heard" renew || fail "it was asked before its time"
until_true 30 got "$T/meter-2.heard" renew || fail "nobody asked a device that is due and connected"
equal "$(triggers_of meter-2)" 1
contains "$(cat "$T/meter-2.heard")" '"attempt":1'
contains "$(cat "$T/meter-2.heard")" '"reason":"expiry"'
equal "$(grep -c /renew "$T/meter-2.heard")" 1

step "the first broker dies; the device asks on the second, and confirms there"
kill_hard 1
csr_make "$T/meter-2" meter-2
on 2 renew meter-2 "$T/meter-2.csr" "$T/meter-2.pem"
cert_check "$T/meter-2.pem" "$T/meter-2.key" meter-2
on 2 connect meter-2 "$T/meter-2.pem" "$T/meter-2.key"
becomes 2 meter-2 '"generation":1'

step "a broker alone goes on with what is due"
pki_due_in meter-3 10
on 2 listen "$T/meter-3.heard" meter-3 "$(topic_of meter-3 renew)"
until_true 30 got "$T/meter-3.heard" renew || fail "nobody asked, with one broker left"
equal "$(triggers_of meter-3)" 1

step "a broker dies with a request in its hands: one certificate all the same"
launch 1
for i in 1 2 3 4 5; do
  pki_device "dying-$i"
  csr_make "$T/dying-$i" "dying-$i"
  certified 1 "dying-$i" "$T/first-$i.pem" & CLIENT=$!
  sleep "0.0$((2 * i))" # the moment does not matter, only that it is another one each time
  kill_hard 1
  wait "$CLIENT" || true
  until_true 45 certified 2 "dying-$i" "$T/second-$i.pem" || fail "no certificate for dying-$i"
  cert_check "$T/second-$i.pem" "$T/dying-$i.key" "dying-$i"
  grep -q 'END CERT' "$T/first-$i.pem" && cmp "$T/first-$i.pem" "$T/second-$i.pem"
  launch 1
done

step "the same request on both at once: the same certificate"
for i in 1 2 3 4 5 6 7 8; do
  pki_device "twin-$i"
  csr_make "$T/twin-$i" "twin-$i"
  certified 1 "twin-$i" "$T/one.pem" & ONE=$!
  certified 2 "twin-$i" "$T/two.pem" & TWO=$!
  wait "$ONE" || until_true 45 certified 1 "twin-$i" "$T/one.pem" || fail "no certificate for twin-$i on 1"
  wait "$TWO" || until_true 45 certified 2 "twin-$i" "$T/two.pem" || fail "no certificate for twin-$i on 2"
  cmp "$T/one.pem" "$T/two.pem"
  equal "$(certificates_of "twin-$i")" 1
done

if [[ -n ${CR_LEDGER_CHECK-} ]]; then
  kill -TERM "${PIDS[@]:1}"; wait "${PIDS[@]:1}" 2>/dev/null || true
  "$CR_LEDGER_CHECK" "$T/journal/journal.jsonl,$T/journal-2/journal.jsonl" "$T/redis.sock" >"$T/ledger.log" ||
    fail "the ledger is not in order: $(cat "$T/ledger.log")"
  step "$(tail -n 1 "$T/ledger.log")"
fi
BROKER_PID=''
redis_stop
step "passed"
