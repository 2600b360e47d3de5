# Several certificates for one device, each by its slot's own policy. Those that are not for the connection are confirmed by the
# device's report.
. "$(dirname "$0")/lib.sh"
SLOT_EXTRA='slot data
lifetime 30d
lifetime_jitter 0%
key_types RSA
key_usage digitalSignature keyEncipherment
ext_key_usage serverAuth
subject_attribute O Example
slot ota
lifetime 1d
lifetime_jitter 0%
ext_key_usage codeSigning
san_dns true'
world_start
pki_device d1 -1 89

# slot_renew SLOT CSR ANSWER: as renew, in another slot.
slot_renew() {
  tls_of d1
  mosquitto_rr "${TLS[@]}" -W $((10 * SLOW)) -t "$(topic_of d1 csr "$1")" -e "$(topic_of d1 certificate "$1")" \
    -m "$(cat "$2")" >"$3" 2>>"$T/client.log"
}
slot_is() { # SLOT PYTHONIC PART…: what getDevice says of it has every part
  local slot=$1 record part; shift
  record=$(command_send '{"commands":[{"command":"getDevice","device":"d1"}]}')
  record=${record#*"\"slot\":\"$slot\""}
  record=${record%%'"slot":'*}
  for part; do [[ $record == *"$part"* ]] || return 1; done
}
says() { openssl x509 -in "$1" -noout -text; }
lifetime_s() { # PEM
  local from to
  from=$(date -d "$(openssl x509 -in "$1" -noout -startdate | cut -d= -f2)" +%s)
  to=$(date -d "$(openssl x509 -in "$1" -noout -enddate | cut -d= -f2)" +%s)
  echo $((to - from))
}

step "data: RSA, a server's"
openssl req -new -newkey rsa:2048 -nodes -keyout "$T/data.key" -subj /CN=d1 -out "$T/data.csr" 2>/dev/null
slot_renew data "$T/data.csr" "$T/data.pem"
cert_check "$T/data.pem" "$T/data.key" d1
contains "$(says "$T/data.pem")" "TLS Web Server Authentication"
contains "$(says "$T/data.pem")" "Digital Signature, Key Encipherment"
contains "$(openssl x509 -in "$T/data.pem" -noout -subject -nameopt RFC2253)" "CN=d1,O=Example"
equal "$(lifetime_s "$T/data.pem")" $((30 * 86400 + 300))

step "ota: EC, for code, with the name it asked for"
openssl ecparam -name prime256v1 -genkey -noout -out "$T/ota.key"
openssl req -new -key "$T/ota.key" -subj /CN=d1 -addext subjectAltName=DNS:d1 -out "$T/ota.csr"
slot_renew ota "$T/ota.csr" "$T/ota.pem"
cert_check "$T/ota.pem" "$T/ota.key" d1
contains "$(says "$T/ota.pem")" "Code Signing"
contains "$(says "$T/ota.pem")" "DNS:d1"
equal "$(lifetime_s "$T/ota.pem")" $((86400 + 300))

step "what one slot takes another refuses; a slot that is none"
slot_refuses() { # CODE SLOT CSR
  local answer
  tls_of d1
  answer=$(mosquitto_rr "${TLS[@]}" -V mqttv311 -q 1 -W $((10 * SLOW)) -t "$(topic_of d1 csr "$2")" \
    -e "$(topic_of d1 rejected "$2")" -m "$(cat "$3")" 2>>"$T/client.log")
  contains "$answer" "\"errorCode\":\"$1\""
}
csr_make "$T/ec" d1
openssl req -new -newkey rsa:2048 -nodes -keyout "$T/rsa.key" -subj /CN=d1 -out "$T/rsa.csr" 2>/dev/null
slot_refuses key-not-allowed ota "$T/rsa.csr"
slot_refuses unknown-slot video "$T/ec.csr"
openssl req -new -key "$T/ota.key" -subj /CN=d1 -out "$T/reused.csr"
slot_refuses key-reused operational "$T/reused.csr"
slot_refuses too-early operational "$T/ec.csr"

step "a report confirms them, and only the one it is about"
slot_is data '"state":"issued"' || fail "data is not issued"
id=$(command_send '{"commands":[{"command":"getDevice","device":"d1"}]}' | tr '{' '\n' |
  grep -A4 '"slot":"data"' | sed -n 's/.*"renewalId":"\([^"]*\)".*/\1/p' | head -n 1)
tls_of d1
mosquitto_pub "${TLS[@]}" -q 1 -t "$(topic_of d1 report data)" -m "{\"renewalId\":\"$id\",\"outcome\":\"installed\"}"
data_confirmed() { slot_is data '"state":"quiet"' '"generation":1' "$(serial_of "$T/data.pem")"; }
until_true 10 data_confirmed || fail "not confirmed: $(command_send '{"commands":[{"command":"getDevice","device":"d1"}]}')"
slot_is ota '"state":"issued"' || fail "ota was confirmed too"
slot_is operational '"generation":0' || fail "operational was confirmed too"

step "an operator triggers one of them; the device gets it when it appears, and what waits in the others"
contains "$(command_send '{"commands":[{"command":"triggerRenewal","device":"d1","slot":"data"}]}')" '"renewalId"'
listen "$T/heard" d1 "$PREFIX/d1/+/renew"
heard() { grep -q "^$(topic_of d1 renew data | sed 's/[$]/[$]/') .*\"reason\":\"operator\"" "$T/heard" &&
  grep -q "^$(topic_of d1 certificate ota | sed 's/[$]/[$]/') " "$T/heard"; }
until_true 10 heard || fail "it hears only: $(cut -c1-300 "$T/heard")"
contains "$(grep "renew" "$T/heard")" '"keyAlgorithms":["RSA'
world_end
