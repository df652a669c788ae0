#!/bin/sh
# A daemon that is killed, stopped and moved to another address during one put; the same for a get.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server
make_tree "$tmp/src"

# A name with two addresses: where the daemon is, is asked anew each time.
moved=127.0.0.1
if getent ahosts localhost | grep -q '^::1 ' && getent ahosts localhost | grep -q '^127\.0\.0\.1 '; then
	moved='[::1]'
fi
named=ftx://$server_key@localhost:$port/share

# through(verb, from, to): the transfer goes on through three restarts
through()
{
	start_client --compress none --bwlimit 1M --no-sync "$1" -T "$2" "$3"
	wait_for 'a first part' progress_reached 1
	stop_server 9
	listen=127.0.0.1:$port start_server
	wait_for 'more' progress_reached $((progress + 1))
	stop_server TERM
	listen=$moved:$port start_server
	wait_for 'still more' progress_reached $((progress + 1))
	stop_server 9
	listen=127.0.0.1:$port start_server
	wait_client 0
	check_json "$tmp/json"
	check_eq "$(summary files_failed "$tmp/json")" 0 'files that failed'
}

through put "$tmp/src" "$named/tree"
check_same_tree "$tmp/src" "$share/tree"
through get "$named/tree" "$tmp/back"
check_same_tree "$tmp/src" "$tmp/back"
check_clean
check_clean "$tmp/back"
