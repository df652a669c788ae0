# shellcheck shell=sh disable=SC2154 # the variables of e2e.sh
# Runs that take all they are not told from files and the environment, and what config show says.
# Source after e2e.sh.

# run([VARIABLE=value...] code, ftx argument...): as expect does, without -i.
run()
{
	variables=
	while [ "${1%%=*}" != "$1" ]; do
		variables="$variables $1"
		shift
	done
	wanted=$1
	shift
	status=0
	# shellcheck disable=SC2086 # a list of words
	env $variables "$ftx_program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ "$status" -eq "$wanted" ] || fail "ftx $* ended with $status, not $wanted: $(cat "$tmp/out" "$tmp/err")"
}

# shows(key, value, where): a row of config show
shows()
{
	sed -n "s/^$1  *//p" "$tmp/out" | tr -s ' ' >"$tmp/row"
	check_eq "$(cat "$tmp/row")" "$2 $3" "the row $1"
}
