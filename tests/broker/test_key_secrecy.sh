# The issuing key and its passphrase are nowhere but in their files: not in what a core dump of the broker has, not in its
# log, the journal or Redis. A real broker has loaded them, issued certificates and read its configuration again by then.
# For each kind of key and each library that signs.
. "$(dirname "$0")/lib.sh"
: "${CR_SECRET_SEARCH:?the program that looks for bytes}"
[[ $SLOW == 1 ]] || skip "sanitizers keep freed memory"
ulimit -c unlimited 2>/dev/null || true
world_make
mkdir "$T/credentials" "$T/cores"
SLOT_EXTRA="request_timing any"
BROKER_ENV=("CREDENTIALS_DIRECTORY=$T/credentials")

# needle NAME: its bytes from standard input, forwards and as the words of a number lie in memory.
needle() {
  local hex; hex=$(hex_of)
  echo "$1 $hex"
  echo "$1-little-endian $(echo "$hex" | fold -w2 | tac | tr -d '\n')"
}

# number_of PART: the number under that heading of `openssl pkey -text`, 24 octets from its middle on.
number_of() {
  openssl pkey -in "$T/plain.key" -noout -text 2>/dev/null |
    awk -v part="$1:" '$0 == part { on = 1; next } /^[^ ]/ { on = 0 } on' | tr -d ' :\n' | sed 's/^00//' |
    cut -c5-52 | tr -d '\n' | sed 's/../\\x&/g' | xargs -0 printf
}

# needles PART…: the numbers of the key, its text, and the passphrase.
needles() {
  local part
  for part; do number_of "$part" | needle "$part"; done
  openssl pkey -in "$T/plain.key" | sed -n 2p | cut -c41-64 | tr -d '\n' | needle pem
  openssl pkey -in "$T/plain.key" -traditional | sed -n 2p | cut -c17-64 | tr -d '\n' | needle traditional-pem
  printf %s "$PASSPHRASE" | needle passphrase
}

look() { # WHAT… : nothing of the needles there
  local out rc=0
  out=$("$CR_SECRET_SEARCH" "$@" <"$T/needles" 2>>"$T/search.log") || rc=$?
  ((rc == 0)) || fail "$1 $2: $out"
}

# What is there for sure is found: otherwise finding nothing says nothing.
look_for_what_is_there() {
  local rc=0
  openssl x509 -in "$T/pki/issuer.pem" -outform der | tail -c 40 | needle certificate >"$T/there"
  "$CR_SECRET_SEARCH" "$@" <"$T/there" >/dev/null 2>>"$T/search.log" || rc=$?
  ((rc == 1)) || fail "$1 $2: not even the issuer's certificate is found ($rc)"
}

CIPHER=aes-256-cbc
new_issuer() { # MAKE…: the command that writes a private key in PEM
  "$@" >"$T/plain.key" 2>/dev/null
  PASSPHRASE=$(openssl rand -hex 20)
  printf '%s\n' "$PASSPHRASE" >"$T/credentials/issuer"
  (umask 077 && openssl pkcs8 -topk8 -v2 "$CIPHER" -in "$T/plain.key" -passout "file:$T/credentials/issuer" -out "$T/pki/issuer.key")
  chmod 600 "$T/pki/issuer.key"
  chmod 440 "$T/credentials/issuer" # as it looks where systemd lets the unit's user in by an ACL
  (
    cd "$T/pki"
    openssl req -new -key "$T/plain.key" -subj "/CN=Issuing CA $RANDOM" -config ca.conf -out issuer.csr
    pki_issue issuer root ca_ext -10 3000
    cat issuer.pem root.pem >chain.pem
    cat issuer.pem root.pem server-ca.pem >devices-ca.pem
  )
  # devices are certified by openssl with the plain key, the plugin has the encrypted one
  (cd "$T/pki" && pki_key d1.key && openssl req -new -key d1.key -subj /CN=d1 -config ca.conf -out d1.csr &&
    cp issuer.key kept.key && cp "$T/plain.key" issuer.key && pki_issue d1 issuer device -80 10 &&
    pki_key operator-1.key && openssl req -new -key operator-1.key -subj /CN=operator-1 -config ca.conf -out operator-1.csr &&
    pki_issue operator-1 issuer device -80 10 && mv kept.key issuer.key && chmod 600 issuer.key)
}

core_of() { # the core of a broker that crashed; "" where this machine keeps none
  local core
  for core in "$T"/cores/core*; do [[ -f $core ]] && echo "$core"; done
}

check() { # WHAT BACKEND PART…: with the issuer as it is
  local what=$1 backend=$2 n core; shift 2
  step "$what, signed by $backend"
  needles "$@" >"$T/needles"
  rm -f "$T"/cores/* "$T"/journal/*
  redis flushall >/dev/null
  : >"$T/broker.log"
  PLUGIN_EXTRA="issuer_passphrase_file credential:issuer"$'\n'"key_backend $backend"
  cd "$T/cores"
  broker_start
  cd - >/dev/null
  for n in 1 2 3; do
    csr_make "$T/d1-$n" d1
    renew d1 "$T/d1-$n.csr" "$T/answer.pem"
    cert_check "$T/answer.pem" "$T/d1-$n.key" d1
    if ((n == 2)); then # the former key is wiped, the new one takes its place
      kill -HUP "$BROKER_PID"
      expect_log "configuration read again"
    fi
  done
  look_for_what_is_there pid "$BROKER_PID"
  look pid "$BROKER_PID"
  redis save >/dev/null
  look file "$T/broker.log" "$T"/journal/* "$T"/redis/*.rdb $(find "$T/redis" -name '*.aof')
  kill -ABRT "$BROKER_PID"
  wait "$BROKER_PID" 2>/dev/null || true
  BROKER_PID=''
  core=$(core_of)
  if [[ -n $core ]]; then
    look_for_what_is_there file "$core"
    look file "$core"
  else
    echo "   (this machine kept no core: $(cat /proc/sys/kernel/core_pattern))"
  fi
}

cp "$T/pki/issuer.pem" "$T/pki/server-ca.pem"
new_issuer openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
check "a P-256 key" libcrypto priv
CIPHER=des3 # mbedTLS 2.28 opens no other
new_issuer openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
check "a P-256 key" mbedtls priv
CIPHER=aes-256-cbc
new_issuer openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048
check "an RSA key" libcrypto privateExponent prime1 prime2 exponent1 exponent2 coefficient
redis_stop
step "passed"
