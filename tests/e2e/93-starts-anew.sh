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
	random_file "$tmp/tree/$n" $((6 * MIB))
done

# Where the stack is differs from one execution to the next.
stack()
{
	grep -F '[stack]' "/proc/$server_pid/maps"
}

# sessions: $sessions, all four.  They have threads; who only greets has none, and is gone soon.
sessions()
{
	sessions=
	for child in $(server_children); do
		if grep -q '^Threads:[[:space:]]*5' "/proc/$child/status" 2>/dev/null; then
			sessions="$sessions $child"
		fi
	done
	# shellcheck disable=SC2086 # a list of process ids
	set -- $sessions
	[ $# -ge 4 ]
}

# all_stopped(pid...): SIGSTOP takes effect some time after kill, and a fault sent before overtakes it.
all_stopped()
{
	for child in "$@"; do
		grep -q '^State:[[:space:]]*T' "/proc/$child/status" || return 1
	done
}

# crash(url): three of the sessions of a put at the same time: their address is turned away from the
# first one on.  $fourth: the other one.
patience='--retry-for 0'
crash()
{
	# shellcheck disable=SC2086 # a list of words
	start_client $patience --compress none --bwlimit 3M -j 4 put -T "$tmp/tree" "$1"
	wait_for 'the put to move' progress_reached 1
	wait_for 'four sessions' sessions
	before=$(stack)
	# shellcheck disable=SC2086 # a list of process ids
	set -- $sessions
	fourth=$4
	"${before_crash:-:}"
	# When the first one is gone the client gives up the others: they are not to end before it.
	kill -STOP "$1" "$2" "$3"
	wait_for 'three stopped sessions' all_stopped "$1" "$2" "$3"
	kill -SEGV "$1" "$2" "$3"
	kill -CONT "$1" "$2" "$3"
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

# said(line, count): so often by the service to its manager
said()
{
	[ "$(grep -cx "$1" "$tmp/manager" || :)" -ge "$2" ]
}

# Under a service manager, which has passed the socket and wants signs of life.
good_configuration
"$build/tests/manager" "$tmp/notify" 400 "$ftxd_program" -c "$conf" >"$tmp/manager" 2>>"$log" &
manager_pid=$!
started="$started $manager_pid"
wait_for 'ftxd to be ready' said READY=1 1
server_pid=$(sed -n 's/^pid //p' "$tmp/manager")
port=$(sed -n 's/^port //p' "$tmp/manager")
base=ftx://$("$ftxd_program" key -c "$conf" | head -n 1)@127.0.0.1:$port
patience='--retry-for 1m'
crash "$base/s/tree"
wait_log 'the third crash within an hour'
wait_for 'another execution' anew
wait_client 0 # over new connections
patience='--retry-for 0'
put_again "$base/s/tree"
check_eq "$(log_lines 'listening address=127.0.0.1:'"$port")" 2 'times that it began to listen there'
check_eq "$(log_lines 'a child crashed')" 3 'crashes'
check_eq "$("$ftxd_program" status --json -c "$conf" | jq -r 'select(.event == "daemon") | .crashes')" 0 'crashes of this execution'
[ "$(tr '\0' ' ' <"/proc/$server_pid/cmdline")" = "$ftxd_program -c $conf " ] || fail 'it has other arguments'
wait_for 'a second time that it is ready' said READY=1 2
sed -n '/^RELOADING=1/,$p' "$tmp/manager" | grep -qx READY=1 || fail 'it was ready and not started anew'
signs=$(grep -c '^WATCHDOG=1' "$tmp/manager")
wait_for 'further signs of life' said WATCHDOG=1 $((signs + 2))
check_eq "$(log_lines 'does not count: the service manager')" 1 'warnings that listen does not count'
kill "$server_pid"
wait_for 'its end' said 'ended 0' 1
said STOPPING=1 1 || fail 'it did not say that it stops'

# Where the configuration is wrong nothing would start: it goes on as it is.
start_ftxd
echo 'colour = red' >>"$conf"
rm -rf "$tmp/share/tree"
crash "$base/s/tree"
wait_log 'children crash, and ftxd is not started anew: '
if anew; then fail 'it was executed anew'; fi
wait_client 9
stop_server
check_eq "$(log_lines 'the third crash')" 1 'times that it was executed anew'

# A stop while it waits for a session is a stop; a second one does not wait.
hold_fourth()
{
	kill -STOP "$fourth"
}
state()
{
	[ "$("$ftxd_program" status --json -c "$conf" | jq -r 'select(.event == "daemon") | .state')" = "$1" ]
}
good_configuration
start_ftxd
before_crash=hold_fourth
crash "$base/s/tree"
before_crash=
wait_for 'the drain' state restarting
kill "$server_pid"
wait_for 'the stop' state stopping
kill "$server_pid"
status=0
wait "$server_pid" || status=$?
check_eq "$status" 0 'exit status of ftxd'
wait_client 9
check_eq "$(log_lines 'stopping signal=15')" 3 'stops'

# serve: at the same port, though any was asked for.
start_server
crash "$url/tree"
wait_for 'another execution' anew
wait_client 9
put_again "$url/tree"
check_eq "$(wc -l <"$tmp/server.out")" 1 'lines with the address'
stop_server
