# A fleet of simulated devices: the end of each is accounted for, whatever happens to it, and the plugin agrees. Command
# lines that are wrong are one line and exit 2.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
: "${CR_DEVICE_SIM:?the simulator}"
: "${CR_RENEWALCTL:?the operators program}"
need mosquitto openssl

fleet=$T/fleet
PLUGIN_EXTRA=$'admin_identity operator\nretry_first 1s\ntrigger_expiry 1s' # who failed is asked again soon
SLOT_EXTRA='request_timing any'

sim_pki() { "$CR_DEVICE_SIM" pki --dir "$fleet" --quiet "$@" || fail "device-sim pki $*"; }

# sim_run EXIT OPTION…: runs the fleet; its figures are in $T/figures.
sim_run() {
  local want=$1 rc=0
  shift
  "$CR_DEVICE_SIM" run --dir "$fleet" --broker "127.0.0.1:$PORT" --no-fsync --timeout $((60 * SLOW)) \
    --json "$T/figures" "$@" >"$T/table" || rc=$?
  [[ $rc == "$want" ]] || { cat "$T/table" "$T/figures" >&2; fail "device-sim run $*: exit $rc instead of $want"; }
  (($(figure devices) == $(figure renewed) + $(figure pending) + $(figure failed))) || fail "devices are missing"
}
figure() { sed -n "s/^  \"$1\": \([0-9]*\).*/\1/p" "$T/figures"; }
fault() { sed -n "s/.*\"faults\":.*\"$1\": \([0-9]*\).*/\1/p" "$T/figures"; }

operator_sees() {
  "$CR_RENEWALCTL" -h 127.0.0.1 -p "$PORT" --cafile "$fleet/ca.pem" --cert "$fleet/operator.pem" \
    --key "$fleet/operator.key" "$@"
}
confirmed_is() { operator_sees status | grep -q "confirmed $1\$"; }

step "PKI"
sim_pki --count 40
openssl verify -x509_strict -CAfile "$fleet/ca.pem" "$fleet"/{root,issuing,server,operator}.pem \
  "$fleet"/devices/meter-000{01,40}/cert.pem >/dev/null || fail "openssl has something to say"
before=$(cksum "$fleet/devices/meter-00007/cert.pem")
sim_pki --name sensor-8492
sim_pki --count 40
equal "$(cksum "$fleet/devices/meter-00007/cert.pem")" "$before"
pki_of_fleet "$fleet"
redis_start
broker_start

step "DER stays near 1,180 bytes on the wire" # the mean: one device in forty given its certificate twice adds 30
sim_run 0 --count 40 --request --arrival-rate 20
equal "$(figure renewed)" 40
contains "$(cat "$T/figures")" '"end": "done"'
[[ $(cat "$T/table") != *"so far"* ]] || fail "the table of a run that is done calls it unfinished"
bytes=$(figure wire_bytes_per_renewal)
((bytes > 900 && bytes <= 1250)) || fail "$bytes bytes"

step "asleep, without power, damaged, in 1970, never seen again"
sim_run 0 --count 40 --trigger --awake 2 --asleep 1 --fault-power 0.5 --fault-corrupt 0.3 --fault-clock 0.3 \
  --fault-never-wakes 0.1 --seed 3
equal "$(figure triggered)" 40
(($(figure asleep_when_triggered) > 0)) || fail "nobody was asleep"
(($(figure woke_and_renewed) >= $(figure asleep_when_triggered) - $(fault never_wakes))) || fail "sleepers were forgotten"
(($(fault power) > 0 && $(fault corrupt) > 0 && $(fault clock) > 0 && $(fault never_wakes) > 0)) || fail "no faults"
equal "$(figure failed)" 0
equal "$(figure pending)" "$(fault never_wakes)"
renewed=$(figure renewed)
until_true 10 confirmed_is $((40 + renewed)) || fail "40 and $renewed renewed, but: $(operator_sees status)"

step "who cannot install what it gets says so, and can once that is mended"
sim_run 1 --count 4 --trigger --fault-install 1 --timeout $((4 * SLOW))
equal "$(figure renewed)" 0
equal "$(fault install)" 4
(($(figure refused) >= 4)) || fail "only $(figure refused) certificates were refused"
operator_sees device meter-00001 | grep -q '^ *failures *[1-9]' || fail "the plugin has not heard of a failure"
sim_run 0 --count 4 --timeout $((60 * SLOW))
equal "$(figure renewed)" 4

step "due, and nobody gives a command"
sim_pki --count 20 --name-prefix due- --age 7000000
sim_run 0 --count 20 --arrival-rate 20 --awake 2 --asleep 1 --fault-power 0.2 --fault-corrupt 0.2
equal "$(figure triggered)" 20
equal "$(figure renewed)" 20
contains "$(cat "$T/table")" "Triggered by the plugin"
# Their window is behind them now; the others' has not opened.
mkdir "$T/done"
mv "$fleet"/devices/due-* "$T/done"

for how in "--mqtt 5 --session persistent --format json" "--mqtt 5 --format pem" "--session persistent --format json"; do
  step "again: $how"
  # shellcheck disable=SC2086
  sim_run 0 --count 20 --request --renewals 2 --fault-power 0.3 --fault-corrupt 0.2 $how
  equal "$(figure renewals)" 40
done

step "a broker that is killed in the middle"
sim_run 0 --count 40 --request --arrival-rate 10 &
sim_pid=$!
OTHER_PIDS+=("$sim_pid")
until_true 20 operator_sees device meter-00003 || fail "the fleet does not come"
broker_kill
broker_start
wait "$sim_pid" || fail "not all devices got through"

step "interrupted in the middle"
sim_run 1 --count 40 --arrival-rate 20 & # nobody triggers them: they would wait
sim_pid=$!
OTHER_PIDS+=("$sim_pid")
sim_itself() { pgrep -P "$sim_pid" -x device-sim >"$T/sim"; }
until_true 20 sim_itself || fail "the fleet does not start"
catches_int() { (($(sed -n 's/^SigCgt:\t/0x/p' "/proc/$(<"$T/sim")/status") & 2)); }
until_true 20 catches_int || fail "the fleet does not start"
kill -INT "$(<"$T/sim")"
wait "$sim_pid" || fail "interrupted in another way"
contains "$(cat "$T/table")" "Interrupted after"
contains "$(cat "$T/table")" "What stands so far"
contains "$(cat "$T/figures")" '"end": "interrupted"'

step "devices of a stranger"
"$CR_DEVICE_SIM" pki --dir "$T/stranger" --count 3 --quiet
fleet=$T/stranger sim_run 1 --cafile "$T/fleet/ca.pem" --request --timeout 3
equal "$(figure failed)" 3
contains "$(cat "$T/table")" "Stopped by --timeout after"
# The broker closes as it refuses, and a reset can overtake the alert that says so: then it was just unreachable.
refused=$(sed -n 's/.*"connection-refused": \([0-9]*\).*/\1/p' "$T/figures")
unreachable=$(sed -n 's/.*"unreachable": \([0-9]*\).*/\1/p' "$T/figures")
equal "$((${refused:-0} + ${unreachable:-0}))" 3
((${refused:-0} > 0)) || fail "none was told that it is refused: $(cat "$T/figures")"

step "a device without a certificate"
mkdir -p "$T/empty/devices/meter-00001"
cp "$T/fleet/ca.pem" "$T/empty"
fleet=$T/empty sim_run 1 --request --timeout 3
contains "$(cat "$T/figures")" '"no-certificate": 1'

step "nobody there"
PORT=1 sim_run 1 --count 2 --timeout 1
contains "$(cat "$T/figures")" '"unreachable": 2'

step "wrong command lines"
wrong() {
  local rc=0
  "$CR_DEVICE_SIM" "$@" >"$T/out" 2>"$T/err" || rc=$?
  [[ $rc == 2 && ! -s $T/out && $(wc -l <"$T/err") == 1 ]] || { cat "$T/out" "$T/err" >&2; fail "exit $rc: $*"; }
}
wrong
wrong walk
wrong run
wrong run --dir
wrong run --dir "$fleet" --bogus
wrong run --dir "$fleet" extra
wrong pki
wrong pki --dir "$fleet" --age 90 --lifetime 60
for value in "--count 0" "--count -1" "--count 1x" "--broker nowhere" "--broker :1" "--broker a:0" "--broker a:65536" \
  "--jitter 1.5" "--jitter nan" "--awake 0" "--mqtt 4" "--session none" "--format xml" "--fault-power 2" \
  "--fault-clock -0.1" "--seed x" "--timeout inf" "--renewals 0" "--slot a/b" "--prefix a/+" "--request --trigger"; do
  # shellcheck disable=SC2086
  wrong run --dir "$fleet" $value
done
for arguments in "--help" "run --help" "pki --help" "--version"; do
  # shellcheck disable=SC2086
  "$CR_DEVICE_SIM" $arguments >"$T/out" || fail "$arguments"
  [[ -s $T/out ]] || fail "$arguments says nothing"
done
rc=0
"$CR_DEVICE_SIM" run --dir "$T/nothing" 2>"$T/err" || rc=$?
[[ $rc == 3 && $(wc -l <"$T/err") == 1 ]] || fail "exit $rc without a fleet"

broker_stop
redis_stop
step "passed"
