#!/bin/sh
# T60: the client is killed; the next run goes on.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/resume.sh"
start_server

kill_client()
{
	kill -9 "$client_pid"
	wait_client 137
}

# A put's session keeps every whole block that arrived: a chunk or two may have been on the way.
# A get's client keeps what it had made durable.
# resume_matrix sets $direction and $quarters.
sure()
{
	bytes=$(($(reach "$quarters") - 2 * MIB))
	if [ "$direction" = get ]; then
		[ "$quarters" -eq 3 ] && bytes=1 || bytes=0
	fi
	echo $bytes
}
resume_matrix kill_client sure
