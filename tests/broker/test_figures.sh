# Figures with a real broker: retained under $SYS for whoever may read it, and a file for Prometheus that promtool takes;
# both follow a renewal; a directory that cannot be written stops nothing; forecast.
. "$(dirname "$0")/lib.sh"
world_make
mkdir -p "$T/metrics"
PLUGIN_EXTRA="figures_interval 1s
metrics_file $T/metrics/cert-renewal.prom"
broker_start
FIGURES='$SYS/broker/cert-renewal'
METRIC=mosquitto_cert_renewal

# What is retained on a topic, by a client that has just come.
figure() { tls_of operator-1; mosquitto_sub "${TLS[@]}" -C 1 -W $((5 * SLOW)) -t "$FIGURES/$1" 2>>"$T/client.log"; }
figure_is() { [[ $(figure "$1") == "$2" ]]; }
metric_is() { grep -qxF "$METRIC$1 $2" "$T/metrics/cert-renewal.prom"; }
forecast_says() { [[ $(command_send '{"commands":[{"command":"forecast"}]}') == *"$1"* ]]; }

step "figures are published, retained"
until_true 10 figure_is redis/connected 1 || fail "redis/connected is '$(figure redis/connected)'"
equal "$(figure issued)" 0
tls_of operator-1
LISTEN_OPTIONS=(-F '%r %t %p')
listen "$T/all" operator-1 "$FIGURES/#"
listed() { (($(grep -c "^1 $FIGURES/" "$T/all") >= 50)); }
until_true 10 listed || fail "only $(wc -l <"$T/all") topics are retained"

step "the file is there, for everybody to read, and as promtool wants it"
metrics_there() { [[ -s $T/metrics/cert-renewal.prom ]]; }
until_true 10 metrics_there || fail "there is no metrics_file"
equal "$(stat -c %a "$T/metrics/cert-renewal.prom")" 644
if command -v promtool >/dev/null; then
  promtool check metrics <"$T/metrics/cert-renewal.prom" >"$T/promtool.log" 2>&1 || fail "promtool: $(cat "$T/promtool.log")"
else
  echo "promtool is not installed: the file's form is left to unit.prometheus"
fi

step "both follow a renewal"
pki_device d1
csr_make "$T/new" d1
renew d1 "$T/new.csr" "$T/new.pem"
until_true 10 figure_is issued 1 || fail "issued is '$(figure issued)'"
until_true 10 metric_is '_certificates_issued_total{broker="broker-under-test"}' 1 || fail "the file does not follow"
refused_with malformed-request d1 "no csr"
until_true 10 figure_is refused/malformed-request 1 || fail "the refusal is not counted"
[[ $(figure latency/99) == 0.* ]] || fail "no latency"

step "the fleet is counted"
until_true 10 forecast_says '"expireUnrenewed"' || fail "no forecast: $(command_send '{"commands":[{"command":"forecast"}]}')"
contains "$(command_send '{"commands":[{"command":"getStatus"}]}')" '"fleet":{"asOf"'
until_true 10 metric_is '_fleet_held_slots{broker="broker-under-test"}' 0 || fail "the file knows nothing of the fleet"

step "Redis away: figures go on, and say so"
redis_kill
until_true 15 figure_is redis/connected 0 || fail "redis/connected is '$(figure redis/connected)'"
until_true 10 metric_is '_redis_connected{broker="broker-under-test"}' 0 || fail "the file does not say that Redis is away"
redis_start
until_true 15 figure_is redis/connected 1 || fail "redis/connected is '$(figure redis/connected)'"

step "a directory that is gone: said once, and all else goes on"
rm -r "$T/metrics"
expect_log "metrics_file $T/metrics/cert-renewal.prom cannot be written: No such file or directory"
until_true 10 figure_is metrics-file/errors 2 || until_true 10 figure_is metrics-file/errors 3 || fail "no errors are counted"
equal "$(grep -c 'cannot be written: No such' "$T/broker.log")" 1
mkdir "$T/metrics"
until_true 10 metrics_there || fail "the file does not come back"
expect_log "is written again"

step "switched off: what was retained is taken away"
PLUGIN_EXTRA="figures_interval 0s"
plugin_conf
kill -HUP "$BROKER_PID"
none_retained() { tls_of operator-1; ! mosquitto_sub "${TLS[@]}" -C 1 -W 1 -t "$FIGURES/issued" | grep -q .; }
until_true 10 none_retained || fail "issued is still retained"
world_end
