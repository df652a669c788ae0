# shellcheck shell=sh disable=SC2154,SC2034 # the variables of e2e.sh, and those for the tests
# A bad network in front of the server of e2e.sh (tests/lib/chaos.c).

# start_chaos(argument...): a proxy with these plans.  Sets $chaos_pid and $via, the server's address
# through it; what happens is written to $tmp/plans.
start_chaos()
{
	[ -z "${chaos_pid-}" ] || stop_chaos
	: >"$tmp/plans"
	"$build/tests/chaos" "$port" "$@" >"$tmp/plans" 8<&- &
	chaos_pid=$!
	started="$started $chaos_pid"
	wait_for 'the port of the proxy' chaos_said_port
	via=${url%":$port/"*}:$chaos_port/${url##*":$port/"}
}

chaos_said_port()
{
	! process_gone "$chaos_pid" || fail 'the proxy ended'
	read -r chaos_port <"$tmp/plans"
}

stop_chaos()
{
	kill "$chaos_pid" 2>/dev/null || :
	wait "$chaos_pid" 2>/dev/null || :
	chaos_pid=
}

# Connections through the proxy so far.
chaos_connections()
{
	echo $(($(wc -l <"$tmp/plans") - 1))
}

# make_tree(directory): files of all ways of being sent, directories, links
make_tree()
{
	mkdir -p "$1/a/b/c" "$1/d" "$1/empty"
	for i in 1 2 3 4 5 6 7 8 9; do
		echo "$i" >"$1/a/f$i"
		head -c $((i * 3000)) /dev/urandom >"$1/a/b/g$i"
		echo "$i" >"$1/a/b/c/h$i"
	done
	random_file "$1/d/middle" 700000
	random_file "$1/d/big" $((6 * MIB))
	ln -s ../a/f1 "$1/d/link"
	ln -s nowhere "$1/dangling"
	chmod 640 "$1/a/f1"
	chmod 750 "$1/a/b"
	touch -d '2001-02-03 04:05:06.789' "$1/a/f2" "$1/a/b/c" "$1/d"
}

# check_same_tree(one, other): content, types, modes and times
check_same_tree()
{
	diff -r --no-dereference "$1" "$2" || fail "$1 and $2 differ"
	for side in "$1" "$2"; do
		(cd "$side" && find . -printf '%p %y %m %T@\n' | sort)
	done | sort | uniq -u >"$tmp/unlike"
	[ ! -s "$tmp/unlike" ] || fail "$1 and $2 differ: $(cat "$tmp/unlike")"
}
