# What is known survives: `restart` of the whole stack, the killing of each container, one after the other, and `down`
# with `up`. Inventory, tags, holds, revocations, a campaign and the policy are what they were, and the fleet goes on
# renewing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
export CR_DEVICES=20 CR_POOL=20

# What must not change by itself; generations and serials do.
books() {
  {
    echo "devices"
    known
    for device in meter-00001 meter-00002 meter-00003; do
      ctl --json device "$device" | grep -E '"(device|firstSeen|factory|held|hold|tags|revoked)":' || true
    done
    echo "revoked"
    ctl --json revoked --all | field serialNumber | sort
    echo "policy"
    ctl --json policy | grep -B 2 shared || true
    echo "campaign $(campaign_state) $(sum total) $(sum renewed)"
  } >"$1"
}
books_are_kept() {
  until_true 60 answers || fail "$1: the plugin does not answer: $(ctl status 2>&1)"
  books "$T/now"
  cmp -s "$T/books" "$T/now" || fail "$1: $(diff "$T/books" "$T/now")"
}

step "a fleet, and what operators did with it"
up
fleet_is "$CR_DEVICES"
ctl tag meter-00001 +lab +canary >/dev/null
ctl hold meter-00002 --reason 'reported stolen' --yes >/dev/null
ctl revoke meter-00003 --reason keyCompromise --yes >/dev/null
ctl policy set trigger_rate=40 --yes >/dev/null
campaign_start --name spring --tag lab
until_true 60 campaign_is "done" || fail "$(campaign)"
books "$T/books"
contains "$(cat "$T/books")" lab
contains "$(cat "$T/books")" "reported stolen"
contains "$(cat "$T/books")" keyCompromise
contains "$(cat "$T/books")" trigger_rate
contains "$(cat "$T/books")" "campaign done 1 1"

step "restart"
quietly compose restart -t 20
books_are_kept "restart"

step "down and up again"
quietly compose down -t 20 --remove-orphans
[[ -z $(containers) ]] || fail "down leaves $(containers)"
up
books_are_kept "down and up"

for victim in redis sentinel broker balancer fleet; do
  step "$victim crashes, and is started again by the engine"
  started=$(state_of "$victim" .State.StartedAt)
  crash "$victim"
  again() { [[ $(state_of "$victim" .State.StartedAt) != "$started" ]] && is_running "$victim"; }
  until_true 30 again || fail "$victim is not started again: $(state_of "$victim" .State.Status)"
  until_true 60 is_healthy "$victim" || fail "$victim does not get well"
  books_are_kept "$victim"
done
step "all are killed at once"
quietly docker kill -s KILL $(for victim in redis sentinel broker balancer fleet; do containers "$victim"; done)
up
books_are_kept "all killed"
goes_on 5 60
enrolled_once "$CR_DEVICES"
journals_hold
step passed
