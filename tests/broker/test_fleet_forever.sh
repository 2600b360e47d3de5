# Fleets that run until they are told to stop, several on one directory, as in containers: each device is run by one process,
# a killed one's devices are taken up by the next, nobody gives up, and SIGTERM ends it well.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
: "${CR_DEVICE_SIM:?the simulator}"
need mosquitto mosquitto_rr openssl strace
FLEET=$T/fleet
ALL=10
"$CR_DEVICE_SIM" pki --dir "$FLEET" --count "$ALL" --factory --quiet
pki_of_fleet "$FLEET"
cp "$FLEET/ca-all.pem" "$T/pki/devices-ca.pem"
redis_start
LIFETIME=$((10 * SLOW))
PLUGIN_EXTRA="admin_identity operator
factory_cafile $FLEET/factory.pem
factory_name works
factory_enroll any
factory_identity serial-number
factory_reenroll expired
rate_device 1000
rate_device_burst 1000"
SLOT_EXTRA="lifetime ${LIFETIME}s
renewal_window 90%"
broker_start

# fleet_run NAME COUNT: in the background, its output in $T/NAME.log; FLEET_PID. What stands in WRAP comes before it.
WRAP=()
fleet_run() {
  ${WRAP[@]+"${WRAP[@]}"} "$CR_DEVICE_SIM" run --dir "$FLEET" --broker "localhost:$PORT" --no-fsync --factory --claim --forever \
    --count "$2" --report 0.2 --alive "$T/$1.alive" --json "$T/$1.json" --awake 2 --asleep 1 >"$T/$1.log" 2>&1 &
  FLEET_PID=$!
  OTHER_PIDS+=("$FLEET_PID")
}
# last NAME PATTERN: its last line of --report has it.
last() { grep ' devices, ' "$T/$1.log" | tail -n 1 | grep -qE -- "$2"; }
expect_last() { until_true "$3" last "$1" "$2" || fail "the fleet $1 does not say '$2': $(tail -n 2 "$T/$1.log")"; }
renewals() { sed -n 's/.*renewals \([0-9]*\) .*/\1/p' "$T/$1.log" | tail -n 1; }
renewals_above() { (($(renewals "$1") > $2)); }
# Which devices a process has locked.
devices_of() { readlink "/proc/$1/fd/"* 2>/dev/null | sed -n "s,^$FLEET/devices/,,p" | sort; }
figure() { grep -o "\"$2\": [0-9]*" "$1" | grep -o '[0-9]*$'; }
# ends_well NAME PID
ends_well() {
  kill -TERM "$2"
  wait "$2" || fail "the fleet $1 ended with $?"
  grep -q '^Devices' "$T/$1.log" || fail "no table of the fleet $1"
  contains "$(cat "$T/$1.json")" '"end": "done"'
}

step "two processes take different devices, and renew"
fleet_run one 6
ONE=$FLEET_PID
until_true 10 test -e "$T/one.alive" || fail "the first fleet does not start"
fleet_run two 6
TWO=$FLEET_PID
expect_last one '^[0-9TZ:-]*  6 devices, .* enrolled 6; failing 0' 15
expect_last two '4 devices, .* enrolled 4; failing 0' 15
contains "$(cat "$T/two.log")" "--claim: 4 devices, not 6; there are $ALL"
equal "$(devices_of "$ONE" | wc -l) $(devices_of "$TWO" | wc -l)" "6 4"
equal "$({ devices_of "$ONE"; devices_of "$TWO"; } | sort -u | wc -l)" "$ALL"
until_true 15 renewals_above two 7 || fail "$(renewals two) renewals"
touch -d '1 hour ago' "$T/two.alive"
touched() { [[ -n $(find "$T/two.alive" -mmin -5) ]]; }
until_true 10 touched || fail "the file of --alive is not touched"

step "what is taken is not had twice"
rc=0; "$CR_DEVICE_SIM" run --dir "$FLEET" --broker "localhost:$PORT" --claim 2>"$T/third.out" || rc=$?
equal "$rc: $(cat "$T/third.out")" "3: device-sim: $FLEET: --claim: other processes run all $ALL devices; \`device-sim pki --count\` makes more"
rc=0; "$CR_DEVICE_SIM" run --dir "$FLEET" --broker "localhost:$PORT" --name meter-00001 2>"$T/third.out" || rc=$?
equal "$rc" 3
contains "$(cat "$T/third.out")" "devices/meter-00001: another process runs this device"

step "told to stop, it ends with a table and 0, and its devices are free"
ends_well one "$ONE"
equal "$(figure "$T/one.json" failed) $(figure "$T/one.json" renewed)" "0 6"

step "killed in the middle of a renewal, whose devices another process takes up and completes"
# The 17th of its devices' writes never happens: each of the 6 does 7 for a renewal, and they do them together.
WRAP=(strace -f -qq -o "$T/strace.out" -e trace=renameat,renameat2 -e 'inject=renameat,renameat2:signal=SIGKILL:when=17')
fleet_run killed 6
WRAP=()
rc=0; wait "$FLEET_PID" || rc=$?
((rc == 137)) || fail "strace ended with $rc: $(tail -n 3 "$T/killed.log")"
fleet_run heir 6
HEIR=$FLEET_PID
until_true 15 renewals_above heir 11 || fail "$(renewals heir) renewals: $(tail -n 1 "$T/heir.log")"
expect_last heir '6 devices, .* failing 0' 15
equal "$(devices_of "$HEIR" | wc -l)" 6

step "the broker is gone: nobody gives up, and SIGTERM ends that well, too"
ends_well two "$TWO"
broker_kill
away=$(date +%s)
expect_last heir 'failing 6 \(unreachable 6\)' 15
ends_well heir "$HEIR"
contains "$(cat "$T/heir.json")" '"unreachable": 6'

step "back after longer than certificates last: devices that have tried for a while come in by the factory's"
away_for() { (($(date +%s) > away + $1)); }
until_true $((LIFETIME + 5)) away_for "$LIFETIME" || fail "time stands still"
fleet_run morning "$ALL"
until_true 10 away_for $((LIFETIME + 2))
expect_last morning "failing $ALL \\(unreachable $ALL\\)" 15
broker_start
expect_last morning "$ALL devices, .* enrolled $ALL; failing 0" 75
before=$(renewals morning)
until_true 20 renewals_above morning $((before + 3)) || fail "$(renewals morning) renewals: $(tail -n 1 "$T/morning.log")"
ends_well morning "$FLEET_PID"
equal "$(figure "$T/morning.json" failed) $(figure "$T/morning.json" enrolled) $(figure "$T/morning.json" enrolled_again)" "0 0 $ALL"
world_end
