#!/bin/sh
# Replays the campaign of a few meters (tests/bench/meters): everyone who can be reached is renewed, and the figures are
# all there: test_meters.sh BENCH_METERS
set -u
program=${1:?usage: test_meters.sh BENCH_METERS}
if [ ! -x "${CR_REDIS_SERVER:-/usr/bin/redis-server}" ] && [ ! -x /usr/bin/valkey-server ]; then
    echo "skipped: there is no redis-server"
    exit 77
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
    echo "$*" >&2
    failed=1
}

"$program" --devices 120 --seed 7 --no-comparison --json "$work/json" >"$work/table" || fail "it ended with $?"
cat "$work/table"

figure() { # of the first level
    sed -n "s/^  \"$1\": \([0-9.]*\),\{0,1\}\$/\1/p" "$work/json"
}
for key in devices renewed stranded stranded_reachable peak_over_mean_hour triggers_per_renewal redis_bytes_per_device \
    cpu_us_per_device; do
    [ -n "$(figure $key)" ] || fail "the JSON has no $key"
done
[ "$(figure devices)" = 120 ] || fail "other devices than it was asked for"
[ "$(figure stranded_reachable)" = 0 ] || fail "a meter that could be reached is stranded"
[ "$(($(figure renewed) + $(figure stranded)))" = 120 ] || fail "renewed and stranded are not all"
[ "$(figure renewed)" -ge 118 ] || fail "hardly anybody should be stranded"
awk "BEGIN { exit !($(figure triggers_per_renewal) >= 1 && $(figure triggers_per_renewal) < 1.5) }" ||
    fail "a renewal takes one trigger, seldom two"
grep -q MISSED "$work/table" || grep -q met "$work/table" || fail "the table says nothing about the targets"

"$program" --devices none >"$work/out" 2>&1
[ $? = 2 ] || fail "a wrong argument must end it with 2"
exit $failed
