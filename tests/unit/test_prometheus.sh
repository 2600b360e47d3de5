#!/usr/bin/env bash
# What is in docker/ for Prometheus and Grafana, and what the plugin writes for them, as promtool sees it: the figures' form and
# names, the rules and their tests, and every expression of the dashboard. test_prometheus.sh ROOT PROGRAM: PROGRAM FILE writes
# figures there (test_figures does). 77: there is no promtool.
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
