# lib.sh: a compose project of its own for tests that are shell scripts. Sourced by each of them, behind nothing else.
#
# The project is cr-test-<name>-<pid>; its containers, networks and volumes go when the script ends, also by SIGINT and
# SIGTERM. When it failed, the containers' logs are shown first. The images have to be there: ./run builds them before.
# Nothing here sleeps to let something happen: `until_true SECONDS COMMAND…` waits for a condition with a deadline.
set -euo pipefail
export LC_ALL=C PATH="$PATH:/usr/local/bin:/usr/sbin"

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
COMPOSE_FILE_PATH=$TOP/docker/compose.yaml
IMAGE=mosquitto-cert-renewal
# Any free port: several projects run beside each other, and beside the demo.
export CR_TAG=${CR_TAG:-test} CR_PORT=0 CR_PROMETHEUS_PORT=0
# The engine of Debian 12 has no BuildKit; the images are built as it does it.
export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0
unset COMPOSE_PROFILES COMPOSE_PROJECT_NAME COMPOSE_FILE
NAME=${0##*/} NAME=${NAME#test_} NAME=${NAME%.sh} NAME=${NAME//_/-}
PROJECT=${CR_PROJECT:-cr-test-$NAME-$$}
T=$(mktemp -d "${TMPDIR:-/tmp}/cr-docker.XXXXXX")
# What of the profiles a test runs: PROFILES=(cluster).
declare -a PROFILES=() COMPOSE=()
OPERATOR=''

fail() { echo "FAILED: $*" | tee "$T/failed" >&2; exit 1; }
step() { echo "-- $((SECONDS))s: $*"; }
skip() { echo "docker: skipped, $*" >&2; exit 77; }
contains() { [[ $1 == *"$2"* ]] || fail "expected '$2' in: $1"; }
equal() { [[ $1 == "$2" ]] || fail "expected '$2', got '$1'"; }

# engine_needed: COMPOSE is the command of Compose, the first version or the second; without one, or without an engine,
# 77.
engine_needed() {
  command -v docker >/dev/null || skip "docker is not installed"
  timeout 30 docker info >/dev/null 2>&1 || skip "no Docker engine answers"
  if docker compose version >/dev/null 2>&1; then
    COMPOSE=(docker compose)
  elif command -v docker-compose >/dev/null; then
    COMPOSE=(docker-compose)
  else
    skip "neither 'docker compose' nor docker-compose is installed"
  fi
}

# ---- the project ----

compose() {
  local profile
  local -a profiles=()
  for profile in ${PROFILES[@]+"${PROFILES[@]}"}; do profiles+=(--profile "$profile"); done
  "${COMPOSE[@]}" -p "$PROJECT" -f "$COMPOSE_FILE_PATH" ${profiles[@]+"${profiles[@]}"} "$@"
}

# Compose writes its progress to standard error; it is of interest when it failed.
quietly() {
  local log=$T/quietly.$BASHPID
  "$@" >"$log" 2>&1 </dev/null || { cat "$log" >&2; fail "$*"; }
}

up() { quietly compose up -d --no-build "$@"; }

ours() { echo "label=com.docker.compose.project=$PROJECT"; }

# containers [SERVICE]: the ids of all, or of one service's, by number; also of those that do not run.
containers() {
  docker ps -aq --no-trunc --filter "$(ours)" --filter label=com.docker.compose.oneoff=False \
    ${1:+--filter "label=com.docker.compose.service=$1"}
}
# container SERVICE [NUMBER]: one id.
container() {
  local id
  id=$(docker ps -aq --no-trunc --filter "$(ours)" --filter label=com.docker.compose.oneoff=False \
    --filter "label=com.docker.compose.service=$1" --filter "label=com.docker.compose.container-number=${2:-1}")
  [[ -n $id ]] || fail "there is no container ${2:-1} of $1"
  echo "$id"
}
state_of() { docker inspect -f "{{$2}}" "$(container "$1")"; } # SERVICE FIELD, such as .State.Status
is_running() { [[ $(state_of "$1" .State.Status) == running ]]; }
is_healthy() { [[ $(state_of "$1" .State.Health.Status) == healthy ]]; }
in_container() { local service=$1; shift; docker exec -i "$(container "$service")" "$@" </dev/null; }

# kill -9 of a service's container, which the engine does not start again by itself; start_again does.
kill_hard() { quietly docker kill -s KILL "$(container "$@")"; }
start_again() { quietly docker start "$(container "$@")"; }
# The same of its processes alone, as a crash: what happens then is decided by its restart policy.
crash() {
  local id pid
  id=$(container "$@")
  pid=$(docker inspect -f '{{.State.Pid}}' "$id")
  # 0 would be all of this test's own, and an engine in another machine has other numbers than this one.
  [[ $pid =~ ^[1-9][0-9]*$ ]] || fail "$* does not run"
  grep -qF "$id" "/proc/$pid/cgroup" 2>/dev/null || fail "the process $pid is not that of $*: is the engine elsewhere?"
  kill -KILL "$pid" || fail "the process of $* is not there"
}

service_log() { docker logs "$(container "$@")" 2>&1; }

# ---- operators ----

# operator ARGUMENT…: renewalctl as the README has it. A container for each command, which takes a second or two.
operator() { compose run --rm -T renewalctl "$@" </dev/null; }

# ctl ARGUMENT…: the same in a container that stays, for what is asked again and again.
ctl() {
  operator_stays
  docker exec -i "$OPERATOR" renewalctl "$@" </dev/null
}
operator_stays() {
  if [[ -n $OPERATOR && $(docker inspect -f '{{.State.Running}}' "$OPERATOR" 2>/dev/null) == true ]]; then return; fi
  OPERATOR=$PROJECT-operator
  docker rm -f "$OPERATOR" >/dev/null 2>&1 || true
  # Not sleep alone: as process 1 it would not hear SIGTERM.
  quietly compose run -d --no-deps --name "$OPERATOR" --entrypoint 'timeout 1h sleep 1h' renewalctl
}

# ---- conditions ----

# until_true SECONDS COMMAND…: repeats the command until it succeeds; false at the deadline.
until_true() {
  local deadline=$((SECONDS + $1)); shift
  until ("$@") >/dev/null 2>&1; do # its own shell, so that a `fail` inside ends only the try
    rm -f "$T/failed" # only a try
    if ((SECONDS > deadline)); then return 1; fi
    sleep 0.2
  done
}

# ---- the end ----

# Everything that has the project's label; what Compose would leave where a profile is not named, too.
project_remove() {
  local ids
  for _ in 1 2 3; do # an up that was interrupted may still make things
    ids=$(docker ps -aq --filter "$(ours)")
    [[ -z $ids ]] || docker rm -f -v $ids >/dev/null 2>&1 || true
    ids=$(docker network ls -q --filter "$(ours)")
    [[ -z $ids ]] || docker network rm $ids >/dev/null 2>&1 || true
    ids=$(docker volume ls -q --filter "$(ours)")
    [[ -z $ids ]] || docker volume rm -f $ids >/dev/null 2>&1 || true
    [[ -n $(project_left) ]] || return 0
    sleep 1
  done
  echo "left behind: $(project_left)" >&2
  return 1
}
project_left() {
  { docker ps -a --filter "$(ours)" --format 'container {{.Names}}'
    docker network ls --filter "$(ours)" --format 'network {{.Name}}'
    docker volume ls --filter "$(ours)" --format 'volume {{.Name}}'; } | paste -sd ' '
}

logs_show() {
  local id
  docker ps -a --filter "$(ours)" --format '{{.Names}}: {{.Image}}, {{.Status}}'
  for id in $(docker ps -aq --filter "$(ours)"); do
    echo "---- $(docker inspect -f '{{.Name}}' "$id") (last lines)"
    docker logs --timestamps --tail 40 "$id" 2>&1
  done
}

# What a test has besides its project goes in a function at_end, which it may define.
on_exit() {
  local rc=$?
  trap '' INT TERM HUP
  trap - ERR
  set +e
  ((rc == 0 || rc == 77 || rc > 128)) || logs_show >&2
  [[ $(type -t at_end) != function ]] || at_end
  if [[ -n ${CR_KEEP-} ]]; then
    echo "kept: '${COMPOSE[*]} -p $PROJECT -f $COMPOSE_FILE_PATH down -v --remove-orphans' removes it"
  elif ((rc != 77)); then
    project_remove || rc=1
  fi
  ((rc == 0)) || [[ ! -s $T/failed ]] || cat "$T/failed" >&2 # once more, behind the logs
  rm -rf "$T"
  exit "$rc"
}
trap on_exit EXIT
# What ends a test without a word of its own.
on_error() { [[ -s $T/failed ]] || echo "FAILED: $1 (exit $2)" | tee "$T/failed" >&2; }
set -E
trap 'on_error "${BASH_SOURCE[0]##*/}, line $LINENO: $BASH_COMMAND" $?' ERR
trap 'exit 130' INT
trap 'exit 143' TERM HUP

engine_needed
