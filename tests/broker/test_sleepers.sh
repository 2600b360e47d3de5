# Pending work finds a device however it appears: a clean session that only subscribes, one that only publishes, a persistent
# one that resumes and stays silent. Who slept through several triggers sees one.
. "$(dirname "$0")/lib.sh"
world_start
record() { command_send "{\"commands\":[{\"command\":\"getDevice\",\"device\":\"$1\"}]}"; }
record_says() { contains "$(record "$1")" "$2"; }
becomes() { until_true 10 record_says "$@" || fail "getDevice $1 does not say $2 but: $(record "$1")"; }
trigger() { command_send "{\"commands\":[{\"command\":\"triggerRenewal\",\"device\":\"$1\"}]}" >/dev/null; }

# awake DEVICE OUT CLEAN [SUBSCRIBE]: a connection with the device's name as client id, byte by byte; it is told nothing more.
awake() {
  local flags=02; [[ $3 == clean ]] || flags=00
  raw_open "$1" "$2"
  raw_send "$(packet 10 "$(hex_text MQTT)04${flags}003c$(hex_text "$1")")"
  until_true 10 test -s "$2" || fail "no CONNACK for $1"
}
asleep() { # DISCONNECT
  raw_send e000
  raw_close
}
left() { (($(grep -cE "Client $1 .*(disconnected|closed its connection)" "$T/broker.log") >= $2)); }
gone() { until_true 10 left "$1" "$2" || fail "$1 is still there"; } # DEVICE TIMES
heard() { count_hex "$2" "$(printf %s "$(topic_of "$1" "$3")" | hex_of)"; }
hears_one() { [[ $(heard "$1" "$2" "$3") == 1 ]]; }
acknowledge() { raw_send 4002"$(hex_len16 "$1")"; } # PUBACK

for device in subscriber publisher silent; do pki_device "$device" -1 89; done # not due

step "known to the plugin, then asleep; meanwhile triggered"
for device in subscriber publisher; do
  tls_of "$device"
  mosquitto_pub "${TLS[@]}" -i "$device" -q 1 -t some/topic -m here
  becomes "$device" '"state":"quiet"'
  trigger "$device"
  becomes "$device" '"state":"triggered"'
done

step "a clean session that only subscribes, to something else"
tls_of subscriber
awake subscriber "$T/subscriber.out" clean
raw_send "$(packet 82 "0001$(hex_text some/other)00")"
until_true 10 hears_one subscriber "$T/subscriber.out" renew || fail "the subscriber was not triggered"
asleep

step "a clean session that only publishes, at QoS 0"
awake publisher "$T/publisher.out" clean
raw_send "$(packet_publish 0 some/topic '' "$(printf x | hex_of)")"
until_true 10 hears_one publisher "$T/publisher.out" renew || fail "the publisher was not triggered"
asleep

step "a persistent session that sleeps through five triggers sees one"
awake silent "$T/silent-1.out" persistent
raw_send "$(packet_publish 0 some/topic '' "$(printf x | hex_of)")"
becomes silent '"state":"quiet"'
asleep
gone silent 1
for _ in 1 2 3 4 5; do trigger silent; done
becomes silent '"attempt":5'
awake silent "$T/silent-2.out" persistent # and not a word more
until_true 10 hears_one silent "$T/silent-2.out" renew || fail "the silent one was not triggered"
acknowledge 1
becomes silent '"state":"triggered"'
trigger silent # a connection that is noticed: the next attempt finds it at once
heard_both() { [[ $(heard silent "$T/silent-2.out" renew) == 2 ]]; }
until_true 10 heard_both || fail "it was not noticed by what was delivered to it"
equal "$(heard silent "$T/silent-2.out" renew)" 2
acknowledge 2

step "triggered behind its back: a silent resumption is told all the same"
asleep
gone silent 2
broker_stop
broker_start # nothing in memory any more: the session is gone, too
awake silent "$T/silent-3.out" persistent
raw_send "$(packet_publish 0 some/topic '' "$(printf x | hex_of)")"
until_true 10 hears_one silent "$T/silent-3.out" renew || fail "no trigger after the restart"
acknowledge 1
asleep
gone silent 3
awake silent "$T/silent-4.out" persistent # silent again
until_true 10 hears_one silent "$T/silent-4.out" renew || fail "a silent resumption was not told what is outstanding"
asleep

step "MQTT 5 without a session expiry: nothing is kept, whatever was asked for; it is told when it is back"
awake5() { # DEVICE OUT
  raw_open "$1" "$2"
  raw_send "$(packet 10 "$(hex_text MQTT)0500003c00$(hex_text "$1")")"
  until_true 10 test -s "$2" || fail "no CONNACK for $1"
  raw_send "$(packet 82 "000100$(hex_text some/other)00")"
}
pki_device forgetful -1 89
awake5 forgetful "$T/forgetful-1.out"
becomes forgetful '"state":"quiet"'
asleep
gone forgetful 1
trigger forgetful
becomes forgetful '"state":"triggered"'
awake5 forgetful "$T/forgetful-2.out"
until_true 10 hears_one forgetful "$T/forgetful-2.out" renew || fail "its trigger was taken for delivered"
asleep
world_end
