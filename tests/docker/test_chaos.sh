# Devices that lose power and get damaged certificates, on a bad link, with a broker that dies again and again: nobody
# loses its certificate, and once it is over all is as before.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
PROFILES=(chaos)
export CR_DEVICES=12 CR_POOL=24 CR_CHAOS_MIN=8 CR_CHAOS_MAX=14 CR_CHAOS_DOWN=2

started_at() { docker inspect -f '{{.State.StartedAt}}' "$(container "$1")"; }
deaths() { service_log chaos | grep -c ': SIG[A-Z]*, started again'; }
deaths_at_least() { (($(deaths) >= $1)); }
link() { in_container chaos-link "$@"; }
# Something was held up or lost on the way: netem delays what it sends; without netem the line is too slow for some.
spoilt() {
  local qdisc; qdisc=$(link tc -s qdisc show dev eth0 root)
  case $qdisc in
    *netem*delay*loss*) [[ $qdisc =~ dropped\ [1-9] ]] ;;
    *tbf*)
      [[ $qdisc =~ overlimits\ [1-9] ]] &&
        link nft list table inet chaos-link | grep -E 'counter packets [1-9].* drop' >/dev/null ;;
    *) return 1 ;;
  esac
}

# Another project's broker, which has to be left alone.
OTHER=$PROJECT-other
at_end() { docker rm -f -v "$OTHER" >/dev/null 2>&1; }

step "two fleets of $CR_DEVICES, one of them in trouble"
quietly docker run -d --name "$OTHER" --network none --entrypoint sleep --label "com.docker.compose.project=$OTHER" \
  --label com.docker.compose.service=broker --label com.docker.compose.oneoff=False "$IMAGE-broker:$CR_TAG" infinity
other=$(docker inspect -f '{{.State.StartedAt}}' "$OTHER")
up fleet chaos-fleet chaos-link
balancer=$(started_at balancer) redis=$(started_at redis) broker=$(started_at broker)
fleet_is $((2 * CR_DEVICES)) 90

step "the link"
until_true 60 spoilt || fail "it is as good as ever: $(link tc -s qdisc show; service_log chaos-link)"
link tc -s qdisc show dev eth0 root | sed 's/^/   /'
service_log chaos-link | sed -n 's/^chaos-link: /   /p'
# Nobody else's.
equal "$(docker exec "$(container fleet)" cat /proc/net/dev | grep -c eth0)" 1

step "brokers die, too; and a fleet is started again, and its link is bad again"
up --no-deps chaos
! docker exec "$(container chaos)" grep -q eth0 /proc/net/dev || fail "chaos has a network"
crash chaos-fleet
again() { service_log chaos-link | grep 'in another network' >/dev/null && spoilt; }
until_true 90 again || fail "$(service_log chaos-link)"

step "brokers died"
until_true 60 deaths_at_least 2 || fail "$(service_log chaos)"
service_log chaos | sed -n 's/^chaos: /   /p'
[[ $(started_at broker) != "$broker" ]] || fail "the broker was never started again"

step "chaos ends"
quietly docker stop -t 40 "$(container chaos)"
quietly docker stop -t 10 "$(container chaos-link)"
contains "$(service_log chaos-link | tail -n 1)" "as it was"
until_true 30 is_healthy broker || fail "the broker was left behind dead"
equal "$(started_at balancer) $(started_at redis)" "$balancer $redis"
equal "$(docker inspect -f '{{.State.Running}} {{.State.StartedAt}}' "$OTHER")" "true $other"
until_true 30 answers || fail "the plugin does not answer"
equal "$(known | wc -l)" $((2 * CR_DEVICES))

step "renewals go on"
goes_on $((CR_DEVICES / 2)) 60

step "nobody has lost anything"
enrolled_once $((2 * CR_DEVICES))
for service in fleet chaos-fleet; do
  quietly docker stop -t 10 "$(container "$service")"
  equal "$(state_of "$service" .State.ExitCode)" 0
done
keys_fit
while read -r device _; do
  valid() { openssl x509 -inform DER -in "$T/devices/$device/chain.$1" -noout -checkend 0; }
  valid 0 >/dev/null 2>&1 || valid 1 >/dev/null 2>&1 || fail "$device has no valid certificate"
done <"$T/serials"
journals_hold
step passed
