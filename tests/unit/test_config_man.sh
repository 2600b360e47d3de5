#!/usr/bin/env bash
# cert-renewal.conf(5): every key of the plugin's table has its entry with value and default, nothing of the README's
# Markdown is left, and no formatter that is installed has anything to say.
# Usage: test_config_man.sh PAGE PLUGIN_DIRECTORY
set -euo pipefail
export LC_ALL=C.UTF-8

page=$1 plugin=$2
complain() { echo "$*" >&2; exit 1; }

keys=$(sed -nE 's/^    \{ "([a-z_]+)", .*/\1/p' "$plugin/config_table.c")
(($(wc -l <<<"$keys") > 50)) || complain "config_table.c does not look as it should"
while read -r key; do
  # An entry is .TP, then the key in bold and its value, then what it means.
  awk -v key="$key" '
    tag && index($0, "\\fB" key "\\fR \\fI") == 1 && / \((default .+|required)\)$/ { getline; found = length > 3 }
    { tag = $0 == ".TP" }
    END { exit !found }' "$page" || complain "the page has no entry for $key"
done <<<"$keys"

for heading in '.SH NAME' '.SH DESCRIPTION' '.SH "STORE"' '.SS "Several brokers"' '.SH "SLOTS"' '.SH FILES'; do
  grep -qxF -- "$heading" "$page" || complain "there is no heading $heading"
done
# The README's next section is called as one of the page's own.
[[ $(grep -cxF '.SH "DEVICE CHANNEL"' "$page") == 1 ]] || complain "the page does not end where the README's section does"
# Backticks, stars and links; a pipe at the beginning or the end is a table's.
! grep -nE '`|\*\*|\]\(|^\||\|$|^#' "$page" || complain "these lines are still Markdown"
! LC_ALL=C grep -nP '[^\x00-\x7f]' "$page" || complain "these lines are not ASCII"

lint() { # what it says, when it says anything
  local said
  said=$("$@" 2>&1 >/dev/null) && [[ -z $said ]] || complain "$*: $said"
  linted=true
}
linted=false
if command -v groff >/dev/null; then
  lint groff -ww -z -man -Tascii "$page"
  lint groff -ww -z -man -Tutf8 "$page"
fi
! command -v man >/dev/null || lint man --warnings -E UTF-8 -l -Tutf8 -Z "$page"
! command -v mandoc >/dev/null || lint mandoc -T lint -W warning "$page"
$linted || echo "neither groff nor man nor mandoc is installed: the page was not formatted"
