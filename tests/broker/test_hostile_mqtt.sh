# Bad inputs that come by MQTT's own means, numbers 65 to 78: each is denied or answered with a code, and the broker and
# everybody else go on.
. "$(dirname "$0")/lib.sh"
world_make
BROKER_EXTRA="listener 0 $T/plain.sock"
PLUGIN_EXTRA=$'rate_device 100000\nrate_device_burst 1000' # d1 asks for more than a device may
broker_start
for name in d1 d2; do pki_device "$name"; csr_make "$T/$name" "$name"; done
for name in young victim spy; do pki_device "$name" -1 89; done # nothing is due for these
csr_make "$T/young" young
CSR1=$(cat "$T/d1.csr") CSR2=$(cat "$T/d2.csr")
listen "$T/victim.heard" victim 'victim/#' "$PREFIX/victim/#"
listen "$T/events" operator-1 "$CONTROL/event/+"

# Publishes as NAME with MQTT 5 and QoS 1 and wants a "not authorised" PUBACK.
denied() { # NAME TOPIC TEXT
  tls_of "$1"
  mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$2" -m "$3" >"$T/denied" 2>&1 || true
  grep -qi 'not authorized' "$T/denied" || fail "not denied: $1 to $2: $(cat "$T/denied")"
}
issued() { equal "$1 has $(certificates_of "$1")" "$1 has $2"; }

step "65 a request on another device's topic"
denied d1 "$(topic_of d2 csr)" "$CSR2"
denied d1 "$(topic_of d2 get)" ""
denied d1 "$(topic_of d2 report)" '{"renewalId":"00000000-0000-4000-8000-000000000000","outcome":"failed"}'
until_true 10 grep -q wrong-identity "$T/events" || fail "no alarm"

step "66 topics that are none"
long=$(head -c 65000 /dev/zero | tr '\0' a)
for topic in "$PREFIX//operational/csr" "$PREFIX/d1//csr" "$PREFIX/d1/operational/" "$PREFIX/d1/operational/csr/" \
  "$PREFIX/d1/operational" "$PREFIX/" "$PREFIX/d1/operational/nonsense" "$PREFIX/$long/operational/csr" \
  "$PREFIX/d1/$long/csr" "\$CONTROL/cert-renewal/v2" "$CONTROL/response" "$CONTROL/event/alarm"; do
  denied d1 "$topic" "$CSR1"
done
for topic in "$PREFIX/+/operational/csr" "$PREFIX/#"; do
  raw_open d1 "$T/raw"
  raw_send "$(packet_connect raw-66)$(packet_publish 2 "$topic" 0001 "$(printf %s "$CSR1" | hex_of)")"
  until_true 10 pid_gone "$RAW_PID" || fail "still connected after publishing to $topic"
  raw_close
done

step "67 a retained request"
raw_open d1 "$T/raw"
raw_send "$(packet_connect raw-67)$(packet_publish 3 "$(topic_of d1 csr)" 0001 "$(printf %s "$CSR1" | hex_of)")"
until_true 10 grep -aq malformed-request "$T/raw" || fail "a retained request is not refused"
raw_close
listen "$T/retained" d1 "$(topic_of d1 csr)" "$PREFIX/d1/#" some/topic
tls_of d1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m x
until_true 10 grep -q '^some/topic' "$T/retained" || fail "the subscriber hears nothing"
! grep -q REQUEST "$T/retained" || fail "a request was retained"
issued d1 0

step "71 a device on topics that are the plugin's alone"
for verb in renew pending certificate rejected status; do denied d1 "$(topic_of d1 $verb)" '{}'; done

# Brokers refuse a client with such a will, or take it and find at its end that it may not.
will_refused() { grep -q "read/write.*Access denied by ACL" "$T/broker.log"; }
will_settled() { log_has "Sending SUBACK to with-will-$1" || will_refused; }
will_noticed() { grep -Eq "Client with-will-$1 (closed its connection|\[.*\] disconnected)" "$T/broker.log"; }
step "70 a request, and a command, as a will"
for will in "$(topic_of d1 csr)" "$CONTROL"; do
  tls_of d1
  [[ $will == "$CONTROL" ]] && tls_of operator-1
  text=$CSR1
  [[ $will == "$CONTROL" ]] && text='{"commands":[{"command":"triggerRenewal","device":"d2"}]}'
  mosquitto_sub "${TLS[@]}" -i "with-will-${#will}" -t some/topic --will-topic "$will" --will-payload "$text" --will-qos 1 >/dev/null 2>&1 &
  sub=$!
  OTHER_PIDS+=("$sub")
  until_true 10 will_settled "${#will}" || fail "the client with a will neither connects nor is refused"
  kill -KILL "$sub"
  wait "$sub" 2>/dev/null || true
  will_refused || until_true 10 will_noticed "${#will}" || fail "the broker does not notice"
done
issued d1 0
untouched d1

step "73 a response topic aimed at somebody else"
tls_of young
mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$(topic_of young csr)" -m "$(cat "$T/young.csr")" -D publish response-topic victim/topic

step "74 a thousand user properties, 64 KB of correlation data"
declare -a many=()
for i in $(seq 1000); do many+=(-D publish user-property "k$i" v); done
rejection() { # OPTION…
  tls_of d1
  mosquitto_rr "${TLS[@]}" -V 5 -W 10 -t "$(topic_of d1 csr)" -e "$(topic_of d1 rejected)" -m "$CSR1" "$@" 2>>"$T/client.log"
}
contains "$(rejection "${many[@]}")" malformed-request
contains "$(rejection -D publish correlation-data "$(head -c 60000 /dev/zero | tr '\0' c)")" malformed-request
issued d1 0

step "75 without a certificate; 64 kB of PSK are the broker's to refuse"
mosquitto_pub --unix "$T/plain.sock" -V 5 -q 1 -t "$(topic_of d1 csr)" -m "$CSR1" >"$T/denied" 2>&1 || true
contains "$(cat "$T/denied")" "ot authorized"
mosquitto_pub --unix "$T/plain.sock" -V 5 -q 1 -i d1 -u d1 -t "$(topic_of d1 csr)" -m "$CSR1" >"$T/denied" 2>&1 || true
contains "$(cat "$T/denied")" "ot authorized"
answer=$(mosquitto_rr --unix "$T/plain.sock" -V mqttv311 -u operator-1 -i operator-1 -q 1 -W 3 -t "$CONTROL" \
  -e "$CONTROL/response" -m '{"commands":[{"command":"getStatus"}]}' 2>&1) || true
[[ $answer != *uptime* ]] || fail "a client without a certificate is an operator"

step "76 a client id that is another device's name"
tls_of d1
mosquitto_sub "${TLS[@]}" -i d1-live -t some/topic >/dev/null 2>&1 &
OTHER_PIDS+=($!)
until_true 10 log_has "Sending SUBACK to d1-live" || fail "d1 does not connect"
tls_of d2
mosquitto_pub "${TLS[@]}" -V 5 -i d1 -q 1 -t "$(topic_of d2 csr)" -m "$CSR2" >"$T/denied" 2>&1 || true
contains "$(cat "$T/denied")" "ot authorized"
issued d1 0

step "78 no trigger and outside the window"
refused_with too-early young "$(cat "$T/young.csr")"

step "68 QoS 1 three times, QoS 2 replayed: one certificate, the same bytes"
raw_open d1 "$T/raw"
body=$(printf %s "$CSR1" | hex_of)
raw_send "$(packet_connect raw-68)"
for flags in 2 a a; do raw_send "$(packet_publish $flags "$(topic_of d1 csr)" 0001 "$body")"; done
pubacks() { (($(count_hex "$T/raw" 40020001) >= 3)); }
until_true 20 pubacks || fail "no three PUBACKs"
raw_send "$(packet_publish 4 "$(topic_of d1 csr)" 0002 "$body")$(packet_publish c "$(topic_of d1 csr)" 0002 "$body")62020002"
# One that comes while the first is being signed is told that it is pending; the certificate comes once for both.
count_answers() { echo $(($(grep -ac 'BEGIN CERTIFICATE' "$T/raw") / 2 + $(grep -ao /pending "$T/raw" | wc -l))); }
answers() { (($(count_answers) >= $1)); }
until_true 20 answers 5 || fail "not every request was answered: $(grep -ac BEGIN "$T/raw")"
raw_close
tr -d '\r' <"$T/raw" | awk '/BEGIN CERT/ { n++ } /BEGIN CERT/,/END CERT/ { print > sprintf("'"$T"'/raw-%d", n % 2 == 1 ? (n + 1) / 2 : 0) }' || true
for ((i = 2; i <= $(grep -ac 'BEGIN CERTIFICATE' "$T/raw") / 2; i++)); do
  equal "$(sed -n '2,$p' "$T/raw-$i" | tr -d '\n')" "$(sed -n '2,$p' "$T/raw-1" | tr -d '\n')"
done
issued d1 1

step "72 listening to others"
listen "$T/spy" spy '#' '+/v1/d1/operational/+' "$PREFIX/#" "$PREFIX/+/operational/certificate" "$PREFIX/d1/#" \
  "\$share/g/$PREFIX/#" "\$share/g/$PREFIX/d1/operational/certificate" "$CONTROL/#" "$CONTROL/response" "\$share/g/$CONTROL/#"
renew d1 "$T/d1.csr" "$T/d1.pem"
command_send '{"commands":[{"command":"getStatus"}]}' >/dev/null
tls_of d1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m the-end
until_true 10 grep -q the-end "$T/spy" || fail "the listener does not even hear what it may"
equal "$(grep -cv '^some/topic\|^\$SYS' "$T/spy")" 0
cert_check "$T/d1.pem" "$T/d1.key" d1

step "77 two sessions of one device: one renewal, each gets its answers"
renew d1 "$T/d1.csr" "$T/d1-a.pem" -i session-a
renew d1 "$T/d1.csr" "$T/d1-b.pem" -i session-b
cmp "$T/d1-a.pem" "$T/d1-b.pem"
cmp "$T/d1-a.pem" "$T/d1.pem"
issued d1 1

step "69 last year's request"
cp "$T/d1.pem" "$T/pki/d1.pem"; cp "$T/d1.key" "$T/pki/d1.key"
csr_make "$T/next" d1
tls_of d1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m confirmed
answer=$(ask d1 "$CSR1")
contains "$answer" '"errorCode":"'
issued d1 1

step "nobody else noticed"
! grep -q . "$T/victim.heard" || fail "the victim heard: $(cat "$T/victim.heard")"
world_end
