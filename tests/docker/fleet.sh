# fleet.sh: what is known of a fleet that runs in containers, and what of it must always be so. Sourced behind lib.sh.

# ---- what the plugin says ----

inventory() { ctl --json devices --all; } # a row a line
# rows_of FIELD VALUE: rows of standard input that have it; texts only.
rows_of() { grep -F "\"$1\":\"$2\"" || true; }
# field NAME: its values in the rows of standard input, a line each; texts, numbers and words.
field() { sed -n "s/^.*[{,]\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }
known() { inventory | field device | sort; }
known_is() { (($(known | wc -l) == $1)); }
fleet_is() { until_true "${2:-60}" known_is "$1" || fail "not $1 devices, but $(known | wc -l)"; }
# counter NAME: of `status`, such as confirmed; since the broker began.
counter() { ctl --json status | sed -n "s/^.*\"$1\":[[:space:]]*\([0-9]*\).*/\1/p" | head -n 1; }
counter_at_least() { (($(counter "$1") >= $2)); }
answers() { ctl status >/dev/null; }

# renewed_by_all GENERATION_FILE: everybody's generation is higher than in the file (lines of device and generation).
generations() { inventory | sed -n 's/^{"device":"\([^"]*\)".*"generation":\([0-9]*\).*/\1 \2/p' | sort; }
renewed_since() { # FILE: who has renewed since
  join "$1" <(generations) | awk '$3 > $2 { print $1 }'
}
renewed_at_least() { (($(renewed_since "$1" | wc -l) >= $2)); }
goes_on() { # COUNT SECONDS: so many devices renew from now on
  generations >"$T/generations"
  until_true "$2" renewed_at_least "$T/generations" "$1" ||
    fail "only $(renewed_since "$T/generations" | wc -l) devices renew"
}

# ---- campaigns ----

campaign_start() { # ARGUMENT…: CAMPAIGN is its id
  CAMPAIGN=$(ctl --json campaign start --yes "$@" |
    sed -n 's/^.*"campaign":[[:space:]]*"\([0-9a-f]*\)".*/\1/p' | head -n 1)
  [[ $CAMPAIGN =~ ^[0-9a-f]{8}$ ]] || fail "no campaign"
}
campaign() { ctl --json campaign status "$CAMPAIGN"; }
# sum NAME: of the whole campaign; the groups' own come before.
sum() { campaign | sed -n "s/^.*\"$1\":[[:space:]]*\"\{0,1\}\([0-9a-z]*\).*/\1/p" | tail -n 1; }
campaign_state() { campaign | sed -n 's/^.*"state":[[:space:]]*"\([a-z]*\)".*/\1/p' | head -n 1; }
campaign_is() { [[ $(campaign_state) == "$1" ]]; }
sum_at_least() { (($(sum "$1") >= $2)); }

# ---- what is on disk ----

# in_volumes COMMAND: a shell command with the volumes of PKI and brokers, also while nobody has them: /pki, /broker,
# /broker-2.
in_volumes() {
  local volume
  local -a volumes=()
  for volume in pki broker broker-2; do
    # Where there is none, docker run would make one that nobody removes. Compose v2 makes only those that it needs.
    ! docker volume inspect "${PROJECT}_$volume" >/dev/null 2>&1 || volumes+=(-v "${PROJECT}_$volume:/$volume:ro")
  done
  docker run --rm --label "com.docker.compose.project=$PROJECT" --network none --entrypoint sh "${volumes[@]}" \
    "$IMAGE-renewalctl:$CR_TAG" -c "$1" </dev/null
}
journals() { in_volumes 'cat /broker*/cert-renewal/*.jsonl'; }

# The journals are whole, each issuer's signature under their checkpoints is right, and no serial was given twice.
# Brokers are stopped for that: the last thing that they write is a checkpoint.
journals_hold() {
  local id
  for id in $(containers broker) $(containers broker-2); do
    quietly docker stop -t 20 "$id"
    equal "$(docker inspect -f '{{.State.ExitCode}}' "$id")" 0
  done
  in_volumes 'for dir in /broker*/cert-renewal; do
      [ ! -d "$dir" ] || renewalctl audit verify --issuer /pki/issuing.pem "$dir"/*.jsonl || exit 1
    done' >"$T/verify" 2>&1 || { cat "$T/verify" >&2; fail "the journal is not in order"; }
  journals >"$T/journals"
  rows_of what issued <"$T/journals" >"$T/issued"
  local twice
  twice=$(field serial <"$T/issued" | sort | uniq -d)
  [[ -z $twice ]] || fail "serials given twice: $twice"
  # One certificate for each key: a device that asks again gets what it was given.
  twice=$(field key <"$T/issued" | sort | uniq -d)
  [[ -z $twice ]] || fail "keys certified twice: $twice"
  echo "   $(wc -l <"$T/issued") certificates in the journal"
}

# Nobody came back by its factory's certificate: none had lost its own.
enrolled_once() {
  local twice
  ctl --json audit --what issued --all | grep -F 'enrolled by factory' | field device | sort >"$T/enrolled" || true
  twice=$(uniq -d "$T/enrolled")
  [[ -z $twice ]] || fail "enrolled again: $twice"
  (($(wc -l <"$T/enrolled") >= $1)) || fail "only $(wc -l <"$T/enrolled") enrolments"
}

# Every device has the certificate that the plugin has in its books, and its key. The fleet must be standing still.
keys_fit() {
  local device serial dir n found count=0
  command -v openssl >/dev/null || fail "openssl is needed: apt install openssl"
  rm -rf "$T/devices"
  quietly docker cp "$(container fleet)":/fleet/devices "$T/devices"
  inventory | sed -n 's/^{"device":"\([^"]*\)".*"serialNumber":"\([0-9a-f]*\)","issuer":.*/\1 \2/p' >"$T/serials"
  while read -r device serial; do
    dir=$T/devices/$device found=''
    for n in 0 1; do
      [[ -s $dir/chain.$n ]] || continue
      [[ $(openssl x509 -inform DER -in "$dir/chain.$n" -noout -serial | tr 'A-F' 'a-f') == "serial=$serial" ]] ||
        continue
      [[ $(openssl x509 -inform DER -in "$dir/chain.$n" -noout -pubkey) == \
         $(openssl pkey -inform DER -in "$dir/key.$n" -pubout) ]] || fail "$device: key.$n is not that of chain.$n"
      found=yes
    done
    [[ -n $found ]] || fail "$device does not have the certificate $serial"
    count=$((count + 1))
  done <"$T/serials"
  (($(wc -l <"$T/serials") == count && count > 0)) || fail "$count devices compared"
  echo "   $count keys fit their certificates"
}

# ---- a campaign, and a container that is killed meanwhile ----

# VICTIM's container is killed when a sixth, and when a third of the fleet of CR_DEVICES has renewed.
campaign_survives() {
  local part before
  step "a fleet of $CR_DEVICES, none of which is due by itself before the campaign has ended"
  up balancer
  ctl policy set --slot operational renewal_window=10% --yes >/dev/null
  up
  fleet_is "$CR_DEVICES"
  generations >"$T/before"
  campaign_start --name survives --rate 3
  ctl policy set --slot operational renewal_window= --yes >/dev/null # for the certificates that come of it
  for part in $((CR_DEVICES / 6)) $((CR_DEVICES / 3)); do
    until_true 60 sum_at_least renewed "$part" || fail "it does not go on: $(campaign)"
    before=$(sum renewed)
    kill_hard "$VICTIM"
    ((before < CR_DEVICES)) || fail "the campaign was over before $VICTIM was killed"
    step "$VICTIM killed when $before had renewed"
    start_again "$VICTIM"
    until_true 30 is_healthy "$VICTIM" || fail "$VICTIM does not come back"
    until_true 30 answers || fail "the plugin does not answer"
  done

  step "the end of the campaign"
  until_true 90 campaign_is "done" || fail "it does not end: $(campaign)"
  equal "$(sum total)" "$CR_DEVICES"
  equal "$(sum renewed)" "$CR_DEVICES"
  equal "$(known | wc -l)" "$CR_DEVICES"
  equal "$(renewed_since "$T/before" | wc -l)" "$CR_DEVICES"
  # Each has its next renewal before it.
  equal "$(inventory | field nextRenewal | wc -l)" "$CR_DEVICES"
  enrolled_once "$CR_DEVICES"
  known >"$T/known"
  step "the fleet goes on"
  goes_on 5 60
  journals_hold
  comm -23 "$T/known" <(field device <"$T/issued" | sort -u) >"$T/forgotten"
  [[ ! -s $T/forgotten ]] || fail "not in the journal: $(paste -sd ' ' "$T/forgotten")"
}
