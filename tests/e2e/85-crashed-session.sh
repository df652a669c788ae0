#!/bin/sh
# Not with sanitizers: they take SIGSEGV themselves, and end with 1.
# The address of a session that crashed is turned away, also though its key is known; that of one
# that was killed, or of the neighbour, is not.
. "$(dirname "$0")/../lib/config.sh"
make_keys
configure_one
random_file "$tmp/f" $((8 * MIB))

# end_session(signal): of a put that runs; its process is the supervisor's child that confined itself
end_session()
{
	start_client --compress none --bwlimit 512K --retry-for 0 -j 1 put "$tmp/f" "$base/s/f"
	wait_for 'the put to move' progress_reached 1
	for child in $(server_children); do
		grep -q '^NoNewPrivs:[[:space:]]*1' "/proc/$child/status" || continue
		kill -"$1" "$child"
	done
	wait_client 9
	wait_for 'the end of the session' log_has "reason=died status=$2" 1
}

start_ftxd
end_session KILL 137
expect 0 --retry-for 0 ls "$base/s"
check_eq "$(log_lines 'a child crashed')" 0 'crashes'
end_session SEGV 139
wait_log 'a child crashed: its source is turned away for 90 s address=127.0.0.1:'
expect 9 --retry-for 0 ls "$base/s"
says reset
"$build/tests/strangers" "$port" junk 1 127.0.0.2 >"$tmp/junk"
check_eq "$(cat "$tmp/junk")" closed 'what became of another address'
