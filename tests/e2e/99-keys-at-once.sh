#!/bin/sh
# Not with sanitizers: the leak checker does not run under strace.
# Two that make one key at the same time: both go on with the one that is there.
. "$(dirname "$0")/../lib/config.sh"
command -v strace >/dev/null || skip 'there is no strace'
strace -qq -o "$tmp/trace" true 2>"$tmp/strace.err" || skip "strace cannot be used here: $(head -n 1 "$tmp/strace.err")"
mkdir "$tmp/share" "$tmp/state" "$tmp/here"
configure <<EOF
[share s]
path = $tmp/share
EOF

# slowly(directory, command...): in the background, to $tmp/slow; until its key is written, and has its
# name only in a second
slowly()
{
	place=$1
	shift
	strace -qq -o "$tmp/trace" -e trace=renameat2,link,openat -e inject=renameat2,link:delay_enter=1s \
		"$@" >"$tmp/slow" 2>"$tmp/slow.err" </dev/null &
	slow_pid=$!
	started="$started $slow_pid"
	wait_for 'a key to be written' key_is_written "$place"
}

key_is_written()
{
	find "$1" -type f -size +50c | grep -q .
}

slowly "$tmp/state" "$ftxd_program" key -c "$conf"
ftxd 0 key -c "$conf"
wait "$slow_pid" || fail "the slower one: $(cat "$tmp/slow.err")"
check_same_file "$tmp/slow" "$tmp/out"

# Nobody is there to be joined, which is another matter.
ftxd 0 invite laptop --share s=full --address 127.0.0.1:1 -c "$conf"
code=$(tail -n 1 "$tmp/out")
XDG_CONFIG_HOME=$tmp/here
export XDG_CONFIG_HOME
slowly "$tmp/here" "$ftx_program" join "${code##* }" --retry-for 0
status=0
"$ftx_program" join "${code##* }" --retry-for 0 2>"$tmp/err" || status=$?
check_eq "$status" 9 'exit status of the faster one'
says 'a key was made'
status=0
wait "$slow_pid" || status=$?
check_eq "$status" 9 "exit status of the slower one: $(cat "$tmp/slow.err")"
! grep -q 'a key was made' "$tmp/slow.err" || fail 'the slower one says that it has made the key'
check_eq "$(find "$tmp/here" "$tmp/state" -name '.ftx-key.*')" '' 'what is left'
