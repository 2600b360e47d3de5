# two.sh: a second broker beside the one of lib.sh, on the same Redis. Sourced behind world_start, by tests with two brokers.
# The first is number 1; `second_start` adds number 2; BROKER_PID is the one that was started last.
declare -a PORTS=(0 "$PORT" 0) PIDS=(0 "$BROKER_PID" 0)
OTHER_PIDS+=("$BROKER_PID")
log_has() { cat "$T"/broker*.log | grep -qF -- "$1"; }
# on N COMMAND…: as a client of that broker.
on() { local PORT=${PORTS[$1]}; shift; "$@"; }
launch() { # N: starts it, again
  local PORT=${PORTS[$1]} conf=$T/mosquitto-$1.conf
  env ${BROKER_ENV[@]+"${BROKER_ENV[@]}"} mosquitto -c "$conf" >>"$T/broker-out.log" 2>&1 &
  PIDS[$1]=$! BROKER_PID=$!
  OTHER_PIDS+=("$!")
  until_true $((15 * SLOW)) broker_up || fail "broker $1 does not start"
  redis_wait
}
second_start() {
  cp "$T/mosquitto.conf" "$T/mosquitto-1.conf"
  sed "s|broker-under-test|second|; s|$T/journal|$T/journal-2|" "$T/plugin.conf" >"$T/plugin-2.conf"
  mkdir -p "$T/journal-2"
  for _ in 1 2 3 4 5 6 7 8; do
    PORTS[2]=$((20000 + RANDOM % 12000))
    on 2 broker_listens || break
  done
  sed "s|listener $PORT |listener ${PORTS[2]} |; s|/broker.log|/broker-2.log|; s|/plugin.conf|/plugin-2.conf|" \
    "$T/mosquitto.conf" >"$T/mosquitto-2.conf"
  launch 2
}
