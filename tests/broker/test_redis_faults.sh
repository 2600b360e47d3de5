# Redis down, stopped, read-only, full, busy, without the scripts, behind a password: the broker goes on, nothing is issued,
# the device is told when to come back, and everything recovers by itself (90, 92, 93).
. "$(dirname "$0")/lib.sh"
world_make
PLUGIN_EXTRA=$'redis_timeout 500ms\nretry_after 7s\nrate_device 100000\nrate_device_burst 1000'
broker_start
DEVICES=0
next_device() { device=d$((++DEVICES)); pki_device "$device"; csr_make "$T/$device" "$device"; }

# The broker and everybody else: a publication goes through at once, if not when the machine is busy with other things.
unharmed() {
  local before took_ms try
  tls_of "$device"
  for try in 1 2 3 4 5; do
    before=$EPOCHREALTIME
    mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t some/topic -m unharmed || fail "the broker does not take a publication"
    took_ms=$(((${EPOCHREALTIME/./} - ${before/./}) / 1000))
    ((took_ms >= 400 * SLOW)) || return 0
  done
  fail "publications take $took_ms ms and the like, $try times"
}

refused_now() {
  local answer
  answer=$(ask "$device" "$(cat "$T/$device.csr")") || return 1
  [[ $answer == *'"errorCode":"store-unavailable"'* && $answer == *'"retryAfter":'* && $answer == *'"statusCode":503'* ]]
}

# during WHAT: what must be so while the fault lasts.
during() {
  step "$1"
  until_true 10 refused_now || fail "$1: no store-unavailable with retryAfter but: $(ask "$device" "$(cat "$T/$device.csr")")"
  refused_now || fail "$1: not refused the second time"
  unharmed
}

# after WHAT: it recovers by itself, and there is one certificate.
issued_now() { renew "$device" "$T/$device.csr" "$T/$device.pem" && grep -q BEGIN "$T/$device.pem"; }
after() {
  until_true 20 issued_now || fail "$1: no recovery: $(cat "$T/$device.pem")"
  cert_check "$T/$device.pem" "$T/$device.key" "$device"
  renew "$device" "$T/$device.csr" "$T/again.pem"
  cmp "$T/$device.pem" "$T/again.pem"
  equal "$(certificates_of "$device")" 1
}

next_device
redis_kill
during "Redis is down"
redis_start
after "Redis is down"

next_device
kill -STOP "$REDIS_PID"
during "Redis does not answer"
kill -CONT "$REDIS_PID"
after "Redis does not answer"

next_device
redis replicaof 127.0.0.1 1 >/dev/null
during "Redis is read-only"
redis replicaof no one >/dev/null
after "Redis is read-only"

next_device
redis config set maxmemory 1 >/dev/null
during "Redis is full"
redis config set maxmemory 0 >/dev/null
after "Redis is full"

next_device
redis config set min-replicas-to-write 1 >/dev/null
during "too few replicas"
redis config set min-replicas-to-write 0 >/dev/null
after "too few replicas"

next_device
redis config set requirepass secret >/dev/null
redis -a secret client kill type normal >/dev/null 2>&1 || true
during "a password that we do not have"
redis -a secret config set requirepass '' >/dev/null 2>&1
after "a password that we do not have"

next_device
redis config set lua-time-limit 50 >/dev/null
redis eval 'while true do end' 0 >/dev/null 2>&1 &
OTHER_PIDS+=($!)
during "Redis is busy with a script"
until_true 20 redis script kill || fail "the script cannot be killed"
after "Redis is busy with a script"

step "the scripts are gone: nobody notices"
next_device
redis script flush >/dev/null
renew "$device" "$T/$device.csr" "$T/$device.pem"
cert_check "$T/$device.pem" "$T/$device.key" "$device"

step "Redis was away at start"
redis_stop
broker_stop
broker_start
next_device
during "Redis was away at start"
redis_start
after "Redis was away at start"
world_end
