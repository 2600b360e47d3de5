# The issuing CA changes while devices are connected: a second issuer by SIGHUP, renewals signed by it, the census, the old one
# given up when nobody needs it any more, and refused from then on. The trust bundle reaches a device, and its report counts.
. "$(dirname "$0")/lib.sh"
world_make
(cd "$T/pki" && pki_ca issuer2 "Test Issuing CA 2" root && cat issuer2.pem root.pem >chain2.pem && cat issuer2.pem >>devices-ca.pem)
for i in 1 2 3 4 5; do pki_device "d$i"; done
broker_start

id_of() { openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-16; }
old=$(id_of "$T/pki/issuer.pem") new=$(id_of "$T/pki/issuer2.pem")
appear() { tls_of "$1"; mosquitto_pub "${TLS[@]}" -q 1 -t "$(topic_of "$1" get)" -m '{}' 2>>"$T/client.log"; }
order() { command_send '{"commands":[{"command":'"$1"'}]}'; }
live_is() { # ISSUER NUMBER
  [[ $(order '"census"' | grep -o "\"issuer\":\"$1\"[^}]*\"live\":[0-9]*" | grep -o '[0-9]*$') == "$2" ]]
}
for i in 1 2 3 4 5; do appear "d$i"; done

step "the one that signs cannot be given up"
until_true 10 live_is "$old" 5 || fail "the census: $(order '"census"')"
answer=$(order '"retireIssuer","issuer":"'"$old"'","force":true')
contains "$answer" '"errorCode":"issuer-in-use"'
contains "$answer" "It signs now"

step "a second issuer, and the operator gets a certificate of it"
PLUGIN_EXTRA="issuer_certfile $T/pki/chain2.pem"$'\n'"issuer_keyfile $T/pki/issuer2.key"
plugin_conf
kill -HUP "$BROKER_PID"
expect_log "configuration read again"
(cd "$T/pki" && pki_sign operator-1 operator-1 issuer2 device -1 89)
until_true 10 live_is "$old" 5 || fail "the census: $(order '"census"')"
contains "$(order '"listIssuers"')" "\"issuer\":\"$new\",\"subject\":\"CN=Test Issuing CA 2\""

step "while devices need it the old one stays, and they are named"
answer=$(order '"retireIssuer","issuer":"'"$old"'"')
contains "$answer" '"errorCode":"issuer-in-use"'
contains "$answer" '"live":5'
contains "$answer" '"d5"'

step "renewals are signed by the new one"
for i in 1 2 3 4; do
  csr_make "$T/d$i" "d$i"
  renew "d$i" "$T/d$i.csr" "$T/d$i.pem"
  cert_check "$T/d$i.pem" "$T/d$i.key" "d$i"
  openssl verify -partial_chain -trusted "$T/pki/issuer2.pem" "$T/d$i.pem" >/dev/null || fail "d$i was signed by another"
  cp "$T/d$i.pem" "$T/d$i.key" "$T/pki/"
  appear "d$i"
done
until_true 10 live_is "$old" 1 || fail "the census: $(order '"census"')"
answer=$(order '"retireIssuer","issuer":"'"$old"'"')
contains "$answer" '"live":1,"devices":["d5"]'

step "the trust bundle reaches a device, and its report counts"
listen "$T/trust" d1 "$(topic_of d1 trust ca)"
pem=$(awk '{ printf "%s\\n", $0 }' "$T/pki/root.pem")
contains "$(order '"setTrustBundle","certificates":"'"$(awk '{ printf "%s\\n", $0 }' "$T/pki/server.pem")"'"')" "is not a CA's"
contains "$(order '"setTrustBundle","certificates":"'"$pem"'"')" '"version":1'
until_true 10 grep -q '"version":1,"mode":"add","certificates":\["-----BEGIN' "$T/trust" || fail "no bundle: $(cat "$T/trust")"
contains "$(order '"getTrustBundle","count":true')" '"confirmed":0'
tls_of d1
mosquitto_pub "${TLS[@]}" -q 1 -t "$(topic_of d1 report ca)" -m '{"version":1,"outcome":"installed"}'
confirmed() { [[ $(order '"getTrustBundle","count":true') == *'"confirmed":1'* ]]; }
until_true 10 confirmed || fail "it does not count: $(order '"getTrustBundle","count":true')"

step "its signature is the issuer's, as openssl sees it"
tail -n 1 "$T/trust" | cut -d' ' -f2- >"$T/trust.json"
grep -o '"signature":"[^"]*"' "$T/trust.json" | cut -d'"' -f4 | openssl base64 -d -A >"$T/trust.sig"
{
  printf 'mosquitto-cert-renewal trust bundle v1\0\0\0\0\0\0\0\0\1\0'
  openssl x509 -in "$T/pki/root.pem" -outform DER -out "$T/root.der"
  printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' 0 0 $(($(stat -c %s "$T/root.der") / 256)) $(($(stat -c %s "$T/root.der") % 256)))"
  cat "$T/root.der"
} >"$T/trust.tbs"
openssl x509 -in "$T/pki/issuer2.pem" -noout -pubkey >"$T/issuer2.pub"
openssl dgst -sha256 -verify "$T/issuer2.pub" -signature "$T/trust.sig" "$T/trust.tbs" >/dev/null || fail "the signature is not right"

step "forced, the old one goes, and who still has its certificate is out within a second"
listen "$T/left" d5 "$(topic_of d5 renew)"
contains "$(order '"retireIssuer","issuer":"'"$old"'","force":true')" '"live":1'
closed() { grep -q 'd5.*untrusted-issuer\|untrusted-issuer.*d5' "$T/broker.log"; }
until_true 2 closed || fail "the connection of d5 stands"
answer=$(ask d5 '{}' get -W 1 || true)
[[ -z $answer ]] || fail "d5 was answered: $answer"
contains "$(order '"listIssuers"')" '"state":"retired"'
contains "$(order '"retireIssuer","issuer":"'"$old"'"')" '"errorCode":"wrong-state"'

step "who moved is served as before"
appear d2
contains "$(order '"getDevice","device":"d2"')" "\"issuer\":\"$new\""
world_end
