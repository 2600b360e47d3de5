# The profile `cluster` survives the loss of each broker, killed and hung, in the middle of a campaign, and of each Redis.
# A former primary comes back as a replica, whatever starts first; Sentinel may be lost with it. Nobody is forgotten, no
# generation goes down, no serial is given twice. The profile can be left again.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
PROFILES=(cluster)
export CR_DEVICES=50 CR_POOL=50

# There is a connection of somebody to the broker's port 8883.
takes_devices() { in_container "$1" grep -q ':22B3 [0-9A-F]*:[0-9A-F]* 01 ' /proc/net/tcp; }
sees_down() { service_log balancer | grep 'is DOWN, reason: Layer7 timeout' >/dev/null; }
redis_at() { local service=$1; shift; in_container "$service" redis-cli "$@"; }
primary_is() { [[ $(in_container sentinel redis-node primary) == "$1" ]]; }
role_is() { [[ $(redis_at "$1" info replication) == *"role:$2"* ]]; } # SERVICE master|slave
follows() { # SERVICE: a replica that has everything, and may be promoted
  local state; state=$(redis_at "$1" info replication)
  [[ $state == *role:slave*master_link_status:up*slave_priority:100* ]]
}
elapsed_ms() { echo $(($(date +%s%3N) - $1)); }
# Nobody is forgotten, and no generation is lower than it was the last time.
nothing_lost() {
  equal "$(known | wc -l)" "$CR_DEVICES"
  generations >"$T/later"
  join "$T/earlier" "$T/later" | awk '$3 < $2' >"$T/lower"
  [[ ! -s $T/lower ]] || fail "generations went down: $(paste -sd ';' "$T/lower")"
  mv "$T/later" "$T/earlier"
}
fails_over() { # FROM TO: Redis is killed at FROM, and TO takes its place
  local since
  follows "$2" || fail "$2 is no replica: $(redis_at "$2" info replication)"
  since=$(date +%s%3N)
  kill_hard "$1"
  until_true 20 primary_is "$2" || fail "$2 is not promoted: $(service_log sentinel | tail -n 20)"
  echo "   $2 was promoted after $(elapsed_ms "$since") ms"
  until_true 15 answers || fail "the plugin does not answer"
  echo "   and the plugin answered after $(elapsed_ms "$since") ms"
  goes_on 3 60
  nothing_lost
}

step "two brokers, one fleet"
up
fleet_is "$CR_DEVICES"
generations >"$T/earlier"
cp "$T/earlier" "$T/before"
for broker in broker broker-2; do
  ctl --json audit --what issued --all | rows_of broker "$broker" >"$T/by"
  [[ -s $T/by ]] || fail "$broker issues nothing"
done

for broker in broker broker-2; do
  campaign_start --name "without-$broker" --rate 3
  kill_hard "$broker"
  before=$(sum renewed)
  ((before < CR_DEVICES)) || fail "the campaign was over before $broker was killed"
  step "$broker killed when a campaign had renewed $before"
  until_true 90 campaign_is "done" || fail "the campaign does not end without $broker: $(campaign)"
  equal "$(sum renewed)" "$CR_DEVICES"
  start_again "$broker"
  until_true 30 takes_devices "$broker" || fail "$broker gets no connections any more"
done
nothing_lost

step "broker-2 hangs"
quietly docker pause "$(container broker-2)"
since=$(date +%s%3N)
until_true 20 sees_down || fail "the balancer does not notice: $(service_log balancer | tail -n 5)"
echo "   noticed after $(elapsed_ms "$since") ms"
for _ in 1 2 3; do ctl status | grep '^broker  *broker,' >/dev/null || fail "still sent to the broker that hangs"; done
quietly docker unpause "$(container broker-2)"
until_true 20 takes_devices broker-2 || fail "broker-2 gets no connections any more"
# The balancer's checks, more than 30 by now, are not in the log; a connection that was cut off while it began may be.
for broker in broker broker-2; do
  noise=$(service_log "$broker" | grep -c 'OpenSSL Error') || true
  ((noise < 10)) || fail "$broker logs the balancer's checks: $(service_log "$broker" | tail -n 5)"
done

step "Redis' primary killed"
until_true 30 follows redis-replica || fail "the replica does not follow"
fails_over redis redis-replica

step "everything stopped; the former primary starts first, and alone"
quietly compose stop -t 20
start_again redis
waits() { docker logs --since "$(state_of redis .State.StartedAt)" "$(container redis)" 2>&1 | grep 'waiting for Sentinel' >/dev/null; }
until_true 20 waits || fail "it does not wait: $(service_log redis | tail -n 5)"
! redis_at redis ping >"$T/ping" 2>&1 || fail "it serves, as who? $(cat "$T/ping")"
up
until_true 30 follows redis || fail "the former primary is no replica: $(redis_at redis info replication)"
primary_is redis-replica || fail "Sentinel has forgotten who is primary"
until_true 60 answers || fail "the plugin does not answer"
nothing_lost

step "Sentinel's container replaced, then lost together with the primary"
quietly docker rm -f "$(container sentinel)"
up
until_true 20 primary_is redis-replica || fail "the new Sentinel does not know who is primary"
role_is redis slave || fail "redis is a primary now"
quietly docker kill -s KILL "$(container sentinel)" "$(container redis-replica)"
start_again redis-replica
start_again sentinel
until_true 30 role_is redis-replica master || fail "redis-replica is not the primary again"
until_true 30 answers || fail "the plugin does not answer"
nothing_lost

step "the other way round"
until_true 30 follows redis || fail "redis does not follow: $(redis_at redis info replication)"
fails_over redis-replica redis
start_again redis-replica
until_true 30 follows redis-replica || fail "redis-replica is no replica: $(redis_at redis-replica info replication)"

step "handed over, and back; then without the profile"
equal "$(in_container sentinel redis-node primary redis-replica)" redis-replica
until_true 30 follows redis || fail "redis does not follow"
equal "$(in_container sentinel redis-node primary redis)" redis
quietly docker rm -f "$(container broker-2)" "$(container redis-replica)"
PROFILES=()
up
until_true 30 answers || fail "the plugin does not answer"
goes_on 3 60
nothing_lost
equal "$(renewed_since "$T/before" | wc -l)" "$CR_DEVICES"
enrolled_once "$CR_DEVICES"

step "the journals"
journals_hold
step passed
