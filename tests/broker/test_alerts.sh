# Alerts and escalation, with short times: a device that does not answer is woken again and again, put on the field list, and
# its threshold raised, each event once; it is acknowledged, and renewal clears it. Another's certificate ends. On hold is no
# alert.
. "$(dirname "$0")/lib.sh"
world_make
pki_device viewer-1
PLUGIN_EXTRA="viewer_identity viewer-1
redis_buckets 1
retry_first 1s
retry_max 1s
trigger_expiry 1s
wake_after $((2 * SLOW))s
wake_retry 2s
wake_retry_max 1h
field_after 3s
field_before 3660d"
SLOT_EXTRA='alert_notice none
alert_warning 100d
alert_critical 50d, 1s'
broker_start
listen "$T/events" viewer-1 "$CONTROL/event/#"
events() { sed -n "s|^$CONTROL/event/$1 ||p" "$T/events" | grep "\"device\":\"$2\"" || true; } # KIND DEVICE
RAISED='"alert":"expiring","level":"warning","threshold":"100d"' FIELD='"alert":"expiring","level":"field"'
alert_of() { (($(events alert "$1" | grep -c "$2") == 1)); } # DEVICE WHAT: exactly one
awaits() { until_true 30 alert_of "$@" || fail "no alert of $1 with $2, but: $(events alert "$1")"; } # DEVICE WHAT
order() { command_send "{\"commands\":[{$1}]}" "${2:-operator-1}"; }
alerts() { order "\"command\":\"listAlerts\"$1" viewer-1; }
none() { contains "$(alerts "$1")" '"alerts":[]'; }
shown() { contains "$(alerts "$1")" "\"kind\":\"$2\",\"level\":\"$3\",\"stage\":\"$4\""; }
seen() { tls_of "$1"; mosquitto_pub "${TLS[@]}" -i "$1" -q 1 -t some/topic -m here; }
record_has() { contains "$(order "\"command\":\"getDevice\",\"device\":\"$1\"")" "$2"; }
becomes() { until_true 10 record_has "$@" || fail "$1 is not $2"; }

step "a device is asked, and stays away"
for device in d1 held; do
  pki_device "$device" -10 80
  seen "$device"
  becomes "$device" '"serialNumber"'
  order "\"command\":\"triggerRenewal\",\"device\":\"$device\"" >/dev/null
done
order '"command":"holdDevice","device":"held","reason":"stolen"' >/dev/null
(cd "$T/pki" && pki_sign d2 d2 issuer device -80 "$((15 * SLOW)) seconds 0")
seen d2
becomes d2 '"state":"triggered"'

step "its threshold is raised, it is woken, and then it is on the field list"
awaits d1 "$RAISED"
woken() { (($(events wake d1 | wc -l) >= 2)); }
until_true 30 woken || fail "d1 is not woken twice: $(cat "$T/events")"
events wake d1 | head -n 1 | grep -q '"slot":"operational","attempt":1,"notAfter":".*","lastSeen":".*","next":"' ||
  fail "the first wake says $(events wake d1)"
contains "$(events wake d1 | sed -n 2p)" '"attempt":2'
awaits d1 "$FIELD"
shown ',"idPrefix":"d1","level":"field"' expiring warning field

step "an operator takes note of it; a viewer may not"
contains "$(order '"command":"acknowledgeAlert","device":"d1"' viewer-1)" '"errorCode":"not-authorised"'
contains "$(order '"command":"acknowledgeAlert","device":"d1"')" '"acknowledgedBy":"operator-1"'
shown ',"idPrefix":"d1","acknowledged":true' expiring warning field
none ',"idPrefix":"d1","acknowledged":false'
contains "$(order '"command":"acknowledgeAlert","device":"nobody"')" '"errorCode":"unknown-device"'

step "it renews: its alert is over"
csr_make "$T/new" d1
renew d1 "$T/new.csr" "$T/new.pem"
tls_of d1 "$T/new.pem" "$T/new.key"
mosquitto_pub "${TLS[@]}" -i d1 -q 1 -t some/topic -m "I am back"
awaits d1 '"alert":"cleared"'
none ',"idPrefix":"d1"'
contains "$(order '"command":"acknowledgeAlert","device":"d1"')" '"errorCode":"unknown-alert"'

step "another's certificate ends un-renewed: that is said, once, and what to do"
awaits d2 '"alert":"expired"'
shown ',"idPrefix":"d2"' expired critical field
contains "$(events alert d2)" "provisioned anew"

step "what is on hold is neither called nor expiring"
equal "$(events wake held)$(events alert held)" ""
none ',"idPrefix":"held"'
order '"command":"releaseDevice","device":"held"' >/dev/null
awaits held "$RAISED"

step "nothing was told twice, and the audit log has it all"
for what in "$RAISED" "$FIELD" '"alert":"cleared"'; do alert_of d1 "$what" || fail "twice: $what"; done
alert_of d2 '"alert":"expired"' || fail "expired was told twice"
(($(cat "$T"/journal/*.jsonl | grep '"what":"wake"' | grep -c '"device":"d1"') >= 2)) || fail "no wakes in the journal"
(($(cat "$T"/journal/*.jsonl | grep '"what":"alert"' | grep -c '"device":"d1"') >= 3)) || fail "no alerts in the journal"
world_end
