#!/usr/bin/env bash
# docker/images/chaos-brokers against an engine of two lines: whom it stopped it starts again, also when it ends; and a
# container that was removed meanwhile does not keep it from going on.
# Usage: test_chaos_brokers.sh SCRIPT
set -euo pipefail
script=$1
T=$(mktemp -d)
PIDS=()
trap '{ kill -KILL "${PIDS[@]}"; wait; } 2>/dev/null || true; rm -rf "$T"' EXIT
complain() { echo "$*" >&2; tail -n 5 "$T/asked" "$T/said" >&2; exit 1; }
until_true() { # SECONDS COMMAND...
  local end=$((SECONDS + $1)); shift
  until "$@"; do ((SECONDS < end)) || return 1; sleep 0.05; done
}

mkdir "$T/bin"
# The engine: notes what is asked. What is in $T/start is its answer to each start.
cat >"$T/bin/curl" <<'END'
#!/bin/bash
set -u
for word; do
  case $word in http://docker/*) path=${word#http://docker} ;; esac
done
echo "$path" >>"$T/asked"
case $path in
  */start) printf 'what the engine says\n%s' "$(<"$T/start")" ;;
  */json) printf '{}\n200' ;;
  *) sleep 0.05; printf '\n204' ;;
esac
END
# What it is asked for is not jq's business here.
cat >"$T/bin/jq" <<'END'
#!/bin/bash
case "$*" in
  *project\"\]*) echo project ;;
  -cn*) echo '{}' ;;
  *) cat >/dev/null; echo "1234 broker" ;;
esac
END
chmod +x "$T/bin/curl" "$T/bin/jq"
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die; sleep 60' "$T/socket" &
PIDS+=($!)
until_true 10 test -S "$T/socket" || complain "no socket"

begin() { # ANSWER to a start
  printf '%s' "$1" >"$T/start"
  : >"$T/asked"
  T=$T PATH=$T/bin:$PATH DOCKER_SOCKET=$T/socket ALIVE_FILE=$T/alive CHAOS_MIN=0 CHAOS_MAX=0 CHAOS_DOWN=0 \
    bash "$script" >"$T/said" 2>&1 &
  CHAOS=$!
  PIDS+=("$CHAOS")
}
asked() { (($(grep -cE -- "$1" "$T/asked") >= $2)); }

begin 204
until_true 10 asked '/(kill|stop)\?' 3 || complain "nobody dies"
kill -TERM "$CHAOS"
wait "$CHAOS" || complain "SIGTERM ends it with $?"
[[ $(grep -E '/(kill|stop|start)' "$T/asked" | tail -n 1) == */start ]] || complain "the last one stays dead"

begin 404
until_true 10 asked '/(kill|stop)\?' 3 || complain "a container that is gone keeps it from going on"
kill -TERM "$CHAOS"
wait "$CHAOS" || complain "SIGTERM ends it with $?"

# An engine that cannot start it for now: nobody else dies before that is done.
begin 500
until_true 10 asked '/start' 5 || complain "it does not try again"
asked '/(kill|stop)\?' 2 && complain "two are dead"
printf 204 >"$T/start"
until_true 10 asked '/(kill|stop)\?' 2 || complain "it does not go on"
kill -TERM "$CHAOS"
wait "$CHAOS" || complain "SIGTERM ends it with $?"
