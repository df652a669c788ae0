#!/bin/sh
# T66: the wall clock jumps by ten years, at either end, forward and back, in the middle of transfers;
# then the client's machine is suspended.
. "$(dirname "$0")/../lib/e2e.sh"
[ -e "$build/tests/clock.so" ] || fail "$build/tests/clock.so is not built"
years=315576000 # ten, in seconds
random_file "$tmp/f" $((3 * MIB))

# clocks(who, wall, suspended)
clocks()
{
	echo "$2 $3" >"$tmp/$1.new"
	mv "$tmp/$1.new" "$tmp/$1.clock"
}
clocks client 0 0
clocks server 0 0
server_env="LD_PRELOAD=$build/tests/clock.so FTX_CLOCK_CONTROL=$tmp/server.clock" start_server

# begin(ftx argument...): a transfer that is in the middle of it, with a clock of its own
begin()
{
	follow_progress
	env LD_PRELOAD="$build/tests/clock.so" FTX_CLOCK_CONTROL="$tmp/client.clock" \
		"$ftx_program" -i "$tmp/id" --json --compress none --no-sync --bwlimit 1M "$@" >"$tmp/json" 2>"$tmp/err" </dev/null 8<&- &
	client_pid=$!
	started="$started $client_pid"
	wait_for 'a first part' progress_reached 1
}

# The year in the last event.
shown()
{
	tail -n 1 "$tmp/json" | jq -r '.time[:4]'
}

for who in client server; do
	for jump in $years -$years; do
		begin put "$tmp/f" "$url/f"
		clocks $who "$jump" 0
		wait_client 0
		check_same_file "$tmp/f" "$share/f"
		if [ $who = client ]; then
			difference=$(($(shown) - $(date +%Y)))
			[ "$difference" -ge 9 ] || [ "$difference" -le -9 ] || fail "the jump was not seen: $(shown)"
		fi
		begin get "$url/f" "$tmp/back"
		clocks $who 0 0
		wait_client 0
		check_same_file "$tmp/f" "$tmp/back"
		rm "$share/f" "$tmp/back"
	done
done

# Hours later by the clock of the world: what is owed an answer is not waited for once more, and the
# transfer goes on over another connection.  The server answers nothing while it is stopped.
begin --timeout 1d put "$tmp/f" "$url/g"
children=$(server_children)
for child in $children; do kill -STOP "$child"; done
wait_for 'all of it to be sent' progress_reached $((3 * MIB))
suspended=0
gone_on()
{
	suspended=$((suspended + 86400))
	clocks client 0 $suspended
	[ "$(server_children)" != "$children" ]
}
wait_for 'another connection' gone_on
for child in $children; do kill -CONT "$child" 2>/dev/null || :; done
wait_client 0
check_same_file "$tmp/f" "$share/g"
