# What is in the images: who they run as, how they say that they are well, how large they are, and that there is
# nothing in them that is not needed to run. The programs come out of the build the same, byte for byte, when it is
# repeated.
. "$(dirname "$0")/lib.sh"

declare -a targets=(broker device-sim renewalctl redis balancer prometheus chaos)
# MB beyond debian:trixie-slim.
declare -A largest=([broker]=15 [device-sim]=10 [renewalctl]=10 [redis]=20 [balancer]=25 [prometheus]=200 [chaos]=60)

# In an image, as root, without network.
in_image() { # IMAGE SHELL_COMMAND
  docker run --rm --label "com.docker.compose.project=$PROJECT" --network none --user 0 --entrypoint sh \
    "$1" -c "$2" </dev/null
}
size_mb() { echo $(($(docker image inspect -f '{{.Size}}' "$1") / 1000000)); }
# What only a build needs, and what apt leaves behind; beyond what is in Debian's image.
SUPERFLUOUS='{
  for tool in gcc cc c++ cpp ld as make cmake ninja dpkg-buildpackage; do command -v "$tool"; done
  dpkg-query -W -f "\${Package}\n" | grep -E -- "-dev$"
  find /var/lib/apt/lists /var/cache/apt -type f
  find /usr /opt /etc /home /root -xdev -path /usr/share/doc -prune -o \
    -type f \( -name "*.c" -o -name "*.o" -o -name "*.a" -o -perm -0002 \) -print
  find / -xdev -type d -perm -0002 -not -perm -1000
} | sort'
SETUID='find / -xdev -type f -perm /6000 | sort'

step "Debian's images, and nothing from elsewhere"
bases=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$TOP/docker/Dockerfile" | sort -u)
stages=$(sed -n 's/^FROM .* AS //p' "$TOP/docker/Dockerfile" | sort -u)
equal "$(comm -23 <(echo "$bases") <(echo "$stages"))" debian:trixie-slim
! grep -nE '^(ADD|RUN).*(https?:|curl |wget |pip |npm )' "$TOP/docker/Dockerfile" ||
  fail "the Dockerfile downloads something"

base=debian:trixie-slim
base_mb=$(size_mb "$base")
in_image "$base" "$SETUID" >"$T/setuid"
in_image "$base" "$SUPERFLUOUS" >"$T/superfluous"
for target in "${targets[@]}"; do
  grep -qE "^FROM .* AS $target$" "$TOP/docker/Dockerfile" || fail "there is no target '$target'"
  image=$IMAGE-$target:$CR_TAG
  step "$target: $(size_mb "$image") MB, $(($(size_mb "$image") - base_mb)) more than $base"
  (($(size_mb "$image") - base_mb <= largest[$target])) ||
    fail "$target is too large: at most ${largest[$target]} MB more"
  user=$(docker image inspect -f '{{.Config.User}}' "$image")
  [[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "$target runs as '$user'"
  equal "$target: ${first_user:=$user}" "$target: $user"
  health=$(docker image inspect -f '{{if .Config.Healthcheck}}{{json .Config.Healthcheck.Test}}{{end}}' "$image")
  [[ $health == *CMD* ]] || fail "$target has no health check"
  in_image "$image" "$SUPERFLUOUS" >"$T/superfluous-$target" 2>&1
  [[ -z $(comm -13 "$T/superfluous" "$T/superfluous-$target") ]] ||
    fail "$target: $(comm -13 "$T/superfluous" "$T/superfluous-$target")"
  in_image "$image" "$SETUID" >"$T/setuid-$target"
  [[ -z $(comm -13 "$T/setuid" "$T/setuid-$target") ]] ||
    fail "$target: setuid: $(comm -13 "$T/setuid" "$T/setuid-$target")"
done

step "the programs start where they are"
contains "$(docker run --rm --network none "$IMAGE-renewalctl:$CR_TAG" version)" renewalctl
contains "$(docker run --rm --network none "$IMAGE-device-sim:$CR_TAG" --version)" device-sim

step "the unit tests ran where they were built"
build=$IMAGE-build:$CR_TAG
quietly docker build --force-rm --target build -t "$build" -f "$TOP/docker/Dockerfile" "$TOP"
passed=$(in_image "$build" 'grep -c "^Test Passed" build/release/Testing/Temporary/LastTest.log')
((passed >= 50)) || fail "only $passed unit tests ran in the build"

step "the plugin once more, byte for byte"
plugin=/usr/lib/mosquitto-cert-renewal/mosquitto_cert_renewal.so
in_image "$build" 'rm -rf build &&
  { cmake --preset release && cmake --build --preset release --target mosquitto_cert_renewal; } >&2 &&
  strip --strip-unneeded -o /again.so build/release/plugin/mosquitto_cert_renewal.so && sha256sum </again.so' \
  >"$T/again" 2>"$T/again.log" || { tail -n 30 "$T/again.log" >&2; fail "the plugin does not build again"; }
equal "$(cat "$T/again")" "$(in_image "$IMAGE-broker:$CR_TAG" "sha256sum <$plugin")"
step passed
