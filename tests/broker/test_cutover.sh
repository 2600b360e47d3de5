# Who stays on the connection that it opened with its former certificate is sent the new one again, then disconnected; so is
# one whose certificate ends while it is connected.
. "$(dirname "$0")/lib.sh"
world_make
PLUGIN_EXTRA=$'cutover_ask 2s\ncutover_close 4s'
broker_start

# stay DEVICE OUT: a connection with the device's name as client id, byte by byte.
stay() {
  raw_open "$1" "$2"
  raw_send "$(packet 10 "$(hex_text MQTT)0402003c$(hex_text "$1")")"
  until_true 10 test -s "$2" || fail "no CONNACK for $1"
}
received() { (($(count_hex "$3" "$(printf %s "$(topic_of "$1" "$2")" | hex_of)") >= $4)); } # DEVICE VERB OUT TIMES
closed() { grep -q "Client $1 .*administrative action" "$T/broker.log"; }

step "a new certificate, and the connection of the old one"
pki_device lazy
csr_make "$T/lazy" lazy
stay lazy "$T/lazy.out"
raw_send "$(packet_publish 2 "$(topic_of lazy csr)" 0001 "$(hex_of <"$T/lazy.csr")")"
until_true 10 received lazy certificate "$T/lazy.out" 1 || fail "no certificate"
until_true 10 received lazy certificate "$T/lazy.out" 2 || fail "it was not sent again"
until_true 15 closed lazy || fail "the connection was not closed"
expect_log "client lazy of device lazy is disconnected: it has a new certificate"
raw_close

step "a certificate that ends while its device is connected"
(
  cd "$T/pki"
  pki_key short.key
  openssl req -new -key short.key -subj "/CN=short" -config ca.conf -out short.csr
  openssl ca -batch -notext -config ca.conf -cert issuer.pem -keyfile issuer.key -in short.csr -out short.pem -extensions device \
    -startdate "$(date -u -d 'now -1 days' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "now $((6 * SLOW)) seconds" +%Y%m%d%H%M%SZ)" \
    2>"$T/pki.out"
)
stay short "$T/short.out"
raw_send "$(packet_publish 0 some/topic '' 78)"
until_true 10 received short renew "$T/short.out" 1 || fail "it was not asked to renew"
until_true 90 closed short || fail "the connection outlives its certificate" # a minute after the trigger
expect_log "client short of device short is disconnected: its certificate has expired"
world_end
