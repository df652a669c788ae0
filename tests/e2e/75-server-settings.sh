#!/bin/sh
# The directives of [server] that limit: connections, handshakes, times, memory, user, log.
. "$(dirname "$0")/../lib/config.sh"
make_keys
chmod 755 "$tmp"
mkdir -m 755 "$tmp/share"
random_file "$tmp/f" $((4 * MIB))
more=
describe()
{
	configure_one "$more"
}

# slow_put(name): in the background, until it moves
slow=128K
slow_put()
{
	start_client --compress none --bwlimit "$slow" --retry-for 0 -j 1 put "$tmp/f" "$base/s/$1"
	wait_for 'the put to begin' progress_reached 1
}

drop_put()
{
	kill "$client_pid"
	wait_client 143 15
}

# field(process id, name): of its status
field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '
}

# The process that serves the client.
session()
{
	for child in $(server_children); do
		[ "$(field "$child" NoNewPrivs)" != 1 ] || echo "$child"
	done
}

# So many connections of a client, then of all, and no more; the next is let in when one has gone.
more='max-connections = 2'
describe
start_ftxd
slow_put a
first_pid=$client_pid
slow_put b
expect 11 --retry-for 0 ls "$base/s"
wait_log 'refused reason=too-many-sessions-of-client'
drop_put
wait_for 'the session to end' log_has 'session client=c' 1
expect 0 ls "$base/s"
more='max-connections = 3'
server_lines='max-connections = 2\n'
describe
reload
client_pid=$first_pid
wait_client 11
slow_put a
first_pid=$client_pid
slow_put b
expect 11 --retry-for 0 ls "$base/s"
wait_log 'refused reason=too-many-sessions address'
drop_put
client_pid=$first_pid
drop_put

# A handshake that does not come: the connection is cut at its time.
more=
server_lines='handshake-timeout = 300ms\n'
describe
reload
cut_within()
{
	bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"; read -t "$2" -r -u 3 line; [ $? -le 128 ]' - "$port" "$1" 2>/dev/null
}
cut_within 4 || fail 'a silent connection was not cut off'
server_lines='handshake-timeout = 30s\n'
describe
reload
if cut_within 1; then fail 'a silent connection was cut off before its time'; fi

# A peer that stops in the middle of what it sends.
server_lines='stall-timeout = 3s\n'
describe
reload
slow_put c
session=$(session)
kill -STOP "$client_pid"
wait_for 'the end of a session whose peer stalls' process_gone "$session"
kill -CONT "$client_pid"
wait_client 9
wait_log 'reason=timeout'

# The time from SIGTERM to the end of what does not end by itself.
server_lines='drain-time = 500ms\n'
describe
reload
slow_put d
session=$(session)
kill -STOP "$session"
kill "$server_pid"
wait_for 'the end of the supervisor' process_gone "$server_pid"
wait_for 'the end of a session that does not' process_gone "$session"
wait_client 9

# The log: with error nothing is said of sessions, with debug again.
server_lines='log-level = info\n'
describe
start_ftxd
server_lines='log-level = error\n'
describe
reload_quietly()
{
	kill -HUP "$server_pid"
	wait_for 'the log to be quiet' quiet
}
# Each of these is a line of the log as long as it is not.
quiet()
{
	lines=$(wc -l <"$log")
	expect 7 --retry-for 0 -i "$tmp/stranger" ls "$base/s"
	[ "$(wc -l <"$log")" -eq "$lines" ]
}
"$ftx_program" keygen -o "$tmp/stranger" >"$tmp/out"
reload_quietly
expect 0 ls "$base/s"
server_lines='log-level = debug\n'
describe
kill -HUP "$server_pid"
lines=$(log_lines 'refused reason=unknown-key')
loud()
{
	expect 7 --retry-for 0 -i "$tmp/stranger" ls "$base/s"
	[ "$(log_lines 'refused reason=unknown-key')" -gt "$lines" ]
}
wait_for 'the log to be loud' loud
stop_server

# Memory: of address space, what it has at its start and so much more.
for memory in 32M 1G; do
	server_lines="session-memory = $memory\n"
	describe
	start_ftxd
	slow_put "m$memory"
	limit=$(sed -n 's/^Max address space *\([0-9a-z]*\).*/\1/p' "/proc/$(session)/limits")
	limits="${limits-} $limit"
	drop_put
	stop_server
done
# Not in builds with sanitizers, which have no such limit.
case $limits in
*unlimited*) ;;
*) check_eq "$((${limits##* } - ${limits% *}))" $((992 * MIB)) 'more memory' ;;
esac

# The user of sessions, where root starts them; files are that one's.
[ "$(id -u)" -eq 0 ] || exit 0
server_lines='user = nobody\n'
describe
rm -r "$tmp/share"
mkdir -p "$tmp/share/of-root"
chown nobody "$tmp/share"
start_ftxd
slow=1M slow_put e
for child in $(session); do
	check_eq "$(field "$child" Uid)" '65534 65534 65534 65534' 'users of a session'
done
wait_client 0
check_eq "$(stat -c %u "$tmp/share/e")" 65534 'owner of a file'
expect 6 put "$tmp/f" "$base/s/of-root/f"
chown root "$tmp/share"
expect 6 put "$tmp/f" "$base/s/f"
stop_server
