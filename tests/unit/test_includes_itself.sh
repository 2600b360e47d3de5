#!/bin/sh
# Shows that each rule of test_includes.sh can fail, and that what is allowed passes: test_includes_itself.sh CHECKER
set -u
checker=${1:?usage: test_includes_itself.sh CHECKER}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

mkdir "$work/refused" "$work/allowed"

# Appends a line of code to a file of one of two trees; the checker must name each line of the first, none of the other.
add() {
    mkdir -p "$work/$1/$(dirname "$2")"
    printf '%s\n' "$3" >> "$work/$1/$2"
}
refused() {
    add refused "$1" "$2"
    echo "$1:$(wc -l < "$work/refused/$1"): " >> "$work/expected"
}
allowed() { add allowed "$1" "$2"; }

for header in mosquitto_broker.h mosquitto_plugin.h mosquitto/broker.h mosquitto/broker_plugin.h; do
    refused plugin/loop/a.c "#include <$header>"
    refused plugin/app.c "#include <$header>"
    refused common/a.h "  #  include \"$header\""
    allowed plugin/host/a.c "#include <$header>"
    allowed plugin/plugin.c "#include <$header>"
done
allowed plugin/renewalctl/a.c '#include <mosquitto.h>'
refused plugin/loop/a.c '#include <hiredis/hiredis.h>'
refused device-sim/a.c '#include <hiredis.h>'
allowed plugin/store/a.c '#include <hiredis/async.h>'
refused plugin/worker/a.c '#include <uv.h>'
allowed plugin/store/a.c '#include <uv.h>'
allowed device-sim/a.c '#include <uv.h>'
refused plugin/loop/a.c '#include <pthread.h>'
refused plugin/host/a.c '#include <threads.h>'
refused common/a.c '#include <pthread.h>'
allowed plugin/handoff/a.c '#include <pthread.h>'
allowed plugin/worker/a.c '#include <pthread.h>'
allowed plugin/store/a.c '#include <pthread.h>'
allowed device-sim/a.c '#include <pthread.h>'
allowed tests/flow/a.c '#include <pthread.h>'
refused plugin/loop/a.c '#include "plugin/store/store_redis.h"'
allowed plugin/loop/a.c '#include "plugin/store/store.h"'
refused common/a.c '#include "plugin/host/host.h"'
refused common/a.c '#include "../plugin/host/host.h"'
refused common/a.c '#include "device-sim/agent/agent.h"'
refused plugin/a.c '#include "device-sim/agent/agent.h"'
refused device-sim/a.c '#include "plugin/host/host.h"'
allowed common/a.c '#include "common/err.h"'

refused device-sim/agent/a.c '#include "common/err.h"'
refused device-sim/agent/a.c '#include <stdio.h>'
refused device-sim/agent/a.c '#include <stdlib.h>'
refused device-sim/agent/a.c '#include <openssl/evp.h>'
allowed device-sim/agent/a.c '#include <stdint.h>'
allowed device-sim/agent/a.c '#include <mbedtls/x509_csr.h>'
allowed device-sim/agent/a.c '#include "agent.h"'
allowed device-sim/agent/a.c '#include "device-sim/agent/agent.h"'
refused device-sim/agent/a.c 'void *p = malloc(1);'
refused device-sim/agent/a.c '    free (p);'
allowed device-sim/agent/a.c 'mbedtls_pk_free(&key);'
allowed device-sim/a.c 'void *p = malloc(1);'

for name in time clock_gettime gettimeofday; do
    refused plugin/loop/a.c "x = $name(0);"
    refused common/a.c "    $name (NULL, 0);"
    allowed common/clock.c "x = $name(0);"
    allowed tests/bench/a.c "x = $name(0);"
    allowed plugin/loop/a.c "x = clock->$name(0) + my_$name(1);"
    allowed plugin/loop/a.c "x = 1; /* $name(0) */ // $name(0)"
    allowed plugin/loop/a.c "x = \"$name(0) \\\" $name(0)\";"
    refused plugin/loop/a.c "x = '\"' + \"/*\"[0] + $name(0);"
done
for name in strcpy strcat sprintf vsprintf atoi strtok alloca; do
    refused tests/unit/a.c "$name(a, b);"
    refused common/a.h "x = $name(a, b);"
    allowed common/a.c "cr_$name(a, b);"
done
allowed common/a.c 'snprintf(a, sizeof a, "x");'

"$checker" "$work/refused" > "$work/out"
[ $? -eq 1 ] || { echo 'the tree of violations should be refused'; failed=1; }
while IFS= read -r line; do
    grep -qF "$line" "$work/out" || { echo "should be refused: $line"; failed=1; }
done < "$work/expected"
"$checker" "$work/allowed" || { echo 'should be allowed: the lines above'; failed=1; }

mkdir -p "$work/long/common" "$work/empty"
awk 'BEGIN { for (i = 0; i < 450; i++) print "int a" i ";" }' > "$work/long/common/a.c"
"$checker" "$work/long" || { echo 'a file of 450 lines should be allowed'; failed=1; }
echo 'int more;' >> "$work/long/common/a.c"
"$checker" "$work/long" > "$work/out" && { echo 'a file of 451 lines should be refused'; failed=1; }
"$checker" "$work/empty" > "$work/out" 2>&1
[ $? -eq 2 ] || { echo 'a tree without sources should be told apart'; failed=1; }
exit $failed
