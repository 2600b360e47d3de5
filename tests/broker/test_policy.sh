# Shared settings: setPolicy at one of two brokers takes effect at the other within seconds, survives restarts and SIGHUP; a
# bad one changes nothing; who changed what is in the audit log.
. "$(dirname "$0")/lib.sh"
PLUGIN_EXTRA='viewer_identity viewer-1'
SLOT_EXTRA=$'lifetime 90d\nlifetime_jitter 0%\nrequest_timing any'
world_start
pki_device viewer-1

. "$(dirname "$0")/two.sh"
set_policy() { command_send "{\"commands\":[{\"command\":\"setPolicy\",$1}]}" "${@:2}"; }
policy() { command_send '{"commands":[{"command":"getPolicy"}]}' "$@"; }
status_says() { contains "$(on "$1" command_send '{"commands":[{"command":"getStatus"}]}')" "$2"; }
reaches() { until_true $((8 * SLOW)) status_says "$1" "\"policyVersion\":$2" || fail "broker $1 does not hear of version $2"; }
# days PEM: how long the certificate is valid.
days() {
  local from to
  from=$(date -d "$(openssl x509 -in "$1" -noout -startdate | cut -d= -f2)" +%s)
  to=$(date -d "$(openssl x509 -in "$1" -noout -enddate | cut -d= -f2)" +%s)
  echo $(((to - from) / 86400))
}
certified_days() { # BROKER DEVICE: of a new certificate that this broker gives
  pki_device "$2"
  csr_make "$T/$2" "$2"
  on "$1" renew "$2" "$T/$2.csr" "$T/$2.pem"
  days "$T/$2.pem"
}
said() { cat "$T"/journal*/*.jsonl | grep '"what":"policy"' | grep -qF -- "$1"; }
LIFETIME='"slot":"operational","set":{"lifetime":"40d","renewal_window":"10d"}'

step "a second broker; nothing is shared yet"
second_start
contains "$(policy)" '"version":0,"settings":{'
contains "$(policy)" '"lifetime":{"value":"90d","source":"file"}'
equal "$(certified_days 2 meter-1)" 90

step "set at the first, in force at the second within seconds"
contains "$(set_policy "$LIFETIME")" '"version":1,"changed":"'
reaches 2 1
equal "$(certified_days 2 meter-2)" 40
equal "$(certified_days 1 meter-3)" 40
contains "$(on 2 policy)" '"lifetime":{"value":"40d","source":"shared"}'
contains "$(on 2 policy viewer-1)" '"version":1'

step "in the audit log: who, and what it was before"
until_true 20 said 'version 1: operational/lifetime: file -> 40d, operational/renewal_window: file -> 10d' ||
  fail "no line: $(cat "$T"/journal*/*.jsonl | grep policy)"
contains "$(redis XREVRANGE cr:audit + - COUNT 1000)" 'operational/lifetime: file -> 40d'

step "a bad one changes nothing, and says which field"
answer=$(on 2 set_policy '"slot":"operational","set":{"lifetime":"20d","renewal_window":"19d"}')
contains "$answer" '"errorCode":"policy-not-allowed"'
contains "$answer" '"field":"renewal_window"'
contains "$(on 2 set_policy '"slot":"operational","set":{"lifetime":"20d","key_types":"DSA"}')" '"field":"key_types"'
contains "$(on 2 set_policy '"set":{"redis":"127.0.0.1:1"}')" '"field":"redis"'
contains "$(on 2 set_policy '"set":{"trigger_rate":"9"},"version":7')" '"errorCode":"wrong-state"'
contains "$(set_policy '"set":{"trigger_rate":"9"}' viewer-1)" '"errorCode":"not-authorised"'
contains "$(on 2 policy)" '"version":1'
contains "$(on 2 policy)" '"lifetime":{"value":"40d","source":"shared"}'
status_says 1 '"policyVersion":1'

step "it survives a SIGHUP, a broker that is killed, and both"
kill -HUP "${PIDS[1]}"
expect_log "configuration read again"
equal "$(certified_days 1 meter-4)" 40
kill -KILL "${PIDS[2]}"; wait "${PIDS[2]}" 2>/dev/null || true
contains "$(set_policy '"slot":"operational","set":{"lifetime":"30d"},"version":1')" '"version":2'
launch 2
reaches 2 2
equal "$(certified_days 2 meter-5)" 30
kill -TERM "${PIDS[1]}" "${PIDS[2]}"; wait "${PIDS[1]}" "${PIDS[2]}" 2>/dev/null || true
launch 1
launch 2
reaches 1 2
equal "$(certified_days 1 meter-6)" 30

step "taken back, the file's value is in force again"
contains "$(on 2 set_policy '"slot":"operational","set":{"lifetime":null,"renewal_window":null}')" '"version":3'
reaches 1 3
equal "$(certified_days 1 meter-7)" 90
until_true 20 said 'version 3: operational/lifetime: 30d -> file' || fail "no line for version 3"

kill -TERM "${PIDS[1]}" "${PIDS[2]}"; wait "${PIDS[1]}" "${PIDS[2]}" 2>/dev/null || true
sanitizer_check
BROKER_PID=''
redis_stop
step "passed"
