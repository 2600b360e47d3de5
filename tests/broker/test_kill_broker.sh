# kill -9 of the broker at every system call of the store's thread during one renewal, and of the threads that sign and that
# sync the journal.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kill.sh"
kill_world

store_threads() { threads_of store; }
store_again() { broker_restart; }
strike_all store 25

others_threads() { threads_of others; }
others_again() { broker_restart; }
strike_all others 3

kill_end
