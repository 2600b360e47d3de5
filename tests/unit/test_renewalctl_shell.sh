# The completion of renewalctl as bash runs it, and its man page as groff and man read it: test_renewalctl_shell.sh FOLDER
set -euo pipefail
folder=${1:?usage: test_renewalctl_shell.sh FOLDER}
export LC_ALL=C
fail() { echo "FAILED: $*" >&2; exit 1; }

compopt() { :; } # only within a completion
. "$folder/renewalctl.bash"

# completes "WORDS BEFORE" CURRENT: the replies, sorted, in one line.
completes() {
  read -ra COMP_WORDS <<<"renewalctl $1"
  COMP_WORDS+=("$2")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  _renewalctl
  printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"} | sort | paste -sd' '
}
expect() { local is; is=$(completes "$1" "$2"); [[ $is == "$3" ]] || fail "'$1 $2': '$is', not '$3'"; }

expect '' dev 'device devices'
expect '' camp 'campaign'
expect 'campaign' '' 'abort pause resume start status watch'
expect 'campaign' s 'start status'
expect 'campaign start' --gr '--group'
expect 'campaign start' --st '--start --state'
expect 'campaign status' --s '--state'
expect 'campaign status --state' pa 'paused'
expect 'campaign start --state' '' 'held issued issuing quiet triggered'
expect 'devices --level' '' 'critical field notice warning'
expect 'devices' --no '--not-seen-for'
expect '--slot data devices' --no '--not-seen-for'
expect '-h broker --json devices' --unack ''
expect 'alerts' --unack '--unacknowledged'
expect 'alerts ack m' --sl '--slot'
expect 'alerts ack m' --unack ''
expect 'audit verify' --iss '--issuer'
expect 'hold m --reason' o ''
expect 'trigger m --reason' o 'operator'
expect 'events' w 'wake'
expect 'audit --what' conf 'configuration confirmed'
expect 'devices --tag' '' ''
expect 'help' dev 'device devices'
expect 'help campaign' s 'start status'
expect '' enr 'enroll'
expect '' re 'release restore-issuer retire revoke revoke-issuer revoked'
expect 'trust' '' 'set show'
expect 'trust set' --m '--mode'
expect 'trust set f --mode' a 'add'
expect 'revoke m --reason' key 'keyCompromise'
expect 'revoke m --force' --comm '--comment' # a flag of another: nothing behind it is its value
expect 'crl --pem' --o '--out'
expect 'enroll --factory acme' --t '--tag --timeout'
expect 'status' --ca '--cafile --capath'

if command -v groff >/dev/null; then
  out=$(groff -ww -man -z "$folder/renewalctl.1" 2>&1)
  [[ -z $out ]] || fail "groff says: $out"
else
  echo "SKIPPED: the man page's lint: groff is not installed"
  exit 77
fi
