# shellcheck shell=sh
# What the end-to-end tests share.  A test sources this first:
#
#	. "$(dirname "$0")/../lib/e2e.sh"
#
# It then stands in the top directory with $tmp, a fresh directory that goes away at the end, and
# everything it started is ended, by process id, however it ends.  FTX_BUILD says where the
# programs are, FTX_CLIENT another client.
set -eu
cd "$(dirname "$0")/../.."
build=${FTX_BUILD:-build}
build=$(cd "$build" && pwd)
ftx_program=$(realpath "${FTX_CLIENT:-$build/ftx}")
ftxd_program=$build/ftxd
tmp=$(mktemp -d "${TMPDIR:-/tmp}/ftx-e2e.XXXXXX")
umask 022
export LC_ALL=C
# Nothing of this machine's user may reach the programs.
unset FTX_IDENTITY FTX_PORT FTX_BWLIMIT FTX_COMPRESS FTX_STREAMS FTX_RETRY_FOR FTX_TIMEOUT FTX_PROGRESS
export HOME="$tmp/home" XDG_CONFIG_HOME="$tmp/home/config" XDG_STATE_HOME="$tmp/home/state"
mkdir "$HOME"

# shellcheck disable=SC2034 # for the tests
KIB=1024 MIB=1048576
started=

cleanup()
{
	result=$?
	trap - EXIT
	set +e
	# shellcheck disable=SC2086 # a list of process ids
	[ -z "$started" ] || kill -9 $started 2>/dev/null
	if [ $result -ne 0 ] && [ $result -ne 77 ]; then
		for log in "$tmp"/server.log "$tmp"/err; do
			[ ! -s "$log" ] || { echo "-- end of ${log##*/}:" && tail -n 20 "$log"; }
		done
	fi
	wait
	# Of a test in a mount namespace of its own: what is mounted on cannot be removed.
	[ -z "${FTX_TEST_NAMESPACE-}" ] || findmnt -nro TARGET | grep -F "$tmp/" | tac | xargs -r umount -l
	if [ -n "${KEEP-}" ]; then echo "kept: $tmp" >&2; else rm -rf "$tmp"; fi
	exit $result
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP

fail()
{
	echo "FAILED: $*"
	exit 1
}

skip()
{
	echo "$*"
	exit 77
}

check_eq()
{
	[ "$1" = "$2" ] || fail "${3-a value} is '$1', not '$2'"
}

# check_ge(a, b, what): a >= b
check_ge()
{
	[ "$1" -ge "$2" ] || fail "$3 is $1, less than $2"
}

check_le()
{
	[ "$1" -le "$2" ] || fail "$3 is $1, more than $2"
}

check_same_file()
{
	cmp "$1" "$2" || fail "$1 and $2 differ"
}

check_absent()
{
	if [ -e "$1" ] || [ -L "$1" ]; then fail "$1 is there"; fi
}

# What is asked again and again while something is waited for is asked of the shell itself: a process
# for each question takes more of the machine than what is tested.

# wait_for(what, command...): until the command succeeds, for 40 s and what the asking takes.  What
# takes long is asked less often.
wait_for()
{
	waiting_for=$1
	shift
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 210 ] || fail "waited too long for $waiting_for"
		if [ $tries -lt 20 ]; then sleep 0.1; else sleep 0.2; fi
	done
}

# Is there no such process (or only its exit status, not fetched yet)?
process_gone()
{
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	case $stat in
	*') Z '*) ;;
	*) return 1 ;;
	esac
}

# random_file(path, bytes): the same name and size give the same bytes in no two runs.
random_file()
{
	head -c "$2" /dev/urandom >"$1"
}

# make_keys: $tmp/id (and its public key $client_key) unless it is there.
make_keys()
{
	[ -e "$tmp/id" ] || "$ftx_program" keygen -o "$tmp/id" >"$tmp/id.pub"
	client_key=$(cat "$tmp/id.pub")
}

# start_server([option...]): of $share (default $tmp/share), with the client key of make_keys.
# Sets $server_pid, $url (ftx://KEY@127.0.0.1:PORT/SHARE), $port, $server_key.  $listen: its address.
# $server_env: variables for it, as NAME=VALUE words.
start_server()
{
	make_keys
	: "${share:=$tmp/share}"
	[ -d "$share" ] || mkdir "$share"
	: >"$tmp/server.out"
	# shellcheck disable=SC2086 # server_env is a list of words
	env ${server_env-} "$ftxd_program" serve "$share" --listen "${listen:-127.0.0.1:0}" --state "$tmp/state" \
		--key "$tmp/server-key" --client "$client_key" "$@" >"$tmp/server.out" 2>>"$tmp/server.log" 8<&- &
	server_pid=$!
	started="$started $server_pid"
	wait_for 'the address of ftxd' server_said_address
	port=${url#*@127.0.0.1:}
	port=${port%%/*}
	server_key=${url#ftx://}
	server_key=${server_key%%@*}
}

server_said_address()
{
	! process_gone "$server_pid" || fail 'ftxd ended'
	read -r url <"$tmp/server.out"
}

# The server's children: sessions, and greeters while there is one.
server_children()
{
	list=/proc/$server_pid/task/$server_pid/children
	if [ -r "$list" ]; then
		read -r children <"$list" || :
		for child in $children; do echo "$child"; done
	else
		ps -o pid= --ppid "$server_pid" || : # a kernel without that list, or no server
	fi
}

# stop_server([signal]): and waits until its sessions are gone too.
stop_server()
{
	children=$(server_children)
	kill -"${1:-TERM}" "$server_pid" || :
	wait "$server_pid" 2>/dev/null || :
	for child in $children; do
		wait_for "end of session $child" process_gone "$child"
	done
}

# ftx(...): the client with the test's key.
ftx()
{
	"$ftx_program" -i "$tmp/id" "$@"
}

# expect(code, ftx argument...): runs it, stdout in $tmp/out, stderr in $tmp/err.
expect()
{
	wanted=$1
	shift
	status=0
	ftx "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ "$status" -eq "$wanted" ] || {
		cat "$tmp/out" "$tmp/err"
		fail "ftx $* ended with $status, not $wanted"
	}
}

# says(text): what the last command said on stderr
says()
{
	grep -qF -e "$1" "$tmp/err" || fail "nothing like '$1' in: $(cat "$tmp/err")"
}

# Empties $tmp/json for a client that is to write there, and progress_reached() to read.
follow_progress()
{
	: >"$tmp/json"
	exec 8<"$tmp/json"
	unread='' progress=0
}

# start_client(ftx argument...): in the background, JSON to $tmp/json.  Sets $client_pid.
start_client()
{
	follow_progress
	# sh starts background commands with INT ignored.
	env --default-signal=INT "$ftx_program" -i "$tmp/id" --json "$@" >"$tmp/json" 2>"$tmp/err" </dev/null 8<&- &
	client_pid=$!
	started="$started $client_pid"
}

# wait_client(code...): any of them; $status has it
wait_client()
{
	status=0
	wait "$client_pid" 2>/dev/null || status=$?
	case " $* " in
	*" $status "*) ;;
	*) fail "the client in the background ended with $status, not $*: $(tail -n 5 "$tmp/err")" ;;
	esac
}

# peak_memory(process id, known): $peak, the most it ever had in memory, KiB; known when it is gone
peak_memory()
{
	peak=$2
	while read -r key value _; do
		[ "$key" != VmHWM: ] || { peak=$value && break; }
	done 2>/dev/null <"/proc/$1/status" || :
}

# watch_memory(KiB, ftx argument...): runs it; client, supervisor and each session stay below that
watch_memory()
{
	memory_limit=$1
	shift
	client_peak=0 server_peak=0 session_peak=0
	start_client "$@"
	until process_gone "$client_pid"; do
		peak_memory "$client_pid" "$client_peak" && client_peak=$peak
		peak_memory "$server_pid" "$server_peak" && server_peak=$peak
		for child in $(server_children); do
			peak_memory "$child" 0
			[ "$peak" -le "$session_peak" ] || session_peak=$peak
		done
		sleep 0.1
	done
	wait_client 0
	echo "$*: client $client_peak KiB, supervisor $server_peak KiB, session $session_peak KiB"
	for value in "$client_peak" "$server_peak" "$session_peak"; do
		check_ge "$value" 100 'a peak that was measured'
		check_le "$value" "$memory_limit" 'memory in KiB'
	done
}

# progress_reached(bytes): has a progress event of the client in the background reported so many?
progress_reached()
{
	! process_gone "$client_pid" || fail "the client ended before $1 bytes were reported: $(tail -n 1 "$tmp/json")"
	while read -r line <&8; do
		line=$unread$line unread=''
		case $line in
		*'"event":"progress"'*'"bytes":'*)
			progress=${line##*'"bytes":'}
			progress=${progress%%[!0-9]*}
			;;
		esac
	done
	unread=$unread$line # the beginning of one, perhaps
	[ "$progress" -ge "$1" ]
}

# json(filter, [file]): what jq finds in the event lines, raw.
json()
{
	jq -r "$1" "${2-$tmp/out}"
}

# summary(field, [file]): of the summary, a number, a word or null.  jq takes five times as long to start
# as the program that is tested.
summary()
{
	value=$(tail -n 1 "${2-$tmp/out}")
	case $value in
	*'"event":"summary"'*"\"$1\":"*) ;;
	*) return ;;
	esac
	value=${value##*"\"$1\":"}
	value=${value%%[,\}]*}
	value=${value#\"}
	echo "${value%\"}"
}

# check_json([file]): every line is an event, summary last.
check_json()
{
	jq -es --argjson lines "$(wc -l <"${1-$tmp/out}")" 'length == $lines and .[-1].event == "summary" and
		all(.v == 1 and (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z$")))' \
		"${1-$tmp/out}" >/dev/null || fail "not events with a summary at the end: $(cat "${1-$tmp/out}")"
}

# check_clean([directory]): nothing half-done is left in the share or the directory.  The directory
# of small files stays.
check_clean()
{
	left=$(find "${1-$share}" -name '.ftx-*' -o -name '*.part' -o -name '*.jnl' -o -path '*/.ftx/*/up/*' ! -path '*/up/tmp' -o -path '*/.ftx/*/set/*' ! -path '*/set/tmp')
	[ -z "$left" ] || fail "left behind: $left"
}

# mode, size and mtime with nanoseconds
attributes()
{
	stat -c '%a %s %.9Y' "$1"
}
