#!/bin/sh
# A session ends when its supervisor does, though its client holds the connection: it does not
# read, or it asked for a lot.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
size=$((100 * MIB))
random_file "$tmp/f" $size
cp -p "$tmp/f" "$share/there"

for signal in 9 TERM; do
	for direction in put get; do
		case $direction in
		put) start_client --retry-for 0 --bwlimit $((size / 4)) put "$tmp/f" "$url/f" ;;
		get) start_client --retry-for 0 --bwlimit $((size / 4)) get "$url/there" "$tmp/back" ;;
		esac
		wait_for "a quarter of a $direction" progress_reached $((size / 4))
		[ -n "$(server_children)" ] || fail 'there is no session'
		kill -STOP "$client_pid"
		stop_server $signal
		kill -CONT "$client_pid"
		wait_client 9 11 # the session may get to say that it stops
		listen=127.0.0.1:$port start_server
		case $direction in
		put) expect 0 --json put "$tmp/f" "$url/f" && result=$share/f ;;
		get) expect 0 --json get "$url/there" "$tmp/back" && result=$tmp/back ;;
		esac
		check_same_file "$tmp/f" "$result"
		check_ge "$(summary bytes_resumed)" 1 'bytes resumed'
		rm "$result"
	done
done
check_clean
