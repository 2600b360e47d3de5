# The inventory: a few dozen simulated devices, listed by filters and page by page, by admins and viewers; renewals asked of
# several, and of all that a filter finds; and what the inventory says when they have renewed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
: "${CR_DEVICE_SIM:?the simulator}"
need mosquitto mosquitto_rr mosquitto_pub openssl

fleet=$T/fleet
PLUGIN_EXTRA=$'admin_identity operator\nviewer_identity watcher'
"$CR_DEVICE_SIM" pki --dir "$fleet" --quiet --count 24 || fail "device-sim pki"
"$CR_DEVICE_SIM" pki --dir "$fleet" --quiet --count 6 --name-prefix old- --age 7000000 || fail "device-sim pki, older ones"
"$CR_DEVICE_SIM" pki --dir "$fleet" --quiet --name watcher || fail "device-sim pki, a viewer"
pki_of_fleet "$fleet"
cp "$fleet/devices/watcher/cert.pem" "$T/pki/watcher.pem"
cp "$fleet/devices/watcher/key.pem" "$T/pki/watcher.key"
rm -r "$fleet/devices/watcher"
redis_start
broker_start

# answer COMMAND [FIELDS [NAME]]: the answer to one command.
answer() { command_send "{\"commands\":[{\"command\":\"$1\"${2:+,$2}}]}" "${3:-operator-1}"; }
rows_in() { grep -o '"device":"[^"]*"' <<<"$1" | wc -l; }
rows_of() { rows_in "$(answer listDevices "\"limit\":100,\"filter\":{${1-}}")"; }
cursor_in() { sed -n 's/.*"cursor":"\([^"]*\)".*/\1/p' <<<"$1"; }

step "a fleet that appeared"
equal "$(rows_of)" 0
for dir in "$fleet"/devices/*/; do
  name=$(basename "$dir")
  tls_of "$name" "$dir/cert.pem" "$dir/key.pem"
  mosquitto_pub "${TLS[@]}" -i "$name" -t some/topic -m here || fail "$name cannot connect"
done
all_there() { (($(rows_of) == 30)); }
until_true 20 all_there || fail "$(rows_of) devices instead of 30"

step "rows and filters"
row=$(answer listDevices '"filter":{"idPrefix":"meter-00007"}')
contains "$row" '"device":"meter-00007"'
contains "$row" '"broker":"broker-under-test"'
contains "$row" "\"serialNumber\":\"$(serial_of "$fleet/devices/meter-00007/cert.pem")\""
contains "$row" '"state":"quiet","held":false'
contains "$(answer getDevice '"device":"meter-00007"')" '"broker":"broker-under-test"'
equal "$(rows_of '"idPrefix":"meter-"')" 24
equal "$(rows_of '"idPrefix":"meter-0001"')" 10
equal "$(rows_of '"expiresWithin":"30d"')" 6
equal "$(rows_of '"state":"triggered"')" 6 # they were due when they appeared
equal "$(rows_of '"state":"triggered","idPrefix":"meter-"')" 0
equal "$(rows_of '"state":"held"')" 0
equal "$(rows_of '"notSeenFor":"1h"')" 0
equal "$(rows_of '"slot":"operational"')" 30
equal "$(rows_of '"tag":"lab"')" 0
issuer=$(sed -n 's/.*"issuer":"\([0-9a-f]*\)".*/\1/p' <<<"$row")
equal "$(rows_of "\"issuer\":\"$issuer\"")" 30
equal "$(rows_of '"issuer":"0000000000000000"')" 0

step "page by page"
: >"$T/names"
cursor='' pages=0
while :; do
  page=$(answer listDevices "\"limit\":7${cursor:+,\"cursor\":\"$cursor\"}")
  grep -o '"device":"[^"]*"' <<<"$page" >>"$T/names" || true
  cursor=$(cursor_in "$page")
  ((++pages < 40)) || fail "the pages do not end"
  [[ -n $cursor ]] || break
done
equal "$(wc -l <"$T/names")" 30
equal "$(sort -u "$T/names" | wc -l)" 30
((pages >= 5)) || fail "$pages pages of 7"

step "a viewer looks, and does no more; what is not there is an error"
equal "$(rows_in "$(answer listDevices '"limit":5' watcher)")" 5
contains "$(answer triggerRenewal '"filter":{}' watcher)" '"errorCode":"not-authorised"'
contains "$(answer listDevices '"cursor":"../.."')" '"errorCode":"unknown-cursor"'
contains "$(answer listDevices '"cursor":"9999:0:"')" '"errorCode":"unknown-cursor"'
contains "$(answer listDevices '"filter":{"slot":"nope"}')" '"errorCode":"unknown-slot"'
contains "$(answer listDevices '"filter":{"colour":"red"}')" '"errorCode":"malformed-json"'
contains "$(answer listDevices '"limit":101')" '\"limit\" must be a whole number from 1 to 100'

step "several are triggered at once"
done=$(answer triggerRenewal '"devices":["meter-00001","meter-00002","nobody"],"reason":"policy"')
contains "$done" '"triggered":2,"delivered":0,"refused":[{"device":"nobody","slot":"operational","errorCode":"unknown-device"}]'
equal "$(rows_of '"state":"triggered","idPrefix":"meter-"')" 2

step "and all that a filter finds, page by page"
triggered=0 cursor=''
while :; do
  page=$(answer triggerRenewal "\"filter\":{\"state\":\"quiet\"},\"limit\":10,\"reason\":\"ca-rotation\"${cursor:+,\"cursor\":\"$cursor\"}")
  contains "$page" '"refused":[]'
  triggered=$((triggered + $(sed -n 's/.*"triggered":\([0-9]*\).*/\1/p' <<<"$page")))
  cursor=$(cursor_in "$page")
  [[ -n $cursor ]] || break
done
equal "$triggered" 22
equal "$(rows_of '"state":"triggered"')" 30

step "they renew, and the inventory says so"
"$CR_DEVICE_SIM" run --dir "$fleet" --broker "127.0.0.1:$PORT" --no-fsync --timeout $((60 * SLOW)) --count 24 \
  --json "$T/figures" >"$T/table" || { cat "$T/table" >&2; fail "device-sim run"; }
renewed() { (($(rows_of '"state":"quiet","idPrefix":"meter-"') == 24)); }
until_true 20 renewed || fail "$(rows_of '"state":"quiet","idPrefix":"meter-"') of 24 renewed"
row=$(answer listDevices '"filter":{"idPrefix":"meter-00002"}')
contains "$row" '"generation":1'
contains "$row" '"lastRenewal":"'
contains "$row" '"superseded":{'
grep -q '"what":"triggered".*"device":"meter-00002".*policy' "$T"/journal/*.jsonl || fail "the audit log does not say why"
grep -q '"what":"operator".*triggerRenewal' "$T"/journal/*.jsonl || fail "the audit log does not have the command"
world_end
