# What happened to one device, told by getAudit and by the journal: appearance, trigger, request, certificate, delivery, confirmation,
# and what an operator did to it, each with who did it; pages, filters, and what is no page. The commands that steer a device,
# as they work on its live connection.
. "$(dirname "$0")/lib.sh"
: "${CR_RENEWALCTL:?renewalctl}"
: "${CR_LEDGER_CHECK:?the program that compares journal, Redis and certificates}"
world_make
pki_device viewer-1
PLUGIN_EXTRA=$'viewer_identity viewer-1\nadmin_username alice'
broker_start
pki_device d1 -1 89

# operator FIELDS: one command of operator-1; fails the test when it is refused.
operator() {
  local answer
  answer=$(command_send "{\"commands\":[{$1}]}") || fail "no answer to $1"
  [[ $answer != *'"errorCode"'* ]] || fail "$1: $answer"
  printf %s "$answer"
}
# refused CODE FIELDS
refused() { contains "$(command_send "{\"commands\":[{$2}]}")" "\"errorCode\":\"$1\""; }
state_is() { [[ $(operator '"command":"getDevice","device":"d1"') == *"$1"* ]]; }
appear() { tls_of "$@"; mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m here; }

step "the device appears, and is asked to renew while it is connected"
appear d1
until_true 10 state_is '"serial' || fail "d1 is not known"
tls_of d1
mosquitto_rr "${TLS[@]}" -V mqttv311 -i d1-live -W $((20 * SLOW)) -t some/topic -e some/other -m x -F '%t %p' >"$T/live" 2>>"$T/client.log" &
waiting=$!
OTHER_PIDS+=("$waiting")
until_true 10 log_has "Sending SUBACK to d1-live" || fail "d1 does not connect"
operator '"command":"triggerRenewal","device":"d1"' >/dev/null
until_true 10 pid_gone "$waiting" || fail "no trigger arrived"

step "it gets its certificate and comes back with it"
csr_make "$T/new" d1
renew d1 "$T/new.csr" "$T/new.pem"
cert_check "$T/new.pem" "$T/new.key" d1
confirmed() { appear d1 "$T/new.pem" "$T/new.key"; state_is '"generation":1'; }
until_true 10 confirmed || fail "d1 is not confirmed"
cp "$T/new.pem" "$T/pki/d1.pem" && cp "$T/new.key" "$T/pki/d1.key"

step "tags, a hold that refuses it, its release"
contains "$(operator '"command":"tagDevice","device":"d1","add":["lab","east"]')" '"tags":["east","lab"]'
contains "$(operator '"command":"tagDevice","device":"d1","remove":["east"]')" '"tags":["lab"]'
refused too-large '"command":"tagDevice","device":"d1","add":["12345678901234567890123456789012","1234567890123456789012345678901x"]'
refused malformed-json '"command":"tagDevice","device":"d1","add":["a,b"]'
refused malformed-json '"command":"tagDevice","device":"d1"'
operator '"command":"triggerRenewal","device":"d1"' >/dev/null
contains "$(operator '"command":"holdDevice","device":"d1","reason":"stolen?"')" '"slots":["operational"]'
until_true 20 state_is '"hold":"stolen?"' || fail "d1 is not held"
csr_make "$T/held" d1
refused_with on-hold d1 "$(cat "$T/held.csr")"
contains "$(ask d1 '' get)" "$(topic_of d1 status)" # no trigger
refused on-hold '"command":"triggerRenewal","device":"d1"'
contains "$(operator '"command":"releaseDevice","device":"d1"')" '"slots":["operational"]'
refused wrong-state '"command":"releaseDevice","device":"d1"'

step "a renewal is cancelled, and stays so"
contains "$(operator '"command":"cancelRenewal","device":"d1"')" '"state":"quiet"'
refused unknown-renewal '"command":"cancelRenewal","device":"d1"'
refused unknown-device '"command":"cancelRenewal","device":"nobody"'
refused unknown-slot '"command":"holdDevice","device":"d1","slot":"other"'
contains "$(ask d1 '' get)" "$(topic_of d1 status)"

step "every step is in the stream, page by page, oldest first"
: >"$T/trail"
cursor=''
for _ in {1..40}; do
  page=$(operator "\"command\":\"getAudit\",\"device\":\"d1\",\"order\":\"oldest\",\"limit\":3$cursor")
  grep -o '{"id":"[^}]*}' <<<"$page" >>"$T/trail" || true
  cursor=$(grep -o '"cursor":"[^"]*"' <<<"$page") || break
  cursor=",$cursor"
done
[[ -z $cursor ]] || fail "the pages do not end"
# in_order FILE WORDS…: lines with these kinds follow each other in this order, others between them.
in_order() {
  local file=$1 line=0 what; shift
  for what; do
    line=$(awk -v from="$line" -v what="\"what\":\"$what\"" 'NR > from && index($0, what) { print NR; exit }' "$file")
    [[ -n $line ]] || { grep -o '"what[^}]*' "$file" | cut -c 1-200 >&2; fail "${file##*/}: '$what' is not where it should be: $*"; }
  done
}
steps=(seen triggered delivered issued delivered confirmed tagged tagged triggered held refused released cancelled)
in_order "$T/trail" "${steps[@]}"
grep '"device":"d1"' "$T"/journal/*.jsonl >"$T/lines"
in_order "$T/lines" seen triggered delivered intent "${steps[@]:3}"
in_order "$T/lines" operator operator operator operator operator operator # trigger, tags, trigger, hold, release, cancel

step "with who, what and which certificate"
line() { grep -m 1 "$1" "$T/trail" || fail "no line with $1"; }
contains "$(line '"what":"triggered"')" '"who":"operator:operator-1 '
contains "$(line '"what":"triggered"')" '"broker":"broker-under-test"'
contains "$(line '"detail":"trigger, attempt 1"')" '"who":"d1-live@127.0.0.1"'
serial="\"serial\":\"$(serial_of "$T/new.pem")\""
for what in issued confirmed; do contains "$(line "\"what\":\"$what\"")" "$serial"; done
contains "$(line '"detail":"certificate"')" "$serial"
contains "$(line '"what":"delivered".*"detail":"certificate"\|"detail":"certificate".*"what":"delivered"')" '"renewalId"'
contains "$(line '"what":"held"')" '"detail":"stolen?"'
contains "$(line '"what":"held"')" '"who":"operator:operator-1 '
contains "$(line '"what":"refused"')" '"detail":"on-hold"'
contains "$(line '"what":"cancelled"')" '"renewalId"'
contains "$(grep -m 1 '"what":"operator".*holdDevice' "$T/lines")" 'stolen?'

step "by whom, of which kind, since when; newest first; a viewer may ask"
audit() { command_send "{\"commands\":[{\"command\":\"getAudit\"$1}]}" "${2:-operator-1}"; }
contains "$(audit ',"limit":1,"device":"d1"' viewer-1)" '"entries":[{"id"'
contains "$(audit ',"who":"operator:operator-1","what":"held"')" '"what":"held"'
contains "$(audit ',"who":"operator:alice"')" '"entries":[]'
tls_of operator-1
contains "$(mosquitto_rr "${TLS[@]}" -u alice -V 5 -q 1 -W $((10 * SLOW)) -t "$CONTROL" -e "$CONTROL/response" \
  -m '{"commands":[{"command":"tagDevice","device":"d1","add":["x"]}]}')" '"tags"'
contains "$(audit ",\"since\":\"$(date -u -d '1 hour ago' +%Y-%m-%dT%H:%M:%SZ)\",\"what\":\"held\"")" '"what":"held"'
contains "$(audit ",\"until\":\"$(date -u -d '1 hour ago' +%Y-%m-%dT%H:%M:%SZ)\"")" '"entries":[]'
contains "$(cat "$T"/journal/*.jsonl)" '"what":"configuration","who":"broker","detail":"read at start"'
contains "$(audit ',"cursor":"nonsense"')" '"errorCode":"unknown-cursor"'
for _ in 1 2; do contains "$(audit ',"device":"ghost"')" '"errorCode":"unknown-device"'; done # asking leaves no line
contains "$(audit ',"device":"d1","what":"nothing"')" '"entries":[]'
for wrong in '"order":"random"' '"limit":0' '"limit":101' '"since":"yesterday"' '"device":"*"' '"colour":1' '"cursor":""'; do
  refused malformed-json "\"command\":\"getAudit\",$wrong"
done

step "a configuration that is read again is a line, and the journal is whole"
kill -HUP "$BROKER_PID"
expect_log "configuration read again"
again() { [[ $(audit ',"what":"configuration","limit":1') == *'read again'* ]]; }
until_true 10 again || fail "no line about the configuration"
broker_stop
"$CR_RENEWALCTL" audit verify --issuer "$T/pki/issuer.pem" "$T"/journal/*.jsonl >"$T/report" || { cat "$T/report" >&2; fail "not in order"; }
"$CR_LEDGER_CHECK" "$T/journal/journal.jsonl" "$T/redis.sock" || fail "the ledger is not in order"
world_end
