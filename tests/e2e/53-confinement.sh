#!/bin/sh
# Not with sanitizers: there is no filter in those builds.
# A session is confined before its first record, and is nobody it need not be.
. "$(dirname "$0")/../lib/e2e.sh"

# field(process id, name): of its status
field()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '
}

session_started()
{
	session=$(server_children | tr -d ' ' | tail -n 1)
	[ -n "$session" ] && [ "$(field "$session" Seccomp 2>/dev/null)" = 2 ] &&
		[ "$(field "$session" Threads 2>/dev/null)" = 5 ]
}

# check_session(uid, gid): of one that a slow put has
check_session()
{
	start_client --compress none --retry-for 0 --bwlimit 256K -j 1 put "$tmp/f" "$url/f-$1"
	wait_for 'a confined session' session_started
	check_eq "$(field "$session" NoNewPrivs)" 1 NoNewPrivs
	check_eq "$(field "$session" Uid)" "$1 $1 $1 $1" 'users of the session'
	check_eq "$(field "$session" Gid)" "$2 $2 $2 $2" 'groups of the session'
	check_eq "$(field "$session" Groups | tr -d ' ')" '' 'supplementary groups'
	for set in CapInh CapPrm CapEff CapAmb; do
		check_eq "$(field "$session" $set)" 0000000000000000 "$set"
	done
	# Every thread, but those that end just now.
	threads=0
	for task in /proc/"$session"/task/*; do
		cat "$task/status" >"$tmp/status" 2>"$tmp/gone" || continue
		check_eq "$(sed -n 's/^Seccomp:[[:space:]]*//p' "$tmp/status")" 2 "Seccomp in $task"
		check_eq "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' "$tmp/status")" 1 "NoNewPrivs in $task"
		threads=$((threads + 1))
	done
	check_ge $threads 1 'threads of the session'
	check_eq "$(sed -n 's/^Max core file size *\([^ ]*\) *\([^ ]*\).*/\1 \2/p' \
		"/proc/$session/limits")" '0 0' 'limit of core files'
	grep '^Max address space' "/proc/$session/limits" | grep -qv unlimited ||
		fail 'address space is not limited'
	# Not dumpable: what /proc has of it is root's.
	check_eq "$(stat -c %u "/proc/$session/environ")" 0 'owner of /proc/PID/environ'
	kill "$client_pid"
	wait_client 143 15
	wait_for 'the end of the session' process_gone "$session"
}

random_file "$tmp/f" $((4 * MIB))
start_server
if [ "$(id -u)" -ne 0 ]; then
	check_session "$(id -u)" "$(id -g)"
	stop_server
	exit 0
fi
check_session 0 0
stop_server

# Root becomes who owns the directory, key and state stay root's.
chmod 755 "$tmp"
for owner in 4711:4712 4711:0; do
	share=$tmp/share-${owner#*:}
	mkdir "$share" && chown "$owner" "$share" && chmod 700 "$share"
	start_server
	case $owner in *:0) group=65534 ;; *) group=4712 ;; esac
	check_session 4711 "$group"
	random_file "$tmp/g" 100000
	expect 0 put "$tmp/g" "$url/dir/g"
	expect 0 get "$url/dir/g" "$tmp/g-$group"
	check_same_file "$tmp/g" "$tmp/g-$group"
	check_eq "$(find "$share" -mindepth 1 ! -uid 4711)" '' 'what the owner does not own'
	stop_server
done
check_eq "$(stat -c %u "$tmp/server-key")" 0 'owner of the key'
