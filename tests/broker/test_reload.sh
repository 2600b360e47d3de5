# SIGHUP reads the configuration again, the list of weak keys with it; one with a mistake changes nothing; what takes a
# restart is named. Other plugins and the acl_file go on working, and nobody is disconnected.
. "$(dirname "$0")/lib.sh"
world_make
echo "topic readwrite #" >"$T/acl"
BROKER_EXTRA="acl_file $T/acl" DEFAULT_ACCESS=defer
broker_start
pki_device d1
pki_device d2 -1 89
listen "$T/heard" d2 "some/topic"

step "outside its window a device is told to come later"
csr_make "$T/d2" d2
refused_with too-early d2 "$(cat "$T/d2.csr")"

step "a mistake: the former configuration stays"
echo "request_timing sometimes" >>"$T/plugin.conf"
kill -HUP "$BROKER_PID"
expect_log "request_timing must be one of window, any"
expect_log "plugin.conf: the configuration stays as it was"
refused_with too-early d2 "$(cat "$T/d2.csr")"

step "corrected: the new one counts"
SLOT_EXTRA="request_timing any" PLUGIN_EXTRA=$'workers 3\nredis_require_durable true'
plugin_conf
kill -HUP "$BROKER_PID"
expect_log "configuration read again"
expect_log "plugin.conf: workers is read at start only"
expect_log "plugin.conf: redis_require_durable is read at start only"
renew d2 "$T/d2.csr" "$T/d2.pem"
cert_check "$T/d2.pem" "$T/d2.key" d2

step "a list of weak keys: hostile 38, with the list as openssl and sha1sum make it"
pki_device d3
openssl genrsa -out "$T/d3.key" 2048 2>/dev/null
openssl req -new -key "$T/d3.key" -subj /CN=d3 -out "$T/d3.csr"
pki_device d4
csr_make "$T/d4" d4
{
  echo "# an RSA key and an EC key"
  openssl rsa -in "$T/d3.key" -noout -modulus | sha1sum | cut -c 21-40
  openssl pkey -in "$T/d4.key" -pubout -outform DER | sha1sum | cut -c 21-40
} >"$T/weak"
SLOT_EXTRA+=$'\nkey_types EC-P256 RSA' PLUGIN_EXTRA+=$'\n'"weak_keys_file $T/weak"
plugin_conf
: >"$T/broker.log"
kill -HUP "$BROKER_PID"
expect_log "configuration read again"
expect_log "keys refused by weak_keys_file: 2"
refused_with key-not-allowed d3 "$(cat "$T/d3.csr")"
refused_with key-not-allowed d4 "$(cat "$T/d4.csr")"

step "one with a mistake, or that is gone: the former list stays"
echo "not a fingerprint" >>"$T/weak"
: >"$T/broker.log"
kill -HUP "$BROKER_PID"
expect_log "weak_keys_file $T/weak:4: must be 20 lower-case hex digits"
expect_log "the configuration stays as it was"
refused_with key-not-allowed d3 "$(cat "$T/d3.csr")"
rm "$T/weak"
: >"$T/broker.log"
kill -HUP "$BROKER_PID"
expect_log "weak_keys_file $T/weak: No such file or directory"
expect_log "the configuration stays as it was"
refused_with key-not-allowed d3 "$(cat "$T/d3.csr")"

step "without this key on it, the same request is granted"
echo 00005890bc78bcbee3ca >"$T/weak"
: >"$T/broker.log"
kill -HUP "$BROKER_PID"
expect_log "configuration read again"
renew d3 "$T/d3.csr" "$T/d3.pem"
cert_check "$T/d3.pem" "$T/d3.key" d3

step "the broker's own reload happened as well, and connections stand"
echo "topic read nothing" >"$T/acl"
kill -HUP "$BROKER_PID"
denied() {
  tls_of d1
  mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t some/topic -m x 2>&1 | grep -qi 'not authorized'
}
until_true 10 denied || fail "the acl_file was not read again"
echo "topic readwrite #" >"$T/acl"
kill -HUP "$BROKER_PID"
heard() {
  tls_of d1
  mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m still-there
  grep -q still-there "$T/heard"
}
until_true 10 heard || fail "the subscriber was lost"
world_end
