# kill -9 of the broker at every system call of the store's thread during one renewal, and of Redis in the same moment.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kill.sh"
kill_world

both_threads() { threads_of store; }
both_again() { redis_kill; redis_start; broker_restart; }
strike_all both 25

kill_end
