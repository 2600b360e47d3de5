# Who is let in: with the plugin just those who are without it, whatever decides about that: allow_anonymous, a password
# file, dynamic security. Also when the broker reads its configuration again.
. "$(dirname "$0")/lib.sh"
need mosquitto_passwd mosquitto_ctrl
DYNSEC=$(ls /usr/lib/*/mosquitto_dynamic_security.so /usr/lib/mosquitto_dynamic_security.so 2>/dev/null | head -n 1 || true)
world_make
pki_device meter-1
mosquitto_passwd -c -b "$T/passwords" alice right 2>/dev/null
chmod 600 "$T/passwords"
# Some versions of the broker ask for a password where a file is there, others make one up: the roles do not matter here.
[[ -z $DYNSEC ]] || mosquitto_ctrl dynsec init "$T/dynsec.json" alice right >/dev/null

# Who gets in, as one word. Nobody is told why not, so a connection that works, or not, is all there is.
tries() {
  local word='' options
  tls_of meter-1
  for options in "" "-u alice" "-u alice -P right" "-u alice -P wrong" "-u bob" "-u bob -P right"; do
    # shellcheck disable=SC2086
    if timeout 20 mosquitto_pub "${TLS[@]}" $options -i "try-$RANDOM" -t some/topic -m x >/dev/null 2>&1; then word+=+; else word+=-; fi
  done
  echo "$word"
}

launch() { # with | without
  plugin_conf
  broker_conf
  sed -i "s/^allow_anonymous .*/allow_anonymous $ANONYMOUS/" "$T/mosquitto.conf"
  [[ $1 == with ]] || sed -i "\|^plugin $CR_PLUGIN|,+1d" "$T/mosquitto.conf"
  broker_launch
  ! broker_gone || fail "the broker did not start $1 the plugin"
}

BROKER_EXTRA=''
broker_start
broker_stop
seen=''
for ANONYMOUS in true false; do
  for who in nobody passwords dynsec; do
    case $who in
      nobody) BROKER_EXTRA='' ;;
      passwords) BROKER_EXTRA="password_file $T/passwords" ;;
      dynsec)
        [[ -n $DYNSEC ]] || continue
        BROKER_EXTRA="plugin $DYNSEC
plugin_opt_config_file $T/dynsec.json"
        ;;
    esac
    step "allow_anonymous $ANONYMOUS, decided by $who"
    launch without
    before=$(tries)
    broker_stop
    launch with
    equal "$(tries)" "$before"
    kill -HUP "$BROKER_PID"
    expect_log "Reloading config"
    equal "$(tries)" "$before"
    broker_stop
    : >"$T/broker.log"
    seen+=" $before"
  done
done
contains "$seen" "++++++"
contains "$seen" "------"
contains "$seen" "+-+---"

step "sessions that the broker keeps outlast a SIGHUP"
ANONYMOUS=true BROKER_EXTRA="persistence true
persistence_location $T/"
launch with
tls_of meter-1
mosquitto_sub "${TLS[@]}" -u alice -i sleeper -c -q 1 -t some/topic -E 2>>"$T/client.log"
LISTEN_OPTIONS=(-u alice)
listen "$T/heard" meter-1 other/topic
tls_of meter-1
mosquitto_pub "${TLS[@]}" -q 1 -t some/topic -m kept
kill -HUP "$BROKER_PID"
expect_log "Reloading config"
mosquitto_pub "${TLS[@]}" -q 1 -t other/topic -m still-here
until_true 10 grep -q still-here "$T/heard" || fail "a client with a user name was turned away"
# Its renewal may be due: the trigger is another affair.
equal "$(mosquitto_sub "${TLS[@]}" -u alice -i sleeper -c -q 1 -t some/topic -T "$PREFIX/#" -C 1 -W 10)" kept
world_end
