#!/bin/sh
# What a get that was killed has left goes when the file has come in another way.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
random_file "$share/f" $((8 * MIB))
mkdir "$tmp/here"

left()
{
	ls -A "$tmp/here"
}
begun()
{
	left | grep -q '^\.ftx-.*\.part$'
}
start_client --bwlimit 2M get "$url/f" "$tmp/here/f"
wait_for 'the partial' begun
kill -9 "$client_pid"
wait_client 137
begun || fail 'the partial has gone with the client'
cp -p "$share/f" "$tmp/here/f"
expect 0 --json get "$url/f" "$tmp/here/f"
check_eq "$(json 'select(.event == "file").status')" same 'status'
check_eq "$(left)" f 'what is in the directory'
