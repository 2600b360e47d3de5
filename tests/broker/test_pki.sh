# `device-sim pki`, killed at each of its steps and run again, leaves what it would have left without: every file is there and
# each certificate is that of its key. Two at once take turns. It needs no broker.
. "$(dirname "$0")/lib.sh"
: "${CR_DEVICE_SIM:?the simulator}"
need openssl strace
FILES='ca-all.pem ca.pem ca2.pem devices factory.key factory.pem issuing.key issuing.pem issuing2.key issuing2.pem operator.key
operator.pem root.key root.pem root2.key root2.pem server.key server.pem server2.key server2.pem'
BORN='cert.pem factory-key.pem factory.pem key.pem'

make() { "$CR_DEVICE_SIM" pki --dir "$1" --count 1 --factory --server-name broker --quiet; } # DIR
pair() { # CERT KEY: they belong together
  equal "$(openssl x509 -in "$1" -noout -pubkey)" "$(openssl pkey -in "$2" -pubout)"
}
# all_there DIR: all files, nothing else, and a device's pairs that are pairs. Those of the CAs `pki` looks at itself.
all_there() {
  equal "$(ls "$1" | xargs)" "$(xargs <<<"$FILES")"
  equal "$(ls "$1/devices/meter-00001" | xargs)" "$BORN"
  pair "$1/devices/meter-00001/cert.pem" "$1/devices/meter-00001/key.pem"
  pair "$1/devices/meter-00001/factory.pem" "$1/devices/meter-00001/factory-key.pem"
  make "$1"
}
# complete DIR: the same, without trusting it in anything.
complete() {
  local name
  all_there "$1"
  for name in root issuing server operator factory root2 issuing2 server2; do pair "$1/$name.pem" "$1/$name.key"; done
  openssl verify -CAfile "$1/ca.pem" "$1/server.pem" "$1/operator.pem" "$1/devices/meter-00001/cert.pem" >/dev/null
  openssl verify -CAfile "$1/ca-all.pem" "$1/server2.pem" "$1/devices/meter-00001/factory.pem" >/dev/null
}

# killed_at CALL N DIR: when it enters this system call for the Nth time. False: it did not.
killed_at() {
  local rc=0
  # LeakSanitizer cannot look at what is traced.
  (ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$T/strace.out" -e "trace=$1" -e "inject=$1:signal=SIGKILL:when=$2" \
    "$CR_DEVICE_SIM" pki --dir "$3" --count 1 --factory --server-name broker --quiet; exit $?) 2>"$T/pki.log" || rc=$?
  ((rc == 0 || rc == 137)) || fail "ended with $rc: $(cat "$T/pki.log")"
  ((rc == 137))
}

step "killed at each step, and run again"
steps=0
for call in mkdir unlink write rename; do
  by=1; [[ $call != write ]] || by=8 # a file that is not in its place yet, as before a rename: some will do
  for ((n = 1; ; n += by)); do
    killed_at "$call" "$n" "$T/dir" || break
    make "$T/dir" || fail "killed at $call $n, it does not go on"
    all_there "$T/dir" || fail "killed at $call $n"
    steps=$((steps + 1))
    rm -rf "$T/dir"
  done
  ((n > 1)) || fail "there is no $call"
  [[ $call == rename ]] || rm -rf "$T/dir"
done
complete "$T/dir"
((steps >= 30)) || fail "only $steps steps"
echo "   $steps steps"

step "what is there stays, and an empty file is not there"
before=$(cat "$T/dir"/*.key "$T/dir"/*.pem "$T/dir"/devices/*/* | sha256sum)
make "$T/dir"
equal "$(cat "$T/dir"/*.key "$T/dir"/*.pem "$T/dir"/devices/*/* | sha256sum)" "$before"
: >"$T/dir/devices/meter-00001/key.pem"
: >"$T/dir/operator.key"
killed_at rename 2 "$T/dir" || fail "the operator's pair is not made again" # with its new key, without a new certificate
make "$T/dir"
complete "$T/dir"

step "a CA without its key is not replaced"
rm "$T/dir/issuing.key"
rc=0; make "$T/dir" 2>"$T/pki.log" || rc=$?
equal "$rc" 3
contains "$(cat "$T/pki.log")" "issuing.pem, $T/dir/issuing.key: not a certificate and its key"

step "two at once"
make "$T/both" & first=$!
make "$T/both" & second=$!
wait "$first" || fail "the first one ended with $?"
wait "$second" || fail "the second one ended with $?"
complete "$T/both"

step "devices somewhere else"
mkdir "$T/linked" "$T/elsewhere"
ln -s "$T/elsewhere" "$T/linked/devices"
make "$T/linked"
complete "$T/linked"
[[ -s $T/elsewhere/meter-00001/cert.pem ]] || fail "the devices are not there"
step "passed"
