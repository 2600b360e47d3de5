# A fleet renews while the primary of its Redis is killed: Sentinel puts the replica in its place, and every device gets
# its certificate; nobody gets two.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
: "${CR_DEVICE_SIM:?the simulator}"
need mosquitto openssl
fleet=$T/fleet devices=60

# A Redis of the group that has no other place: server NAME PORT OPTION…
server() {
  local name=$1 port=$2 program
  shift 2
  program=$(redis_program)
  mkdir -p "$T/$name"
  (cd "$T/$name" && exec "$program" "$@" --port "$port" --bind 127.0.0.1 --dir "$T/$name" --logfile "$T/$name.log" \
    --daemonize no) >/dev/null 2>&1 &
  OTHER_PIDS+=($!)
}
ask_at() { "$(command -v redis-cli || command -v valkey-cli)" -h 127.0.0.1 -p "$@"; }
sentinels_agree() {
  local port
  for port in "${sentinels[@]}"; do
    [[ $(ask_at "$port" info sentinel) == *"slaves=1,sentinels=3"* ]] || return 1
  done
}
primary_is() { [[ $(ask_at "${sentinels[0]}" sentinel get-master-addr-by-name main) == *"$1"* ]]; }

step "a primary, a replica, three Sentinels"
base=$((23000 + RANDOM % 8000))
first=$base second=$((base + 1)) sentinels=($((base + 2)) $((base + 3)) $((base + 4)))
REDIS_EXTRA="--port $first --bind 127.0.0.1"
redis_start
server replica "$second" --replicaof 127.0.0.1 "$first" --save '' --appendonly yes
for port in "${sentinels[@]}"; do
  mkdir -p "$T/sentinel-$port"
  printf '%s\n' "sentinel monitor main 127.0.0.1 $first 2" "sentinel down-after-milliseconds main 1500" \
    "sentinel failover-timeout main 5000" >"$T/sentinel-$port/sentinel.conf"
  server "sentinel-$port" "$port" "$T/sentinel-$port/sentinel.conf" --sentinel
done
until_true 60 sentinels_agree || fail "the Sentinels do not find each other"

step "a broker behind them"
"$CR_DEVICE_SIM" pki --dir "$fleet" --count "$devices" --quiet
pki_of_fleet "$fleet"
REDIS_ADDRESS=redis-sentinel://127.0.0.1:${sentinels[0]},127.0.0.1:${sentinels[1]},127.0.0.1:${sentinels[2]}/main
PLUGIN_EXTRA=$'admin_identity operator\nretry_after 1s\nredis_timeout 1s'
SLOT_EXTRA='request_timing any'
broker_start

step "the primary is killed while the fleet renews"
"$CR_DEVICE_SIM" run --dir "$fleet" --broker "127.0.0.1:$PORT" --no-fsync --timeout $((150 * SLOW)) --count "$devices" \
  --request --renewals 3 --arrival-rate 10 --json "$T/figures" >"$T/table" &
sim_pid=$!
OTHER_PIDS+=("$sim_pid")
some_are_issued() { (($(grep -c '"what":"issued"' "$T/journal/journal.jsonl") >= devices / 4)); }
until_true 30 some_are_issued || fail "the fleet does not come"
redis_kill
until_true 90 primary_is "$second" || fail "Sentinel does not act"
wait "$sim_pid" || { cat "$T/table"; fail "not all devices got through"; }
figure() { sed -n "s/^  \"$1\": \([0-9]*\).*/\1/p" "$T/figures"; }
equal "$(figure renewed)" "$devices"
equal "$(figure renewals)" $((3 * devices))

step "the ledger is whole"
[[ -z ${CR_LEDGER_CHECK-} ]] || "$CR_LEDGER_CHECK" "$T/journal/journal.jsonl" "127.0.0.1:$second" ||
  fail "ledger-check"
broker_stop
step "passed"
