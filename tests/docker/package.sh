#!/usr/bin/env bash
# The Debian package: built, twice with the same bytes, without errors and warnings of lintian, hardened; then, on a
# Debian with its Mosquitto, what plugin/README.md says about installing it, and how it goes and comes
# (package_inside.sh).
#
# Usage: tests/docker/package.sh SUITE [--keep]     SUITE: bookworm or trixie
#   --keep     leave the containers, and say their names
# Exit codes: 0 passed; 1 failed; 2 wrong usage; 77 there is no Docker engine. Images of the builds stay, for the next
# time.
set -euo pipefail
export LC_ALL=C DOCKER_BUILDKIT=0

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
suite='' keep=${CR_KEEP-}
for arg; do
  case $arg in
    -h | --help) sed -n '2,10{s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    --keep) keep=yes ;;
    bookworm | trixie) suite=$arg ;;
    *) echo "package: what is '$arg'? see --help" >&2; exit 2 ;;
  esac
done
[[ -n $suite ]] || { echo "package: which suite? see --help" >&2; exit 2; }
step() { echo "-- $((SECONDS))s: $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

command -v docker >/dev/null || { echo "docker: skipped, docker is not installed" >&2; exit 77; }
timeout 30 docker info >/dev/null 2>&1 || { echo "docker: skipped, no Docker engine answers" >&2; exit 77; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/cr-package.XXXXXX")
containers=()
on_exit() {
  local rc=$?
  trap '' INT TERM HUP
  if [[ -n $keep && ${#containers[@]} -gt 0 ]]; then
    echo "kept: container ${containers[*]}; 'docker rm -f ${containers[*]}' removes it"
  else
    ((${#containers[@]} == 0)) || docker rm -f "${containers[@]}" >/dev/null 2>&1 || true
  fi
  rm -rf "$dir"
  exit "$rc"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# image STAGE: builds a stage of package.Dockerfile, and prints its id.
image() {
  docker build --build-arg "SUITE=$suite" --target "$1" --iidfile "$dir/image" - \
    <"$top/tests/docker/package.Dockerfile" >"$dir/build.log" 2>&1 || { tail -n 40 "$dir/build.log" >&2; fail "the image $1"; }
  cat "$dir/image"
}
# started IMAGE: a container that waits, in $container.
started() {
  container=$(docker run -d --init "$1" sleep infinity)
  containers+=("$container")
}
inside() { docker exec -i "$container" "$@" </dev/null; }

# Whether two builds are the same is a matter of our own files, so one release is enough.
twice=()
[[ $suite != bookworm ]] || twice=(--twice)
step "building on $suite ${twice[*]-}"
"$top/docker/package" ${twice[@]+"${twice[@]}"} "$suite" "$dir"
deb=$(echo "$dir"/mosquitto-cert-renewal_*.deb)

step "lintian, and hardening"
started "$(image lint)"
docker cp "$deb" "$container:/tmp/"
docker cp "$top/tests/package/hardening.sh" "$container:/tmp/"
inside lintian --allow-root --fail-on error,warning "/tmp/${deb##*/}"
inside sh -c 'dpkg-deb -x /tmp/*.deb /tmp/root'
inside /tmp/hardening.sh /tmp/root/usr/bin/renewalctl \
  /tmp/root/usr/lib/mosquitto-cert-renewal/mosquitto_cert_renewal.so

step "installing on $suite"
started "$(image machine)"
inside mkdir /root/package
docker cp "$deb" "$container:/root/package/"
docker cp "$top/plugin/README.md" "$container:/root/package/"
docker cp "$top/README.md" "$container:/root/package/top.md"
docker cp "$top/tests/docker/package_inside.sh" "$container:/root/package/"
inside bash /root/package/package_inside.sh || {
  inside sh -c 'tail -n 40 /var/log/mosquitto/mosquitto.log; tail -n +1 /etc/mosquitto/*.conf /etc/mosquitto/conf.d/*' \
    >&2 || true
  fail "on $suite"
}
step "passed"
