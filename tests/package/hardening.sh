#!/usr/bin/env bash
# Looks into programs and shared objects for what their hardening flags leave there, and fails for each that is missing.
# Usage: hardening.sh FILE...     prints a line for each file
# Exit codes: 0 nothing is missing; 1 something is; 2 wrong usage.
#
# PIE, RELRO, BIND_NOW and an unexecutable stack are in the headers. FORTIFY and the stack protector are functions of
# libc that are called. The others are instructions: with -fcf-protection functions begin with endbr64 (the note that
# would have the kernel insist on it is left out by the linker where Debian's own start files are without), with
# -fstack-clash-protection a frame of more than a page is made page by page. Of arm64 only the branch protection is
# known: paciasp or bti.
set -euo pipefail
export LC_ALL=C

(($#)) || { echo "usage: hardening.sh FILE..." >&2; exit 2; }
command -v readelf >/dev/null && command -v objdump >/dev/null || { echo "hardening: binutils is missing" >&2; exit 2; }

code=$(mktemp)
trap 'rm -f "$code"' EXIT
failed=0
for file; do
  header=$(readelf -hW "$file") program=$(readelf -lW "$file") dynamic=$(readelf -dW "$file")
  symbols=$(readelf --dyn-syms -W "$file")
  functions=$(readelf --debug-dump=frames -W "$file" 2>/dev/null | grep -c ' FDE ' || true)
  objdump -d --no-show-raw-insn "$file" >"$code"
  missing=()

  grep -q 'Type: *DYN' <<<"$header" || missing+=(PIE)
  grep -q GNU_RELRO <<<"$program" || missing+=(RELRO)
  grep -qE '\(FLAGS(_1)?\).*(BIND_NOW|NOW)' <<<"$dynamic" || missing+=(BIND_NOW)
  grep -qE 'GNU_STACK.* RW ' <<<"$program" || missing+=(noexecstack)
  ! grep -qE '\((RPATH|RUNPATH|TEXTREL)\)' <<<"$dynamic" || missing+=("freedom from RPATH and TEXTREL")
  grep -qE 'UND __[a-z_]+_chk(@|$)' <<<"$(grep -v stack_chk <<<"$symbols")" || missing+=(FORTIFY)
  grep -qE 'UND __stack_chk_fail(@|$)' <<<"$symbols" || missing+=("stack protector")
  case $header in
    *X86-64*)
      # The start files have a few of their own; static functions that are only called directly need none.
      pads=$(grep -c 'endbr64' "$code" || true)
      ((pads > 8 && pads * 8 > functions)) || missing+=("CET ($pads landing pads in $functions functions)")
      # What is subtracted at once is a page at most.
      big=$(sed -nE 's/.*sub +\$0x([0-9a-f]{4,8}),%rsp.*/\1/p' "$code" | awk 'length > 4 || $1 > "1000"' | wc -l)
      ((big == 0)) || missing+=("stack clash protection ($big large frames at once)") ;;
    *AArch64*)
      grep -qE '(paciasp|bti)' "$code" || missing+=("branch protection") ;;
  esac

  if ((${#missing[@]})); then
    printf '%s: without %s\n' "$file" "$(printf '%s, ' "${missing[@]}" | sed 's/, $//')" >&2
    failed=1
  else
    echo "$file: hardened"
  fi
done
exit "$failed"
