# A campaign over a real fleet: a canary group with a device that cannot install, so that it pauses by itself; resumed; the
# broker killed in the middle of the next group; done, and every device has exactly one new certificate.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
: "${CR_DEVICE_SIM:?the simulator}"
need mosquitto mosquitto_rr mosquitto_pub mosquitto_sub openssl

COUNT=40
fleet=$T/fleet
PLUGIN_EXTRA=$'admin_identity operator\nretry_first 1h\ntrigger_expiry 5s\nrenewal_deadline 1d'

names() { seq -f 'meter-%05g' "$1" "$2"; }
# batch COMMAND…: JSON of a batch with these commands
batch() { local IFS=,; printf '{"commands":[%s]}' "$*"; }
campaign_do() { command_send "$(batch '{"command":"'"$1"'Campaign","campaign":"'"$ID"'"}')"; }
campaign() { campaign_do get; }
# What it says of itself, with its sums (the last ones), but without its groups.
campaign_sums() { campaign | sed 's/"groups":\[.*}\],//'; }
campaign_has() { [[ $(campaign_sums) == *"$1"* ]]; }
# sum NAME
sum() { campaign_sums | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
sum_is() { [[ $(sum "$1") == "$2" ]]; }
at_least() { (($(sum "$1") >= $2)); }
members() { echo $(($(sum asked) + $(sum renewed) + $(sum failed))); } # of those that nobody cancelled
members_at_least() { (($(members) >= $1)); }
event_came() { grep -q "\"event\":\"$1\"" "$T/events"; }
audit_has() { redis XREVRANGE cr:audit + - COUNT 2000 | grep -F -- "$1"; } # reads all: no broken pipe

step "a fleet"
"$CR_DEVICE_SIM" pki --dir "$fleet" --quiet --count $COUNT || fail "device-sim pki"
"$CR_DEVICE_SIM" pki --dir "$fleet" --quiet --name zz-broken || fail "device-sim pki"
pki_of_fleet "$fleet"
cp "$fleet/devices/zz-broken/cert.pem" "$T/pki/zz-broken.pem"
cp -p "$fleet/devices/zz-broken/key.pem" "$T/pki/zz-broken.key"
redis_start
broker_start
listen "$T/events" operator-1 "$CONTROL/event/campaign"
"$CR_DEVICE_SIM" run --dir "$fleet" --broker "127.0.0.1:$PORT" --count $COUNT --no-fsync --timeout $((100 * SLOW)) \
  --json "$T/figures" --quiet >"$T/table" 2>&1 &
sim_pid=$!
OTHER_PIDS+=("$sim_pid")
tls_of zz-broken
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m here
declare -a asks=()
for name in $(names 1 $COUNT) zz-broken; do asks+=('{"command":"getDevice","device":"'"$name"'"}'); done
known() { [[ $(command_send "$(batch "${asks[@]}")") != *unknown-device* ]]; }
until_true 30 known || fail "not all are known"
asks=()
for name in $(names 1 5) zz-broken; do asks+=('{"command":"tagDevice","device":"'"$name"'","add":["lab"]}'); done
answer=$(command_send "$(batch "${asks[@]}")")
[[ $answer != *error* ]] || fail "$answer"

step "what is wrong is refused, and changes nothing"
answer=$(command_send "$(batch '{"command":"createCampaign","groups":[{"share":"60%"},{"share":"41%"}]}')")
contains "$answer" 'In group 2'
contains "$(command_send "$(batch '{"command":"getCampaign","campaign":"00000000"}')")" '"errorCode":"unknown-campaign"'
contains "$(command_send "$(batch '{"command":"listCampaigns"}')")" '"campaigns":[]'

step "the canary group pauses it by itself"
answer=$(command_send "$(batch '{"command":"createCampaign","name":"spring","rate":5,
  "groups":[{"name":"canary","tag":"lab"},{"name":"half","share":"50%"},{"name":"rest"}]}')")
ID=$(sed -n 's/.*"campaign":"\([0-9a-f]*\)".*/\1/p' <<<"$answer")
[[ $ID =~ ^[0-9a-f]{8}$ ]] || fail "$answer"
broken_record() { command_send "$(batch '{"command":"getDevice","device":"zz-broken"}')"; }
broken_asked() { [[ $(broken_record) == *'"state":"triggered"'*'"reason":"campaign"'* ]]; }
until_true 20 members_at_least 6 || fail "not all of the group are asked: $(campaign)"
until_true 20 broken_asked || fail "zz-broken is not asked: $(campaign)"
renewal=$(broken_record | grep -o '"renewalId":"[^"]*"')
tls_of zz-broken
mosquitto_pub "${TLS[@]}" -q 1 -t "$(topic_of zz-broken report)" \
  -m "{$renewal,\"outcome\":\"failed\",\"reason\":\"flash worn out\"}"
until_true 20 campaign_has '"pausedBy":"errors"' || fail "it goes on: $(campaign)"
until_true 20 sum_is renewed 5 || fail "the others of the group do not renew: $(campaign)"
until_true 20 event_came started || fail "$(cat "$T/events")"
until_true 20 event_came paused || fail "$(cat "$T/events")"
equal "$(sum failed)" 1
equal "$(sum total)" $((COUNT + 1))
equal "$(members)" 6
contains "$(campaign_do pause)" '"errorCode":"wrong-state"'

step "resumed, and the broker is killed in the middle"
contains "$(campaign_do resume)" '"state":"running"'
until_true 20 members_at_least 10 || fail "it does not go on: $(campaign)"
broker_kill
broker_start
listen "$T/events" operator-1 "$CONTROL/event/campaign"
(($(members) < COUNT)) || fail "it was over already"

step "done"
until_true 60 campaign_has '"state":"done"' || fail "it does not end: $(campaign)"
until_true 20 event_came done || fail "$(cat "$T/events")"
equal "$(sum renewed)" $COUNT
equal "$(sum failed)" 1
equal "$(sum asked)" 0
wait "$sim_pid" || { cat "$T/table" "$T/figures" >&2; fail "not all devices renewed"; }
for name in $(names 1 $COUNT); do equal "$name: $(certificates_of "$name")" "$name: 1"; done
for words in "$ID created: spring" "$ID started: spring" "$ID paused by errors: spring" "$ID resumed: spring" \
  "$ID group 1 half: spring" "$ID done: spring"; do
  audit_has "$words" >/dev/null || fail "the audit log has no: $words"
done
contains "$(campaign_do abort)" '"errorCode":"wrong-state"'

step "aborted, nobody is asked any more"
answer=$(command_send "$(batch '{"command":"createCampaign","rate":1}')")
ID=$(sed -n 's/.*"campaign":"\([0-9a-f]*\)".*/\1/p' <<<"$answer")
until_true 20 at_least asked 2 || fail "$(campaign)"
contains "$(campaign_do abort)" '"state":"abort'
until_true 20 campaign_has '"state":"aborted"' || fail "$(campaign)"
equal "$(sum asked)" 0
(($(sum cancelled) >= 2)) || fail "$(campaign)"
world_end
