# lib.sh: what the tours have in common: a Redis and a broker with the plugin of their own, a fleet of simulated devices, and
# a transcript of what was typed. Sourced by each of them, which has set `tour` (its name), `count`, `build` and `readme`.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
usage() { echo "$tour: $*; see --help" >&2; exit 2; }

# tour_options COUNT HELP_TO ARGUMENT...: sets count, build and readme. HELP_TO: the last line of the caller's help.
tour_options() {
  local help_to=$2
  count=$1 build='' readme=''
  shift 2
  while (($#)); do
    case $1 in
      -h | --help) sed -n "2,$help_to{s/^# \{0,1\}//;p}" "$0"; exit 0 ;;
      --count | --build | --readme)
        (($# > 1)) || usage "$1 needs a value"
        case $1 in --count) count=$2 ;; --build) build=$2 ;; *) readme=$2 ;; esac
        shift ;;
      *) usage "unknown option '$1'" ;;
    esac
    shift
  done
  [[ $count =~ ^[1-9][0-9]{1,4}$ ]] || usage "--count is a number from 10 to 99999"
  [[ -z $readme ]] || grep -q "^<!-- $tour -->$" "$readme" || usage "there is no line '<!-- $tour -->' in '$readme'"
  tour_build
}

tour_build() {
  if [[ -z $build ]]; then
    build=$top/build/release
    cd "$top"
    [[ -e $build/build.ninja || -e $build/Makefile ]] || cmake --preset release >/dev/null
    cmake --build --preset release --parallel "$(nproc)" \
      --target mosquitto_cert_renewal renewalctl device-sim >/dev/null
  fi
  build=$(cd "$build" && pwd)
  sim=$build/device-sim/device-sim
  ctl=$build/plugin/renewalctl/renewalctl
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/cert-renewal-$tour.XXXXXX")
transcript=$dir/transcript
declare -A pid=()
end_process() {
  [[ -n ${pid[$1]-} ]] || return 0
  kill "${pid[$1]}" 2>/dev/null || true
  wait "${pid[$1]}" 2>/dev/null || true
  unset "pid[$1]"
}
cleanup() {
  local name
  for name in fleet broker redis; do end_process "$name"; done
  [[ -n ${KEEP-} ]] || rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
fail() {
  local log
  echo "$tour: $*" >&2
  for log in "$dir"/*.log; do [[ ! -s $log ]] || { echo "---- ${log##*/}"; tail -n 20 "$log"; } >&2; done
  exit 1
}

# until_ok SECONDS WHAT COMMAND...: waits for a command to succeed.
until_ok() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "$what"
    sleep 0.1
  done
}
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    grep -qi ":$(printf %04x "$port") [0-9a-f]*:0000 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null || {
      echo "$port"
      return
    }
  done
}

# ---- broker, Redis ----

redis_start() {
  local redis cli
  redis=$(command -v redis-server || command -v valkey-server) || fail "there is no redis-server"
  cli=$(command -v redis-cli || command -v valkey-cli) || fail "there is no redis-cli"
  "$redis" --port 0 --unixsocket "$dir/redis.sock" --dir "$dir" --save '' --appendonly yes --daemonize no \
    >"$dir/redis.log" 2>&1 &
  pid[redis]=$!
  until_ok 15 "Redis did not start" "$cli" -s "$dir/redis.sock" ping
}

# broker_start CAFILE: with $dir/cert-renewal.conf; renewalctl's options are in its configuration file.
broker_start() {
  mkdir -p "$dir/journal" "$dir/config"
  port=$(free_port)
  cat >"$dir/mosquitto.conf" <<END
user root
listener $port 127.0.0.1
cafile $1
certfile $dir/pki/server.pem
keyfile $dir/pki/server.key
require_certificate true
allow_anonymous true
set_tcp_nodelay true
log_dest file $dir/broker.log
plugin $build/plugin/mosquitto_cert_renewal.so
plugin_opt_config_file $dir/cert-renewal.conf
END
  cat >"$dir/config/renewalctl" <<END
host 127.0.0.1
port $port
cafile $dir/pki/ca.pem
cert $dir/pki/operator.pem
key $dir/pki/operator.key
END
  export XDG_CONFIG_HOME=$dir/config NO_COLOR=1
  mosquitto -c "$dir/mosquitto.conf" >"$dir/mosquitto.out.log" 2>&1 &
  pid[broker]=$!
  until_ok 20 "the plugin does not answer" "$ctl" status
}

rows() { "$ctl" --json "$@" | grep -c '"serialNumber"' || true; }

# ---- the transcript ----

# What is said, and what is typed: to the screen and into the transcript.
: >"$transcript"
say() { printf '%s\n' "$*" | sed -e "s|$dir|/srv/$tour|g" -e 's/ *$//' | tee -a "$transcript"; }
note() { say "$(printf '# %s' "$*")"; }
# typed [--head N] WORD...: shows a renewalctl command and its answer; its exit code is that of the command.
typed() {
  local lines=0 rc=0 out
  if [[ $1 == --head ]]; then lines=$2; shift 2; fi
  say "\$ renewalctl $*"
  out=$("$ctl" "$@" 2>&1) || rc=$?
  if ((lines > 0)) && (($(wc -l <<<"$out") > lines + 2)); then
    say "$(head -n "$lines" <<<"$out")"
    say "…"
    say "$(tail -n 1 <<<"$out")"
  else
    say "${out:-(nothing)}"
  fi
  ((rc == 0)) || say "(exit code $rc)"
  say ""
  return "$rc"
}

# The transcript into the file that was named.
transcript_keep() {
  [[ -n $readme ]] || return 0
  awk -v transcript="$transcript" -v tour="$tour" '
    $0 == "<!-- /" tour " -->" { skip = 0 }
    !skip { print }
    $0 == "<!-- " tour " -->" {
      skip = 1
      print ""
      while ((getline line < transcript) > 0) print line == "" ? "" : "    " line
      print ""
    }' "$readme" >"$dir/readme"
  cat "$dir/readme" >"$readme"
}
