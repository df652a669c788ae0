#!/bin/sh
# The server's secret key is in the memory of the supervisor and of no child.
# Not with sanitizers: their shadow memory is too big to be searched.
[ "$(id -u)" -eq 0 ] || { echo 'only root can look into their memory' && exit 77; }
. "$(dirname "$0")/../lib/e2e.sh"
start_server
memscan=$build/tests/memscan
random_file "$tmp/f" $((6 * MIB))

# The control: the key is found where it has to be.
check_eq "$("$memscan" "$tmp/server-key" "$server_pid")" "$server_pid" 'processes that have the key'

# no_child(what): of the children there are now
no_child()
{
	children=$(server_children)
	[ -n "$children" ] || fail "there is no $1"
	code=0
	# shellcheck disable=SC2086 # a list of process ids
	"$memscan" "$tmp/server-key" $children >"$tmp/out" || code=$?
	check_eq "$code" 1 "finding of the key in a $1"
}

# A greeter that waits for the third message: the relay keeps it back.
"$build/tests/relay" "$port" 84 >"$tmp/relay.out" &
started="$started $!"
wait_for 'the relay' test -s "$tmp/relay.out"
start_client put "$tmp/f" "ftx://$server_key@127.0.0.1:$(head -n 1 "$tmp/relay.out")/share/held"
greeter_there()
{
	[ -n "$(server_children)" ]
}
wait_for 'a greeter' greeter_there
no_child greeter
kill -9 "$client_pid"
wait_client 137
greeter_gone()
{
	[ -z "$(server_children)" ]
}
wait_for 'the end of the greeter' greeter_gone

# A session at work.
start_client --bwlimit 3M put "$tmp/f" "$url/f"
wait_for 'a third of a put' progress_reached $((2 * MIB))
no_child session
wait_client 0
check_same_file "$tmp/f" "$share/f"
