#!/bin/sh
# ftxd status: what sessions do, their clients and shares, for people and as JSON; who may ask, and what
# a reader that never reads costs.
# With sanitizers too: all that there is to tell.
. "$(dirname "$0")/../lib/config.sh"
. "$(dirname "$0")/../lib/tree.sh"
make_keys
mkdir "$tmp/share"
configure <<END
[share s]
path = $tmp/share
[share gone]
path = $tmp/gone
[client c]
key = $client_key
quota = 1G
expect-every = 1h
share = s=full
rate = 1M
END
control=$tmp/state/control

# Without a daemon: said, and nothing is made.
ftxd 1 status -c "$conf"
says "'$control': no ftxd serves it"
ftxd 2 status -c "$conf" more
ftxd 2 status --yaml
start_ftxd
wait_log 'share is offline share=gone'
check_eq "$(stat -c '%F %a' "$control")" 'socket 600' 'the control socket'

# status(filter): of the answer as JSON, what jq finds
status()
{
	ftxd 0 status --json -c "$conf"
	jq -r "$1" "$tmp/out"
}
check_eq "$(status 'select(.event == "daemon") | "\(.v) \(.state) \(.sessions) \(.max_connections) \(.pid)"')" \
	"1 running 0 1024 $server_pid" 'the daemon'
check_eq "$(status 'select(.event == "share") | "\(.name) \(.state) \(.path) \(.bytes > 0)"' | tr '\n' ,)" \
	"s online $tmp/share true,gone offline $tmp/gone false," 'the shares'
check_eq "$(status 'select(.event == "client") | "\(.name) \(.sessions) \(.sessions_total)"')" 'c 0 0' 'the clients'
check_eq "$(status 'select(.event == "usage") | "\(.client) \(.share) \(.subtree) \(.quota) \(.share_quota)"')" \
	"c s  $((1024 * MIB)) 0" 'the quotas'
check_eq "$(status 'select(.event == "expected") | "\(.client) \(.every_s) \(.last_s) \(.state)"')" 'c 3600 0 fine' 'who is expected'

# A put that runs, of a name that is not only letters.
name=$(printf 'a "b"\\\nc')
random_file "$tmp/$name" $((24 * MIB))
start_client --compress none -j 1 put "$tmp/$name" "$base/s/"
wait_for 'the put to move' progress_reached "$MIB"
putting()
{
	[ "$(status 'select(.event == "session" and .received > 1048576 and .rate > 100000) | .client')" = c ]
}
wait_for 'a session that receives' putting
check_eq "$(jq -r 'select(.event == "session") | "\(.address[:10]) \(.uploads) \(.committed)"' "$tmp/out")" \
	'127.0.0.1: 1 0' 'the session'
check_eq "$(jq 'select(.event == "session") | .path' "$tmp/out")" "$(printf 's/%s' "$name" | jq -Rs .)" 'its path'
pid=$(jq 'select(.event == "session") | .pid' "$tmp/out")
server_children | grep -qx "$pid" || fail "$pid is no session"
ftxd 0 status -c "$conf"
grep -q '^ftxd [^ ,]*, process [0-9]*, running, .*: sessions 1 of 1024, ' "$tmp/out" || fail "no first line: $(cat "$tmp/out")"
grep -qF 's/a "b"\\\nc' "$tmp/out" || fail "no path that a terminal may show: $(cat "$tmp/out")"
grep -q '^gone  *offline' "$tmp/out" || fail 'no share that is offline'

# A session that is killed says nothing more; what it had moved is known.
kill -9 "$pid"
wait_client 0 9
check_ge "$(status 'select(.event == "client") | .received')" "$MIB" 'bytes received from the client'
grep -q 'reason=died status=137 .*received=[1-9][0-9]\{6\}' "$log" || fail 'the figures of a session that was killed are not known'
"$build/tests/strangers" "$port" junk 2 127.0.0.5 >"$tmp/junk"
wait_for 'both failures' log_has 'handshake failed address=127.0.0.5' 2
check_eq "$(status 'select(.event == "refused" and .reason == "handshake") | .count')" 2 'refused handshakes'

# Readers that read nothing, more than are served at a time: others are, and the daemon goes on.
"$build/tests/asker" "$control" 6 >"$tmp/asker" &
started="$started $!"
wait_for 'readers' grep -q ready "$tmp/asker"
check_eq "$(status 'select(.event == "daemon") | .state')" running 'state'
expect 0 --retry-for 0 ls "$base/s"

# Another daemon with the same state says whose it is; one that was killed is no obstacle.
ftxd 1 run -c "$conf"
says "'$control': cannot make the control socket: it is that of ftxd in process $server_pid"
kill -9 "$server_pid"
wait "$server_pid" 2>/dev/null || :
ftxd 1 status -c "$conf"
start_ftxd
check_eq "$(status 'select(.event == "daemon") | .pid')" "$server_pid" 'the process'
stop_server
check_absent "$control"

# Somebody else may not ask, not even where the socket is open to him.
[ "$(id -u)" -eq 0 ] || exit 0
server_lines="control = $tmp/open\n"
configure <<END
[share s]
path = $tmp/share
END
start_ftxd
chmod 666 "$tmp/open"
chmod 755 "$tmp"
$nobody "$build/tests/asker" "$tmp/open" 0 >"$tmp/told" 2>"$tmp/err" || skip 'the programs cannot be reached by somebody else'
check_eq "$(cat "$tmp/told")" '' 'what somebody else was told'
wait_log 'somebody else than root and this user asked the control socket'
ftxd 0 status -c "$conf"
