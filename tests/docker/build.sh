# Builds all images of the compose file, with the builder of Debian 12's engine. What has not changed comes out of the
# engine's cache; what a new image displaced is removed.
. "$(dirname "$0")/lib.sh"

# All services, whatever their profile.
PROFILES=(tools cluster observability chaos)

images() { docker image ls -q --no-trunc --filter "reference=$IMAGE-*:$CR_TAG" | sort -u; }

before=$(images)
compose build --force-rm >"$T/build.log" 2>&1 </dev/null ||
  { tail -n 100 "$T/build.log"; fail "docker/Dockerfile does not build"; }
after=$(images)
# Only what has no other name, and not by force: an image that something still runs of stays.
for id in $(comm -23 <(echo "$before") <(echo "$after")); do
  [[ $(docker image inspect -f '{{len .RepoTags}}' "$id" 2>/dev/null) != 0 ]] || docker image rm "$id" >/dev/null 2>&1 || true
done
echo "built: $(docker image ls --filter "reference=$IMAGE-*:$CR_TAG" --format '{{.Repository}} {{.Size}}' |
  sed -n "s/^$IMAGE-//p" | grep -vE "^(build|test-)" | sort | paste -sd ',' | sed 's/,/, /g') in $SECONDS s"
