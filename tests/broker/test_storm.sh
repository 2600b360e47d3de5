# A thousand devices renew while each thing fails that can: one in twenty loses power at a write, gets a damaged certificate,
# believes that it is 1970, or never comes back; the broker and Redis, alone and together, are killed again and again. Then
# journal, Redis and what every device holds are held against each other.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
: "${CR_DEVICE_SIM:?the simulator}"
: "${CR_LEDGER_CHECK:?the program that compares journal, Redis and certificates}"
need mosquitto openssl

COUNT=1000
((SLOW == 1)) || COUNT=100
fleet=$T/fleet
SLOT_EXTRA='request_timing any'
PLUGIN_EXTRA=$'admin_identity operator\nretry_first 1s\ntrigger_expiry 1s\ntrigger_rate 1000\nredis_timeout 1s\nretry_after 1s\nrate_device 1000\nrate_device_burst 1000'

step "PKI of $COUNT devices whose renewal is due"
"$CR_DEVICE_SIM" pki --dir "$fleet" --count "$COUNT" --age 7000000 --quiet || fail "device-sim pki"
pki_of_fleet "$fleet"
redis_start
broker_start

step "the storm"
"$CR_DEVICE_SIM" run --dir "$fleet" --broker "127.0.0.1:$PORT" --no-fsync --timeout $((150 * SLOW)) --arrival-rate 40 \
  --awake 3 --asleep 2 --fault-power 0.05 --fault-corrupt 0.05 --fault-clock 0.05 --fault-never-wakes 0.05 \
  --json "$T/figures" >"$T/table" &
sim=$!
OTHER_PIDS+=("$sim")
issued() { grep -c '"what":"issued"' "$T/journal/journal.jsonl" || true; }
# Each blow falls when the fleet has come so much further, wherever everybody then is.
reached() { (($(issued) >= goal)) || pid_gone "$sim"; }
blows=0
for goal in $(seq $((COUNT / 14)) $((COUNT / 14)) $((COUNT * 5 / 6))); do
  until_true $((60 * SLOW)) reached || fail "the fleet stands still at $(issued) of $COUNT"
  pid_gone "$sim" && break
  case $((blows % 3)) in
    0) broker_kill; broker_start ;;
    1) redis_kill; redis_start ;;
    2) broker_kill; redis_kill; redis_start; broker_start ;;
  esac
  blows=$((blows + 1))
done
wait "$sim" || { cat "$T/table" >&2; fail "not every device got through"; }
((blows >= 9)) || fail "only $blows blows fell"

step "who is where"
figure() { sed -n "s/^  \"$1\": \([0-9]*\).*/\1/p" "$T/figures"; }
fault() { sed -n "s/.*\"faults\":.*\"$1\": \([0-9]*\).*/\1/p" "$T/figures"; }
equal "$(figure failed)" 0
equal "$(figure pending)" "$(fault never_wakes)"
equal "$(($(figure renewed) + $(figure pending)))" "$COUNT"
(($(fault power) > 0 && $(fault corrupt) > 0 && $(fault clock) > 0)) || fail "no faults"

step "journal, Redis and the devices agree"
redis_wait
"$CR_LEDGER_CHECK" "$T/journal/journal.jsonl" "$T/redis.sock" "$fleet/devices" >"$T/ledger" || { cat "$T/ledger" >&2; fail "they do not"; }
cat "$T/ledger"
held=$(sed -n 's/.* \([0-9]*\) certificates of devices$/\1/p' "$T/ledger")
((held >= $(figure renewed))) || fail "only $held certificates were found with the devices"

step "each of them, also those that slept through it, holds a pair that works and renews once more"
"$CR_DEVICE_SIM" run --dir "$fleet" --broker "127.0.0.1:$PORT" --no-fsync --timeout $((100 * SLOW)) --arrival-rate 100 \
  --request --json "$T/figures" >"$T/table" || { cat "$T/table" >&2; fail "not every device renews"; }
equal "$(figure renewed)" "$COUNT"
"$CR_LEDGER_CHECK" "$T/journal/journal.jsonl" "$T/redis.sock" "$fleet/devices" >"$T/ledger" || { cat "$T/ledger" >&2; fail "they do not"; }
world_end
