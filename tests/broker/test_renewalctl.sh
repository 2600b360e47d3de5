# renewalctl against a real broker: every command, refusals, and what has no answer, each with its exit code.
. "$(dirname "$0")/lib.sh"
: "${CR_RENEWALCTL:?the program to test}"
world_start

export HOME=$T XDG_CONFIG_HOME=$T/config
mkdir -p "$XDG_CONFIG_HOME"
cat >"$XDG_CONFIG_HOME/renewalctl" <<CONF
host 127.0.0.1
port $PORT
cafile $T/pki/root.pem
cert $T/pki/operator-1.pem
key $T/pki/operator-1.key
timeout $((10 * SLOW))
CONF

# expect CODE ARGUMENT…: runs it; $out and $err are what it said.
expect() {
  local code=$1 rc=0; shift
  "$CR_RENEWALCTL" "$@" >"$T/out" 2>"$T/err" || rc=$?
  out=$(<"$T/out") err=$(<"$T/err")
  [[ $rc == "$code" ]] || fail "renewalctl $*: exit $rc, not $code: $out $err"
  ((code == 0)) || equal "$(wc -l <"$T/err")" 1
}

step "status"
store_connected() { "$CR_RENEWALCTL" --json status | grep -q '"connected":[[:space:]]*true'; }
until_true 20 store_connected || fail "the store does not connect"
expect 0 status
contains "$out" "broker-under-test"
contains "$out" "Test Issuing CA"
equal "$err" ""

step "a device that nobody knows"
expect 1 device meter-17
contains "$err" "(unknown-device)"
expect 1 trigger meter-17
contains "$err" "(unknown-device)"
expect 1 --json device meter-17
contains "$out" '"errorCode"'

step "a device that is known"
pki_device meter-17 -1 89
tls_of meter-17
mosquitto_pub "${TLS[@]}" -t some/topic -m hello
known() { "$CR_RENEWALCTL" device meter-17; }
until_true 10 known || fail "the device is not noted"
expect 0 device meter-17
contains "$out" "$(serial_of "$T/pki/meter-17.pem")"
contains "$out" "operational"
[[ $out != *$'\033'* ]] || fail "colours, but no terminal"
expect 0 --json device meter-17
contains "$out" '"slots"'

step "triggering it"
expect 0 trigger meter-17 --reason policy
contains "$out" "meter-17/operational: triggered, attempt 1"
expect 0 device meter-17
contains "$out" "policy, attempt 1"
expect 1 trigger meter-17 --slot nothing
contains "$err" "(unknown-slot)"

step "dangerous commands ask, and without a terminal need --yes"
expect 2 hold meter-17
contains "$err" "give --yes"
expect 2 cancel meter-17
expect 2 campaign abort 1a2b3c4d
expect 2 campaign start
expect 2 policy set trigger_rate=20
expect 2 trigger --tag lab
if command -v script >/dev/null; then
  # on_terminal CODE COMMAND [TYPED]: the same on a terminal of its own.
  on_terminal() {
    local rc=0
    out=$(printf '%s' "${3-}" | script -qec "'$CR_RENEWALCTL' $2" /dev/null) || rc=$?
    [[ $rc == "$1" ]] || fail "renewalctl $2 on a terminal: exit $rc, not $1: $out"
  }
  on_terminal 1 "hold meter-17" $'no\n'
  contains "$out" "Type yes to go on: "
  contains "$out" "nothing was done"
  on_terminal 0 "device meter-17"
  contains "$out" $'\033['
  NO_COLOR=1 on_terminal 0 "device meter-17"
  [[ $out != *$'\033['* ]] || fail "colours, but NO_COLOR is set"
  on_terminal 0 "--color never device meter-17"
  [[ $out != *$'\033['* ]] || fail "colours, but --color never was said"
else
  echo "SKIPPED: what a terminal shows: script is not installed"
fi
expect 0 --color always device meter-17
contains "$out" $'\033['

step "one device: tags, hold, release, cancel"
expect 0 tag meter-17 +lab
contains "$out" "meter-17: tagged: lab"
expect 0 hold meter-17 --reason "reported stolen" --yes
expect 0 devices --state held --tag lab
contains "$out" "meter-17"
expect 1 trigger meter-17
contains "$err" "(on-hold); renewalctl release"
expect 0 release meter-17
expect 1 release meter-17
contains "$err" "(wrong-state)"
expect 0 cancel meter-17 --yes
expect 1 cancel meter-17 --yes
contains "$err" "(unknown-renewal)"
expect 1 trigger meter-17 nobody
contains "$out" "nobody/operational: refused (unknown-device)"
contains "$out" "1 triggered, 0 of them told now, 1 refused"
expect 0 trigger --tag lab --yes
expect 0 --json devices --all
contains "$out" '"device":"meter-17"'
equal "${out:0:1}${out: -1}" "[]"
expect 0 --json devices --id-prefix nothing
equal "$out" "[]"
if command -v script >/dev/null; then
  on_terminal 0 "trigger --tag lab" $'yes\n'
  contains "$out" "the renewal of 1 certificate."
fi

step "alerts, policy, audit, forecast"
expect 0 alerts
expect 1 alerts ack meter-17
contains "$err" "(unknown-alert)"
expect 0 policy set trigger_rate=20 --yes
expect 0 policy
grep -q '^ *trigger_rate  *20  *shared$' "$T/out" || fail "not set: $out"
expect 1 policy set trigger_rate=20 nonsense=1 --yes
contains "$err" "nonsense"
expect 0 policy set trigger_rate= --yes
held_entry() { "$CR_RENEWALCTL" audit meter-17 --what held | grep -q 'operator:operator-1'; }
until_true 10 held_entry || fail "the hold is not in the audit log"
forecast() { "$CR_RENEWALCTL" forecast; }
until_true 20 forecast || fail "no forecast"

step "the audit log is followed from here on, over all that comes"
"$CR_RENEWALCTL" audit --follow --json --limit 3 >"$T/followed" 2>"$T/followed.err" &
FOLLOW_PID=$!
"$CR_RENEWALCTL" audit meter-17 -f --what held >"$T/followed.held" 2>"$T/followed.held.err" &
FOLLOW_HELD_PID=$!
OTHER_PIDS+=("$FOLLOW_PID" "$FOLLOW_HELD_PID")
followed_ids() { sed -n 's/^{"id":"\([0-9-]*\)".*}$/\1/p' "$T/followed"; }
# All from the first that was shown on, each once, in order.
followed_all() { equal "$(redis xrange cr:audit "$(followed_ids | head -n 1)" + | grep -x '[0-9]\{13\}-[0-9]*')" "$(followed_ids)"; }
followed_from() { [[ $(followed_ids | wc -l) -ge 3 ]] && grep -q operator-1 "$T/followed.held"; }
until_true 10 followed_from || fail "nothing to follow: $(cat "$T/followed.err" "$T/followed.held.err")"

step "a campaign, watched over a broker that is started again"
expect 0 --json campaign start --name "a try" --tag lab --yes
id=$(sed -n 's/^\t*"campaign":\t*"\([0-9a-f]*\)".*/\1/p' "$T/out")
[[ -n $id ]] || fail "no campaign: $out"
runs() { "$CR_RENEWALCTL" campaign status | grep -q "^$id  running"; }
until_true 10 runs || fail "the campaign does not run"
"$CR_RENEWALCTL" campaign watch "$id" >"$T/watched" 2>"$T/watched.err" &
WATCH_PID=$!
OTHER_PIDS+=("$WATCH_PID")
watched() { grep -q "$1" "$T/watched"; }
until_true 10 watched '  running' || fail "nothing to watch"
broker_kill
lost() { grep -q 'trying again' "$T/watched.err"; }
until_true 10 lost || fail "a broker that has gone is not noticed"
broker_start
until_true 20 store_connected || fail "the store does not connect"
expect 0 campaign pause "$id"
contains "$out" "paused by operator"
rc=0; wait "$WATCH_PID" || rc=$?
equal "$rc" 1
watched 'paused by operator' || fail "the end was not seen: $(<"$T/watched")"
expect 1 campaign watch "$id"
expect 0 campaign resume "$id"
expect 0 campaign abort "$id" --yes
expect 1 campaign status 00000000
contains "$err" "(unknown-campaign)"

step "events, until they are not wanted any more"
"$CR_RENEWALCTL" events --json >"$T/events" 2>"$T/events.err" &
EVENTS_PID=$!
OTHER_PIDS+=("$EVENTS_PID")
an_event() { # it may not have subscribed yet
  mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$(topic_of meter-18 csr)" -m x >/dev/null 2>&1 || true
  grep -q '"kind":"security"' "$T/events"
}
until_true 20 an_event || fail "no event: $(cat "$T/events" "$T/events.err")"
kill -INT "$EVENTS_PID"
wait "$EVENTS_PID" || fail "events ended with $?"
equal "$(<"$T/events.err")" ""
expect 1 --cert "$T/pki/meter-17.pem" --key "$T/pki/meter-17.key" events
contains "$err" "does not let you read there"

step "what was followed has all of it, also over a Redis that was away and a stream that is lost"
caught_up() { [[ $(redis xrevrange cr:audit + - COUNT 1 | head -n 1) == "$(followed_ids | tail -n 1)" ]]; }
held_times() { [[ $(grep -c ' held ' "$T/followed.held") == "$1" ]]; }
until_true 10 followed_all || fail "not all is shown, or something twice: $(followed_ids | tail -n 5)"
redis_stop
away() { grep -q 'store-unavailable.*trying again' "$T/followed.err"; }
until_true 20 away || fail "a Redis that has gone is not told: $(<"$T/followed.err")"
redis_start
until_true 20 store_connected || fail "the store does not connect"
expect 0 hold meter-17 --yes
until_true 10 held_times 2 || fail "a hold is not shown: $(<"$T/followed.held")"
until_true 10 followed_all || fail "not all is shown, or something twice: $(followed_ids | tail -n 5)"
redis del cr:audit >/dev/null
expect 0 release meter-17
lost() { grep -q 'the audit log has lost' "$T/followed.err" && caught_up; }
until_true 10 lost || fail "a stream that is lost is not told, or not followed: $(<"$T/followed.err")"
expect 0 hold meter-17 --yes
until_true 10 held_times 3 || fail "a hold is not shown: $(<"$T/followed.held")"
until_true 10 caught_up || fail "not all is shown"
equal "$(followed_ids | sort | uniq -d)" ""
for err in followed.err followed.held.err; do equal "$(grep -c 'the audit log has lost' "$T/$err")" 1; done
kill -INT "$FOLLOW_PID" "$FOLLOW_HELD_PID"
wait "$FOLLOW_PID" || fail "audit --follow ended with $?"
wait "$FOLLOW_HELD_PID" || fail "audit -f ended with $?"
expect 0 release meter-17

step "help needs no broker and no configuration"
expect 0 --config "$T/nothing" --help
contains "$out" "campaign watch"
expect 0 help campaign start
contains "$out" "--group SPEC"
expect 0 version
expect 2 campaign
contains "$err" "start, status, pause, resume, abort, watch"

step "who may not"
expect 1 --cert "$T/pki/meter-17.pem" --key "$T/pki/meter-17.key" trigger meter-17
contains "$err" "(not-authorised)"

step "nobody there, nobody answering, wrong usage"
expect 3 -p 1 status
contains "$err" "no connection to 127.0.0.1:1: "
[[ $err == *"Connection refused; see -h and -p"* || $err == *"nothing answers there; see -h and -p"* ]] || fail "why there is no connection: $err"
expect 3 --cafile "$T/pki/issuer.key" status
contains "$err" "--cafile $T/pki/issuer.key holds no certificate in PEM"
expect 3 --cafile "$T/pki/nothing" status
contains "$err" "--cafile $T/pki/nothing cannot be read: No such file or directory"
expect 3 --key "$T/pki/issuer.key" status
contains "$err" "--key is not the key of --cert"
expect 3 --cafile "$T/pki/operator-1.pem" status
contains "$err" "not from a CA that --cafile or --capath has"
printf 'host 127.0.0.1\nport %s\n' "$PORT" >"$T/plain"
expect 3 --config "$T/plain" status
contains "$err" "if it expects TLS on this port, give --cafile"
expect 3 --config "$T/plain" --cafile "$T/pki/root.pem" status
contains "$err" "if it asks for a client certificate, give --cert and --key"
echo "hots x" >"$T/broken"
expect 2 --config "$T/broken" status
contains "$err" "$T/broken, line 1: unknown key 'hots'"
expect 2 statsu
expect 2 --config "$T/nothing" status
kill -STOP "$BROKER_PID"
expect 3 --timeout 1 status
kill -CONT "$BROKER_PID"
world_end
