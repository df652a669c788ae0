#!/bin/sh
# When a run does not go on: the time is used up, it is told to end, or what is wrong stays so.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server
random_file "$tmp/f" $((3 * MIB))

# slow(option...): a put that is in the middle of it, and long
slow()
{
	start_client --compress none --bwlimit 128K "$@" -v put "$tmp/f" "$url/f"
	wait_for 'a first part' progress_reached 1
}

# Time without progress.
slow --retry-for 1s
stop_server 9
wait_client 9
check_json "$tmp/json"
check_eq "$(json 'select(.event == "error") | .name + " " + .side' "$tmp/json")" 'network network' 'the error'
check_eq "$(summary resumable "$tmp/json")" true 'resumable'

# 0: not even once more.
listen=127.0.0.1:$port start_server
slow --retry-for 0
stop_server 9
wait_client 9 11 # the session may get to say that it stops
check_eq "$(json 'select(.event == "error") | .retryable' "$tmp/json")" true 'the one error'

# A signal ends a pause at once: long before its end, which is minutes away.
listen=127.0.0.1:$port start_server
for signal in INT TERM; do
	slow -j 3 --retry-for 1d
	stop_server 9
	waits()
	{
		[ -z "$(ss -Htn state established "dport = :$port" 2>/dev/null)" ]
	}
	wait_for 'the loss' waits
	kill -$signal "$client_pid"
	wait_client 130 143
	check_json "$tmp/json"
	listen=127.0.0.1:$port start_server
done

# The loss and the return are said once each, in a line.
start_chaos -p cut:up:400000 -p reset:up:600 -p cut:up:700
expect 0 -v --compress none put "$tmp/f" "$via/said"
check_same_file "$tmp/f" "$share/said"
check_eq "$(grep -c 'trying again for up to 10 min' "$tmp/err")" 1 'lines that tell of the loss'
check_eq "$(grep -c 'connected again, going on' "$tmp/err")" 1 'lines that tell of the return'

# Nobody there proves the key any more: it may be that the right one comes back, and not for ever.
slow --retry-for 1s
stop_server 9
mv "$tmp/server-key" "$tmp/old-key"
listen=127.0.0.1:$port start_server
wait_client 9
check_eq "$(json 'select(.event == "error") | .retryable' "$tmp/json")" true 'the one error'
stop_server
mv "$tmp/old-key" "$tmp/server-key"

# Who is not let in any more does not ask twice.
listen=127.0.0.1:$port start_server
slow
stop_server 9
"$ftx_program" keygen -o "$tmp/other" >"$tmp/id.pub"
listen=127.0.0.1:$port start_server
wait_client 7
check_eq "$(json 'select(.event == "error") | .name' "$tmp/json")" key_refused 'the error'
