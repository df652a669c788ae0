#!/bin/sh
# A run started the moment another one was killed, whose session may still live, ends well.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
size=$((8 * MIB + 5))
mkdir "$tmp/back"

for round in 1 2 3; do
	random_file "$tmp/f" $size
	start_client --bwlimit $((size / 4)) put "$tmp/f" "$url/f$round"
	wait_for 'a third of a put' progress_reached $((size / 3))
	kill -9 "$client_pid"
	expect 0 --json put "$tmp/f" "$url/f$round"
	check_same_file "$tmp/f" "$share/f$round"
	check_ge "$(summary bytes_resumed)" 1 'bytes resumed'

	start_client --bwlimit $((size / 4)) get "$url/f$round" "$tmp/back/f$round"
	wait_for 'a third of a get' progress_reached $((size / 3))
	kill -9 "$client_pid"
	expect 0 get "$url/f$round" "$tmp/back/f$round"
	check_same_file "$tmp/f" "$tmp/back/f$round"
done
check_clean
check_clean "$tmp/back"
