#!/bin/sh
# T62, T63: peers without a key, silent, dripping, reset at once, with junk, cost a real client
# neither its way in nor a transfer that runs; those who fail are turned away for a while.
# With sanitizers too: what strangers send.
. "$(dirname "$0")/../lib/config.sh"
make_keys
# A penalty that does not pass while this test runs.
server_lines='penalty = 1h\npenalty-max = 1h\n'
configure_one
start_ftxd

# strangers(kind, count): in the background, until they are all there.  Sets $strangers_pid.
strangers()
{
	: >"$tmp/strangers"
	"$build/tests/strangers" "$port" "$@" >"$tmp/strangers" 2>"$tmp/err" &
	strangers_pid=$!
	started="$started $strangers_pid"
	wait_for 'the strangers' grep -q ready "$tmp/strangers"
}

# Junk: the first failure is forgiven, the second turns the address away, which is a reset.
"$build/tests/strangers" "$port" junk 2 127.0.0.9 >"$tmp/junk"
wait_log 'handshake failed address=127.0.0.9:' 2
"$build/tests/strangers" "$port" junk 3 127.0.0.9 >>"$tmp/junk"
check_eq "$(tr '\n' ' ' <"$tmp/junk")" 'closed closed reset reset reset ' 'what became of junk'
check_eq "$(log_lines 'handshake failed address=127.0.0.9:')" 2 'failures'
"$build/tests/strangers" "$port" junk 1 127.0.0.10 >"$tmp/junk"
check_eq "$(cat "$tmp/junk")" closed 'what became of another address'

# An address from which a known key came is not turned away, whoever else is there.
random_file "$tmp/f" $((2 * MIB))
expect 0 --retry-for 0 put "$tmp/f" "$base/s/first"
"$build/tests/strangers" "$port" junk 6 127.0.0.1 >"$tmp/junk"
check_eq "$(sort -u "$tmp/junk")" closed 'what became of junk beside a known key'
expect 0 --retry-for 0 ls "$base/s"
stop_server

# With more of them than may wait, of each kind, from a server that knows nobody yet.
for kind in 'silent 400' 'dripping 400' 'storm 500'; do
	rm -f "$tmp/share"/*
	start_ftxd
	start_client --compress none --bwlimit 1M --retry-for 0 put "$tmp/f" "$base/s/slow"
	wait_for 'the put to move' progress_reached 1
	# shellcheck disable=SC2086 # two words
	strangers $kind
	for n in 1 2 3; do
		expect 0 --retry-for 0 put "$tmp/f" "$base/s/$n"
		check_same_file "$tmp/f" "$tmp/share/$n"
	done
	wait_client 0
	check_same_file "$tmp/f" "$tmp/share/slow"
	if process_gone "$strangers_pid"; then fail "the strangers ended: $(cat "$tmp/err")"; fi
	kill -9 "$strangers_pid"
	stop_server
done
