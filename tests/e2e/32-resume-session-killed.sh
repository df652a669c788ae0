#!/bin/sh
# T60: the session process is killed; the client ends with 9, the next run goes on.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/resume.sh"
start_server

kill_session()
{
	session=$(server_children)
	[ -n "$session" ] || fail 'there is no session'
	# shellcheck disable=SC2086 # a list of process ids
	kill -9 $session
	wait_client 9 0
	check_json "$tmp/json"
	[ "$status" -eq 0 ] || check_eq "$(summary resumable "$tmp/json")" true 'resumable'
}

# A get's client lives, and keeps every whole block; a put's blocks are those of the last checkpoint.
# resume_matrix sets $direction and $quarters.
sure()
{
	bytes=$(($(reach "$quarters") - 2 * MIB))
	if [ "$direction" = put ]; then
		[ "$quarters" -eq 3 ] && bytes=1 || bytes=0
	fi
	echo $bytes
}
resume_matrix kill_session sure
