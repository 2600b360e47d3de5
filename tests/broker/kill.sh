# kill.sh: kill -9 at every step of one renewal. Sourced by the test_kill_*.sh, behind lib.sh.
#
# strace is attached to a thread (or to several) and makes one system call a SIGKILL: of each name that a renewal uses the
# first, the second … until a renewal completes without being hit. After each hit everything is started again, the same
# request is repeated, and there must be exactly one certificate, the same bytes each time it was seen.

need strace
: "${CR_LEDGER_CHECK:?the program that compares journal, Redis and certificates}"
if [[ ${#BROKER_ENV[@]} -gt 0 ]]; then skip "a sanitizer's own system calls are beside the point here"; fi

kill_world() {
  PLUGIN_EXTRA=$'rate_device 100000\nrate_device_burst 1000\nredis_timeout 1s\nretry_after 1s'
  REDIS_EXTRA="--hz 1"
  world_start
  strace -o "$T/strace.try" -e trace=none -e inject=getpid:signal=SIGKILL:when=1 true 2>"$T/strace.err" ||
    skip "strace cannot trace here: $(head -n 1 "$T/strace.err")"
  mkdir -p "$T/certs"
  settle
}

# A first renewal, so that what is made only once (threads, connections) is there.
SETTLED=0
settle() {
  local name=settle-$((++SETTLED))
  pki_device "$name"
  csr_make "$T/$name" "$name"
  until_true 20 certificate_of "$name" || fail "no renewal after a start"
}

# certificate_of DEVICE: asks with DEVICE's request, once; its certificate is then in certs/DEVICE.pem. False: none came.
certificate_of() {
  local answer=$T/answer-$1.pem
  renew "$1" "$T/$1.csr" "$answer" -W 3 && grep -q 'END CERT' "$answer" || return 1
  if [[ -e $T/certs/$1.pem ]]; then
    cmp -s "$answer" "$T/certs/$1.pem" || { echo "DIFFERENT BYTES for $1" >>"$T/different.log"; return 1; }
  else
    cp "$answer" "$T/certs/$1.pem"
  fi
}

# The broker's threads by what they wait in: its loop and the store's thread in epoll, the others in a futex.
threads_of() { # loop | store | others
  local task tid nr _
  for task in /proc/"$BROKER_PID"/task/*; do
    tid=${task##*/}
    read -r nr _ <"$task/syscall"
    case $1:$tid:$nr in
      loop:"$BROKER_PID":*) echo "$tid" ;;
      *:"$BROKER_PID":*) ;;
      store:*:232 | store:*:281 | store:*:22) echo "$tid" ;; # epoll_wait, epoll_pwait; 22: epoll_pwait on arm64
      others:*:202 | others:*:98) echo "$tid" ;;
    esac
  done
}

# Fills TIDS with the threads that the function names, once they rest where they can be told apart.
find_threads() {
  local deadline=$((SECONDS + 10))
  until TIDS=$("$1") && [[ -n $TIDS ]]; do
    ((SECONDS <= deadline)) || fail "$1 finds no thread"
    sleep 0.02
  done
}

# strike WHAT N TID…: from now on the Nth system call of that name, of each of these threads, kills its process. WHAT 'all': they are
# only recorded. (strace counts each name by itself, so every call of a renewal is one name and one N.)
strike() {
  local what=$1 n=$2 tid; shift 2
  local -a at=() inject=(-e "inject=$what:signal=SIGKILL:when=$n")
  [[ $what != all ]] || inject=()
  for tid; do at+=(-p "$tid"); done
  TARGET=$(sed -n 's/^Tgid:[[:space:]]*//p' "/proc/$tid/status")
  : >"$T/strace.err"
  strace -o "$T/strace.log" -e trace=all ${inject[@]+"${inject[@]}"} "${at[@]}" 2>"$T/strace.err" &
  STRACE_PID=$!
  OTHER_PIDS+=("$STRACE_PID")
  attached() { (($(grep -c attached "$T/strace.err") >= ${#at[@]} / 2)) || ! kill -0 "$STRACE_PID"; }
  until_true 10 attached || fail "strace does not attach: $(cat "$T/strace.err")"
}
# strace ends by itself with what it traces; else it lets go.
strike_end() {
  kill -TERM "$STRACE_PID" 2>/dev/null || true
  wait "$STRACE_PID" 2>/dev/null || true
}
# A client sees its connection end while the process that was hit still dies, thread by thread, and strace may be told to let
# go in that moment: its log does not say so then. So whoever answers was not hit, and who does not has died or will have.
is_dead() {
  local key value
  grep -q 'killed by SIGKILL' "$T/strace.log" && return 0
  while read -r key value; do
    case $key:$value in
      State:Z* | State:X*) return 0 ;;
      SigPnd:* | ShdPnd:*) ((16#$value & 0x100)) && return 0 ;;
    esac
  done 2>/dev/null <"/proc/$TARGET/status" || return 0
  return 1
}
answers() {
  [[ $TARGET != "$REDIS_PID" ]] || { timeout 5 "$(command -v redis-cli || command -v valkey-cli)" -s "$T/redis.sock" ping; return; }
  tls_of operator-1
  timeout 5 mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m 'still there?'
}
dead_or_answering() { is_dead || answers; }
was_hit() {
  until_true 20 dead_or_answering || fail "process $TARGET neither dies nor answers"
  is_dead
}

# struck_renewal DEVICE WHAT N THREADS: one renewal of a new device under the strike.
struck_renewal() {
  DEVICE=$1
  pki_device "$DEVICE"
  csr_make "$T/$DEVICE" "$DEVICE"
  find_threads "$4"
  # shellcheck disable=SC2086
  strike "$2" "$3" $TIDS
  certificate_of "$DEVICE" || true
  strike_end
}

# What must be so after everything runs again. An intent whose outcome nobody knows keeps its lease (half a minute), and the
# device is told that its request is pending: those are looked at again at the end.
LATE=''
judge() { # WHAT [late]
  if ! until_true $((${2:+45} + 5)) certificate_of "$DEVICE" && [[ -z ${2-} ]] && grep -q retryAfter "$T/answer-$DEVICE.pem"; then
    LATE+=" $DEVICE"
    return 0
  fi
  certificate_of "$DEVICE" || fail "$1: no certificate for $DEVICE: $(cat "$T/answer-$DEVICE.pem")"
  cert_check "$T/certs/$DEVICE.pem" "$T/$DEVICE.key" "$DEVICE"
  [[ ! -e $T/different.log ]] || fail "$1: $(cat "$T/different.log")"
  equal "$1: $(certificates_of "$DEVICE") certificate" "$1: 1 certificate"
}

# strike_all WHAT LEAST: the function WHAT_threads names the threads, WHAT_again starts again what died. At least so many hits.
strike_all() {
  local n hits=0 call
  struck_renewal "$1-recorded" all 0 "$1_threads"
  judge "$1, only recorded"
  for call in $(sed -n 's/^\([0-9]* *\)\{0,1\}\([a-z_0-9]*\)(.*/\2/p' "$T/strace.log" | sort -u); do
    for ((n = 1; ; n++)); do
      ((n < 100)) || fail "$1: no end of $call"
      struck_renewal "$1-${call//_/-}-$n" "$call" "$n" "$1_threads"
      if ! was_hit; then
        judge "$1, $call $n, not hit"
        break
      fi
      hits=$((hits + 1))
      "$1_again"
      judge "$1, $call $n"
    done
  done
  for DEVICE in $LATE; do judge "$DEVICE" late; done
  step "$(wc -w <<<"$LATE") had to wait for a lease"
  LATE=''
  ((hits >= $2)) || fail "$1: only $hits hits: strace does not do what it should"
  step "$1: killed at each of $hits system calls"
}

kill_end() {
  broker_stop
  "$CR_LEDGER_CHECK" "$T/journal/journal.jsonl" "$T/redis.sock" "$T/certs" >"$T/ledger.log" || { cat "$T/ledger.log" >&2; fail "the ledger is not in order"; }
  step "$(tail -n 1 "$T/ledger.log")"
  redis_stop
  step "passed"
}

broker_restart() { wait "$BROKER_PID" 2>/dev/null || true; BROKER_PID=''; broker_start; settle; }
