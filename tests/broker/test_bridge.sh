# 75: what a broker imports over a bridge of its own is asked of no plugin; it is no device and no operator. A broker that
# connects to this one is a client like any other.
. "$(dirname "$0")/lib.sh"
[[ ${BROKER_ENV[*]-} != *libtsan* ]] || skip "a Mosquitto with a bridge crashes under ThreadSanitizer, also without the plugin"
world_make
pki_device d1
pki_device bridge-end
REMOTE_SOCK=$T/remote.sock
cat >"$T/remote.conf" <<CONF
user $(id -un)
allow_anonymous true
listener 0 $REMOTE_SOCK
CONF
RPORT=$((20000 + RANDOM % 12000))
cat >>"$T/remote.conf" <<CONF
listener $RPORT 127.0.0.1
cafile $T/pki/devices-ca.pem
certfile $T/pki/server-chain.pem
keyfile $T/pki/server.key
require_certificate true
CONF
mosquitto -c "$T/remote.conf" >"$T/remote.log" 2>&1 &
OTHER_PIDS+=($!)
remote_up() { [[ -S $REMOTE_SOCK ]] && (exec 3<>"/dev/tcp/127.0.0.1/$RPORT") 2>/dev/null; }
until_true 10 remote_up || fail "the other broker did not start"

# The remote server's certificate has the name of a device on purpose: it must not make the bridge that device.
BROKER_EXTRA="connection imports
address 127.0.0.1:$RPORT
topic # in 1
topic \$identity/# in 1
topic \$CONTROL/# in 1
bridge_cafile $T/pki/root.pem
bridge_certfile $T/pki/bridge-end.pem
bridge_keyfile $T/pki/bridge-end.key
bridge_insecure true
remote_clientid bridge-remote
local_clientid bridge-local"
broker_start
csr_make "$T/stolen" broker-under-test
csr_make "$T/d1" d1
listen "$T/heard" d1 'bridged/#'
bridged() {
  mosquitto_pub --unix "$REMOTE_SOCK" -q 1 -t bridged/topic -m across
  grep -q across "$T/heard"
}
until_true 20 bridged || fail "the bridge does not carry anything"

step "requests and commands that come over the bridge do nothing"
mosquitto_pub --unix "$REMOTE_SOCK" -q 1 -t "$(topic_of broker-under-test csr)" -m "$(cat "$T/stolen.csr")"
mosquitto_pub --unix "$REMOTE_SOCK" -q 1 -t "$(topic_of d1 csr)" -m "$(cat "$T/d1.csr")"
mosquitto_pub --unix "$REMOTE_SOCK" -q 1 -t "$(topic_of d1 certificate)" -m "forged"
mosquitto_pub --unix "$REMOTE_SOCK" -q 1 -t "$CONTROL" -m '{"commands":[{"command":"triggerRenewal","device":"d1"}]}'
: >"$T/heard"
until_true 20 bridged || fail "the bridge broke"
STATUS=$(command_send '{"commands":[{"command":"getStatus"}]}')
equal "$(certificates_of d1)$(certificates_of broker-under-test)" 00
untouched d1
! log_has "Sending PUBLISH to bridge-local" || fail "something was answered over the bridge"

step "the device itself renews"
renew d1 "$T/d1.csr" "$T/d1.pem"
cert_check "$T/d1.pem" "$T/d1.key" d1
world_end
