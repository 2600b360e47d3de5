# Whatever came out of a factory may enrol and nothing else: also with a certificate that the broker accepts and the plugin
# cannot read, or with a key that it does not take; and what a connection leaves behind is no more than the connection was.
. "$(dirname "$0")/lib.sh"

# factory_device NAME SUBJECT [v1]: of acme, with the key in $T/pki/NAME.key. OpenSSL before 3.2 makes version 1 of what has no
# extensions, later ones only of what is to have it.
factory_device() (
  cd "$T/pki"
  local serial
  serial=0x$(openssl rand -hex 8)
  if [[ ${3-} == v1 ]] && openssl req -help 2>&1 | grep -q x509v1; then
    openssl req -x509 -x509v1 -config ca.conf -key "$1.key" -subj "$2" -CA acme.pem -CAkey acme.key -days 36500 -sha256 -set_serial "$serial" \
      -out "$1.pem" 2>/dev/null
    return
  fi
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf '[v3]\nbasicConstraints = CA:FALSE\n' >"$1.ext"
  local -a ext=(-extfile "$1.ext" -extensions v3)
  [[ ${3-} != v1 ]] || ext=()
  openssl x509 -req -in "$1.csr" -CA acme.pem -CAkey acme.key -days 36500 -sha256 -set_serial "$serial" \
    ${ext[@]+"${ext[@]}"} -out "$1.pem" 2>/dev/null
)

world_make
(
  cd "$T/pki"
  pki_root acme "Acme Factory CA"
  cat acme.pem >>devices-ca.pem
  pki_key good.key
  pki_key old.key
  openssl genpkey -algorithm ed25519 -out ed.key 2>/dev/null
)
factory_device good "/CN=meter-1"
factory_device old "/CN=meter-2" v1
factory_device ed "/CN=meter-3"
PLUGIN_EXTRA="factory_cafile $T/pki/acme.pem
factory_enroll any
enroll_tokens true"
TOKEN_PORT=$((33000 + RANDOM % 5000))
BROKER_EXTRA="listener $TOKEN_PORT 127.0.0.1
certfile $T/pki/server-chain.pem
keyfile $T/pki/server.key
require_certificate false"
broker_start
listen "$T/heard" operator-1 'some/#'

step "certificates that cannot be read, and keys that are not taken"
contains "$(openssl x509 -in "$T/pki/old.pem" -noout -text)" "Version: 1"
for name in good old ed; do
  tls_of "$name"
  mosquitto_pub "${TLS[@]}" -V 5 -i "$name" -q 1 -t some/topic -m "by-$name" 2>>"$T/client.log" || true
  expect_log "PUBLISH from $name "
done
tls_of good
long=$(printf 'i%.0s' $(seq 300))
mosquitto_pub "${TLS[@]}" -V 5 -i "$long" -q 1 -t some/topic -m by-a-long-name 2>>"$T/client.log" || true
expect_log "PUBLISH from $long "
tls_of operator-1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m the-first
until_true 10 grep -q the-first "$T/heard" || fail "others are not heard"
! grep -q ' by-' "$T/heard" || fail "a factory certificate published: $(cat "$T/heard")"

step "the client id of a device that is here, or sleeps"
wrong=$(printf 'A%.0s' $(seq 43))
pki_device meter-9
pki_device meter-8
listen "$T/meter-9" meter-9 "$(topic_of meter-9 renew)"
LISTENER=$LISTENER_PID
raw_open meter-8 "$T/meter-8.out"
raw_send "$(packet 10 "$(hex_text MQTT)0400003c$(hex_text meter-8)")$(packet 82 "0001$(hex_text "$(topic_of meter-8 renew)")01")"
expect_log "Sending SUBACK to meter-8"
raw_send e000; raw_close
until_true 10 grep -qE "Client meter-8 .*(disconnected|closed)" "$T/broker.log" || fail "meter-8 is still there"
for name in good old; do
  for id in meter-9 meter-8; do
    tls_of "$name"
    out=$(mosquitto_pub "${TLS[@]}" -V 5 -i "$id" -q 1 -t some/topic -m x 2>&1) && fail "$name took the client id $id"
    contains "$out" "uthori"
  done
done
tls_of good
equal "$(mosquitto_rr "${TLS[@]}" -i meter-1 -V mqttv311 -q 1 -W 10 -t "$(topic_of meter-1 get)" -e "$(topic_of meter-1 status)" -m "")" "{}"
for n in $(seq 12); do
  mosquitto_pub -h 127.0.0.1 -p "$TOKEN_PORT" --cafile "$T/pki/root.pem" -u "enroll:m-$n" -P "$wrong" -V mqttv311 -i meter-9 -q 1 -t x \
    -m x 2>>"$T/client.log" && fail "a token's login took the client id of a device"
done
kill -0 "$LISTENER" || fail "meter-9 was closed"
(($(grep -c "client id of a device" "$T"/journal/*.jsonl) <= 5)) || fail "anybody can fill the journal"

step "a will that is sent long after the connection ended"
# last_will ID OPTION…: a client that subscribes, and ends without a word.
last_will() {
  local id=$1 pid; shift
  mosquitto_sub "$@" -V 5 -i "$id" -x 60 -q 1 -t "$PREFIX/$DEVICE/operational/certificate" --will-topic some/will \
    --will-payload "will-of-$id" --will-qos 1 -D will will-delay-interval 1 >/dev/null 2>>"$T/client.log" &
  pid=$!
  OTHER_PIDS+=("$pid")
  expect_log "Sending SUBACK to $id"
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
}
tls_of good
DEVICE=meter-1 last_will factory-1 "${TLS[@]}"
DEVICE=meter-4 last_will token-1 -h 127.0.0.1 -p "$TOKEN_PORT" --cafile "$T/pki/root.pem" -u enroll:meter-4 \
  -P "$(printf 'A%.0s' $(seq 43))"
tls_of operator-1
DEVICE=operator-1 last_will operator-2 "${TLS[@]}" -t some/none
until_true 15 grep -q will-of-operator-2 "$T/heard" || fail "no will was sent: $(cat "$T/heard")"
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m the-second
until_true 10 grep -q the-second "$T/heard"
! grep -q 'will-of-factory\|will-of-token' "$T/heard" || fail "a restricted session left a will: $(cat "$T/heard")"
world_end
