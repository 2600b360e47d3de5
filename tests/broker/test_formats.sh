# DER and JSON as well as PEM, with mosquitto_pub and mosquitto_sub: an answer has the form of its request; over MQTT 5 it
# says what it is and whose it is.
. "$(dirname "$0")/lib.sh"
world_start

has_one() { [[ $(certificates_of "$1") == 1 ]]; }
# exchange DEVICE FILE ANSWER: publishes the file, then waits for the certificate that waits for the device.
exchange() {
  tls_of "$1"
  mosquitto_pub "${TLS[@]}" -q 1 -t "$(topic_of "$1" csr)" -f "$2"
  until_true 10 has_one "$1" || fail "no certificate was issued to $1"
  mosquitto_sub "${TLS[@]}" -N -q 1 -C 1 -W $((10 * SLOW)) -t "$(topic_of "$1" certificate)" >"$3"
}

step "DER: the certificates one after another"
pki_device der-1
csr_make "$T/der" der-1
openssl req -in "$T/der.csr" -outform DER -out "$T/der.bin"
exchange der-1 "$T/der.bin" "$T/der.answer"
openssl x509 -inform DER -in "$T/der.answer" -out "$T/der.leaf.pem"
len=$(openssl x509 -in "$T/der.leaf.pem" -outform DER | wc -c)
tail -c +$((len + 1)) "$T/der.answer" >"$T/der.rest"
openssl x509 -inform DER -in "$T/der.rest" -out "$T/der.issuer.pem"
equal "$(wc -c <"$T/der.rest")" "$(openssl x509 -in "$T/der.issuer.pem" -outform DER | wc -c)"
cat "$T/der.leaf.pem" "$T/der.issuer.pem" >"$T/der.pem"
cert_check "$T/der.pem" "$T/der.key" der-1

# The value of a JSON string, and its \n undone.
json_text() { grep -o "\"$2\":\"[^\"]*\"" "$1" | head -n 1 | sed 's/^"[^"]*":"//; s/"$//'; }

step "JSON with PEM in it"
pki_device json-1
csr_make "$T/json" json-1
printf '{"csr":"%s","requestId":"req-0815"}' "$(awk '{ printf "%s\\n", $0 }' "$T/json.csr")" >"$T/json.request"
tls_of json-1
contains "$(ask json-1 "$(cat "$T/json.request")")" '"requestId":"req-0815"'
exchange json-1 "$T/json.request" "$T/json.answer"
printf '%b' "$(sed 's/.*"certificates":\["//; s/",".*//; s/"\].*//' "$T/json.answer")" >"$T/json.leaf.pem"
printf '%b' "$(sed 's/.*"certificates":\[".*","//; s/"\].*//' "$T/json.answer")" >"$T/json.issuer.pem"
cat "$T/json.leaf.pem" "$T/json.issuer.pem" >"$T/json.pem"
cert_check "$T/json.pem" "$T/json.key" json-1
equal "$(json_text "$T/json.answer" serialNumber)" "$(serial_of "$T/json.leaf.pem")"
equal "$(certificates_of json-1)" 1

step "JSON with base64 of DER in it"
pki_device json-2
csr_make "$T/json2" json-2
printf '{"csr":"%s"}' "$(openssl req -in "$T/json2.csr" -outform DER | base64 -w 0)" >"$T/json2.request"
exchange json-2 "$T/json2.request" "$T/json2.answer"
printf '%b' "$(sed 's/.*"certificates":\["//; s/",".*//; s/"\].*//' "$T/json2.answer")" >"$T/json2.leaf.pem"
equal "$(openssl x509 -in "$T/json2.leaf.pem" -noout -pubkey)" "$(openssl pkey -in "$T/json2.key" -pubout)"

step "MQTT 5: correlation data, content type, expiry, renewal id and serial"
pki_device five-1
csr_make "$T/five" five-1
renew five-1 "$T/five.csr" "$T/five.json" -V 5 -F %j -D publish correlation-data tag-1
for word in '"correlation-data":"tag-1"' '"content-type":"' '"message-expiry-interval":' renewal-id serial; do
  contains "$(cat "$T/five.json")" "$word"
done

step "what is none of them"
pki_device none-1 # one that no certificate waits for, which would be offered first
refused_with malformed-request none-1 "hello"
refused_with malformed-json none-1 '{"csr":7}'
refused_with malformed-pem none-1 '-----BEGIN CERTIFICATE REQUEST-----'
world_end
