# Devices that have no certificate of ours yet: simulated ones, with the agent that firmware carries, get their first one by
# their factory's certificate, or by a token; who is not allowed waits until it is; from then on they renew as all do.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
: "${CR_DEVICE_SIM:?the simulator}"
need mosquitto mosquitto_rr openssl
FLEET=$T/fleet
COUNT=12
"$CR_DEVICE_SIM" pki --dir "$FLEET" --count "$COUNT" --factory --quiet
"$CR_DEVICE_SIM" pki --dir "$FLEET" --name sensor-1 --factory --quiet
pki_of_fleet "$FLEET"
cp "$FLEET/ca-all.pem" "$T/pki/devices-ca.pem"
rm "$FLEET"/devices/*/cert.pem # nobody has one of ours
redis_start
PLUGIN_EXTRA="admin_identity operator
factory_cafile $FLEET/factory.pem
factory_name works
factory_enroll list
factory_identity serial-number
factory_reenroll always
enroll_tokens true
retry_after 1s"
SLOT_EXTRA="retry_first 1s"
TOKEN_PORT=$((32000 + RANDOM % 500))
BROKER_EXTRA="listener $TOKEN_PORT 127.0.0.1
cafile $T/pki/devices-ca.pem
certfile $T/pki/server-chain.pem
keyfile $T/pki/server.key
require_certificate false"
broker_start

figure() { grep -o "\"$2\": [0-9]*" "$1" | grep -o '[0-9]*$'; }
# fleet_run OUT OPTION…: in the background; FLEET_PID.
fleet_run() {
  local out=$1; shift
  "$CR_DEVICE_SIM" run --dir "$FLEET" --broker "127.0.0.1:$PORT" --no-fsync --quiet --json "$out" --timeout $((40 * SLOW)) "$@" \
    >"$T/fleet.log" 2>&1 &
  FLEET_PID=$!
  OTHER_PIDS+=("$FLEET_PID")
}
issued() { cat "$T"/journal/*.jsonl 2>/dev/null | grep -c '"what":"issued"' || true; }
issued_are() { (($(issued) == $1)); }
# allow FIRST LAST: of the meters.
allow() {
  local i list=''
  for i in $(seq "$1" "$2"); do list+="${list:+,}{\"device\":\"meter-$(printf %05d "$i")\",\"factory\":\"works\"}"; done
  contains "$(command_send "{\"commands\":[{\"command\":\"enrollDevices\",\"devices\":[$list]}]}")" "\"enrolled\":$(($2 - $1 + 1))"
}

step "who is allowed gets a certificate at once; one is not, and waits"
allow 1 $((COUNT - 1))
fleet_run "$T/first.json" --factory --count "$COUNT" --awake 4 --asleep 1
until_true 20 issued_are $((COUNT - 1)) || fail "$(issued) certificates, not $((COUNT - 1))"
kill -0 "$FLEET_PID" || fail "the fleet is done without the one that is not allowed"

step "and is let in when it is"
allow "$COUNT" "$COUNT"
wait "$FLEET_PID" || fail "the fleet ended with $?: $(cat "$T/fleet.log" "$T/first.json")"
equal "$(figure "$T/first.json" enrolled)" "$COUNT"
equal "$(figure "$T/first.json" enrolled_again)" 0
(($(figure "$T/first.json" rejected) >= 1)) || fail "nobody was rejected"
equal "$(issued)" "$COUNT"

step "the next certificate is a renewal: asked for by their own, and not by the factory's"
fleet_run "$T/second.json" --factory --count "$COUNT" --trigger --awake 4
wait "$FLEET_PID" || fail "the fleet ended with $?: $(cat "$T/fleet.log" "$T/second.json")"
equal "$(figure "$T/second.json" enrolled)" 0
equal "$(figure "$T/second.json" enrolled_again)" 0
equal "$(figure "$T/second.json" renewed)" "$COUNT"

step "who lost its own comes back by the factory's"
rm "$FLEET"/devices/meter-0000[1-3]/chain.*
fleet_run "$T/lost.json" --factory --count 3
wait "$FLEET_PID" || fail "the fleet ended with $?: $(cat "$T/fleet.log" "$T/lost.json")"
equal "$(figure "$T/lost.json" enrolled_again)" 3
equal "$(certificates_of meter-00001)" 3

step "by a token, once"
token=$(command_send '{"commands":[{"command":"createToken","device":"sensor-1"}]}' | grep -o '"token":"[^"]*"' | cut -d'"' -f4)
[[ ${#token} == 43 ]] || fail "no token"
fleet_run "$T/token.json" --name sensor-1 --token "$token" --broker "127.0.0.1:$TOKEN_PORT"
wait "$FLEET_PID" || fail "sensor-1 ended with $?: $(cat "$T/fleet.log" "$T/token.json")"
equal "$(figure "$T/token.json" enrolled)" 1
equal "$(certificates_of sensor-1)" 1
rm "$FLEET"/devices/sensor-1/{state,key,chain}.*
fleet_run "$T/used.json" --name sensor-1 --token "$token" --broker "127.0.0.1:$TOKEN_PORT" --timeout 4
! wait "$FLEET_PID" || fail "the token was taken twice"
equal "$(certificates_of sensor-1)" 1
world_end
