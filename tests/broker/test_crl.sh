# CRLs: written for the broker's own crlfile, read by it at SIGHUP, so that TLS itself refuses what is revoked; published
# retained, also after a restart. What is revoked is put into Redis by hand.
. "$(dirname "$0")/lib.sh"
world_make
need openssl
mkdir "$T/crl"
PLUGIN_EXTRA="crl_file $T/crl/all.pem"$'\n'"crl_dir $T/crl"
ISSUER=$(openssl x509 -in "$T/pki/issuer.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-16)
TOPIC="\$SYS/broker/cert-renewal/crl/$ISSUER"
pki_device d1
pki_device d2

number_of() { echo $((16#$(openssl crl -inform DER -in "$1" -noout -crlnumber | sed 's/.*=//; s/^0x//'))); }
crl_number() { number_of "$T/crl/$ISSUER.crl"; }
crl_numbered() { [[ $(crl_number) == "$1" ]]; }
crl_has() { # FILE SERIAL, PEM
  openssl crl -in "$1" -noout -text | grep -qi "Serial Number: 0*$2"
}
revoke() { # DEVICE REASON
  local serial
  serial=$(serial_of "$T/pki/$1.pem" | sed 's/^0*//')
  ((${#serial} % 2 == 0)) || serial=0$serial
  redis hset "cr:{revoked}:of:$ISSUER" "$serial" "$2 $(date +%s) $(($(date +%s) + 864000)) $1" >/dev/null
  redis hset "cr:{revoked}:meta" "v:$ISSUER" "$(redis hincrby "cr:{revoked}:meta" version 1)" >/dev/null
}
# handshake DEVICE: TLS 1.2, where the client hears what the server thinks of it before it is done.
handshake() {
  openssl s_client -connect "127.0.0.1:$PORT" -tls1_2 -CAfile "$T/pki/root.pem" -cert "$T/pki/$1.pem" \
    -key "$T/pki/$1.key" </dev/null 2>&1 || true
}
retained() { # FILE: the published CRL, by a device that may do nothing else
  tls_of d2
  timeout 10 mosquitto_sub "${TLS[@]}" -t "$TOPIC" -C 1 -N >"$1"
}
published() { # NUMBER
  retained "$T/heard.crl" && [[ $(number_of "$T/heard.crl") == "$1" ]]
}

# ocsp DEVICE WHAT: the answer that operators get is signed, and says so.
ocsp() {
  local answer
  answer=$(command_send '{"commands":[{"command":"getOcspResponse","device":"'"$1"'"}]}')
  contains "$answer" '"status":"'"$2"'"'
  sed 's/.*"response":"\([^"]*\)".*/\1/' <<<"$answer" | base64 -d >"$T/$1.ocsp"
  openssl ocsp -respin "$T/$1.ocsp" -issuer "$T/pki/issuer.pem" -cert "$T/pki/$1.pem" -CAfile "$T/pki/chain.pem" \
    -no_nonce >"$T/ocsp.out" 2>&1 || { cat "$T/ocsp.out"; fail "openssl ocsp"; }
  contains "$(<"$T/ocsp.out")" "Response verify OK"
  contains "$(<"$T/ocsp.out")" ".pem: $2"
}

step "without anything revoked there is an empty CRL, in both files"
DEFAULT_ACCESS=defer # the plugin alone: what everybody defers is denied
broker_start
until_true 10 test -s "$T/crl/all.pem" || fail "no crl_file was written"
until_true 10 crl_numbered 1 || fail "no CRL number 1: $(crl_number)"
openssl crl -in "$T/crl/all.pem" -noout -CAfile "$T/pki/issuer.pem" -verify 2>"$T/verify.out" || fail "openssl crl -verify"
contains "$(<"$T/verify.out")" "verify OK"
contains "$(openssl crl -in "$T/crl/all.pem" -noout -text)" "No Revoked Certificates"

step "any client may read it, and nobody may write it"
until_true 10 published 1 || fail "it is not published"
broker_stop

step "a broker that reads it lets both devices in"
BROKER_EXTRA="crlfile $T/crl/all.pem"
broker_start
contains "$(handshake d1)" "Verify return code: 0"
[[ $(handshake d1) != *"alert"* ]] || fail "d1 is refused before it is revoked: $(handshake d1)"

step "the restart has published it again, the same"
until_true 10 published 1 || fail "it is not published after the restart"

step "OCSP: good, while nothing is revoked; of an unknown device or certificate nothing"
tls_of d1
mosquitto_pub "${TLS[@]}" -q 1 -t "$(topic_of d1 get)" -n
until_true 10 ocsp d1 good || ocsp d1 good
contains "$(command_send '{"commands":[{"command":"getOcspResponse","device":"d3"}]}')" '"errorCode":"unknown-device"'
contains "$(command_send '{"commands":[{"command":"getOcspResponse","device":"d1","serialNumber":"0abc"}]}')" \
  '"errorCode":"unknown-certificate"'

step "revoked: a new CRL, with the reason; after SIGHUP TLS itself refuses the device, and only that one"
revoke d1 1
until_true 10 crl_numbered 2 || fail "no CRL number 2"
until_true 10 crl_has "$T/crl/all.pem" "$(serial_of "$T/pki/d1.pem")" || fail "d1 is not in crl_file"
contains "$(openssl crl -in "$T/crl/all.pem" -noout -text)" "Key Compromise"
until_true 10 published 2 || fail "the new one is not published"
expect_log "CRL files were written"
kill -HUP "$BROKER_PID"
refused_by_tls() { [[ $(handshake d1) == *"alert certificate revoked"* ]]; }
until_true 10 refused_by_tls || fail "TLS lets a revoked device in: $(handshake d1)"
[[ $(handshake d2) != *"alert"* ]] || fail "d2 is refused as well"

step "OCSP: revoked, and why"
ocsp d1 revoked
contains "$(<"$T/ocsp.out")" "Reason: keyCompromise"

step "the audit log has a line for each"
contains "$(redis xrange cr:audit - +)" "issuer $ISSUER number 2 entries 1"

step "a directory that cannot be written: the files stay, and operators are told"
chmod 500 "$T/crl"
if [[ $(id -u) == 0 ]]; then
  chmod 700 "$T/crl"; mkdir "$T/crl/all.pem.broker-under-test.new" # for root: in the way of what is written beside it
fi
before=$(sha256sum <"$T/crl/all.pem")
revoke d2 0
expect_log "CRL files:"
equal "$(sha256sum <"$T/crl/all.pem")" "$before"
broker_stop
