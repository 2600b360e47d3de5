# kill -9 of Redis at every system call of its own during one renewal.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kill.sh"
kill_world

redis_threads() { echo "$REDIS_PID"; }
redis_again() { redis_kill; redis_start; }
strike_all redis 15

kill_end
