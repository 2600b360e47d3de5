# Onboarding: a factory certificate, or a token, brings the first certificate of ours, and nothing else, on a real broker.
. "$(dirname "$0")/lib.sh"
need mosquitto_passwd

# factory_device NAME SUBJECT [SAN [rsa]]: as a factory would make it, valid for ever.
factory_device() {
  local name=$1 subject=$2 san=${3-} kind=${4-}
  (
    cd "$T/pki"
    printf '[v3]\nbasicConstraints = CA:FALSE\nkeyUsage = critical, digitalSignature\n' >"$name.ext"
    [[ -z $san ]] || echo "subjectAltName = $san" >>"$name.ext"
    if [[ $kind == rsa ]]; then openssl genrsa -out "$name.key" 2048 2>/dev/null; else pki_key "$name.key"; fi
    openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA "${CA:-acme}.pem" -CAkey "${CA:-acme}.key" -days 36500 -sha256 -set_serial "0x$(openssl rand -hex 8)" \
      -extfile "$name.ext" -extensions v3 -out "$name.pem" 2>/dev/null
  )
}

# enrol NAME DEVICE FILE: asks as the README has it, with NAME's factory certificate; what comes back, topic first.
enrol() {
  tls_of "$1"
  mosquitto_rr "${TLS[@]}" -V mqttv311 -q 1 -W $((10 * SLOW)) -t "$(topic_of "$2" csr)" -e "$(topic_of "$2" certificate)" \
    -m "$(cat "$3")" 2>>"$T/client.log"
}
enrol_refused() { # CODE NAME DEVICE FILE
  contains "$(enrol "$2" "$3" "$4")" "\"errorCode\":\"$1\""
}
order() { command_send '{"commands":['"$1"']}'; }

world_make
(
  cd "$T/pki"
  pki_root acme "Acme Factory CA"
  openssl genrsa -out old.key 2048 2>/dev/null
  openssl req -new -x509 -key old.key -subj "/CN=Old Factory CA" -days 3650 -sha256 -config ca.conf -extensions root -out old.pem
  cat acme.pem old.pem >>devices-ca.pem
)
PLUGIN_EXTRA="factory_cafile $T/pki/acme.pem
factory_identity serial-number
factory_reenroll expired
factory_cafile $T/pki/old.pem
factory_identity san-dns
factory_enroll any
factory_reenroll always
enroll_tokens true"
PORT=$((20000 + RANDOM % 12000)) TOKEN_PORT=$((33000 + RANDOM % 5000))
BROKER_EXTRA="listener $TOKEN_PORT 127.0.0.1
certfile $T/pki/server-chain.pem
keyfile $T/pki/server.key
require_certificate false
use_username_as_clientid true"
broker_start

step "not on the list"
factory_device f1 "/O=Acme/CN=Model 7/serialNumber=meter-1"
csr_make "$T/meter-1" meter-1
enrol_refused not-enrolled f1 meter-1 "$T/meter-1.csr"

step "allowed: from the factory certificate to the operational one"
contains "$(order '{"command":"enrollDevice","device":"meter-1","factory":"acme","tags":["lab"]}')" '"known":false'
enrol f1 meter-1 "$T/meter-1.csr" >"$T/meter-1.pem"
cert_check "$T/meter-1.pem" "$T/meter-1.key" meter-1
tls_of meter-1 "$T/meter-1.pem" "$T/meter-1.key"
contains "$(mosquitto_rr "${TLS[@]}" -V mqttv311 -q 1 -W 10 -t "$(topic_of meter-1 get)" -e "$(topic_of meter-1 status)" -m '')" '"serialNumber"'
confirmed() { [[ $(order '{"command":"getDevice","device":"'"$1"'"}') == *'"generation":'"$2"* ]]; }
until_true 10 confirmed meter-1 1 || fail "meter-1 was not confirmed"
record=$(order '{"command":"getDevice","device":"meter-1"}')
[[ $record != *'"enrol"'* ]] || fail "the allowance is still there: $record"
contains "$record" '"tags":["lab"]'
grep '"what":"issued"' "$T"/journal/*.jsonl | grep -q 'enrolled by factory acme' || fail "the journal does not say by whom"

step "again: only when it is needed, or allowed"
csr_make "$T/again" meter-1
enrol_refused already-enrolled f1 meter-1 "$T/again.csr"
contains "$(order '{"command":"enrollDevice","device":"meter-1"}')" '"known":true'
enrol f1 meter-1 "$T/again.csr" >"$T/again.pem"
cert_check "$T/again.pem" "$T/again.key" meter-1
tls_of meter-1 "$T/again.pem" "$T/again.key"
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m x
until_true 10 confirmed meter-1 2 || fail "meter-1 was not confirmed again"

step "its key stays the factory's"
(cd "$T/pki" && openssl req -new -key f1.key -subj "/CN=meter-1" -out own.csr)
enrol_refused key-reused f1 meter-1 "$T/pki/own.csr"

step "RSA, the id in the SAN, any device of the factory, always"
CA=old factory_device f2 "/CN=whatever" "DNS:meter-2" rsa
for try in 1 2; do
  csr_make "$T/meter-2" meter-2
  enrol f2 meter-2 "$T/meter-2.csr" >"$T/meter-2.pem"
  cert_check "$T/meter-2.pem" "$T/meter-2.key" meter-2
  tls_of meter-2 "$T/meter-2.pem" "$T/meter-2.key"
  mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m x
  until_true 10 confirmed meter-2 $try || fail "meter-2 was not confirmed"
done

step "and nothing else"
listen "$T/heard" operator-1 'some/#'
tls_of f1
mosquitto_pub "${TLS[@]}" -V mqttv311 -q 1 -t some/topic -m from-the-factory 2>>"$T/client.log" || true
mosquitto_pub "${TLS[@]}" -V mqttv311 -q 1 -r -t "$(topic_of meter-2 csr)" -m x 2>>"$T/client.log" || true
tls_of f1
mosquitto_sub "${TLS[@]}" -i factory-sub -q 1 -t '#' -t 'some/#' --will-topic some/will --will-payload from-the-factory \
  -F '%t %p' >"$T/factory-heard" 2>>"$T/client.log" &
SUB=$!
OTHER_PIDS+=("$SUB")
settled() { log_has "Sending SUBACK to factory-sub" || grep -q "factory-sub" "$T/broker.log"; }
until_true 10 settled
tls_of operator-1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m from-elsewhere
until_true 10 grep -q from-elsewhere "$T/heard" || fail "others are not heard"
kill -KILL "$SUB" 2>/dev/null || true
wait "$SUB" 2>/dev/null || true
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m the-end
until_true 10 grep -q the-end "$T/heard"
! grep -q from-the-factory "$T/heard" || fail "a factory certificate published"
[[ ! -s $T/factory-heard ]] || fail "a factory certificate read: $(cat "$T/factory-heard")"
[[ $(command_send '{"commands":[{"command":"getStatus"}]}' f1 || true) != *uptime* ]] || fail "a factory certificate commands"

step "SIGHUP in between changes none of it"
kill -HUP "$BROKER_PID"
expect_log "Reloading config"
csr_make "$T/third" meter-1
enrol_refused already-enrolled f1 meter-1 "$T/third.csr"

step "tokens"
# with_token DEVICE TOKEN CSR: without any certificate
with_token() {
  mosquitto_rr -h 127.0.0.1 -p "$TOKEN_PORT" --cafile "$T/pki/root.pem" -u "enroll:$1" -P "$2" -V mqttv311 -q 1 \
    -W $((10 * SLOW)) -t "$(topic_of "$1" csr)" -e "$(topic_of "$1" certificate)" -m "$(cat "$3")" 2>>"$T/client.log"
}
told=$(order '{"command":"createToken","device":"meter-3","expires":"1h"}')
contains "$told" '"username":"enroll:meter-3"'
token=$(sed 's/.*"token":"\([^"]*\)".*/\1/' <<<"$told")
equal "${#token}" 43
csr_make "$T/meter-3" meter-3
csr_make "$T/thief" meter-3
with_token meter-3 "$token" "$T/meter-3.csr" >"$T/meter-3.pem"
cert_check "$T/meter-3.pem" "$T/meter-3.key" meter-3
with_token meter-3 "$token" "$T/meter-3.csr" >"$T/meter-3.again"
cmp -s "$T/meter-3.pem" "$T/meter-3.again" || fail "the same key got something else"
contains "$(with_token meter-3 "$token" "$T/thief.csr")" '"errorCode":"token-not-valid"'
kill -HUP "$BROKER_PID"
tls_of meter-3 "$T/meter-3.pem" "$T/meter-3.key"
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m x
until_true 10 confirmed meter-3 1 || fail "meter-3 was not confirmed"
contains "$(with_token meter-3 "$token" "$T/thief.csr")" '"errorCode":"token-not-valid"'
! grep -rqF -- "$token" "$T/journal" "$T/broker.log" || fail "the token was written down"
! redis --scan | while read -r key; do redis dump "$key"; done | grep -aqF -- "$token" || fail "the token is in Redis"

step "wrong ones, and too many of them"
wrong=$(printf 'A%.0s' $(seq 43))
csr_make "$T/meter-4" meter-4
for try in 1 2 3 4 5 6; do
  contains "$(with_token meter-4 "$wrong" "$T/meter-4.csr")" '"errorCode":"token-not-valid"'
done
[[ $(with_token meter-4 "$wrong" "$T/meter-4.csr") != *errorCode* ]] || fail "a seventh was let in"
grep '"what":"alarm"' "$T"/journal/*.jsonl | grep -q 'three tokens in a row' || fail "nobody was told"
! timeout 10 mosquitto_pub -h 127.0.0.1 -p "$TOKEN_PORT" --cafile "$T/pki/root.pem" -u enroll:meter-5 -P short -q 1 -t x \
  -m x 2>>"$T/client.log" || fail "a token that is none was let in"

step "a token's session can do nothing else"
mosquitto_pub -h 127.0.0.1 -p "$TOKEN_PORT" --cafile "$T/pki/root.pem" -u enroll:meter-5 -P "$wrong" -V mqttv311 -q 1 \
  -t some/topic -m from-a-token 2>>"$T/client.log" || true
mosquitto_sub -h 127.0.0.1 -p "$TOKEN_PORT" --cafile "$T/pki/root.pem" -u enroll:meter-5 -P "$wrong" -V mqttv311 -q 1 -t '#' \
  --will-topic some/will --will-payload from-a-token -F '%t %p' >"$T/token-heard" 2>>"$T/client.log" &
SUB=$!
OTHER_PIDS+=("$SUB")
until_true 10 grep -q "enroll:meter-5.*" "$T/broker.log"
tls_of operator-1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m once-more
until_true 10 grep -q once-more "$T/heard"
kill -KILL "$SUB" 2>/dev/null || true
wait "$SUB" 2>/dev/null || true
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m at-last
until_true 10 grep -q at-last "$T/heard"
! grep -q from-a-token "$T/heard" || fail "a token's session published"
[[ ! -s $T/token-heard ]] || fail "a token's session read"
world_end
