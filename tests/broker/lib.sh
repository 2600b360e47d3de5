# lib.sh: a private broker with the plugin, a private Redis and a small PKI, in a directory of their own, for tests that
# are shell scripts. Sourced by each of them; needs CR_PLUGIN (the .so) in its environment, as ctest sets it.
#
# Nothing here sleeps to let something happen: `until_true SECONDS COMMAND…` waits for a condition with a deadline.
# All processes are stopped by pid when the script ends; when it failed, the logs are shown first.
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/sbin:/usr/local/sbin"

: "${CR_PLUGIN:?the plugin to test}"
T=$(mktemp -d "${TMPDIR:-/tmp}/cr-broker.XXXXXX")
BROKER_PID='' REDIS_PID='' PORT=''
declare -a OTHER_PIDS=()
PREFIX='$identity/v1'
CONTROL='$CONTROL/cert-renewal/v1'
# How much slower than usual things may be: sanitizers and valgrind raise it.
SLOW=1
# What a test adds to the broker's and to the plugin's configuration.
BROKER_EXTRA='' PLUGIN_EXTRA='' SLOT_EXTRA='' DEFAULT_ACCESS=allow
# Words before the broker's command: strace, valgrind.
declare -a BROKER_WRAP=()
declare -a BROKER_ENV=()

skip() { echo "SKIPPED: $*"; trap - EXIT; cleanup; exit 77; }
fail() { echo "FAILED: $*" >&2; exit 1; }
step() { echo "-- $*"; }

need() {
  local tool
  for tool; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
}

cleanup() {
  local pid
  for pid in ${OTHER_PIDS[@]+"${OTHER_PIDS[@]}"} $BROKER_PID $REDIS_PID; do
    kill -CONT "$pid" 2>/dev/null || true
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$T"
}

on_exit() {
  local rc=$? log
  if ((rc != 0 && rc != 77)); then
    for log in "$T"/*.log "$T"/*.conf; do
      [[ -s $log ]] && { echo "---- ${log##*/} (last lines)"; tail -n 60 "$log"; }
    done >&2
    [[ -n ${CR_KEEP-} ]] && { echo "kept: $T" >&2; cp -r "$T" "$T.kept"; }
  fi
  cleanup
  exit "$rc"
}
trap on_exit EXIT
trap 'exit 130' INT TERM

# until_true SECONDS COMMAND…: repeats the command until it succeeds; false at the deadline.
until_true() {
  local deadline=$((SECONDS + $1 * SLOW)); shift
  until ("$@") >/dev/null 2>&1; do # its own shell, so that a `fail` inside ends only the try
    ((SECONDS <= deadline)) || return 1
    sleep 0.02
  done
}

log_has() { grep -qF -- "$1" "$T/broker.log"; }
# Waits for a line of the broker's log.
expect_log() { until_true "${2:-10}" log_has "$1" || fail "the broker's log has no line with: $1"; }
contains() { [[ $1 == *"$2"* ]] || fail "expected '$2' in: $1"; }
equal() { [[ $1 == "$2" ]] || fail "expected '$2', got '$1'"; }

# ---- PKI ----

# Root and issuing CA, a server, the devices' bundle. Made with openssl, so that the plugin meets certificates not its own.
pki_make() {
  mkdir -p "$T/pki" && cd "$T/pki"
  : >index.txt
  cat >ca.conf <<CONF
[ca]
default_ca = issuing
[issuing]
database = $T/pki/index.txt
new_certs_dir = $T/pki
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
organizationName = optional
commonName = supplied
[req]
distinguished_name = none
prompt = no
[none]
commonName = unused
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca_ext]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[device]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
CONF
  pki_root root "Test Root"
  pki_ca issuer "Test Issuing CA" root
  cat issuer.pem root.pem >chain.pem
  cp chain.pem devices-ca.pem
  pki_sign server broker-under-test issuer server -1 365
  cat server.pem issuer.pem >server-chain.pem
  pki_device operator-1
  cd - >/dev/null
}

pki_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

pki_root() { # NAME CN
  pki_key "$1.key"
  openssl req -new -x509 -key "$1.key" -subj "/CN=$2" -days 3650 -sha256 -config ca.conf -extensions root -out "$1.pem"
}

pki_ca() { # NAME CN BY
  pki_key "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$2" -config ca.conf -out "$1.csr"
  pki_issue "$1" "$3" ca_ext -10 3000
}

pki_issue() { # NAME BY SECTION FROM_DAYS TO_DAYS: signs NAME.csr
  local from to
  from=$(date -u -d "now $4 days" +%Y%m%d%H%M%SZ) to=$(date -u -d "now $5 days" +%Y%m%d%H%M%SZ)
  openssl ca -batch -notext -config ca.conf -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" -out "$1.pem" \
    -extensions "$3" -startdate "$from" -enddate "$to" 2>"$T/pki.out" || { cat "$T/pki.out" >&2; fail "openssl ca"; }
}

pki_sign() { # NAME CN BY SECTION FROM_DAYS TO_DAYS: a new key and its certificate
  pki_key "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$2" -config ca.conf -out "$1.csr"
  pki_issue "$1" "$3" "$4" "$5" "$6"
}

# untouched DEVICE: it appeared when it was due, and nobody else asked it to renew.
untouched() {
  local record
  record=$(command_send '{"commands":[{"command":"getDevice","device":"'"$1"'"}]}')
  contains "$record" '"reason":"expiry"'
  contains "$record" '"attempt":1'
}

# pki_device NAME [FROM_DAYS TO_DAYS]: NAME.key and NAME.pem in $T/pki; by default in its renewal window.
pki_device() { (cd "$T/pki" && pki_sign "$1" "$1" issuer device "${2:--80}" "${3:-10}"); }

# csr_make FILE CN: a new key FILE.key and its request FILE.csr, as in the README.
csr_make() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
}

# cert_check PEM KEY CN: an answer is a chain that verifies, for this key and name.
cert_check() {
  openssl verify -CAfile "$T/pki/root.pem" -untrusted "$1" "$1" >/dev/null || fail "$1 does not verify"
  equal "$(openssl x509 -in "$1" -noout -pubkey)" "$(openssl pkey -in "$2" -pubout)"
  contains "$(openssl x509 -in "$1" -noout -subject -nameopt RFC2253)" "CN=$3"
}

serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f'; }

# ---- Redis ----

redis_program() { command -v redis-server || command -v valkey-server || skip "neither redis-server nor valkey-server is installed"; }
redis() { "$(command -v redis-cli || command -v valkey-cli)" -s "$T/redis.sock" "$@"; }
redis_answers() { [[ $(redis ping 2>/dev/null) == PONG ]]; }

redis_start() {
  local program; program=$(redis_program)
  mkdir -p "$T/redis"
  "$program" --port 0 --unixsocket "$T/redis.sock" --dir "$T/redis" --save '' --appendonly yes --appendfsync everysec \
    --daemonize no --logfile "$T/redis.log" ${REDIS_EXTRA-} >/dev/null 2>&1 &
  REDIS_PID=$!
  until_true 15 redis_answers || fail "redis did not start"
}

redis_stop() { kill "$REDIS_PID" 2>/dev/null || true; wait "$REDIS_PID" 2>/dev/null || true; REDIS_PID=''; }
redis_kill() { kill -KILL "$REDIS_PID" 2>/dev/null || true; wait "$REDIS_PID" 2>/dev/null || true; REDIS_PID=''; }

# ---- broker ----

plugin_conf() {
  cat >"$T/plugin.conf" <<CONF
issuer_certfile $T/pki/chain.pem
issuer_keyfile $T/pki/issuer.key
redis ${REDIS_ADDRESS:-unix:$T/redis.sock}
journal_dir $T/journal
broker_name broker-under-test
admin_identity operator-1
default_access $DEFAULT_ACCESS
$PLUGIN_EXTRA
slot operational
$SLOT_EXTRA
CONF
}

broker_conf() {
  cat >"$T/mosquitto.conf" <<CONF
user $(id -un)
log_dest file $T/broker.log
log_type all
log_timestamp false
set_tcp_nodelay true
allow_anonymous true
listener $PORT 127.0.0.1
cafile $T/pki/devices-ca.pem
certfile $T/pki/server-chain.pem
keyfile $T/pki/server.key
require_certificate true
plugin $CR_PLUGIN
plugin_opt_config_file $T/plugin.conf
$BROKER_EXTRA
CONF
}

# The sanitizer's run time must come before everything else in a broker that was built without it.
sanitizer_env() {
  local lib
  lib=$(ldd "$CR_PLUGIN" | awk '/lib(asan|tsan)\.so/ { print $3; exit }')
  if [[ -z $lib ]]; then
    ! grep -q '__asan_init\|__tsan_init' "$CR_PLUGIN" || skip "clang's sanitizers cannot be loaded into a broker built without"
    return 0
  fi
  SLOW=5
  BROKER_ENV=("LD_PRELOAD=$lib" "ASAN_OPTIONS=detect_leaks=1:exitcode=0:log_path=$T/asan.log"
    "UBSAN_OPTIONS=print_stacktrace=1:log_path=$T/ubsan.log"
    "TSAN_OPTIONS=exitcode=0:log_path=$T/tsan.log")
}
sanitizer_env

# What the sanitizer found in our code; what the broker itself leaks is not ours.
sanitizer_check() {
  local report
  for report in "$T"/asan.log* "$T"/ubsan.log* "$T"/tsan.log*; do
    [[ -s $report ]] || continue
    if grep -q 'ERROR: AddressSanitizer\|runtime error\|WARNING: ThreadSanitizer' "$report" ||
      grep -q 'mosquitto_cert_renewal\.so\|/plugin/\|/common/' "$report"; then
      cat "$report" >&2
      fail "the sanitizer found something"
    fi
  done
}

broker_listens() { (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; }
# It listens before it handles SIGTERM (bit 14); a wrapper's signals say nothing about it.
broker_handles_term() {
  ((${#BROKER_WRAP[@]})) || ((16#$(awk '/^SigCgt:/ { print $2 }' "/proc/$BROKER_PID/status") & 16#4000))
}
broker_up() { broker_listens && broker_handles_term; }
broker_up_or_gone() { broker_up || ! kill -0 "$BROKER_PID" 2>/dev/null; }
broker_gone() { ! kill -0 "$BROKER_PID" 2>/dev/null; }
pid_gone() { ! kill -0 "$1" 2>/dev/null; }

broker_launch() {
  mkdir -p "$T/journal"
  env ${BROKER_ENV[@]+"${BROKER_ENV[@]}"} ${BROKER_WRAP[@]+"${BROKER_WRAP[@]}"} mosquitto -c "$T/mosquitto.conf" \
    >>"$T/broker-out.log" 2>&1 &
  BROKER_PID=$!
  until_true 15 broker_up_or_gone || fail "the broker neither listens nor ends"
}

# Starts the broker on a free port, kept by later starts, and waits until it works. The configurations are written anew.
broker_start() {
  local try
  plugin_conf
  for try in 1 2 3 4 5 6 7 8; do
    [[ -n $PORT ]] || PORT=$((20000 + RANDOM % 12000))
    broker_conf
    broker_listens && { PORT=''; continue; }
    broker_launch
    if ! broker_gone; then
      redis_wait
      return 0
    fi
    grep -q 'Address already in use' "$T/broker.log" || fail "the broker did not start"
    PORT=''
  done
  fail "no free port"
}

# Redis is spoken to as soon as the broker runs, but it may take a moment; unless a test has it away on purpose.
redis_is_reached() { [[ $(command_send '{"commands":[{"command":"getStatus"}]}') == *'"connected":true'* ]]; }
redis_wait() { [[ -z $REDIS_PID ]] || until_true 20 redis_is_reached || fail "the plugin does not reach Redis"; }

# The broker must refuse to start; its log then has every one of these words.
broker_start_refused() {
  local word rc=0
  [[ -n $PORT ]] || PORT=$((20000 + RANDOM % 12000))
  [[ -n ${CONF_AS_IS-} ]] || { plugin_conf; broker_conf; }
  : >"$T/broker.log"
  broker_launch
  broker_gone || fail "the broker started all the same"
  wait "$BROKER_PID" || rc=$?
  ((rc > 0 && rc < 128)) || fail "the broker ended with $rc"
  BROKER_PID=''
  for word; do log_has "$word" || fail "the log does not say: $word"; done
}

broker_stop() {
  [[ -n $BROKER_PID ]] || return 0
  kill -TERM "$BROKER_PID" 2>/dev/null || true
  until_true 20 broker_gone || fail "the broker does not end"
  local rc=0
  wait "$BROKER_PID" 2>/dev/null || rc=$?
  BROKER_PID=''
  ((rc == 0)) || fail "the broker ended with $rc"
  sanitizer_check
}

broker_kill() { kill -KILL "$BROKER_PID" 2>/dev/null || true; wait "$BROKER_PID" 2>/dev/null || true; BROKER_PID=''; }

# PKI, Redis, broker: what nearly every test begins with.
world_make() {
  need mosquitto mosquitto_rr mosquitto_pub mosquitto_sub openssl
  [[ -f $CR_PLUGIN ]] || fail "there is no $CR_PLUGIN"
  step "PKI"
  pki_make
  redis_start
}
world_start() { world_make; broker_start; }

# The last words of a test: everything ends well.
world_end() {
  broker_stop
  redis_stop
  step "passed"
}

# ---- MQTT ----

# The options of a client: tls_of NAME [PEM KEY].
tls_of() { # sets TLS
  TLS=(-h 127.0.0.1 -p "$PORT" --cafile "$T/pki/root.pem" --cert "${2:-$T/pki/$1.pem}" --key "${3:-$T/pki/$1.key}")
}

topic_of() { echo "$PREFIX/$1/${3:-operational}/$2"; } # DEVICE VERB [SLOT]

# renew DEVICE CSR ANSWER [OPTION…]: the exchange of the README, with the device's certificate in $T/pki. The message goes
# with -m: Debian 12's mosquitto_rr (2.0.11) takes -f and then sends nothing.
renew() {
  local device=$1 csr=$2 answer=$3; shift 3
  tls_of "$device"
  mosquitto_rr "${TLS[@]}" -W $((10 * SLOW)) -t "$(topic_of "$device" csr)" -e "$(topic_of "$device" certificate)" \
    -m "$(cat "$csr")" "$@" >"$answer" 2>>"$T/client.log"
}

# ask DEVICE TEXT [VERB [OPTION…]]: publishes the text as `csr` (or VERB) and prints what comes back first, whatever it is:
# "topic payload". The answer comes straight to the client that asked, so what it subscribed to does not matter.
ask() {
  local device=$1 text=$2 verb=${3:-csr}; shift $(($# > 3 ? 3 : $#))
  tls_of "$device"
  mosquitto_rr "${TLS[@]}" -V mqttv311 -q 1 -W $((10 * SLOW)) -t "$(topic_of "$device" "$verb")" \
    -e "$(topic_of "$device" rejected)" -m "$text" -F '%t %p' "$@" 2>>"$T/client.log"
}

# refused_with CODE DEVICE TEXT [VERB [OPTION…]]: the request is answered with `rejected` and this errorCode.
refused_with() {
  local code=$1 answer; shift
  answer=$(ask "$@") || fail "no answer to the request of $1"
  contains "$answer" "$(topic_of "$1" rejected)"
  contains "$answer" "\"errorCode\":\"$code\""
}

# command JSON [NAME]: one command on the operator channel, as NAME (operator-1); prints the answer.
command_send() {
  tls_of "${2:-operator-1}"
  mosquitto_rr "${TLS[@]}" -V "${3:-5}" -q 1 -W $((10 * SLOW)) -t "$CONTROL" -e "$CONTROL/response" -m "$1" \
    2>>"$T/client.log"
}

# listen FILE NAME TOPIC… : a subscriber in the background that writes "topic payload" lines; waits for its SUBACK. Whether
# the topics were granted is another matter. LISTEN_OPTIONS: more options of mosquitto_sub.
declare -a LISTEN_OPTIONS=()
LISTENERS=0
listen() {
  local file=$1 name=$2 topic id=listener-$((++LISTENERS)); shift 2
  local -a topics=()
  for topic; do topics+=(-t "$topic"); done
  tls_of "$name"
  stdbuf -oL mosquitto_sub "${TLS[@]}" -i "$id" -q 1 -V mqttv311 "${topics[@]}" -F '%t %p' \
    ${LISTEN_OPTIONS[@]+"${LISTEN_OPTIONS[@]}"} >"$file" 2>>"$T/client.log" &
  LISTENER_PID=$!
  OTHER_PIDS+=("$LISTENER_PID")
  until_true 10 log_has "Sending SUBACK to $id" || fail "no SUBACK for $name"
}

# How many certificates were issued to DEVICE, by the journal: the only place that counts them, not the answers.
certificates_of() { cat "$T"/journal/*.jsonl 2>/dev/null | grep '"what":"issued"' | grep -c "\"device\":\"$1\"" || true; }

# ---- MQTT, byte by byte: what no well-behaved client sends ----

hex_of() { od -An -tx1 -v | tr -d ' \n'; }
hex_len16() { printf '%04x' "$1"; }
hex_text() { printf '%s%s' "$(hex_len16 "$(printf %s "$1" | wc -c)")" "$(printf %s "$1" | hex_of)"; }
# packet FIRST_BYTE BODY, all hex: with the remaining length in between.
packet() {
  local len=$((${#2} / 2)) byte out=$1
  while :; do
    byte=$((len % 128)) len=$((len / 128))
    ((len > 0)) && byte=$((byte | 128))
    out+=$(printf '%02x' "$byte")
    ((len > 0)) || break
  done
  printf %s "$out$2"
}
packet_connect() { packet 10 "$(hex_text MQTT)0402003c$(hex_text "$1")"; } # CLIENT_ID, 3.1.1, clean session
packet_publish() { # FLAGS(0-f) TOPIC MID_HEX PAYLOAD_HEX
  local mid=$3; [[ $1 == [0189] ]] && mid=''
  packet "3$1" "$(hex_text "$2")$mid$4"
}

# raw_open NAME OUT: a TLS connection with NAME's certificate; what comes back goes to the file OUT. raw_send HEX; raw_close.
raw_open() {
  rm -f "$T/raw.fifo"; mkfifo "$T/raw.fifo"
  openssl s_client -quiet -connect "127.0.0.1:$PORT" -CAfile "$T/pki/root.pem" -cert "$T/pki/$1.pem" -key "$T/pki/$1.key" \
    <"$T/raw.fifo" >"$2" 2>/dev/null &
  RAW_PID=$!
  OTHER_PIDS+=("$RAW_PID")
  exec {RAW_FD}>"$T/raw.fifo"
}
raw_send() { printf "$(sed 's/../\\x&/g' <<<"$1")" >&"$RAW_FD"; }
raw_close() { exec {RAW_FD}>&-; kill "$RAW_PID" 2>/dev/null || true; wait "$RAW_PID" 2>/dev/null || true; }
# How often these hex bytes are in a file.
count_hex() { hex_of <"$1" | grep -o "$2" | wc -l; }
