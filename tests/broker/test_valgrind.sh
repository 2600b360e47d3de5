# The broker under valgrind, with the plugin at work: no errors in it, nothing of it lost at the end.
. "$(dirname "$0")/lib.sh"
need valgrind
if [[ ${#BROKER_ENV[@]} -gt 0 ]]; then skip "the plugin is built with a sanitizer, which does the same"; fi
SLOW=20
BROKER_WRAP=(valgrind --tool=memcheck --leak-check=full --show-leak-kinds=definite,indirect,possible --num-callers=30
  --log-file="$T/valgrind.log" --error-exitcode=0)
PLUGIN_EXTRA='redis_timeout 10s'
SLOT_EXTRA='request_timing any'
world_start

step "all that the plugin does"
for i in 1 2 3; do
  pki_device "d$i"
  csr_make "$T/d$i" "d$i"
  renew "d$i" "$T/d$i.csr" "$T/d$i.pem"
  cert_check "$T/d$i.pem" "$T/d$i.key" "d$i"
done
tls_of d1 "$T/d1.pem" "$T/d1.key"
mosquitto_pub "${TLS[@]}" -q 2 -t some/topic -m hello
pki_device d4
refused_with malformed-request d4 "hello"
refused_with malformed-json d4 '{"csr":7,"requestId":"abcd"}'
contains "$(command_send '{"commands":[{"command":"getStatus"},{"command":"getDevice","device":"d1"},{"command":"triggerRenewal","device":"d3"},{"command":"x"}]}')" '"uptime"'
tls_of d3
contains "$(mosquitto_sub "${TLS[@]}" -C 1 -W $((10 * SLOW)) -t "$(topic_of d3 certificate)")" BEGIN # it still waits for it
mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$(topic_of d1 csr)" -m x -D publish user-property a b || true
kill -HUP "$BROKER_PID"
expect_log "configuration read again"
echo "nonsense" >>"$T/plugin.conf"
refused_again() { # a broker that is not through with one SIGHUP forgets the next
  kill -HUP "$BROKER_PID"
  until_true 1 log_has "the configuration stays as it was"
}
refused_again || refused_again || refused_again || fail "the mistake in the configuration was not noticed"

step "with requests under way when it ends, and Redis gone"
redis_kill
csr_make "$T/late" d2
renew d2 "$T/late.csr" "$T/late.pem" || true
listen "$T/live" d2 some/topic
broker_stop
# Ours is every report with a frame in our file, or in a source that valgrind can name (the broker has none on the machine).
ours=$(awk '
  function judge() { if (block ~ /Invalid|ninitialised|Mismatched|lost in loss record/ && block ~ /\.c:[0-9]+\)|mosquitto_cert_renewal/) print block }
  /^==[0-9]+== *$/ { judge(); block = ""; next }
  { block = block "\n" $0 }
  END { judge() }' "$T/valgrind.log")
[[ -z $ours ]] || fail "valgrind found:$ours"
grep -q 'ERROR SUMMARY' "$T/valgrind.log" || fail "valgrind did not come to its end"
step "passed"
