# shellcheck shell=bash
# Completion of ftx for bash: commands, options, names of servers, local files, and remote paths.
#
# What there is, "ftx help table" says, so this is right for the ftx that is installed.  Remote paths are
# asked of the server for at most a second ($FTX_COMPLETION_SECONDS), without a word about what fails, and
# an answer is kept for half a minute; so is that there was none.

# _ftx_table: into _ftx_rows, once for each program.
_ftx_table()
{
	[[ ${_ftx_rows_of-} == "$1" ]] && return
	_ftx_rows_of=$1
	mapfile -t _ftx_rows < <("$1" help table 2>/dev/null </dev/null)
}

# _ftx_each KIND VERB COMMAND: calls it with each row of the kind in the array row; VERB may be empty.
_ftx_each()
{
	local line begin=$1$'\t'${2:+$2$'\t'}
	local -a row
	for line in "${_ftx_rows[@]}"; do
		[[ $line == "$begin"* ]] || continue
		IFS=$'\t' read -r -a row <<<"$line"
		"$3"
	done
}

# For _ftx_each: what is collected goes to found.
_ftx_take_name() { found+=("${row[1]}"); }
_ftx_take_option()
{
	[[ ${row[2]} != - ]] && found+=("${row[2]}")
	[[ ${row[3]} != - ]] && found+=("${row[3]}")
}
# The option that stands in wanted: what its value is.
_ftx_take_argument()
{
	[[ $wanted == "${row[2]}" || $wanted == "${row[3]}" ]] && argument=${row[4]}
}

_ftx_hosts()
{
	local name
	while read -r name _; do
		found+=("$name$1")
	done < <("$program" host ls 2>/dev/null </dev/null)
}

# _ftx_list PLACE: what is in HOST: or HOST:SHARE/DIRECTORY/, into listed; directories end in a slash.
declare -gA _ftx_cache _ftx_cached_at 2>/dev/null
_ftx_list()
{
	local line name pattern='"name":"(([^"\\]|\\.)*)"'
	local -a entries=()
	if [[ -z ${_ftx_cached_at[$1]-} ]] || ((SECONDS - _ftx_cached_at[$1] > 30)); then
		while IFS= read -r line; do
			[[ $line == *'"event":"entry"'* && $line != *'"name_b64":'* && $line =~ $pattern ]] || continue
			name=${BASH_REMATCH[1]//\\\"/\"}
			printf -v name '%b' "$name"
			[[ $line =~ '"type":"'(share|directory)'"' ]] && name+=/
			[[ $name == *$'\n'* ]] || entries+=("$name")
		done < <(timeout "${FTX_COMPLETION_SECONDS:-1}" "$program" ls --json --retry-for 0 "$1" 2>/dev/null </dev/null)
		_ftx_cache[$1]=$(IFS=$'\n' && printf '%s' "${entries[*]}")
		_ftx_cached_at[$1]=$SECONDS
	fi
	mapfile -t listed <<<"${_ftx_cache[$1]}"
}

# _ftx_unquote TEXT: without its backslashes, into unquoted.
_ftx_unquote()
{
	local rest=$1
	unquoted=
	while [[ $rest == *\\?* ]]; do
		unquoted+=${rest%%\\*}
		rest=${rest#*\\}
		unquoted+=${rest:0:1} rest=${rest:1}
	done
	unquoted+=$rest
}

# Names that go on where the word ends, as they are to be typed behind what is there already.
_ftx_remote()
{
	local word head typed_head name quoted unquoted
	local -a listed
	case $1 in
	*/*) typed_head=${1%/*}/ ;;
	*) typed_head=${1%%:*}: ;;
	esac
	_ftx_unquote "$1" && word=$unquoted
	_ftx_unquote "$typed_head" && head=$unquoted
	_ftx_list "$head"
	for name in "${listed[@]}"; do
		[[ -n $name && $head$name == "$word"* ]] || continue
		printf -v quoted '%q' "$name"
		[[ $name == *[\'\"\ \\\$\`\&\;\(\)\<\>\|\*\?\[\]\{\}!#~[:cntrl:]]* ]] || quoted=$name
		COMPREPLY+=("$typed_head$quoted")
	done
}

# Local files, and names of servers with a colon behind them.
_ftx_place()
{
	local name
	local -a found=()
	if [[ $1 == [!./]*:* ]]; then
		[[ $1 == ftx:* && $1 != ftx://*/* ]] || _ftx_remote "$1"
		return
	fi
	if [[ $2 != remote ]]; then
		while IFS= read -r name; do
			[[ -d ${name/#\~/$HOME} ]] && name+=/
			printf -v name '%q' "$name"
			COMPREPLY+=("${name/#\\~/\~}")
		done < <(compgen -f -- "$1")
	fi
	_ftx_hosts :
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "${found[*]-}" -- "$1")
}

# Behind an option that takes a value.
_ftx_value()
{
	case $1 in
	FILE) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
	MODE) mapfile -t COMPREPLY < <(compgen -W 'auto none zlib zstd' -- "$2") ;;
	*) ;;
	esac
}

_ftx_words()
{
	local -a found=()
	case $verb in
	'') _ftx_each verb '' _ftx_take_name ;;
	help)
		_ftx_each verb '' _ftx_take_name
		_ftx_each topic '' _ftx_take_name
		;;
	host)
		case $operand in
		0) found=(add ls rm) ;;
		1) [[ $first == rm ]] && _ftx_hosts '' ;;
		esac
		;;
	config) if ((operand == 0)); then found=(show); else _ftx_hosts ''; fi ;;
	ping) _ftx_hosts '' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "${found[*]-}" -- "$word")
}

# What stands before the word: the verb, how many operands, the first of them, and the option in wanted.
_ftx_look_back()
{
	local item before
	for item in "$@"; do
		before=$wanted wanted=
		if [[ -n $before ]]; then
			argument=-
			_ftx_each option "$verb" _ftx_take_argument
			[[ $argument == - ]] || continue
		fi
		if [[ $item == -?* ]]; then
			wanted=$item
		elif [[ -z $verb ]]; then
			verb=$item
		else
			((operand)) || first=$item
			((++operand))
		fi
	done
	argument=-
	[[ -z $wanted ]] || _ftx_each option "$verb" _ftx_take_argument
}

_ftx()
{
	local program=${1/#\~/$HOME} line=${COMP_LINE:0:COMP_POINT} word verb='' first='' wanted='' argument=- operand=0
	local -a words found=()
	COMPREPLY=()
	_ftx_table "$program"
	# The words by blanks alone: for readline a colon ends one.  A blank behind a backslash is in a word.
	line=${line//\\' '/$'\1'}
	IFS=$' \t' read -r -a words <<<"$line"
	word=
	[[ $line == *[$' \t'] ]] || { word=${words[-1]//$'\1'/\\ } && unset 'words[-1]'; }
	_ftx_look_back "${words[@]:1}"
	if [[ $argument != - ]]; then
		_ftx_value "$argument" "$word"
	elif [[ $word == -* ]]; then
		_ftx_each option "${verb:-put}" _ftx_take_option
		mapfile -t COMPREPLY < <(compgen -W "${found[*]-}" -- "$word")
	else
		case $verb in
		put | get | verify | digest | ln) _ftx_place "$word" ;;
		ls | stat | df | mkdir | mv | rm) _ftx_place "$word" remote ;;
		*) _ftx_words ;;
		esac
	fi
	# What ends in a slash or a colon goes on.
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/:] ]] && compopt -o nospace 2>/dev/null
	# Readline replaces what is behind the last colon only.
	[[ $word != *:* || $COMP_WORDBREAKS != *:* ]] || COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
	return 0
}
complete -F _ftx ftx
