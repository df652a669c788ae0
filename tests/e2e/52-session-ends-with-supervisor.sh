#!/bin/sh
# A session ends when its supervisor is killed, though its client holds the connection.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
random_file "$tmp/f" $((8 * MIB))

for signal in 9 TERM; do
	start_client --bwlimit 3M put "$tmp/f" "$url/f$signal"
	wait_for 'a quarter of a put' progress_reached $((2 * MIB))
	[ -n "$(server_children)" ] || fail 'there is no session'
	kill -STOP "$client_pid"
	stop_server $signal
	kill -CONT "$client_pid"
	wait_client 9 11 # the session may get to say that it stops
	listen=127.0.0.1:$port start_server
	expect 0 --json put "$tmp/f" "$url/f$signal"
	check_same_file "$tmp/f" "$share/f$signal"
	check_ge "$(summary bytes_resumed)" 1 'bytes resumed'
done

check_clean
