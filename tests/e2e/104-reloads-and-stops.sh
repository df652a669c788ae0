#!/bin/sh
# T67: a daemon that reads its configuration anew and is stopped, again and again, while a put runs.
. "$(dirname "$0")/../lib/config.sh"
. "$(dirname "$0")/../lib/chaos.sh"
make_keys
make_tree "$tmp/src"
configure_one
start_ftxd
fixed_port=$port

start_client --compress none --no-sync --bwlimit 400K put -T "$tmp/src" "$base/s/tree"
wait_for 'a first part' progress_reached 1
for rate in 50M 60M 70M; do
	wait_for "more before $rate" progress_reached $((progress + 1))
	# The same rules: the session goes on.
	configure_one "$(sed -n 's/^rate = /rate = /p' "$conf")"
	reload
	# Others: it ends, and the client comes back.
	configure_one "rate = $rate"
	reload
	wait_for "more after $rate" progress_reached $((progress + 1))
	stop_server TERM
	start_ftxd
done
wait_client 0
check_json "$tmp/json"
# Modes are those of the share's umask.
diff -r --no-dereference "$tmp/src" "$tmp/share/tree" || fail 'the trees differ'
check_ge "$(log_lines 'session client=c')" 4 'sessions'
check_clean "$tmp/share"
