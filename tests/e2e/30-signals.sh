#!/bin/sh
# INT and TERM end a run with 128+N, keep what arrived and say how to go on.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
size=$((8 * MIB + 5))
random_file "$tmp/f" $size
mkdir "$tmp/back"
cp -p "$tmp/f" "$share/there"

# run(put|get, option...): the transfer, slow enough to be interrupted
run()
{
	direction=$1
	shift
	case $direction in
	put) set -- "$@" --compress none put "$tmp/f" "$url/f" ;;
	get) set -- "$@" --compress none get "$url/there" "$tmp/back/f" ;;
	esac
	follow_progress
	# sh starts background commands with INT ignored.
	env --default-signal=INT,TERM "$ftx_program" -i "$tmp/id" "$@" >"$tmp/json" 2>"$tmp/err" </dev/null &
	client_pid=$!
	started="$started $client_pid"
}

partial_there()
{
	find "$share/.ftx" -name '*.part' 2>/dev/null | grep -q .
}

for signal in INT TERM; do
	[ $signal = INT ] && code=130 || code=143
	for direction in put get; do
		[ $direction = put ] && result=$share/f || result=$tmp/back/f
		run $direction --json --bwlimit $((size / 5))
		wait_for "half of a $direction" progress_reached $((size / 2))
		kill -$signal "$client_pid"
		wait_client "$code"
		check_json "$tmp/json"
		check_eq "$(summary exit_code "$tmp/json")" "$code" 'exit code in the summary'
		check_eq "$(summary resumable "$tmp/json")" true 'resumable'
		check_absent "$result"

		run $direction --json
		wait_client 0
		cmp "$tmp/f" "$result"
		check_ge "$(summary bytes_resumed "$tmp/json")" $((3 * MIB)) "bytes resumed of a $direction after $signal"
		check_eq $(($(summary bytes_resumed "$tmp/json") + $(summary bytes_wire "$tmp/json"))) $size \
			'bytes resumed and sent'
		rm "$result"
	done
done
check_clean
check_clean "$tmp/back"

# Without --json a line says how to go on.
run put --bwlimit $((size / 5))
wait_for 'a partial' partial_there
kill -INT "$client_pid"
wait_client 130
grep -qi 'again\|resume\|continue\|go on' "$tmp/err" || fail "no word how to go on: $(cat "$tmp/err")"

# A pipe that is full: who writes to it comes to no end.
mkfifo "$tmp/full"
# waits_for_ever(env option...)
waits_for_ever()
{
	exec 9<>"$tmp/full"
	dd if=/dev/zero of="$tmp/full" oflag=nonblock bs=4096 2>"$tmp/err" || :
	env "$@" "$ftx_program" -i "$tmp/id" --json ls "$url" >&9 2>"$tmp/err" </dev/null &
	client_pid=$!
	started="$started $client_pid"
}
# Does it catch these, of INT (2), TERM (4000) and USR1 (200)?  The latter nobody does before it is ftx.
catches()
{
	while read -r key value _; do
		case $key in
		SigIgn:) ignored=$((0x$value & 0x4002)) ;;
		SigCgt:) caught=$((0x$value & 0x4202)) ;;
		esac
	done <"/proc/$client_pid/status"
	[ "$caught" = $((0x$1)) ]
}

# A second signal is immediate.
waits_for_ever --default-signal=INT,TERM
wait_for 'signals to be caught' catches 4202
kill -INT "$client_pid"
wait_for 'the first signal to be taken' catches 200
kill -INT "$client_pid"
wait_for 'the end' process_gone "$client_pid"
wait_client 130
exec 9>&-

# Of that it dies, whatever else is in its way meanwhile.
exec 7<>"$tmp/full"
exec 8<"$tmp/full"
exec 9>"$tmp/full" 7<&-
dd if=/dev/zero of="$tmp/full" oflag=nonblock bs=4096 2>"$tmp/err" || :
env --default-signal=INT,TERM,PIPE "$ftx_program" -i "$tmp/id" --json ls "$url" >&9 2>"$tmp/err" </dev/null 8<&- 9<&- &
client_pid=$!
started="$started $client_pid"
exec 9>&-
wait_for 'signals to be caught' catches 4202
kill -TERM "$client_pid"
wait_for 'the signal to be taken' catches 200
exec 8<&-
wait_client 143

# Whoever was started with one of them ignored is not ended by it, first or second.
waits_for_ever --default-signal=TERM --ignore-signal=INT
wait_for 'signals to be caught' catches 4200
kill -INT "$client_pid"
kill -TERM "$client_pid"
wait_for 'the signal to be taken' catches 200
check_eq "$ignored" $((0x2)) 'what is ignored'
kill -INT "$client_pid"
kill -TERM "$client_pid"
wait_client 143
waits_for_ever --ignore-signal=INT,TERM
wait_for 'signals to be caught' catches 200
kill -INT "$client_pid"
kill -TERM "$client_pid"
exec 8<"$tmp/full" 9>&-
cat <&8 >"$tmp/out"
exec 8<&-
wait_client 0

# A file that may not become so large is an error like others, and no signal.
said=$({ sh -c 'ulimit -f 0 && exec "$@"' sh "$ftx_program" -i "$tmp/id" ls "$url" 2>&1 >"$tmp/out" || echo $?; } | cat)
check_eq "$said" "$(printf 'ftx: ls: standard output: File too large\n1')" 'what is said of it'

# Even where the server does not answer.
run put --json --bwlimit $((size / 5))
wait_for 'a quarter of a put' progress_reached $((size / 4))
kill -STOP "$server_pid"
# shellcheck disable=SC2046 # a list of process ids
kill -STOP $(server_children)
kill -INT "$client_pid"
kill -INT "$client_pid" 2>/dev/null || :
wait_client 130
# shellcheck disable=SC2046
kill -CONT "$server_pid" $(server_children)
