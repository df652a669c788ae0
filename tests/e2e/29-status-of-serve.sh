#!/bin/sh
# ftxd serve --control: asked by the same option; it is nobody else's, and goes when the server ends.
. "$(dirname "$0")/../lib/config.sh"
make_keys
control=$tmp/control
start_server --control "$control"
check_eq "$(stat -c '%F %a' "$control")" 'socket 600' 'the control socket'

# status(filter): of the answer as JSON, what jq finds
status()
{
	ftxd 0 status --json --control "$control"
	jq -r "$1" "$tmp/out"
}
check_eq "$(status 'select(.event == "daemon") | "\(.state) \(.sessions) \(.pid)"')" "running 0 $server_pid" 'the daemon'
expect 0 ls "$url"
expect 0 ls "$url"
check_eq "$(status 'select(.event == "client") | "\(.name) \(.sessions_total)"')" 'client-1 2' 'the client'
ftxd 0 status --control "$control"
grep -q "process $server_pid, running" "$tmp/out" || fail "no daemon in: $(cat "$tmp/out")"
ftxd 2 status --control "$control" -c "$conf"
says 'not both'

# Another server says whose it is, and takes nothing from it; with a file of its own it runs beside it.
ftxd 1 serve "$tmp/share" --listen 127.0.0.1:0 --key "$tmp/server-key" --client "$client_key" --control "$control"
says "'$control': cannot make the control socket: it is that of ftxd in process $server_pid"
check_eq "$(status 'select(.event == "daemon") | .pid')" "$server_pid" 'the process'
echo no >"$tmp/file"
ftxd 1 serve "$tmp/share" --listen 127.0.0.1:0 --key "$tmp/server-key" --client "$client_key" --control "$tmp/file"
says 'something else is there'
check_eq "$(cat "$tmp/file")" no 'what else was there'

stop_server
check_absent "$control"
ftxd 1 status --control "$control"
says "'$control': no ftxd serves it"
