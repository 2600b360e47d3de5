# A fleet's container is killed again and again while devices renew, between their request and the certificate's use.
# What they had on flash is enough: those very devices finish with the certificate that was made for them, and none
# comes back as its factory made it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
export CR_DEVICES=60 CR_POOL=60

step "a fleet of $CR_DEVICES"
up
operator_stays
fleet_is "$CR_DEVICES"

# Those whose certificate is made, and not in use yet: device and serial.
under_way() {
  inventory | sed -n 's/^{"device":"\([^"]*\)".*"pending":{"serialNumber":"\([0-9a-f]*\)".*/\1 \2/p' | sort
}
# confirmed_all FILE: each of these certificates was seen in use.
confirmed_all() {
  ctl --json audit --what confirmed --all | field serial | sort >"$T/confirmed"
  [[ -z $(awk '{ print $2 }' "$1" | sort | comm -23 - "$T/confirmed") ]]
}
someone_awake() { ctl --json status | grep -E '"devices":[[:space:]]*[1-9][0-9]' >/dev/null; }

hits=0 rounds=0
while ((hits < 3)); do
  ((++rounds <= 12)) || fail "in $rounds rounds only $hits times a device was in the middle of a renewal"
  until_true 20 someone_awake || fail "nobody is awake"
  ctl trigger --id-prefix meter --yes >/dev/null || true # those whose renewal is under way are refused
  kill_hard fleet
  under_way >"$T/under-way"
  count=$(wc -l <"$T/under-way")
  echo "   killed with $count of them between request and use"
  start_again fleet
  ((count > 0)) || continue
  hits=$((hits + 1))
  until_true 60 confirmed_all "$T/under-way" || fail "not all finish: $(cat "$T/under-way")"
done

step "what they have"
quietly docker stop -t 20 "$(container fleet)"
equal "$(docker inspect -f '{{.State.ExitCode}}' "$(container fleet)")" 0
keys_fit
enrolled_once "$CR_DEVICES"
equal "$(known | wc -l)" "$CR_DEVICES"
journals_hold
step passed
