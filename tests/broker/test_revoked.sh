# Hostile 98: what is revoked is off within a second, on every broker, and cannot come back: not with a new connection, nor
# with a resumed TLS session, where the broker looks at no certificate at all. Everybody else stays.
. "$(dirname "$0")/lib.sh"
# With user names from certificates the broker asks nobody about a login: then the first packet is the last.
BROKER_EXTRA="${USERNAMES:+use_identity_as_username true}"
world_start
. "$(dirname "$0")/two.sh"
second_start

trap '' PIPE # who is closed may not wait for what we still say
now_ms() { echo $(($(date +%s%N) / 1000000)); }
one() { command_send "{\"commands\":[$1]}"; }

# tls NAME VERSION OUT [OPTION…]: a TLS connection as raw_open, whose greeting is in OUT, too.
tls() {
  local name=$1 version=$2 out=$3; shift 3
  rm -f "$T/raw.fifo"; mkfifo "$T/raw.fifo"
  openssl s_client -nocommands -"$version" "$@" -connect "127.0.0.1:$PORT" -CAfile "$T/pki/root.pem" \
    -cert "$T/pki/$name.pem" -key "$T/pki/$name.key" <"$T/raw.fifo" >"$out" 2>&1 &
  RAW_PID=$!
  OTHER_PIDS+=("$RAW_PID")
  exec {RAW_FD}>"$T/raw.fifo"
}
accepted() { [[ $(count_hex "$1" 20020000) != 0 ]]; }
refused() { [[ $(count_hex "$1" 20020005) != 0 ]]; }
gone_raw() { ! kill -0 "$RAW_PID" 2>/dev/null; }
subscribe_packet() { packet 82 "0001$(hex_text some/topic)00"; }

pki_device meter-1 -1 300
pki_device meter-2 -1 300
for n in 1 2 3; do pki_device "batch-$n" -1 300; done

step "sessions that can be resumed, and are"
for version in tls1_2 tls1_3; do
  on 1 tls meter-1 "$version" "$T/first.$version" -sess_out "$T/session.$version"
  raw_send "$(packet_connect "resume-$version")"
  until_true 10 accepted "$T/first.$version" || fail "the device cannot connect"
  until_true 10 test -s "$T/session.$version" || fail "no session to be resumed ($version)"
  raw_send e000
  raw_close
  on 1 tls meter-1 "$version" "$T/second.$version" -sess_in "$T/session.$version"
  raw_send "$(packet_connect "resume-$version")"
  until_true 10 accepted "$T/second.$version" || fail "the device cannot connect again"
  grep -q '^Reused, TLS' "$T/second.$version" || fail "the session was not resumed: this test would say nothing"
  raw_send e000
  raw_close
done

step "a device that is revoked is off within a second, on both brokers"
LISTEN_OPTIONS=()
on 1 listen "$T/m1" meter-1 some/topic; here=listener-$LISTENERS
on 2 listen "$T/m1b" meter-1 some/topic; there=listener-$LISTENERS
on 1 listen "$T/m2" meter-2 some/topic; stays=$LISTENER_PID
on 2 listen "$T/m2b" meter-2 some/topic; stays2=$LISTENER_PID
known() { [[ $(one '{"command":"getDevice","device":"meter-1"}') == *'"serialNumber"'* ]]; }
until_true 10 known || fail "meter-1 is not known"
PORT=${PORTS[1]}
off() { log_has "client $here of device meter-1 is disconnected: its certificate was revoked" &&
        log_has "client $there of device meter-1 is disconnected: its certificate was revoked"; }
begin=$(now_ms)
answer=$(one '{"command":"revokeDevice","device":"meter-1","reason":"keyCompromise","comment":"stolen from its pole"}')
contains "$answer" '"reason":"keyCompromise"'
contains "$answer" '"revoked":1'
until_true 10 off || fail "meter-1 is still connected"
took=$(($(now_ms) - begin))
echo "   off on both after $took ms, the command's own connection included"
((took < 1000 * SLOW)) || fail "that took $took ms"

step "and it does not come back"
# may_publish N NAME: whether it got in. Where it cannot be refused at CONNECT, 3.1.1 is told that all is well, and the
# message is dropped: those who listen at the end would have heard it.
may_publish() {
  local rc=0
  on "$1" eval 'tls_of $2; timeout 10 mosquitto_pub "${TLS[@]}" -V mqttv311 -q 1 -t some/topic -m from-revoked' 2>"$T/refused" || rc=$?
  ((rc == 0)) && [[ -z ${USERNAMES-} ]]
}
for broker in 1 2; do
  ! may_publish "$broker" meter-1 || fail "broker $broker let it in"
done
for version in tls1_2 tls1_3; do
  on 1 tls meter-1 "$version" "$T/third.$version" -sess_in "$T/session.$version"
  begin=$(now_ms)
  raw_send "$(packet_connect "resume-$version")$(subscribe_packet)"
  until_true 10 gone_raw || fail "a resumed session stays ($version)"
  took=$(($(now_ms) - begin))
  ((took < 1000 * SLOW)) || fail "a resumed session stayed for $took ms"
  grep -q '^Reused, TLS' "$T/third.$version" || fail "the session was not resumed: this test would say nothing"
  if [[ -z ${USERNAMES-} ]]; then
    refused "$T/third.$version" || fail "it was not refused at CONNECT ($version)"
  fi
  raw_close
done
kill -0 "$stays" && kill -0 "$stays2" || fail "another device was disconnected"
for broker in 1 2; do
  on "$broker" eval 'tls_of operator-1; mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m "still-$broker"'
done
until_true 10 grep -q still-1 "$T/m2" || fail "meter-2 hears nothing any more"
until_true 10 grep -q still-2 "$T/m2b" || fail "meter-2 hears nothing any more"
! grep -q still "$T/m1" "$T/m1b" || fail "a revoked device was sent something"

step "what operators see of it"
answer=$(one '{"command":"getDevice","device":"meter-1"}')
contains "$answer" '"held":true'
contains "$answer" '"revoked":{"reason":"keyCompromise"'
answer=$(one '{"command":"listRevoked"}')
contains "$answer" "\"serialNumber\":\"$(serial_of "$T/pki/meter-1.pem")\""
contains "$answer" '"device":"meter-1","reason":"keyCompromise"'
status_tells() { contains "$(one '{"command":"getStatus"}')" '"revoked":{"entries":1,"issuers":0,'; }
until_true 10 status_tells || fail "getStatus does not count it"
contains "$(one '{"command":"triggerRenewal","device":"meter-1"}')" '"errorCode":"revoked"'
contains "$(cat "$T"/journal*/*.jsonl)" '"what":"revoked"'
contains "$(cat "$T"/journal*/*.jsonl)" 'operator:operator-1'

step "released, with a new key and certificate"
contains "$(one '{"command":"releaseDevice","device":"meter-1"}')" '"slots":["operational"]'
! may_publish 1 meter-1 || fail "the revoked certificate is good again"
pki_device meter-1 -1 301
tls_of meter-1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m x || fail "its new certificate is refused"

step "a batch"
for n in 1 2 3; do on 2 listen "$T/b$n" "batch-$n" some/topic; done
all_known() { [[ $(one '{"command":"listDevices","filter":{"idPrefix":"batch-"}}') == *batch-1*batch-2*batch-3* || $(one '{"command":"listDevices","filter":{"idPrefix":"batch-"}}' | grep -o 'batch-[123]' | sort -u | wc -l) == 3 ]]; }
until_true 10 all_known || fail "the batch is not known"
contains "$(one '{"command":"revokeDevices","filter":{}}')" '"errorCode":"malformed-json"'
answer=$(one '{"command":"revokeDevices","filter":{"idPrefix":"batch-"},"reason":"cessationOfOperation"}')
contains "$answer" '"revoked":3,"devices":3,"refused":[]'
batch_off() { for n in 1 2 3; do log_has "of device batch-$n is disconnected: its certificate was revoked" || return 1; done; }
until_true 10 batch_off || fail "the batch is still connected"

step "one certificate, by its number, and the operator's own"
issuer=$(one '{"command":"listRevoked","limit":1}' | grep -o '"issuer":"[0-9a-f]*"' | head -n 1 | cut -d'"' -f4)
(cd "$T/pki" && pki_sign operator-2 operator-2 issuer device -1 300)
contains "$(one "{\"command\":\"revokeCertificate\",\"serialNumber\":\"$(serial_of "$T/pki/operator-2.pem")\",\"issuer\":\"$issuer\"}")" '"reason":"unspecified"'
! may_publish 1 operator-2 || fail "its certificate is good"

step "the issuer"
contains "$(one "{\"command\":\"revokeIssuer\",\"issuer\":\"$issuer\"}")" '"errorCode":"issuer-in-use"'
contains "$(one '{"command":"revokeIssuer","issuer":"0123456789abcdef"}')" '"errorCode":"unknown-issuer"'
one "{\"command\":\"revokeIssuer\",\"issuer\":\"$issuer\",\"reason\":\"cACompromise\",\"force\":true}" >/dev/null || true
all_off() { ! kill -0 "$stays" 2>/dev/null && ! kill -0 "$stays2" 2>/dev/null; }
until_true 10 all_off || fail "devices of a revoked issuer are still connected"
! may_publish 2 meter-2 || fail "a device of a revoked issuer is let in"
! grep -q from-revoked "$T"/m1 "$T"/m1b "$T"/m2 "$T"/m2b "$T"/b? || fail "somebody heard a revoked device"
broker_stop
step "passed"
