# Prometheus has both exporters, the rules and the page; a healthy fleet raises no alarm, one without Redis does; and
# what was seen is kept.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/fleet.sh"
PROFILES=(observability)
export CR_DEVICES=12 CR_POOL=12

# ---- Prometheus, by HTTP ----

# fetch PATH: the body.
fetch() {
  local status file=$T/answer.$BASHPID
  exec 3<>"/dev/tcp/127.0.0.1/$PORT"
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
  timeout 20 cat <&3 >"$file"
  exec 3>&-
  status=$(head -n 1 "$file")
  sed '1,/^\r$/d' "$file"
  [[ $status == *" 200 "* ]]
}
encoded() {
  local text=$1 out='' char i
  for ((i = 0; i < ${#text}; i++)); do
    char=${text:i:1}
    [[ $char == [a-zA-Z0-9._-] ]] || printf -v char '%%%02X' "'$char"
    out+=$char
  done
  echo "$out"
}
# answer EXPRESSION [TIME]: JSON.
answer() { fetch "/api/v1/query?query=$(encoded "$1")${2:+&time=$2}"; }
# value EXPRESSION [TIME]: the first result's, or nothing.
value() { answer "$@" | sed -n 's/^[^]]*"value":\[[0-9.]*,"\([^"]*\)".*/\1/p'; }
is() { [[ $(value "$1") == "$2" ]]; }
nonzero() { [[ $(value "$1") =~ [1-9] ]]; }
page() { fetch /consoles/cert-renewal.html; }
# tile NAME: the figure above it.
tile() { grep -B 1 -F "<span>$1</span>" "$T/page" | sed -n 's/.*<b>\(.*\)<\/b>.*/\1/p'; }
shows() {
  grep -qF -- "$1" "$T/page" && return
  sed '1,/^<main/d; /^<script/,$d' "$T/page" >&2
  fail "the page does not show $1"
}
at_port() {
  PORT=$(docker port "$(container prometheus)" 9090/tcp | sed -n 's/^127\.0\.0\.1://p' | head -n 1)
  [[ -n $PORT ]] || fail "Prometheus has no port on the loopback interface"
}
firing='ALERTS{alertstate="firing"}'

step "a fleet, and who watches it"
up
at_port
equal "$(docker port "$(container prometheus)" | { grep -cv '127\.0\.0\.1:' || true; })" 0
until_true 30 is 'count(up == 1)' 2 || fail "targets: $(fetch /api/v1/targets)"
fleet_is "$CR_DEVICES"
rules=$(fetch /api/v1/rules)
equal "$(grep -o '"name":"CertRenewal[A-Za-z0-9]*"' <<<"$rules" | wc -l)" 22
! grep -q '"lastError":"[^"]' <<<"$rules" || fail "$rules"

step "nothing is wrong"
until_true 90 is 'max(mosquitto_cert_renewal_fleet_slots)' "$CR_DEVICES" || fail "the fleet is not counted"
until_true 60 nonzero 'sum(rate(mosquitto_cert_renewal_renewals_confirmed_total[2m]))' || fail "nobody renews"
page >"$T/page" || fail "the page: $(cat "$T/page")"
shows "</html>"
equal "$(tile certificates)" "$CR_DEVICES"
equal "$(tile expired)" 0
[[ $(tile "renewals a min") =~ ^[0-9]+\.[0-9]$ ]] || fail "renewals a minute: $(tile "renewals a min")"
[[ $(tile "99 % answered in") =~ ^[0-9.]+m?s$ ]] || fail "answers: $(tile "99 % answered in")"
shows "None is firing."
shows '<td><b>broker</b>'
equal "$(grep -c '<td class="good">' "$T/page")" 5
# Nor was anything wrong until now, whatever took how long to start.
equal "$(value "count(max_over_time(${firing}[10m]))")" ""

step "its lines can be drawn"
now=$(date +%s)
grep -o '"[^"]*" + metric + "\([^"\\]\|\\.\)*"' "$T/page" |
  sed 's/" + metric + "/mosquitto_cert_renewal_/; s/\\"/"/g; s/^"//; s/"$//; s/WINDOW/60s/' \
  >"$T/lines"
(($(wc -l <"$T/lines") >= 6)) || fail "lines: $(cat "$T/lines")"
while read -r line; do
  contains "$(fetch "/api/v1/query_range?query=$(encoded "$line")&start=$((now - 60))&end=$now&step=5")" '"status":"success"'
done <"$T/lines"

step "without Redis"
kill_hard redis
away='ALERTS{alertname="CertRenewalRedisAway",alertstate="firing",broker="broker"}'
until_true 60 is "$away" 1 || fail "no alarm: $(fetch /api/v1/alerts)"
page >"$T/page"
shows '<b>CertRenewalRedisAway</b> <span class="dim">critical, broker</span>'
shows '<td class="bad">not reached</td>'
contains "$(fetch /api/v1/alerts)" 'broker does not reach Redis: nothing is renewed there.'
then=$(date +%s.%3N) # with the fraction: what it saw may be younger than the second

step "Redis again"
start_again redis
is_over() { [[ -z $(value "$away") && $(value 'mosquitto_cert_renewal_redis_connected') == 1 ]]; }
until_true 60 is_over || fail "the alarm stays: $(fetch /api/v1/alerts)"

step "Prometheus again"
kill_hard prometheus
start_again prometheus
at_port
kept() { [[ $(value "$away" "$then") == 1 ]]; }
until_true 30 kept || fail "what it saw is gone"
step passed
