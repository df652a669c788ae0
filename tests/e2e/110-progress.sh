#!/bin/sh
# Progress on a real terminal: narrow and wide, resized, stopped and continued, with odd names.
# With sanitizers alone: the terminal and what is drawn there are the client's own.
. "$(dirname "$0")/../lib/terminal.sh"
start_server

# Two big files at once, for as long as they are looked at.
wide=$(printf '\346\227\245\346\234\254\350\252\236\343\201\256\346\230\240\347\224\273.mkv')
odd=$(printf 'odd\033[31m\nname\377')
shown='odd\\x1b?31m\\nname\\xff'
mkdir "$tmp/slow"
random_file "$tmp/slow/$wide" $((8 * MIB))
random_file "$tmp/slow/$odd" $((8 * MIB))
program slow -j 2 --bwlimit 200K --compress none put "$tmp/slow" "$url/"
open_terminal 40 20

# lines_are(pattern, pattern): the job and its files are last, no wider than $columns, and nowhere else
lines_are()
{
	look && like "$above" "$1" && like "$last" "$2" && [ ${#above} -lt "$columns" ]
}
any_job='*[0-9]%* of 16.0 MiB*'
columns=40
type_line 'clear; seq 9; slow'
wait_for 'progress in 40 columns' lines_are '0/2, [0-9]*% of 16.0 MiB, [0-9]*iB/s, [0-9]*:[0-9][0-9]' \
	'...*nname\\xff *%, ...*.mkv [0-9]*%'
note 'in 40 columns'
check_width 39
check_eq "$count" 11 'number of lines'

# Wider, and all is said.
columns=200
resize 200
wait_for 'all of it in 200 columns' lines_are \
	'0 of 2 files, [0-9]*iB of 16.0 MiB ([0-9]*%), [0-9]*iB/s, *[0-9]* left' \
	"$shown [0-9]*% of 8.0 MiB, $wide [0-9]*% of 8.0 MiB"
note 'in 200 columns'

# Narrower, and what was drawn before and folded leaves nothing behind; above, all is as it was.
for columns in 61 27 40; do
	job='*[0-9]%*iB/s*'
	[ $columns -ne 40 ] || job='* of 16.0 MiB*iB/s*'
	resize $columns
	wait_for "two lines in $columns columns" lines_are "$job" '*[0-9]%'
	check_width $((columns - 1))
	check_lines 1 '*iB/s*'
	check_lines 1 '*\\xff*'
	check_lines 1 9
done

# Ctrl-Z leaves the terminal to the shell, and fg goes on below.
press C-z
wait_for 'the shell' prompts
note 'stopped'
check_eq "$(process_state)" T 'state of a stopped program'
check_lines 1 '*[Ss]topped*'
check_lines 0 '*MiB*'
check_lines 0 '*mkv*'
job_is_last()
{
	look && like "$above" "$any_job" && like "$last" '*.mkv [0-9]*%'
}
type_line fg
wait_for 'progress behind fg' job_is_last
note 'continued'
check_lines 1 "$any_job"
check_lines 1 '*mkv*'

# In the background it leaves the terminal alone: what it would have drawn comes with the next fg.
press C-z
wait_for 'the shell' prompts
type_line 'clear; bg'
wait_for 'the shell' shows '*slow*'
wait_for 'the shell' prompts
runs()
{
	[ "$(process_state)" != T ]
}
wait_for 'it to run' runs
type_line 'sleep 1; echo done'
wait_for 'a command in the foreground' shows 'done'
check_lines 0 '*MiB*'
type_line 'clear; fg'
wait_for 'progress behind the second fg' job_is_last

# Who asks gets a line above the others.
read -r pid <"$tmp/pid"
kill -USR1 "$pid"
wait_for 'an answer' shows 'ftx: put: 0 of 2 *'
wait_for 'progress below it' job_is_last
check_lines 1 '0/2, *' || check_lines 1 '[0-9]*% of 16.0 MiB*'

# Ctrl-C: a message, and no progress any more.
press C-c
wait_for 'the shell' prompts
note 'interrupted'
check_lines 1 'ftx: put: interrupted*'
check_lines 0 '*iB/s, [0-9]:*'
check_lines 0 '*mkv*'

# Messages and progress do not mix, also where the screen is full.
mkdir "$tmp/tree"
for number in 01 02 03 04 05 06 07 08 09 10 11 12; do
	random_file "$tmp/tree/file$number" 70000
done
random_file "$tmp/tree/$wide" $((8 * MIB))
program verbose -v --bwlimit 260K --compress none put "$tmp/tree" "$url/"
tmux resize-window -x 200 -y 9
type_line 'clear; verbose'
messages_above()
{
	look && like "$above" '12 of 13 files, *' && like "$last" "$wide [0-9]*%*"
}
wait_for 'progress below messages' messages_above
note 'with messages'
check_lines 7 "$tmp/tree/file[01][0-9] -> ftx://127.0.0.1:$port/share/tree/file[01][0-9] (create)"
check_eq "$count" 9 'number of lines'
press C-c
wait_for 'the shell' prompts

# A run that ends leaves a summary; with -q, with --no-progress and on a terminal that can do nothing not
# a thing was drawn before.
random_file "$tmp/f" $((2 * MIB))
# Nor where the terminal shows the data themselves.
seq 20000 >"$share/data"
for name in plain quiet none dumb data; do
	case $name in
	plain) set -- ;;
	quiet) set -- -q ;;
	none) set -- --no-progress ;;
	dumb | data) set -- ;;
	esac
	program $name "$@" --bwlimit 2M --compress none put "$tmp/f" "$url/$name"
	[ $name != data ] || program $name --bwlimit 60K --compress none get "$url/data" -
	type_line clear
	wait_for 'the shell' prompts
	tmux pipe-pane "exec cat >$tmp/drawn.$name"
	[ $name != dumb ] || line='TERM=dumb '
	type_line "${line-}$name; echo status \$?"
	line=
	wait_for "the end of $name" shows 'status 0'
	tmux pipe-pane
	wanted=1
	case $name in quiet | data) wanted=0 ;; esac
	check_lines "$wanted" 'ftx: put: 1 file, 2.0 MiB in *'
	check_lines 0 '*[0-9]%*'
	drawn=$(grep -c "$(printf '\033\\[K')" "$tmp/drawn.$name") || :
	if [ $name = plain ]; then
		check_ge "$drawn" 1 'number of drawings'
	else
		check_eq "$drawn" 0 "number of drawings of $name"
	fi
done
