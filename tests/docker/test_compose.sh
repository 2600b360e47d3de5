# The compose file is valid for both versions of Compose, with every profile; and Compose v2, Debian 13's, starts, asks
# and removes the stack that the other tests start with what is installed here. It runs in a container, over the
# engine's socket.
. "$(dirname "$0")/lib.sh"

step "every profile is valid"
declare -a profiles=('' tools cluster observability chaos)
for profile in "${profiles[@]}"; do
  PROFILES=(); [[ -z $profile ]] || PROFILES=("$profile")
  quietly compose config -q
done
! grep -q '^version:' "$COMPOSE_FILE_PATH" || fail "Compose v2 warns of 'version:'"

step "Compose v2"
[[ -S /var/run/docker.sock && -z ${DOCKER_HOST-} ]] || skip "the engine is not at /var/run/docker.sock"
mkdir "$T/v2"
printf 'FROM debian:trixie-slim\nRUN apt-get update && apt-get install -y --no-install-recommends docker-compose %s\n' \
  '&& rm -rf /var/lib/apt/lists/*' >"$T/v2/Dockerfile"
quietly docker build --force-rm -t "$IMAGE-test-compose:$CR_TAG" "$T/v2"
v2() {
  local profile
  local -a with=()
  for profile in ${PROFILES[@]+"${PROFILES[@]}"}; do with+=(--profile "$profile"); done
  docker run --rm -i --label "com.docker.compose.project=$PROJECT" -e CR_TAG -e CR_PORT -e CR_PROMETHEUS_PORT \
    -e CR_DEVICES -e CR_POOL -v /var/run/docker.sock:/var/run/docker.sock -v "$TOP:$TOP:ro" \
    "$IMAGE-test-compose:$CR_TAG" \
    docker-compose -p "$PROJECT" -f "$COMPOSE_FILE_PATH" ${with[@]+"${with[@]}"} "$@" </dev/null
}
[[ $(v2 version) =~ ersion\ v?2\. ]] || fail "this is no Compose v2: $(v2 version)"
v2_services() { # PROFILE, by name
  PROFILES=(); [[ -z $1 ]] || PROFILES=("$1")
  v2 config --services >"$T/services" 2>"$T/config.err" || fail "profile '$1': $(cat "$T/config.err")"
  [[ ! -s $T/config.err ]] || fail "profile '$1': $(cat "$T/config.err")" # a warning
  sort "$T/services"
}
v2_services '' >"$T/always"
equal "$(paste -sd ' ' "$T/always")" "balancer broker fleet pki redis sentinel"
for profile in "${profiles[@]:1}"; do
  v2_services "$profile" >"$T/more"
  [[ -z $(comm -23 "$T/always" "$T/more") ]] || fail "profile '$profile' takes services away"
  [[ -n $(comm -13 "$T/always" "$T/more") ]] || fail "profile '$profile' adds nothing"
done

step "up, by Compose v2"
PROFILES=()
export CR_DEVICES=5 CR_POOL=5
quietly v2 up -d --no-build --quiet-pull
v2_confirmed() { v2 run --rm --no-deps -T renewalctl status | grep -E '^issued +[0-9]+, confirmed +[1-9]'; }
until_true 60 v2_confirmed || fail "$(v2 run --rm -T renewalctl status 2>&1)"
contains "$(v2 port balancer 8883)" 127.0.0.1:
quietly v2 restart -t 10 broker
until_true 60 v2_confirmed || fail "$(v2 run --rm -T renewalctl status 2>&1)"

step "down, by Compose v2"
quietly v2 down -v -t 10
equal "$(project_left)" ""
step passed
