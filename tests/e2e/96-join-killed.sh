#!/bin/sh
# Not with sanitizers: the leak checker does not run under strace.
# kill -9 of the daemon at each step of entering a key: the client, or the same command again, ends
# well, and the key is that of one client.
. "$(dirname "$0")/../lib/config.sh"
command -v strace >/dev/null || skip 'there is no strace'
strace -qq -o "$tmp/trace" true 2>"$tmp/strace.err" || skip "strace cannot be used here: $(head -n 1 "$tmp/strace.err")"
mkdir "$tmp/share"
echo text >"$tmp/f"
plan()
{
	configure <<EOF
[share s]
path = $tmp/share
EOF
}
plan
start_ftxd # for a port that is free, and the key
stop_server
fixed_port=$port
plan

# start_killed(system call, number): an ftxd that is killed when it makes that call for that time
start_killed()
{
	before=$(log_lines 'listening address=')
	strace -D -qq -o "$tmp/trace" -e trace="$1" -e inject="$1:signal=KILL:when=$2" \
		"$ftxd_program" -c "$conf" 2>>"$log" &
	server_pid=$!
	started="$started $server_pid"
	wait_for 'ftxd to listen' ftxd_listens
}

# join(code): in the background, as somebody with a home in $home
join()
{
	XDG_CONFIG_HOME=$home "$ftx_program" join "$1" --as nas 2>>"$home/err" </dev/null &
	client_pid=$!
	started="$started $client_pid"
}

# Before the key has its name; behind that; before the invite is marked as used; behind that, before
# the answer.  The first five of unlinkat: figures of quotas and of who came, at the start and when the
# new invite is told, and a file of that name that a kill may have left.
number=0
for point in 'linkat 1' 'unlinkat 6' 'renameat 1' 'sendmsg 3'; do
	number=$((number + 1))
	home=$tmp/c$number
	mkdir "$home"
	ftxd 0 invite "c$number" --share s=full --address "127.0.0.1:$port" -c "$conf"
	code=$(tail -n 1 "$tmp/out")
	code=${code##* }
	# shellcheck disable=SC2086 # two words
	start_killed $point
	join "$code"
	wait_for "ftxd to be killed at $point" process_gone "$server_pid"
	wait "$server_pid" 2>/dev/null || :
	start_ftxd
	status=0
	wait "$client_pid" || status=$?
	case $status in
	0) ;;
	9) # The server was away for longer than the client waits.
		join "$code"
		wait "$client_pid" || fail "killed at $point, and joining again failed: $(cat "$home/err")"
		;;
	*) fail "killed at $point: join ended with $status: $(cat "$home/err")" ;;
	esac
	XDG_CONFIG_HOME=$home "$ftx_program" put "$tmp/f" "nas:s/f$number" || fail "killed at $point, and the key does not count"
	# Nobody else comes by it.
	status=0
	XDG_CONFIG_HOME=$tmp/thief "$ftx_program" join "$code" --as nas 2>"$tmp/err" </dev/null || status=$?
	check_eq "$status" 7 'exit status of another one with the code'
	says 'the invite has been used already'
	stop_server
done
check_eq "$(cat "$tmp/state/clients.d/"*.conf | grep -c '^key = ')" $number 'keys that were entered'
