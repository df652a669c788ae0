# shellcheck shell=sh disable=SC2034 # some are for the others
# What the benchmarks share.  Who sources this stands in the top directory.  enter_workspace makes $work, which goes away at the end, with all that was started.

umask 022
export LC_ALL=C
unset FTX_IDENTITY FTX_PORT FTX_BWLIMIT FTX_COMPRESS FTX_STREAMS FTX_RETRY_FOR FTX_TIMEOUT FTX_PROGRESS
unset RSYNC_PROXY RSYNC_PASSWORD http_proxy all_proxy
PATH=$PATH:/usr/sbin:/sbin
started=
measuring=
work=
# Where the ends of a copy are; link.sh says more, and moves them.
here=
there=
host=127.0.0.1
link_pid=

fail()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

have()
{
	command -v "$1" >/dev/null
}

# Is the process gone, or only waiting to be seen off?
ended()
{
	[ ! -e "/proc/$1/stat" ] || [ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat")" = Z ]
}

# descendants(process id...): these and all below them.
descendants()
{
	for pid; do
		echo "$pid"
		# shellcheck disable=SC2046 # a list of process ids
		descendants $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
	done
}

# end_processes(process id...): these and all below them; a session outlives its server, and a
# client that waits for one may not heed SIGTERM.
end_processes()
{
	# shellcheck disable=SC2046 # a list of process ids
	set -- $(descendants "$@")
	[ $# -gt 0 ] || return 0
	kill "$@" 2>/dev/null || :
	tries=0
	for pid; do
		until ended "$pid" || [ $tries -ge 60 ]; do
			sleep 0.05
			tries=$((tries + 1))
		done
		ended "$pid" || kill -9 "$pid" 2>/dev/null || :
	done
}

cleanup()
{
	result=$?
	trap '' INT TERM HUP
	trap - EXIT
	set +e
	# shellcheck disable=SC2086 # lists of process ids
	end_processes $measuring $started
	# The link last: what it joins ends better while it is there.
	# shellcheck disable=SC2086 # perhaps none
	end_processes $link_pid
	wait
	[ -z "$work" ] || rm -rf "$work"
	exit $result
}

# enter_workspace(directory): $work in it, and $meter and $content, the helpers.
enter_workspace()
{
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	work=$(mktemp -d "$1/ftx-bench.XXXXXX")
	export HOME="$work"
	meter=$work/meter
	content=$work/content
	"${CC:-cc}" -O2 -D_GNU_SOURCE -o "$meter" tests/bench/meter.c
	"${CC:-cc}" -O2 -D_GNU_SOURCE -o "$content" tests/bench/content.c -lm
}

# in_background(command...): the command, as $background; a signal need not wait for it.
in_background()
{
	"$@" &
	measuring=$!
	status=0
	wait "$measuring" || status=$?
	measuring=
	return $status
}

# measure(server's process id, command...): what it cost goes to $work/figures (meter.c says what).
measure()
{
	server=$1
	shift
	in_background "$meter" run "$server" "$work/figures" "$@" >"$work/run.out" 2>&1 && return 0
	echo "exit status $status: $(tail -n 3 "$work/run.out")" >&2
	return 1
}

# same_tree(a, b): content and names; where there is rsync, also modes, times and owners.
same_tree()
{
	in_background diff -r "$1" "$2" >"$work/differences" 2>&1 || :
	if [ $status -eq 0 ] && have rsync; then
		in_background rsync -an --itemize-changes --delete "$1/" "$2/" >"$work/differences" 2>&1 || :
	fi
	[ $status -ne 0 ] || [ -s "$work/differences" ] || return 0
	echo "$1 and $2 differ: $(head -n 5 "$work/differences")" >&2
	return 1
}
