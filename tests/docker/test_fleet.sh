# From nothing to renewals with one command; more devices with --scale; and what a fleet leaves behind, another carries
# on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
export CR_DEVICES=20 CR_POOL=50

# devices_of NUMBER: those that the fleet's container of this number has locked: inodes of its directories.
devices_of() {
  local id; id=$(container fleet "$1")
  join <(docker exec "$id" cat /proc/locks | sed -n 's/^[0-9]*: FLOCK .*:\([0-9]*\) 0 EOF$/\1/p' | sort) \
    <(docker exec "$id" sh -c 'stat -c "%i %n" /fleet/devices/*' | sort) | sed 's/.*\///' | sort
}
has_devices() { (($(devices_of "$1" | wc -l) == $2)); }
# Not only their first certificates.
renewals_seen() { (($(ctl --json audit --what confirmed --all | field device | sort | uniq -d | wc -l) >= 3)); }

step "one command, from nothing"
up
equal "$(docker inspect -f '{{.State.ExitCode}}' "$(container pki)")" 0
fleet_is "$CR_DEVICES"
until_true 160 renewals_seen || fail "no renewals: $(ctl status)"
((SECONDS <= 180)) || fail "renewals are seen after $SECONDS s only"
step "renewals are seen"

step "as an operator sees them"
said=$(operator status)
contains "$said" "store         connected, writable, durable, journal kept"
(($(sed -n 's/^issued *[0-9]*, confirmed *//p' <<<"$said") > CR_DEVICES)) || fail "$said"
contains "$(ctl devices)" "meter-00001"
contains "$(operator audit meter-00001)" "confirmed"
# Nobody was too fast: a device in haste is refused.
[[ -z $(ctl --json audit --what refused --all | field device) ]] || fail "refused: $(ctl audit --what refused)"

step "all are well, and nobody is root"
all_healthy() {
  local service
  for service in redis sentinel broker balancer fleet; do is_healthy "$service" || return 1; done
}
until_true 30 all_healthy || fail "$(docker ps -a --filter "$(ours)" --format '{{.Names}} {{.Status}}')"
for id in $(containers redis) $(containers sentinel) $(containers broker) $(containers balancer) $(containers fleet); do
  processes=$(docker exec "$id" sh -c 'cat /proc/[0-9]*/status')
  name=$(docker inspect -f '{{.Name}}' "$id")
  user=$(docker inspect -f '{{.Config.User}}' "$id")
  users=$(awk '/^[UG]id:/ { for (i = 2; i <= 5; i++) print $i }' <<<"$processes" | sort -u)
  equal "$name: $users:$users" "$name: $user"
  equal "$name: $(awk '/^CapEff:/ { print $2 }' <<<"$processes" | sort -u)" "$name: 0000000000000000"
done

step "twice as many"
up --scale fleet=2
until_true 30 has_devices 2 "$CR_DEVICES" || fail "the second has $(devices_of 2 | wc -l) devices"
fleet_is $((2 * CR_DEVICES))
devices_of 1 >"$T/first"
devices_of 2 >"$T/second"
[[ -z $(comm -12 "$T/first" "$T/second") ]] || fail "both have $(comm -12 "$T/first" "$T/second")"
equal "$(sort -m "$T/first" "$T/second" | wc -l)" $((2 * CR_DEVICES))

step "a third has what is left"
up --scale fleet=3
until_true 30 has_devices 3 10 || fail "the third has $(devices_of 3 | wc -l) devices"
fleet_is 50
contains "$(service_log fleet 3)" "10 devices, not $CR_DEVICES"

step "what a fleet that is gone was doing, another does"
kill_hard fleet 1
generations >"$T/before"
quietly docker restart -t 20 "$(container fleet 3)"
until_true 30 has_devices 3 "$CR_DEVICES" || fail "it has $(devices_of 3 | wc -l) devices"
equal "$(devices_of 3)" "$(cat "$T/first")"
carried_on() { (($(renewed_since "$T/before" | comm -12 - "$T/first" | wc -l) >= 3)); }
until_true 60 carried_on || fail "they do not renew: $(renewed_since "$T/before")"

step "a fleet that comes too late says so"
up --no-recreate --scale fleet=4
late() { service_log fleet 4 | grep 'run all 50 devices' >/dev/null; }
start_again fleet 1 # has the ten
until_true 30 late || fail "$(service_log fleet 4)"
enrolled_once 50
step passed
