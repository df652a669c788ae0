#!/bin/sh
# Streams of every length, streams that end badly, and readers that take their time.
# With sanitizers too: standard input that goes on after a loss.
. "$(dirname "$0")/../lib/e2e.sh"
start_server

for size in 0 1 $((MIB - 1)) $MIB $((MIB + 1)) $((9 * MIB + 5)); do
	random_file "$tmp/f" "$size"
	# shellcheck disable=SC2002 # a pipe, not a file
	cat "$tmp/f" | ftx put --min-size 0 - "$url/sized"
	check_same_file "$tmp/f" "$share/sized"
	ftx get "$url/sized" - | cat >"$tmp/back"
	check_same_file "$tmp/f" "$tmp/back"
done
# Holes come out as zeros.
truncate -s $((3 * MIB)) "$share/holes"
printf end >>"$share/holes"
ftx get "$url/holes" - >"$tmp/back"
check_same_file "$share/holes" "$tmp/back"

# Has the server what was sent, but for what is on the way?
partial_there()
{
	[ -n "$(find "$share" -path '*/.ftx/*' -name '*.part' -size +3M)" ]
}

# begin_stream: a put of $share/sized whose input stays open behind 5 MiB.
mkfifo "$tmp/fifo"
begin_stream()
{
	env --default-signal=INT "$ftx_program" -i "$tmp/id" put - "$url/sized" <"$tmp/fifo" 2>"$tmp/err" &
	client_pid=$!
	started="$started $client_pid"
	exec 8>"$tmp/fifo"
	head -c $((5 * MIB)) /dev/zero >&8
	wait_for 'the partial' partial_there
}

# The client dies in the middle: nothing is published, and the next put of the name is as good.
cp "$tmp/f" "$tmp/old"
begin_stream
kill -9 "$client_pid"
wait "$client_pid" 2>/dev/null || :
exec 8>&-
check_same_file "$tmp/old" "$share/sized"
random_file "$tmp/new" $((2 * MIB + 3))
ftx put - "$url/sized" <"$tmp/new"
check_same_file "$tmp/new" "$share/sized"
check_clean

# It is interrupted while it waits for input: nothing is left of what had come.
begin_stream
kill -INT "$client_pid"
code=0
wait "$client_pid" || code=$?
exec 8>&-
check_eq "$code" 130 'exit status of an interrupted put'
check_same_file "$tmp/new" "$share/sized"
check_clean

# A reader that takes nothing for longer than --timeout is not a server that is silent.
random_file "$share/big" $((24 * MIB))
ftx --timeout 3 get "$url/big" - | {
	head -c 1000 >"$tmp/back"
	sleep 7
	cat >>"$tmp/back"
}
check_same_file "$share/big" "$tmp/back"
