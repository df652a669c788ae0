#!/bin/sh
# Without a terminal: SIGUSR1 and --progress, and events of a run that is killed, to the last line.
# With sanitizers alone: signals, text and events are the client's own.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
random_file "$tmp/f" $((2 * MIB))

# begin(ftx argument...): in the background
begin()
{
	: >"$tmp/err"
	# sh starts background commands with INT ignored.
	env --default-signal=INT,TERM "$ftx_program" -i "$tmp/id" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null &
	client_pid=$!
	started="$started $client_pid"
}

# Has the server part of a file?
partial_there()
{
	find "$share/.ftx" -name '*.part' 2>/dev/null | grep -q .
}

stderr_lines()
{
	[ "$(wc -l <"$tmp/err")" -ge "$1" ]
}

# Each SIGUSR1 is a line, also with -q, and nothing else is.
begin -q --bwlimit 200K --compress none put "$tmp/f" "$url/f"
wait_for 'a partial' partial_there
for number in 1 2; do
	kill -USR1 "$client_pid"
	wait_for "answer $number" stderr_lines $number
done
kill -TERM "$client_pid"
wait_client 143
check_eq "$(sed '$d' "$tmp/err" | grep -cE '^ftx: put: 0 of 1 file, [0-9.]+ [KM]?i?B of 2[.]0 MiB [(][0-9]+%[)]')" 2 'answers'
check_eq "$(wc -l <"$tmp/err")" 3 'lines, with that of the end'
tail -n 1 "$tmp/err" | grep -q '^ftx: put: interrupted (' || fail 'no word of the end'
check_eq "$(cat "$tmp/out")" '' 'standard output'

# With --json it is an event, whatever --no-progress says.
begin --json --no-progress --bwlimit 200K --compress none put "$tmp/f" "$url/f"
event_there()
{
	grep -q "\"event\":\"$1\"" "$tmp/out"
}
wait_for 'the start' event_there start
# What it is asked before its first byte is out finds it looking at the source yet.
says_it_sends()
{
	kill -USR1 "$client_pid"
	grep -q '"event":"progress".*"phase":"send"' "$tmp/out"
}
wait_for 'an event' says_it_sends
kill -TERM "$client_pid"
wait_client 143
check_json
check_eq "$(cat "$tmp/err")" '' 'text beside the events'
check_eq "$(json 'select(.event == "progress" and .phase == "send") | .bytes_total' | sort -u)" \
	$((2 * MIB)) 'bytes in all'
check_eq "$(summary exit_name)" signal 'name of the end'

# Not asked, it says nothing in two periods of its own.
head -c 300000 "$tmp/f" >"$tmp/part"
expect 0 --json --no-progress --bwlimit 200K --compress none put "$tmp/part" "$url/part"
check_eq "$(json 'select(.event == "progress") | .phase')" '' 'events of progress'

# Of what has no end that is known, nobody says how long it takes.
ftx --json --bwlimit 200K --compress none put - "$url/input" <"$tmp/part" >"$tmp/out"
check_eq "$(json 'select(.event == "progress" and .eta_s != null) | .eta_s')" '' 'times to go'
# There are at most two of them a second; one may have been held up on its way into the event.
check_le "$(jq -s '[.[] | select(.event == "progress") | (.time[0:19] + "Z" | fromdate) + (.time[20:23] | tonumber) / 1000]
	| [.[1:], .[:-1]] | transpose | map(select(.[0] - .[1] < 0.45)) | length' "$tmp/out")" 1 'events too soon behind another'

# Asked for, it comes as lines.
begin --progress --bwlimit 200K --compress none put "$tmp/f" "$url/f"
wait_for 'a line' stderr_lines 1
kill -INT "$client_pid"
wait_client 130
head -n 1 "$tmp/err" | grep -qE '^ftx: put: 0 of 1 file, .* of 2[.]0 MiB' || fail "no progress: $(cat "$tmp/err")"
! grep -q "$(printf '[\033\r]')" "$tmp/err" || fail 'a terminal is drawn to that is none'

# What is not counted is not ended by it either.
mkdir "$tmp/many"
(cd "$tmp/many" && seq 600 | xargs touch)
ftx put "$tmp/many" "$url/"
catches_usr1()
{
	! process_gone "$client_pid" || fail 'the client ended'
	while read -r key value; do
		[ "$key" != SigCgt: ] || break
	done <"/proc/$client_pid/status"
	[ $((0x$value >> 9 & 1)) -eq 1 ]
}
kill -STOP "$server_pid"
begin ls "$url/many"
wait_for 'the client to catch signals' catches_usr1
kill -USR1 "$client_pid"
kill -CONT "$server_pid"
wait_client 0
check_eq "$(wc -l <"$tmp/out")" 600 'names'
check_eq "$(cat "$tmp/err")" '' 'what is said'

# Killed before it is connected, and while it waits for the server: whole events, and the summary last.
for arguments in 'put F URL/x' 'get URL/many OUT' 'verify MANY URL/many' 'ls -R URL/' 'rm -r URL/many'; do
	words=$(echo "$arguments" | sed "s|F |$tmp/f |; s|MANY|$tmp/many|; s|OUT|$tmp/got|; s|URL|$url|")
	kill -STOP "$server_pid"
	# shellcheck disable=SC2086 # a list of words
	begin --json $words
	wait_for 'the client to catch signals' catches_usr1
	kill -TERM "$client_pid"
	wait_client 143
	kill -CONT "$server_pid"
	check_json
	check_eq "$(summary exit_code)" 143 "exit code of $arguments"
	check_eq "$(json .event | tr '\n' ' ')" 'error summary ' "events of $arguments"
	check_eq "$(cat "$tmp/err")" '' "text beside the events of $arguments"
done

# Killed while nobody reads: what was written of a line is ended.
mkfifo "$tmp/fifo"
for direction in put rm; do
	case $direction in
	put) set -- -n put "$tmp/many" "$url/new/" ;;
	rm) set -- -n rm -r "$url/many" ;;
	esac
	env --default-signal=TERM "$ftx_program" -i "$tmp/id" --json "$@" >"$tmp/fifo" 2>"$tmp/err" </dev/null &
	client_pid=$!
	started="$started $client_pid"
	exec 9<"$tmp/fifo"
	read -r line <&9
	echo "$line" >"$tmp/out"
	kill -TERM "$client_pid"
	cat <&9 >>"$tmp/out"
	exec 9<&-
	wait_client 143
	check_json
	check_eq "$(summary exit_code)" 143 "exit code of $direction"
	check_eq "$(cat "$tmp/err")" '' "text beside the events of $direction"
done
