#!/bin/sh
# Not with sanitizers: they take SIGSEGV themselves, and end with 1.
# After the third crash within an hour ftxd ends its sessions and executes itself anew: the same
# process, the same sockets, another layout; a transfer goes on.  With a wrong configuration it stays.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share" "$tmp/tree"
good_configuration()
{
	configure <<END
[share s]
path = $tmp/share
[client c]
key = $client_key
share = s=full
END
}
for n in 1 2 3 4; do
	random_file "$tmp/tree/$n" $((3 * MIB))
done

# Where the stack is differs from one execution to the next.
stack()
{
	grep -F '[stack]' "/proc/$server_pid/maps"
}

# sessions: $sessions, those that have confined themselves, at least three
sessions()
{
	sessions=
	for child in $(server_children); do
		if grep -q '^NoNewPrivs:[[:space:]]*1' "/proc/$child/status" 2>/dev/null; then
			sessions="$sessions $child"
		fi
	done
	# shellcheck disable=SC2086 # a list of process ids
	set -- $sessions
	[ $# -ge 3 ]
}

# crash(url): three sessions of a put at the same time, whose address is turned away from the first on
crash()
{
	start_client --compress none --bwlimit 3M -j 4 put -T "$tmp/tree" "$1"
	wait_for 'the put to move' progress_reached 1
	wait_for 'three sessions' sessions
	before=$(stack)
	# shellcheck disable=SC2086 # a list of process ids
	set -- $sessions
	kill -SEGV "$1" "$2" "$3"
}

anew()
{
	! process_gone "$server_pid" || fail 'ftxd ended'
	now=$(stack 2>/dev/null) && [ -n "$now" ] && [ "$now" != "$before" ]
}

# The put goes on: at the same address, which nobody turns away any more.
put_again()
{
	expect 0 put -T "$tmp/tree" "$1"
	diff -r -x .ftx "$tmp/tree" "$tmp/share/tree" || fail 'the trees differ'
}

good_configuration
start_ftxd
crash "$base/s/tree"
wait_log 'the third crash within an hour'
wait_for 'another execution' anew
wait_client 9
put_again "$base/s/tree"
check_eq "$(log_lines 'listening address=127.0.0.1:'"$port")" 2 'times that it began to listen there'
check_eq "$(log_lines 'a child crashed')" 3 'crashes'
check_eq "$("$ftxd_program" status --json -c "$conf" | jq -r 'select(.event == "daemon") | .crashes')" 0 'crashes of this execution'
[ "$(tr '\0' ' ' <"/proc/$server_pid/cmdline")" = "$ftxd_program -c $conf " ] || fail 'it has other arguments'
if tr '\0' '\n' <"/proc/$server_pid/environ" | grep -q LISTEN_FDNAMES; then fail 'it has another environment'; fi

# Where the configuration is wrong nothing would start: it goes on as it is.
echo 'colour = red' >>"$conf"
rm -rf "$tmp/share/tree"
crash "$base/s/tree"
wait_log 'children crash, and ftxd is not started anew: '
if anew; then fail 'it was executed anew'; fi
wait_client 9
stop_server
check_eq "$(log_lines 'the third crash')" 1 'times that it was executed anew'

# serve: at the same port, though any was asked for.
start_server
crash "$url/tree"
wait_for 'another execution' anew
wait_client 9
put_again "$url/tree"
check_eq "$(wc -l <"$tmp/server.out")" 1 'lines with the address'
stop_server
