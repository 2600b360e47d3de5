# renewalctl's commands of trust against a real broker: a delivery of devices from a file, an interruption of it, tokens, OCSP
# responses and CRLs that openssl takes.
. "$(dirname "$0")/lib.sh"
: "${CR_RENEWALCTL:?the program to test}"
world_make
need openssl
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$T/factory.key" -out "$T/factory.pem" \
  -days 30 -subj /CN=Works -addext keyUsage=critical,keyCertSign 2>/dev/null
PLUGIN_EXTRA="factory_cafile $T/factory.pem
factory_name works
factory_enroll list
enroll_tokens true"
broker_start

export HOME=$T XDG_CONFIG_HOME=$T/config
mkdir -p "$XDG_CONFIG_HOME"
cat >"$XDG_CONFIG_HOME/renewalctl" <<CONF
host 127.0.0.1
port $PORT
cafile $T/pki/root.pem
cert $T/pki/operator-1.pem
key $T/pki/operator-1.key
timeout $((10 * SLOW))
CONF

# expect CODE ARGUMENT…: runs it; $out and $err are what it said.
expect() {
  local code=$1 rc=0; shift
  "$CR_RENEWALCTL" "$@" >"$T/out" 2>"$T/err" || rc=$?
  out=$(<"$T/out") err=$(<"$T/err")
  [[ $rc == "$code" ]] || fail "renewalctl $*: exit $rc, not $code: $out $err"
}
store_connected() { "$CR_RENEWALCTL" --json status | grep -q '"connected":[[:space:]]*true'; }
until_true 20 store_connected || fail "the store does not connect"

step "one device is allowed, seen, and no longer"
expect 0 enroll meter-1 --factory works --tag lab
equal "$out" "meter-1: may enroll, from factory works"
expect 0 device meter-1
contains "$out" "enrollment    allowed at "
contains "$out" "from factory works"
expect 0 forbid meter-1
expect 1 forbid meter-1
contains "$err" "(wrong-state)"
expect 1 enroll meter-1 --factory nowhere
contains "$err" "No factory of this name"

step "a wrong file changes nothing"
printf 'device,factory\nmeter-2,works\nmeter 3,works\nmeter-2,works\n' >"$T/wrong.csv"
expect 2 enroll --csv "$T/wrong.csv"
contains "$err" "wrong.csv, line 3: a device's id is"
contains "$err" "wrong.csv, line 4: meter-2 is there twice, first in line 2"
expect 1 device meter-2

step "a delivery from a file, again, and from a pipe"
COUNT=2000
{ echo device,tags; seq -f 'unit-%g,"lab;eu"' "$COUNT"; } >"$T/delivery.csv"
expect 0 enroll --csv "$T/delivery.csv" --factory works
equal "$out" "enrolled $COUNT, refused 0"
equal "$err" ""
expect 0 device "unit-$COUNT"
contains "$out" "eu lab"
expect 0 enroll --csv "$T/delivery.csv" --factory works
equal "$out" "enrolled $COUNT, refused 0"
rc=0; seq -f 'pipe-%g' 150 | "$CR_RENEWALCTL" --json enroll --csv - >"$T/out" || rc=$?
equal "$rc" 0
contains "$(<"$T/out")" '"enrolled":150}'

step "an interruption says how far it came, and it can be repeated"
{ echo device; seq -f 'many-%g' 200000; } >"$T/many.csv"
"$CR_RENEWALCTL" enroll --csv "$T/many.csv" >"$T/out" 2>"$T/err" &
MANY_PID=$!
OTHER_PIDS+=("$MANY_PID")
begun() { "$CR_RENEWALCTL" device many-300 >/dev/null 2>&1; }
until_true 10 begun || fail "nothing is enrolled"
kill -INT "$MANY_PID"
rc=0; wait "$MANY_PID" || rc=$?
equal "$rc" 130
contains "$(<"$T/err")" "interrupted; "
contains "$(<"$T/err")" " of 200000 devices are enrolled"
contains "$(<"$T/err")" "run it again: what is done stays done"

step "a broker that goes meanwhile is told, too"
"$CR_RENEWALCTL" enroll --csv "$T/many.csv" >"$T/out" 2>"$T/err" &
MANY_PID=$!
OTHER_PIDS+=("$MANY_PID")
far() { "$CR_RENEWALCTL" device many-3000 >/dev/null 2>&1; }
until_true 20 far || fail "nothing more is enrolled"
broker_kill
rc=0; wait "$MANY_PID" || rc=$?
equal "$rc" 3
contains "$(<"$T/err")" " of 200000 devices are enrolled"
broker_start
until_true 20 store_connected || fail "the store does not connect"

step "a token"
expect 0 token meter-9 --expires 2h
contains "$out" "user name     enroll:meter-9"
contains "$out" "mosquitto_rr -h 127.0.0.1 "
expect 0 --json token meter-9
contains "$out" '"token"'

step "OCSP responses and CRLs are what openssl takes"
pki_device meter-17 -1 89
tls_of meter-17
mosquitto_pub "${TLS[@]}" -t some/topic -m hello
known() { "$CR_RENEWALCTL" device meter-17; }
until_true 10 known || fail "the device is not noted"
expect 0 ocsp meter-17 --out "$T/meter-17.ocsp"
contains "$out" "status        good"
openssl ocsp -respin "$T/meter-17.ocsp" -issuer "$T/pki/issuer.pem" -cert "$T/pki/meter-17.pem" -CAfile "$T/pki/chain.pem" \
  -no_nonce >"$T/ocsp.out" 2>&1 || fail "openssl ocsp: $(<"$T/ocsp.out")"
contains "$(<"$T/ocsp.out")" "Response verify OK"
ISSUER=$(openssl x509 -in "$T/pki/issuer.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-16)
a_crl() { "$CR_RENEWALCTL" --timeout 1 crl "$ISSUER"; }
until_true 20 a_crl || fail "no CRL"
expect 0 crl "$ISSUER" --pem --out "$T/issuer.crl"
contains "$out" "entries       0"
openssl crl -in "$T/issuer.crl" -noout -CAfile "$T/pki/issuer.pem" -verify 2>"$T/verify.out" || fail "openssl crl -verify"
expect 3 --timeout 1 crl 0123456789abcdef
contains "$err" "no CRL of this issuer came in time"

step "issuers, who has a certificate of which, and one that is needed"
expect 0 issuers
contains "$out" "$ISSUER  own"
contains "$out" "factory works"
expect 0 census
contains "$out" "$ISSUER  1 "
expect 2 retire "$ISSUER"
expect 1 retire "$ISSUER" --yes
contains "$err" "(issuer-in-use)"
expect 1 restore-issuer "$ISSUER"
contains "$err" "(wrong-state)"

step "a trust bundle"
expect 0 trust show
contains "$out" "no trust bundle"
expect 2 trust set "$T/pki/meter-17.pem" --yes
contains "$err" "is no certificate of a CA"
expect 1 trust set "$T/factory.pem" --yes
contains "$err" "(policy-not-allowed)"
expect 0 trust set "$T/pki/root.pem" --yes
contains "$out" "has version 1"
expect 0 trust show
contains "$out" "version       1, added to what devices trust"
contains "$out" "unconfirmed   1"
expect 0 devices --trust-before 1 --all
contains "$out" "meter-17"

step "what is revoked is locked out, listed, in the CRL, and let in again"
expect 2 revoke meter-17
expect 1 revoke nobody --yes
contains "$err" "(unknown-device)"
expect 0 revoke meter-17 --reason keyCompromise --comment 'case 4711' --yes
contains "$out" "meter-17: revoked (keyCompromise), 1 certificate"
expect 0 device meter-17
contains "$out" "revoked: keyCompromise, at "
expect 0 devices --revoked --all
contains "$out" "revoked: keyCompromise"
expect 0 revoked --all
contains "$out" "keyCompromise"
contains "$out" "meter-17"
in_crl() { "$CR_RENEWALCTL" crl "$ISSUER" | grep -q '^entries  *1$'; }
until_true 20 in_crl || fail "it is not in the CRL"
expect 0 ocsp meter-17
contains "$out" "status        revoked"
printf 'meter-17\nnobody\n' >"$T/list"
expect 1 revoke --list "$T/list" --yes
contains "$out" "nobody   2     unknown-device"
contains "$out" "refused 1"
expect 0 revoke --id-prefix meter-17 --yes
contains "$out" "revoked 1 devices"
expect 0 revoke --serial 0a0b --issuer "$ISSUER" --yes
contains "$out" "certificate 0a0b of issuer $ISSUER: revoked (unspecified)"
expect 0 release meter-17
