# shellcheck shell=sh
# What the tests of a terminal share, and e2e.sh: tmux is the terminal, with a shell in it.
. "$(dirname "$0")/../lib/e2e.sh"
command -v tmux >/dev/null || skip 'needs tmux'
screen=$tmp/screen
mkdir "$tmp/bin" "$tmp/tmux"
unset TMUX
export TMUX_TMPDIR="$tmp/tmux"

fail()
{
	echo "FAILED: $*"
	[ ! -e "$screen" ] || note 'at last'
	exit 1
}

# program(name, ftx argument...): what is run when the name is typed
program()
{
	program_file=$tmp/bin/$1
	shift
	{
		# shellcheck disable=SC2016 # for the shell that runs it
		printf '#!/bin/sh\necho $$ >%s/pid\nexec %s -i %s/id' "$tmp" "$ftx_program" "$tmp"
		for word; do
			printf " '%s'" "$word"
		done
		echo
	} >"$program_file"
	chmod 755 "$program_file"
}

# open_terminal(columns, rows)
open_terminal()
{
	tmux -u -f /dev/null new-session -d -x "$1" -y "$2" \
		"env PS1='\$ ' ENV= TERM=screen PATH='$tmp/bin:$PATH' sh -i"
	started="$started $(tmux display-message -p '#{pid}')"
	wait_for 'a shell' prompts
}

resize()
{
	tmux resize-window -x "$1"
}

# press(key): as tmux calls it
press()
{
	tmux send-keys "$1"
}

type_line()
{
	tmux send-keys -l "$1"
	tmux send-keys Enter
}

# What is on the screen now, in $screen: $count lines but for empty ones, $last and, above it, $above.
look()
{
	tmux -u capture-pane -p >"$screen"
	count=0 above='' last=''
	while IFS= read -r line; do
		[ -n "$line" ] || continue
		count=$((count + 1))
		# shellcheck disable=SC2034 # for the tests
		above=$last last=$line
	done <"$screen"
}

# like(text, pattern): of case
like()
{
	# shellcheck disable=SC2254 # a pattern
	case $1 in
	$2) ;;
	*) return 1 ;;
	esac
}

# shows(pattern): has a line of the screen this form?
shows()
{
	look
	while IFS= read -r line; do
		! like "$line" "$1" || return 0
	done <"$screen"
	return 1
}

# Is the last line the shell's, and it waits?
prompts()
{
	look && [ "$last" = '$' ]
}

# check_lines(number, pattern): so many lines of the screen have this form
check_lines()
{
	lines=0
	while IFS= read -r line; do
		! like "$line" "$2" || lines=$((lines + 1))
	done <"$screen"
	check_eq "$lines" "$1" "number of lines like $2"
}

# check_width(columns): no line is wider
check_width()
{
	check_le "$(LC_ALL=C.UTF-8 wc -L <"$screen")" "$1" 'columns of a line'
}

# note(what): the screen, for who reads why a test failed
note()
{
	printf -- '-- the screen, %s:\n' "$1"
	grep -v '^$' "$screen" || :
}

# State of the program that was run last, as proc(5) has it.
process_state()
{
	read -r pid <"$tmp/pid"
	read -r _ _ state _ <"/proc/$pid/stat"
	echo "$state"
}
