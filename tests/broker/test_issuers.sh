# A second issuer takes over at its moment, while the broker runs: devices of both are recognised, each certificate comes with
# the chain of its own issuer, and the journal is verified with both.
. "$(dirname "$0")/lib.sh"
: "${CR_RENEWALCTL:?renewalctl}"
SLOT_EXTRA="request_timing any"
world_make
(cd "$T/pki" && pki_ca second "Second Issuing CA" root && cat second.pem root.pem >second-chain.pem &&
  cat issuer.pem second.pem root.pem >devices-ca.pem)
pki_device d1
pki_device d2
id_of() { openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform der | sha256sum | cut -c1-16; }
FIRST=$(id_of "$T/pki/issuer.pem") SECOND=$(id_of "$T/pki/second.pem")

# second_from TIME: the configuration with the second issuer from then on.
second_from() {
  PLUGIN_EXTRA="issuer_certfile $T/pki/second-chain.pem
issuer_keyfile $T/pki/second.key
issuer_sign_from $1"
}
issued_by() { # PEM CN
  contains "$(openssl x509 -in "$1" -noout -issuer -nameopt RFC2253)" "CN=$2"
  openssl crl2pkcs7 -nocrl -certfile "$1" | openssl pkcs7 -print_certs -noout | sed 's/ = /=/g' >"$T/certs"
  contains "$(cat "$T/certs")" "subject=CN=$2"
}
signs() { # ID: getStatus says so
  command_send '{"commands":[{"command":"getStatus"}]}' >"$T/status.json"
  grep -q "\"issuer\":\"$1\",[^}]*\"signing\":true" "$T/status.json"
}

step "one that is to come does not sign"
second_from "$(date -u -d 'now + 1 day' +%Y-%m-%dT%H:%M:%SZ)"
broker_start
signs "$FIRST" || fail "the first does not sign: $(cat "$T/status.json")"
contains "$(cat "$T/status.json")" '"signFrom":"'
csr_make "$T/n1" d1
renew d1 "$T/n1.csr" "$T/n1.pem"
cert_check "$T/n1.pem" "$T/n1.key" d1
issued_by "$T/n1.pem" "Test Issuing CA"

step "at its moment it signs, without anybody's doing"
second_from "$(date -u -d 'now + 3 seconds' +%Y-%m-%dT%H:%M:%SZ)"
plugin_conf
kill -HUP "$BROKER_PID"
expect_log "configuration read again"
until_true 15 signs "$SECOND" || fail "the second does not sign: $(cat "$T/status.json")"
csr_make "$T/n2" d2
renew d2 "$T/n2.csr" "$T/n2.pem"
cert_check "$T/n2.pem" "$T/n2.key" d2
issued_by "$T/n2.pem" "Second Issuing CA"

step "devices of both come back and renew again"
for n in 1 2; do
  cp "$T/n$n.pem" "$T/pki/d$n.pem"
  cp "$T/n$n.key" "$T/pki/d$n.key"
  csr_make "$T/m$n" "d$n"
  renew "d$n" "$T/m$n.csr" "$T/m$n.pem"
  cert_check "$T/m$n.pem" "$T/m$n.key" "d$n"
  issued_by "$T/m$n.pem" "Second Issuing CA"
done

step "the journal's checkpoints name their issuer"
broker_stop
second_from "$(date -u -d 'now + 1 day' +%Y-%m-%dT%H:%M:%SZ)"
broker_start
broker_stop
journal=("$T"/journal/*.jsonl)
grep '"what":"checkpoint"' "${journal[@]}" >"$T/checkpoints"
contains "$(cat "$T/checkpoints")" "\"issuer\":\"$FIRST\""
contains "$(cat "$T/checkpoints")" "\"issuer\":\"$SECOND\""
"$CR_RENEWALCTL" audit verify --issuer "$T/pki/issuer.pem" --issuer "$T/pki/second.pem" "${journal[@]}" ||
  fail "the journal does not verify"
if "$CR_RENEWALCTL" audit verify --issuer "$T/pki/root.pem" "${journal[@]}" >/dev/null; then
  fail "the journal verifies with the certificate of somebody else"
fi
world_end
