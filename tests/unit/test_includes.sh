#!/bin/sh
# Checks who may include and call what, so that the folders stay what they are: test_includes.sh ROOT
# Prints each line that breaks a rule. Exit 1: some do. Exit 2: not a source tree. Comments and strings do not count.
set -u
root=${1:?usage: test_includes.sh ROOT}
cd "$root" || exit 2
folders=
for folder in common plugin device-sim tests; do
    [ -d "$folder" ] && folders="$folders $folder"
done
[ -n "$folders" ] || { echo "$root: no source folders" >&2; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# Every line of C as path:line:code, without comments and without what stands in quotes; include lines whole.
# shellcheck disable=SC2086
find $folders -type f \( -name '*.c' -o -name '*.h' \) | LC_ALL=C sort > "$work/files"
while IFS= read -r path; do
    LC_ALL=C awk -v path="$path" '
        /^[ \t]*#[ \t]*include/ && !comment { print path ":" FNR ":" $0; next }
        {
            rest = $0
            code = ""
            while (rest != "") {
                if (comment) {
                    at = index(rest, "*/")
                    if (at == 0) break
                    comment = 0
                    rest = substr(rest, at + 2)
                } else if (match(rest, /\/\*|\/\/|["\047]/)) {
                    code = code substr(rest, 1, RSTART - 1)
                    token = substr(rest, RSTART, RLENGTH)
                    rest = substr(rest, RSTART + RLENGTH)
                    if (token == "//") break
                    if (token == "/*") { comment = 1; code = code " "; continue }
                    while (rest != "" && substr(rest, 1, 1) != token)
                        rest = substr(rest, substr(rest, 1, 1) == "\\" ? 3 : 2)
                    rest = substr(rest, 2)
                    code = code token token
                } else {
                    code = code rest
                    rest = ""
                }
            }
            if (code ~ /[^ \t]/) print path ":" FNR ":" code
        }' "$path"
done < "$work/files" > "$work/code"

# rule WHAT CODE SCOPE [EXEMPT]: no line of a path that matches SCOPE, and not EXEMPT, matches CODE.
rule() {
    WHAT=$1 CODE=$2 SCOPE=$3 EXEMPT=${4:-'^$'} LC_ALL=C awk '
        BEGIN { what = ENVIRON["WHAT"]; bad = ENVIRON["CODE"]; scope = ENVIRON["SCOPE"]; exempt = ENVIRON["EXEMPT"] }
        {
            at = index($0, ":")
            path = substr($0, 1, at - 1)
            if (path !~ scope || path ~ exempt) next
            rest = substr($0, at + 1)
            at = index(rest, ":")
            if (substr(rest, at + 1) ~ bad) print path ":" substr(rest, 1, at - 1) ": " what ":" substr(rest, at + 1)
        }' "$work/code" >> "$work/found"
}
inc='#[ \t]*include[ \t]*["<]'
call='(^|[^A-Za-z0-9_>.])'
ours='^(common|plugin|device-sim)/'
: > "$work/found"

rule 'broker headers belong to plugin/host/' "$inc(mosquitto_broker|mosquitto_plugin|mosquitto/broker)" "$ours" \
     '^plugin/(host/|plugin\.c$)'
rule 'hiredis belongs to plugin/store/' "${inc}hiredis" "$ours" '^plugin/store/'
rule 'libuv belongs to plugin/store/ and device-sim/' "${inc}uv(\\.h|/)" "$ours" '^(plugin/store/|device-sim/)'
rule 'threads belong to handoff, worker and store' "${inc}(pthread|threads)\\.h" "$ours" \
     '^(plugin/(handoff|worker|store)/|device-sim/)'
rule 'the core knows no Redis' "${inc}([^\">]*/)?store_redis" '^plugin/(loop|handoff|worker)/'
rule 'common knows neither plugin nor device-sim' "${inc}[^\">]*(plugin|device-sim)/" '^common/'
rule 'plugin and device-sim do not know each other' "${inc}[^\">]*device-sim/" '^plugin/'
rule 'plugin and device-sim do not know each other' "${inc}[^\">]*plugin/" '^device-sim/'

# What firmware carries: its own headers, those of a freestanding C and string.h, mbedTLS; no heap.
awk -F: '{ line = $0; sub(/^[^:]*:[^:]*:/, "", line)
           if ($1 ~ /^device-sim\/agent\// && line ~ /#[ \t]*include/ &&
               line !~ /include[ \t]*"(device-sim\/agent\/)?[a-z0-9_]+\.h"/ &&
               line !~ /include[ \t]*<(std(arg|bool|def|int|align|noreturn)|limits|string|inttypes|iso646|float)\.h>/ &&
               line !~ /include[ \t]*<(mbedtls|psa)\/[a-z0-9_]+\.h>/)
               print $1 ":" $2 ": firmware may not have this header:" line }' "$work/code" >> "$work/found"
rule 'the agent has no heap' "$call(malloc|calloc|realloc|free|strdup|mbedtls_calloc|mbedtls_free)[ \t]*\\(" \
     '^device-sim/agent/'

rule 'time comes from a cr_clock' "$call(time|clock_gettime|gettimeofday|timespec_get)[ \t]*\\(" "$ours" \
     '^common/clock\.c$'
rule 'not used here' "$call(strcpy|stpcpy|strcat|sprintf|vsprintf|atoi|atol|atof|strtok|gets|alloca)[ \t]*\\(" '.'

# shellcheck disable=SC2086
find $folders -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.lua' -o -name '*.cmake' \) |
while IFS= read -r path; do
    lines=$(wc -l < "$path")
    [ "$lines" -le 450 ] || echo "$path: $lines lines; a file has at most 450"
done >> "$work/found"

cat "$work/found"
[ ! -s "$work/found" ]
