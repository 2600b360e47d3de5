# The journal as evidence: renewals and refusals over several files, with a kill -9 and an orderly stop between;
# `renewalctl audit verify` and openssl find it whole, and find what is done to it. What only an older file knows is put back.
. "$(dirname "$0")/lib.sh"
: "${CR_RENEWALCTL:?renewalctl}"
: "${CR_LEDGER_CHECK:?the program that compares journal, Redis and certificates}"
PLUGIN_EXTRA=$'journal_max_size 64K\nrate_device 1000000\nrate_device_burst 1000'
world_start

archives() { find "$T/journal" -name 'journal-*.jsonl' | wc -l; }
verify() {
  local -a issuers=(--issuer "$T/pki/issuer.pem")
  [[ ! -e $T/pki/issuer2.pem ]] || issuers+=(--issuer "$T/pki/issuer2.pem")
  "$CR_RENEWALCTL" audit verify "${issuers[@]}" "$@" "$T"/journal/*.jsonl
}
# Enough refused requests for another file.
fill() {
  local goal=$(($(archives) + 1))
  tls_of d1
  more() { printf '{\n%.0s' {1..100} | mosquitto_pub "${TLS[@]}" -q 1 -l -t "$(topic_of d1 csr)" && (($(archives) >= goal)); }
  until_true 60 more || fail "the journal does not begin a new file"
}
renewed() { # DEVICE
  pki_device "$1"
  csr_make "$T/$1" "$1"
  renew "$1" "$T/$1.csr" "$T/$1.pem" && grep -q 'END CERT' "$T/$1.pem" || fail "$1 was not renewed"
}

step "two files are set aside"
renewed d1
fill
renewed d2
fill
expect_log "The journal goes on in a new file"

step "what Redis loses is put back from a file that was set aside, also while the broker runs"
redis FLUSHALL >/dev/null
back() { renew d1 "$T/d1.csr" "$T/again.pem" && cmp -s "$T/d1.pem" "$T/again.pem"; }
until_true 20 back || fail "d1 does not get its certificate again"
equal "$(certificates_of d1)" 1
verify >"$T/report" || { cat "$T/report" >&2; fail "a running broker's journal is not in order"; }

step "kill -9, and on"
broker_kill
verify >"$T/report" || { cat "$T/report" >&2; fail "what a killed broker leaves is not in order"; }
broker_start
renewed d3
fill

step "an orderly stop ends with a checkpoint"
broker_stop
step "another issuer, from SIGHUP on, signs what follows"
broker_start
cd "$T/pki" && pki_ca issuer2 "Second Issuing CA" root && cd - >/dev/null
cat "$T/pki/issuer2.pem" "$T/pki/root.pem" >"$T/pki/chain2.pem"
cat "$T/pki/issuer.pem" >"$T/pki/former.pem"
sed -i "s#^issuer_certfile.*#issuer_certfile $T/pki/chain2.pem#; s#^issuer_keyfile.*#issuer_keyfile $T/pki/issuer2.key#" "$T/plugin.conf"
echo "trusted_cafile $T/pki/former.pem" | cat - "$T/plugin.conf" >"$T/plugin.new" && mv "$T/plugin.new" "$T/plugin.conf"
kill -HUP "$BROKER_PID"
expect_log "configuration read again"
renewed d4
fill
broker_stop
rc=0; "$CR_RENEWALCTL" audit verify --issuer "$T/pki/issuer.pem" "$T"/journal/*.jsonl >"$T/report" || rc=$?
equal "$rc" 1
contains "$(cat "$T/report")" "whose certificate was not given"
last=$(tail -n 1 "$T/journal/journal.jsonl")
contains "$last" '"what":"checkpoint"'
verify >"$T/report" || { cat "$T/report" >&2; fail "not in order"; }
cat "$T/report"
contains "$(cat "$T/report")" "Nothing is wrong up to line"
contains "$(verify --json)" "\"sha256\":	\"$(printf %s "$last" | sha256sum | cut -c 1-64)\""
"$CR_LEDGER_CHECK" "$T/journal/journal.jsonl" "$T/redis.sock" || fail "the ledger is not in order"

step "the stream in Redis knows a checkpoint by number and hash"
stream=$(redis XRANGE cr:audit - +)
line=$last
contains "$stream" "SHA-256 $(printf %s "$line" | sha256sum | cut -c 1-64)"

step "openssl alone verifies a checkpoint, as the header says"
{ printf 'mosquitto-cert-renewal journal checkpoint 1\0'; printf %s "${last%,\"signature\":*}"; } >"$T/signed"
s=${last##*:\"}; printf %s "${s%\"\}}" | base64 -d >"$T/signature"
openssl x509 -in "$T/pki/issuer2.pem" -noout -pubkey >"$T/issuer.pub"
openssl dgst -sha256 -verify "$T/issuer.pub" -signature "$T/signature" "$T/signed"

# tampered WORDS: the report of a tampered journal has these words, and the exit code is 1; then it is put back.
cp -r "$T/journal" "$T/kept"
tampered() {
  local rc=0
  verify >"$T/report" || rc=$?
  equal "$rc" 1
  contains "$(cat "$T/report")" "$1"
  rm -r "$T/journal" && cp -r "$T/kept" "$T/journal"
}
step "what is done to it is found"
first=$(find "$T/journal" -name 'journal-*.jsonl' | sort | head -n 1)
second=$(find "$T/journal" -name 'journal-*.jsonl' | sort | sed -n 2p)
sed -i '25s/refused/granted/' "$first"; tampered "line 25 was changed"
sed -i 7d "$first"; tampered "line 7 is missing"
sed -i '9{p}' "$first"; tampered "line 9 is there twice"
sed -i '11{h;d};12{G}' "$first"; tampered "line 11 stands behind line 12"
rm "$second"; tampered "a file before this one"
truncate -s -3 "$T/journal/journal.jsonl"; tampered "the file ends within a line"
openssl req -new -x509 -key "$T/pki/root.key" -subj /CN=other -days 1 -config "$T/pki/ca.conf" -extensions root -out "$T/other.pem"
rc=0; "$CR_RENEWALCTL" audit verify --issuer "$T/other.pem" "$T"/journal/*.jsonl >"$T/report" || rc=$?
equal "$rc" 1
contains "$(cat "$T/report")" "whose certificate was not given"

step "what the tampering of a file cannot hide from the next start"
sed -i '2s/"time":"2/"time":"3/' "$T/journal/journal.jsonl"
broker_start_refused "chain is broken"
rm -r "$T/journal" && mv "$T/kept" "$T/journal"

step "Redis loses everything: what only files that were set aside know is put back"
redis FLUSHALL >/dev/null
broker_start
for device in d1 d2 d3; do
  renew "$device" "$T/$device.csr" "$T/again.pem"
  cmp "$T/$device.pem" "$T/again.pem"
done

step "usage and files that are not there"
rc=0; "$CR_RENEWALCTL" audit verify 2>/dev/null || rc=$?; equal "$rc" 2
rc=0; "$CR_RENEWALCTL" audit verify "$T/nowhere.jsonl" 2>/dev/null || rc=$?; equal "$rc" 3
world_end
