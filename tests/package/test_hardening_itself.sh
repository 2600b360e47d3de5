#!/usr/bin/env bash
# hardening.sh sees each flag: a program made with all of them passes, and one without any single one does not.
# Usage: test_hardening_itself.sh HARDENING_SH [CC]
set -euo pipefail

check=$1 cc=${2:-cc}
[[ $("$cc" -dumpmachine) == x86_64* ]] || { echo "SKIPPED: written for x86-64"; exit 77; }
command -v readelf objdump >/dev/null || { echo "SKIPPED: binutils is missing"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

{
  echo '#include <stdio.h>'
  echo '#include <string.h>'
  for i in {1..20}; do
    echo "int f$i(char *p, const char *q) { char b[8000]; strcpy(b, q); return snprintf(p, 9, \"%s\", b) + $i; }"
  done
  echo 'int main(int c, char **v) { char b[9]; return c > 1 ? f1(b, v[1]) + f2(b, v[0]) : 0; }'
} >"$dir/program.c"

all=(-O2 -D_FORTIFY_SOURCE=2 -fPIE -pie -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
     -Wl,-z,relro,-z,now,-z,noexecstack)
# built NAME FLAG...: with all flags and these, the last of which win.
built() {
  local name=$1; shift
  "$cc" "${all[@]}" -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 "$@" -o "$dir/$name" "$dir/program.c" 2>/dev/null ||
    { echo "cc cannot: $*" >&2; exit 1; }
}
# without WORD FLAG...: built so, hardening.sh misses this and nothing else.
without() {
  local word=$1 said; shift
  built without "$@"
  if said=$("$check" "$dir/without" 2>&1); then
    echo "hardening.sh does not see that '$*' takes $word away" >&2
    exit 1
  fi
  [[ $said == *": without $word"* && $said != *,* ]] || { echo "for '$*' it says: $said" >&2; exit 1; }
}

built hardened
"$check" "$dir/hardened"
without PIE -fno-pie -no-pie
without RELRO -Wl,-z,norelro
without BIND_NOW -Wl,-z,lazy
without noexecstack -Wl,-z,execstack
without "freedom from RPATH" -Wl,-rpath,/nowhere
without FORTIFY -U_FORTIFY_SOURCE
without "stack protector" -fno-stack-protector
without CET -fcf-protection=none
without "stack clash" -fno-stack-clash-protection
echo "each flag is seen"
