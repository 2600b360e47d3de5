# Whom devices believe, with simulated ones and the agent that firmware carries: a bundle adds a second hierarchy, the second
# CA signs, a bundle takes the first one away too early and is rolled back by every device, and then in time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
: "${CR_DEVICE_SIM:?the simulator}"
need mosquitto mosquitto_rr openssl
FLEET=$T/fleet
COUNT=10
"$CR_DEVICE_SIM" pki --dir "$FLEET" --count "$COUNT" --factory --quiet
pki_of_fleet "$FLEET"
cp "$FLEET/ca-all.pem" "$T/pki/devices-ca.pem"
redis_start
PLUGIN_EXTRA="admin_identity operator
retry_after 1s"
broker_start

figure() { grep -o "\"$2\": [0-9]*" "$1" | grep -o '[0-9]*$'; }
# fleet OUT OPTION…: runs the devices until they are done.
fleet() {
  local out=$1; shift
  "$CR_DEVICE_SIM" run --dir "$FLEET" --broker "127.0.0.1:$PORT" --no-fsync --quiet --json "$out" --timeout $((30 * SLOW)) "$@" \
    >"$T/fleet.log" 2>&1
}
believe() { # MODE FILE…
  local mode=$1 pem; shift
  pem=$(awk '{ printf "%s\\n", $0 }' "$@")
  command_send "{\"commands\":[{\"command\":\"setTrustBundle\",\"mode\":\"$mode\",\"certificates\":\"$pem\"}]}"
}
all_believe() { contains "$(tr -d '\n' <"$1" | grep -o '"trust_versions": {[^}]*}')" "{\"$2\": $COUNT}"; }

step "a second hierarchy is added"
contains "$(believe add "$FLEET/ca.pem" "$FLEET/ca2.pem")" '"version":1'
fleet "$T/added.json" --renewals 0 --trust-version 1 || fail "the fleet: $(cat "$T/fleet.log" "$T/added.json")"
equal "$(figure "$T/added.json" trust_installed)" "$COUNT"
all_believe "$T/added.json" 1

step "its CA signs, and the devices take what it signs"
broker_stop
cp "$FLEET/issuing2.pem" "$T/pki/chain.pem"
cp -p "$FLEET/issuing2.key" "$T/pki/issuer.key"
PLUGIN_EXTRA="$PLUGIN_EXTRA
trusted_cafile $FLEET/issuing.pem"
broker_start
fleet "$T/moved.json" --trigger || fail "the fleet: $(cat "$T/fleet.log" "$T/moved.json")"
contains "$(openssl x509 -inform DER -in "$FLEET/devices/meter-00001/chain.1" -noout -issuer)" "Demo CA 2"

step "the first one is taken away while the broker's own certificate is by it: every device goes back, and says so"
contains "$(believe replace "$FLEET/ca2.pem")" '"version":2'
fleet "$T/early.json" --renewals 0 --trust-version 2 --timeout $((8 * SLOW)) && fail "devices believe in what cannot connect"
equal "$(figure "$T/early.json" trust_rolled_back)" "$COUNT"
equal "$(figure "$T/early.json" trust_installed)" 0
all_believe "$T/early.json" 1

step "and in time"
broker_stop
cp "$FLEET/server2.pem" "$T/pki/server-chain.pem"
cp -p "$FLEET/server2.key" "$T/pki/server.key"
cp "$FLEET/root2.pem" "$T/pki/root.pem"
broker_start
contains "$(believe replace "$FLEET/ca2.pem")" '"version":3'
fleet "$T/replaced.json" --renewals 0 --trust-version 3 || fail "the fleet: $(cat "$T/fleet.log" "$T/replaced.json")"
equal "$(figure "$T/replaced.json" trust_installed)" "$COUNT"
all_believe "$T/replaced.json" 3
fleet "$T/after.json" --trigger --cafile "$FLEET/ca2.pem" || fail "the fleet: $(cat "$T/fleet.log" "$T/after.json")"
world_end
