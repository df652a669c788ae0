#!/bin/sh
# Standard output that is full, closed or not read any more: no command ends as if all had been said.
# With sanitizers alone: what the client prints is its own.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
export FTX_IDENTITY="$tmp/id"
mkdir "$tmp/dir" "$tmp/other"
echo one >"$tmp/dir/f"
echo two >"$tmp/other/f"
echo three >"$tmp/a"
"$ftx_program" put "$tmp/dir" "$tmp/a" "$url/"
"$ftx_program" host add nas "ftx://$server_key@127.0.0.1:$port"

# A pipe whose reader has gone, as descriptor 8.
# shellcheck disable=SC2094 # that is what it takes
mkfifo "$tmp/pipe"
exec 7<>"$tmp/pipe"
exec 8>"$tmp/pipe" 7>&-

# ends(code, how, what): and stderr is one line about it, or nothing where nobody reads
ends()
{
	check_eq "$status" "$1" "exit code of ftx $3 with a standard output that is $2"
	case $2 in
	unread) check_eq "$(cat "$tmp/err")" '' "what ftx $3 says" ;;
	*)
		check_eq "$(wc -l <"$tmp/err")" 1 "lines of ftx $3"
		grep -q "^ftx: .*$4" "$tmp/err" || fail "ftx $3: $(cat "$tmp/err")"
		;;
	esac
}

# each_way(code of what is full, code of what is closed, ftx argument...)
each_way()
{
	full=$1 closed=$2
	shift 2
	if [ -w /dev/full ]; then
		status=0
		"$ftx_program" "$@" </dev/null >/dev/full 2>"$tmp/err" || status=$?
		ends "$full" full "$*" '[Nn]o space left'
	fi
	status=0
	"$ftx_program" "$@" </dev/null >&- 2>"$tmp/err" || status=$?
	ends "$closed" closed "$*" 'Bad file descriptor'
	status=0
	env --default-signal=PIPE "$ftx_program" "$@" </dev/null >&8 2>"$tmp/err" || status=$?
	ends 141 unread "$*"
}

while read -r words; do
	# shellcheck disable=SC2086 # a command and its arguments
	each_way 1 1 $words
done <<END
put --json $tmp/a nas:share/new
get -n nas:share/a $tmp/new
ls nas:share
ls nas:
stat nas:share/a
df --json nas:
mkdir --json nas:share/made
rm -n nas:share/a
digest $tmp/a
ping nas
config show
host ls
key
help
help table
put --help
--version
END
each_way 10 1 get nas:share/a -
# What was found counts, not that the comparison ended early.
each_way 12 12 verify "$tmp/other" nas:share/dir
check_absent "$tmp/new"

# Events go to standard error where standard output is the data: the summary comes last all the same.
status=0
env --default-signal=PIPE "$ftx_program" --json get nas:share/a - >&8 2>"$tmp/events" || status=$?
check_eq "$status" 141 'exit code of data that nobody reads'
check_json "$tmp/events"
check_eq "$(summary exit_code "$tmp/events")" 141 'exit code in the summary'

# Who was started so that SIGPIPE does not end it says what has failed, as others do.
for words in 'ls nas:share' 'get nas:share/a -' 'host ls'; do
	status=0
	# shellcheck disable=SC2086 # a command and its arguments
	env --ignore-signal=PIPE "$ftx_program" $words </dev/null >&8 2>"$tmp/err" || status=$?
	ends 1 'unread, with SIGPIPE ignored' "$words" 'Broken pipe'
done

# Who has nothing to say needs no standard output; a closed standard input is not an empty one.
"$ftx_program" put "$tmp/a" nas:share/again >&- 2>&-
check_same_file "$tmp/a" "$share/again"
status=0
"$ftx_program" put --min-size 0 - nas:share/input <&- 2>"$tmp/err" || status=$?
check_eq "$status" 1 'exit code of a closed standard input'
check_absent "$share/input"
