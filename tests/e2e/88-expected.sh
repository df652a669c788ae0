#!/bin/sh
# expect-every: who has not come for so long is logged once; what counts is a session that ended well.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share"
every=1h
describe()
{
	configure <<EOF
[share s]
path = $tmp/share
[client c]
key = $client_key
share = s=full
expect-every = $every
[client never]
key = $("$ftx_program" keygen -o "$tmp/never-$every")
share = s=full
expect-every = $every
enabled = no
EOF
}

# last: of the client, as it was saved
last()
{
	sed -n 's/^client c [0-9]* //p' "$tmp/state/clients"
}

# A session that ends well is remembered; one that does not is not.
describe
start_ftxd
before=$(date +%s)
expect 0 ls "$base/s"
wait_log 'session client=c' 1
stop_server
check_eq "$(stat -c %a "$tmp/state/clients")" 600 'mode of STATE/clients'
came=$(last)
check_ge "$came" "$before" 'when the client was last here'
check_le "$came" "$(date +%s)" 'when the client was last here'
next_second()
{
	[ "$(date +%s)" -gt "$came" ]
}
wait_for 'the next second' next_second
start_ftxd
random_file "$tmp/f" $((4 * MIB))
start_client --compress none --bwlimit 256K --retry-for 0 put "$tmp/f" "$base/s/f"
wait_for 'a put to begin' progress_reached 1
kill -9 "$client_pid"
wait_client 137
wait_log 'session client=c' 2
stop_server
check_eq "$(last)" "$came" 'when the client was last here'
check_eq "$(log_lines 'client is overdue')" 0 'clients that are overdue'

# Overdue since that session, which the run before this one saw: said once.
every=1s
describe
start_ftxd
wait_log 'client is overdue client=c'
grep 'client is overdue' "$log" | grep -q " last=$(date -u -d "@$came" +%Y-%m-%dT%H:%M:%SZ) " ||
	fail "another time than $came: $(grep 'client is overdue' "$log")"

# It comes, and stays away again.
expect 0 ls "$base/s"
wait_log 'client is back client=c'
wait_log 'client is overdue client=c' 2
check_eq "$(log_lines 'client is back')" 1 'clients that are back'
expect 0 ls "$base/s"
wait_log 'client is back client=c' 2
check_eq "$(log_lines 'client is overdue')" 2 'clients that are overdue'
check_eq "$(log_lines 'client=never')" 0 'words about a client that is not enabled'
stop_server
