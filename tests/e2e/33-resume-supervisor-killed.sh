#!/bin/sh
# T60: the supervisor is killed; its session ends too; with a new one the next run goes on.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/resume.sh"
start_server

kill_supervisor()
{
	session=$(server_children)
	[ -n "$session" ] || fail 'there is no session'
	stop_server 9
	wait_client 9 11 0 # the session may get to say that it stops
	check_json "$tmp/json"
	listen=127.0.0.1:$port start_server
}

# The session ends by itself and keeps every whole block; so does the client of a get.
sure()
{
	echo $(($(reach "$quarters") - 2 * MIB))
}
resume_matrix kill_supervisor sure
