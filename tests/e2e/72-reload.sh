#!/bin/sh
# SIGHUP: who is what it was goes on, who is not ends after its request, who is out stays out.
# With sanitizers too: settings that take the place of others.
. "$(dirname "$0")/../lib/config.sh"
make_keys
"$ftx_program" keygen -o "$tmp/other" >"$tmp/other.pub"
mkdir "$tmp/share"
random_file "$tmp/f" $((4 * MIB))
random_file "$tmp/big" $((16 * MIB))

# both(lines of the first client, lines of the second)
both()
{
	configure <<EOF
[share s]
path = $tmp/share
[client one]
key = $client_key
share = s:/one=full
$1
[client two]
key = $(cat "$tmp/other.pub")
share = s:/two=full
$2
EOF
}

in_two_sessions()
{
	[ "$(sessions)" -ge 2 ]
}

# The processes that serve somebody: those have threads, who watches the shares or greets has none.
sessions()
{
	count=0
	for child in $(server_children); do
		! grep -q '^Threads:[[:space:]]*5' "/proc/$child/status" 2>/dev/null || count=$((count + 1))
	done
	echo $count
}

# slow_puts(name): both clients are in the middle of one: the first of $big, $slow bytes a second, $sent
# sent, the second of $f, of which it gets the rest from other_goes_on()
slow=512K sent=1
mkfifo "$tmp/input"
slow_puts()
{
	"$ftx_program" -i "$tmp/other" --compress none --retry-for 0 put - "$base/s/f$1" <"$tmp/input" 2>"$tmp/err2" &
	other_pid=$!
	started="$started $other_pid"
	exec 6>"$tmp/input"
	head -c 1000000 "$tmp/f" >&6
	start_client --compress none --bwlimit $slow --retry-for 0 -j 1 put "$big" "$base/s/f$1" 6>&-
	wait_for 'the first put' progress_reached $sent
	wait_for 'two sessions' in_two_sessions
}

# other_goes_on(name): to the end
other_goes_on()
{
	tail -c +1000001 "$tmp/f" >&6
	exec 6>&-
	wait "$other_pid" || fail "the second client ended with $?: $(cat "$tmp/err2")"
	check_same_file "$tmp/f" "$tmp/share/two/f$1"
}

both '' ''
start_ftxd

# Nothing has changed for anybody: both go on.
big=$tmp/f
slow_puts 1
both '; a comment' '; another'
server_lines='max-connections = 100\nlog-level = debug\n'
both '' ''
reload
other_goes_on 1
wait_client 0
check_same_file "$tmp/f" "$tmp/share/one/f1"

# changed(case, its exit code, error, lines): of the first client; the second goes on; the same command
# again ends with the fourth.
changed()
{
	slow_puts "$1"
	both "$4" ''
	reload
	wait_client "$2"
	check_eq "$(json 'select(.event == "error") | .name' "$tmp/json" | head -n 1)" "$3" 'the error'
	other_goes_on "$1"
	check_absent "$tmp/share/one/f$1"
}
# Other rights: the client connects again and goes on where it was, behind the last whole block.
big=$tmp/big slow=1M sent=$((2 * MIB))
changed 2 11 reconfigured 'max-file-size = 1G'
wait_log 'client=one'
wait_log 'reason=reconfigured'
expect 0 --json put "$big" "$base/s/f2"
check_same_file "$big" "$tmp/share/one/f2"
[ "$(summary bytes_resumed)" -gt 0 ] || fail 'nothing was resumed'
slow=128K sent=1
changed 3 7 key_refused 'enabled = no'
expect 7 put "$tmp/f" "$base/s/f3"
wait_log 'refused reason=disabled'
both '' ''
reload
changed 4 7 key_refused 'from = 192.0.2.0/24'
expect 7 put "$tmp/f" "$base/s/f4"
wait_log 'refused reason=network'
both 'from = 127.0.0.0/8' ''
reload
changed 5 7 key_refused 'expires = 2001-01-01'
expect 7 put "$tmp/f" "$base/s/f5"
wait_log 'refused reason=expired'
# Removed.
both '' ''
reload
slow_puts 6
sed -i '/client one/,/^$/d' "$conf"
reload
wait_client 7
other_goes_on 6
expect 7 put "$tmp/f" "$base/s/f6"

# What counts only at a start is said.
both '' ''
sed -i 's/^listen = .*/listen = 127.0.0.1:1/' "$conf"
reload
wait_log 'counts only when ftxd is started again keys=listen'
expect 0 put "$tmp/f" "$base/s/f6"

# While it runs a client expires.
expires=$(date -u -d '+8 seconds' +%Y-%m-%dT%H:%M:%SZ)
both "expires = $expires" ''
reload
start_client --compress none --bwlimit 256K --retry-for 0 -j 1 put "$tmp/f" "$base/s/f7"
wait_for 'the put to begin' progress_reached 1
wait_client 7
check_eq "$(json 'select(.event == "error") | .name' "$tmp/json" | head -n 1)" key_refused 'the error'
expect 7 put "$tmp/f" "$base/s/f7"
check_absent "$tmp/share/one/f7"
