#!/bin/sh
# ftx join where something is there already: a section for the same server, with another identity or
# another of its keys; a client that may not come any more.  What is told, and what of the code others see.
. "$(dirname "$0")/../lib/config.sh"
mkdir "$tmp/share"
configure <<EOF
[share s]
path = $tmp/share
EOF
start_ftxd
address=127.0.0.1:$port

# invite(argument...): sets $code
invite()
{
	ftxd 0 invite "$@" --address "$address" -c "$conf"
	code=$(tail -n 1 "$tmp/out")
	code=${code##* }
}

# as(user, code, ftx argument...): with that user's home
as()
{
	home=$tmp/$1
	wanted=$2
	shift 2
	status=0
	env HOME="$home" XDG_CONFIG_HOME="$home" "$ftx_program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ "$status" -eq "$wanted" ] || fail "ftx $* ended with $status, not $wanted: $(cat "$tmp/err")"
}

# A section that names the server with another identity: by it the server would know us as somebody else.
invite first --share s:/first=full
as a 0 join "$code" --as nas
as a 0 keygen -o "$tmp/a/second"
invite second --share s:/second=full
as a 2 join "$code" --as nas -i "$tmp/a/second"
says "[host nas] is in $tmp/a/ftx/config already"
says '--as NAME'
as a 0 join "$code" --as two -i "$tmp/a/second"
as a 2 join "$code" --as two
says "[host two] is in $tmp/a/ftx/config already"
# The same again, with the file under another of its names.
as a 0 join "$code" --as two -i "$tmp/a/../a/second"
check_eq "$(grep -c '^\[host' "$tmp/a/ftx/config")" 2 'sections'
echo text >"$tmp/f"
as a 0 put "$tmp/f" nas:s/f
as a 0 put "$tmp/f" two:s/f
check_same_file "$tmp/share/first/f" "$tmp/share/second/f"

# A section with both keys of a server that changes from one to the other.
sed -i "0,/^server-key/s//server-key = $(printf '%043d' 0 | tr 0 A)\n&/" "$tmp/a/ftx/config"
invite third --share s=full
third=$code
as b 0 keygen -o "$tmp/b/id"
rm -f "$tmp/a/ftx/id"
cp "$tmp/b/id" "$tmp/a/ftx/id"
as a 0 join "$code" --as nas
says 'nas knows this key as third'

# A key that is another client's, again and again: the configuration is read once for many of them, about
# once a second.  Who comes meanwhile is let in by what it says then.
invite fourth --share s=full
before=$(log_lines 'the new configuration is in force')
began=$(date +%s)
joining=
for n in 1 2 3 4 5 6 7 8; do
	env HOME="$tmp/a" XDG_CONFIG_HOME="$tmp/v$n" "$ftx_program" join "$code" --as nas -i "$tmp/b/id" 2>"$tmp/v$n.err" </dev/null &
	joining="$joining $!"
done
wait_log 'invite refused reason=exists'
invite fifth --share s=full
as c 0 join "$code" --as nas
as c 0 put "$tmp/f" nas:s/g
for pid in $joining; do
	status=0
	wait "$pid" || status=$?
	check_eq "$status" 1 'how one ended that came with a key of another client'
done
check_eq "$(cat "$tmp"/v*.err | grep -c "another client's there already")" 8 'those that were told so'
# And twice for the one that joined, and once at either end of that time.
lines=$(($(log_lines 'the new configuration is in force') - before))
most=$(($(date +%s) - began + 4))
[ "$lines" -le "$most" ] || fail "the configuration was read $lines times, more than $most"

# Who was let in once and is not any more is told so.
ftxd 0 client disable third -c "$conf"
reload
as a 7 join "$third" --as nas
says 'disabled'
wait_log 'invite refused reason=key_refused'

# Where nothing answers: what the code says, and what to do.  Nobody else reads the code meanwhile.
invite sixth --share s=full
stop_server
env HOME="$tmp/a" XDG_CONFIG_HOME="$tmp/a" "$ftx_program" join "$code" --as nas >"$tmp/out" 2>"$tmp/err" </dev/null &
join_pid=$!
started="$started $join_pid"
wait_for 'ftx join to try again' grep -q 'trying again' "$tmp/err"
tr '\0' ' ' <"/proc/$join_pid/cmdline" >"$tmp/cmdline"
! grep -qF "$code" "$tmp/cmdline" || fail 'the code is in the arguments that everybody sees'
kill "$join_pid"
wait "$join_pid" 2>/dev/null || :
as a 9 join "$code" --as nas --retry-for 0
says "the code says that the server is at $address"
