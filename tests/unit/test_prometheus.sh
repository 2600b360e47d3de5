#!/usr/bin/env bash
# What is in docker/ for Prometheus and Grafana, and what the plugin writes for them, as promtool sees it: the
# figures' form and names, the rules and their tests, what rules-for makes of them, and every expression of the
# dashboard and the page. test_prometheus.sh ROOT PROGRAM: PROGRAM FILE writes figures there (test_figures does). 77:
# there is no promtool.
set -euo pipefail
root=${1:?usage: test_prometheus.sh ROOT PROGRAM} program=${2:?usage: test_prometheus.sh ROOT PROGRAM}
export PATH="$PATH:/usr/local/bin"
command -v promtool >/dev/null || { echo "SKIPPED: promtool is not installed (Debian package prometheus)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$program" "$work/figures.prom"
promtool check metrics <"$work/figures.prom"
promtool check rules "$root/docker/prometheus/rules.yml"
promtool test rules "$root/docker/prometheus/rules_test.yml"

# Each alert has its test, and says what to do.
alerts=$(sed -n 's/^ *- alert: //p' "$root/docker/prometheus/rules.yml")
for alert in $alerts; do
  grep -q "alertname=\"$alert\"" "$root/docker/prometheus/rules_test.yml" || { echo "no test of $alert" >&2; exit 1; }
done
count=$(wc -w <<<"$alerts")
for word in 'severity:' 'summary:' 'action:'; do
  found=$(grep -c "$word" "$root/docker/prometheus/rules.yml")
  ((found == count)) || { echo "$count alerts, but $found times $word" >&2; exit 1; }
done

# For certificates of 90 days nothing changes; those of the demo have rules of their own, and days become others.
rules_for() { "$root/docker/prometheus/rules-for" "$@" <"$root/docker/prometheus/rules.yml"; }
rules_for 90d | cmp - "$root/docker/prometheus/rules.yml"
rules_for 5m 15 >"$work/demo.yml"
cp "$root/docker/prometheus/rules-for_test.yml" "$work/"
promtool check rules "$work/demo.yml"
promtool test rules "$work/rules-for_test.yml"
rules_for 7d >"$work/week.yml"
promtool check rules "$work/week.yml"
[[ $(grep -c 'days="' "$work/week.yml") == 1 ]] && grep -q 'days="1"' "$work/week.yml"
grep -q 'time() < 806400$' "$work/week.yml" # 120 days of 90
for wrong in '' 5 m 5x 5mm 0m '5m 0' '5m x' '5m 1 1'; do
  # shellcheck disable=SC2086
  ! rules_for $wrong >"$work/wrong" 2>&1 || { echo "rules-for '$wrong' is accepted" >&2; exit 1; }
done

# The dashboard's expressions, with Grafana's variables filled in, as rules: so promtool reads them.
{
  echo 'groups: [{ name: dashboard, rules: ['
  grep -o '"expr": "\([^"\\]\|\\.\)*"' "$root/docker/grafana/cert-renewal.json" | sed 's/^"expr": "//; s/"$//; s/\\"/"/g' |
    sed 's/\$__rate_interval/5m/g; s/\$broker/.*/g' |
    awk '{ gsub(/\047/, "\047\047"); printf "{ record: \"dashboard:%d\", expr: \047%s\047 },\n", NR, $0 }'
  echo ']}]'
} >"$work/dashboard.yml"
promtool check rules "$work/dashboard.yml"
(($(grep -c 'record:' "$work/dashboard.yml") >= 30))
! grep -F '$' "$work/dashboard.yml" || { echo "a variable that nothing fills in" >&2; exit 1; }

# Every metric that the page names is one that there is.
grep -o 'mosquitto_cert_renewal_[a-z_]*' "$root/docker/prometheus/consoles/cert-renewal.html" | sort -u >"$work/named"
grep -o 'metric + "[a-z_]*' "$root/docker/prometheus/consoles/cert-renewal.html" |
  sed 's/.*"/mosquitto_cert_renewal_/' | sort -u >>"$work/named"
(($(grep -vxc 'mosquitto_cert_renewal_' "$work/named") >= 25))
while read -r name; do
  [[ $name == mosquitto_cert_renewal_ ]] || grep -q "^# TYPE $name " "$work/figures.prom" ||
    { echo "no metric $name" >&2; exit 1; }
done <"$work/named"
