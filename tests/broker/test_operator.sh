# The operator channel, by mosquitto_rr: triggerRenewal, getDevice, getStatus; who may; each command of a batch answered; bad
# input (81-87) answered, never a disconnect; a trigger reaches the device, live and later.
. "$(dirname "$0")/lib.sh"
world_make
pki_device viewer-1
PLUGIN_EXTRA="viewer_identity viewer-1"
BROKER_EXTRA="max_packet_size 20000000" # 2.1 takes no more than two megabytes by itself
broker_start
pki_device d1 -1 89
tls_of d1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m here
STATUS='{"commands":[{"command":"getStatus"}]}'
known() { [[ $(command_send '{"commands":[{"command":"getDevice","device":"d1"}]}') == *'"serial'* ]]; }
until_true 10 known || fail "d1 is not known"

step "status, over MQTT 5 and 3.1.1, with correlation data of both kinds"
contains "$(command_send "$STATUS")" '"broker":"broker-under-test"'
contains "$(command_send "$STATUS" operator-1 mqttv311)" '"broker":"broker-under-test"'
contains "$(command_send '{"commands":[{"command":"getStatus","correlationData":"abc"}]}')" '"correlationData":"abc"'
tls_of operator-1
contains "$(mosquitto_rr "${TLS[@]}" -W 10 -t "$CONTROL" -e "$CONTROL/response" -m "$STATUS" -F %J \
  -D publish correlation-data xyz)" '"correlation-data":"xyz"'

step "a viewer may look, not touch; others neither"
contains "$(command_send "$STATUS" viewer-1)" '"uptime"'
contains "$(command_send '{"commands":[{"command":"triggerRenewal","device":"d1"}]}' viewer-1)" '"errorCode":"not-authorised"'
answer=$(command_send "$STATUS" d1 || true)
[[ $answer != *uptime* ]] || fail "a device is an operator"
# 87: also who cannot even subscribe to the answer gets it, since it comes straight; and it is a denial
tls_of d1
answer=$(mosquitto_rr "${TLS[@]}" -V mqttv311 -q 1 -W 10 -t "$CONTROL" -e some/topic -m "$STATUS" 2>&1 || true)
contains "$answer" '"errorCode":"not-authorised"'

step "a batch: every command is answered, also behind a bad one"
answer=$(command_send '{"commands":[{"command":"nonsense"},{"command":"getDevice","device":"nobody"},{"command":"getStatus"}]}')
contains "$answer" '"errorCode":"malformed-command"'
contains "$answer" '"errorCode":"unknown-device"'
contains "$answer" '"uptime"'

step "81, 82, 84, 86 bad input"
deep=$(printf '[%.0s' $(seq 2000))
for text in x '{}' '[]' 'null' '{"commands":{}}' '{"commands":"x"}' '{"commands":[1]}' '{"commands":[{}]}' \
  '{"commands":[{"command":7}]}' '{"commands":[{"command":"getDevice"}]}' '{"commands":[{"command":"getDevice","device":7}]}' \
  '{"commands":[{"command":"getStatus","colour":1}]}' '{"commands":[{"command":"getStatus","command":"getStatus"}]}' \
  '{"commands":[{"command":"getDevice","device":"../d1"}]}' '{"commands":[{"command":"getDevice","device":"*"}]}' \
  '{"commands":[{"command":"getStatus","correlationData":1e999}]}' '{"commands":[{"command":"getStatus"}]} x' "{\"commands\":$deep"; do
  answer=$(command_send "$text") || fail "no answer to ${text:0:60}"
  contains "$answer" '"error'
done
tls_of operator-1
answer=$(mosquitto_rr "${TLS[@]}" -q 1 -W 10 -t "$CONTROL" -e "$CONTROL/response" -m '')
contains "$answer" '"error'

step "85 a hundred thousand commands, 84 ten megabytes"
printf '{"commands":[%s{"command":"getStatus"}]}' "$(printf '{"command":"getStatus"},%.0s' $(seq 100000))" >"$T/many.json"
listen "$T/answers" operator-1 "$CONTROL/response"
mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$CONTROL" -f "$T/many.json"
head -c 10000000 /dev/zero | tr '\0' ' ' >"$T/large.json"
mosquitto_pub "${TLS[@]}" -V 5 -q 1 -t "$CONTROL" -f "$T/large.json"
contains "$(command_send "$STATUS")" '"uptime"'

step "a trigger reaches a device that is there, without its having subscribed"
tls_of d1
mosquitto_rr "${TLS[@]}" -V mqttv311 -i d1-live -W $((20 * SLOW)) -t some/topic -e some/other -m x -F '%t %p' >"$T/live" 2>>"$T/client.log" &
waiting=$!
OTHER_PIDS+=("$waiting")
until_true 10 log_has "Sending SUBACK to d1-live" || fail "d1 does not connect"
answer=$(command_send '{"commands":[{"command":"triggerRenewal","device":"d1"}]}')
contains "$answer" '"renewalId"'
until_true 10 pid_gone "$waiting" || fail "no trigger arrived"
contains "$(cat "$T/live")" "$(topic_of d1 renew)"
contains "$(cat "$T/live")" '"reason":"operator"'
id=$(grep -o '"renewalId":"[^"]*"' "$T/live")

step "and again at its next appearance, and in answer to get, until it is answered"
tls_of d1
contains "$(mosquitto_sub "${TLS[@]}" -C 1 -W $((10 * SLOW)) -t "$(topic_of d1 renew)")" "$id"
contains "$(ask d1 '' get)" "$id"
csr_make "$T/new" d1
renew d1 "$T/new.csr" "$T/new.pem"
cert_check "$T/new.pem" "$T/new.key" d1

step "report, and what is not under way"
mosquitto_pub "${TLS[@]}" -q 1 -t "$(topic_of d1 report)" -m "{$id,\"outcome\":\"failed\",\"reason\":\"flash worn out\"}"
again() { [[ $(command_send '{"commands":[{"command":"getDevice","device":"d1"}]}') == *'"attempt":2'* ]]; }
until_true 10 again || fail "a failed renewal is not tried again: $(command_send '{"commands":[{"command":"getDevice","device":"d1"}]}')"
pki_device d2 -1 89 # nothing is due for it that could come before the answer
refused_with unknown-renewal d2 '{"renewalId":"00000000-0000-4000-8000-000000000000","outcome":"installed"}' report

step "events wait for an operator that is away; a client id alone reads none of them"
gateway() { tls_of "$1"; mosquitto_sub "${TLS[@]}" -V mqttv311 -i gateway -c -q 1 -t "$CONTROL/event/#" "${@:2}" 2>>"$T/client.log" || true; }
listen "$T/events" operator-1 "$CONTROL/event/campaign"
campaigns_over() { (($(grep -c '"event":"done"' "$T/events") == $1)); }
campaign_pass() { # COUNT: an empty campaign, which is over at once; so many were
  contains "$(command_send '{"commands":[{"command":"createCampaign","filter":{"tag":"nobody"}}]}')" '"state":"counting"'
  until_true 15 campaigns_over "$1" || fail "no event of the campaign's end: $(cat "$T/events")"
}
gateway viewer-1 -E
campaign_pass 1
answer=$(gateway viewer-1 -C 2 -W $((5 * SLOW)))
contains "$answer" '"event":"started"'
contains "$answer" '"event":"done"'
campaign_pass 2
equal "$(gateway d2 -W 1)" ""
campaign_pass 3
equal "$(gateway viewer-1 -W 1)" ""
world_end
