# Beside acl_file: the plugin's topics need no rules there and cannot be opened there; everything else is as the file says.
. "$(dirname "$0")/lib.sh"
world_make
cat >"$T/acl" <<'ACL'
topic readwrite open/#
topic readwrite $identity/#
pattern readwrite %c/#
ACL
BROKER_EXTRA="acl_file $T/acl" DEFAULT_ACCESS=defer
broker_start
pki_device d1
pki_device d2

step "a device renews"
csr_make "$T/d1" d1
renew d1 "$T/d1.csr" "$T/d1.pem"
cert_check "$T/d1.pem" "$T/d1.key" d1

step "the file's own rules hold"
listen "$T/heard" d2 open/+ closed/+
tls_of d1
mosquitto_pub "${TLS[@]}" -q 1 -t open/a -m opened
mosquitto_pub "${TLS[@]}" -q 1 -t closed/a -m closed
mosquitto_pub "${TLS[@]}" -q 1 -t open/b -m last
until_true 10 grep -q last "$T/heard" || fail "open/# is not open"
grep -q opened "$T/heard" || fail "open/a was lost"
! grep -q closed "$T/heard" || fail "closed/a was delivered"

step "a rule for everybody does not open the plugin's topics"
csr_make "$T/evil" d1
tls_of d2
mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$(topic_of d1 csr)" -m "$(cat "$T/evil.csr")" 2>"$T/denied" || true
contains "$(cat "$T/denied")" "ot authorized"
world_end
