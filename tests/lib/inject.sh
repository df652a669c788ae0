# shellcheck shell=sh disable=SC2154 # the variables of e2e.sh
# Lets every call on files fail in turn.  Source after e2e.sh.
[ -e "$build/tests/inject.so" ] || fail "$build/tests/inject.so is not built"
control=$tmp/control
random_file "$tmp/a" $((2 * MIB + 77))
random_file "$tmp/b" $((2 * MIB + 77))
preload="LD_PRELOAD=$build/tests/inject.so FTX_INJECT_CONTROL=$control"

# order(text): what the next process does; it has not fired yet
order()
{
	echo "$*" >"$control"
	[ ! -e "$control.fired" ] || rm "$control.fired"
}

# sweep(kind, errors, transfer function, result)
#
# The transfer function is called with the source and puts it over the result.  It is made to fail
# at the first call, the second, ... until none is left to fail.  Each time the result is the old file
# or the new one; with exit status 0 the new one; and then a run that nothing disturbs ends equal.
#
# errors: a list of ERRNO:CODE, the exit code with that error.  Each call fails with one of them, the
# next call with the next one, which one is first by SEED; with FTX_ALL_ERRORS=1 with each.
sweep()
{
	kind=$1 transfer=$3 result=$4 count=0
	for error in $2; do count=$((count + 1)); done
	begin=${SEED-$(date +%-j)} run=0
	runs=1
	[ -z "${FTX_ALL_ERRORS-}" ] || runs=$count
	while [ $run -lt "$runs" ]; do
		sweep_once "$kind" "$2" $((begin + run))
		run=$((run + 1))
	done
}

# pick(errors, nth): $number and $wanted of the nth, from 0
pick()
{
	skip=$(($2 % count))
	for error in $1; do
		[ $skip -gt 0 ] || break
		skip=$((skip - 1))
	done
	number=${error%:*} wanted=${error#*:}
}

# sweep_once(kind, errors, which is first)
sweep_once()
{
	old=$tmp/a new=$tmp/b
	order nothing
	check_eq "$($transfer "$old")" 0 'exit status without a fault'
	nth=0
	while :; do
		nth=$((nth + 1))
		[ $nth -lt 400 ] || fail 'there is no end to the calls'
		pick "$2" $(($3 + nth))
		order "$1" "$number" $nth
		code=$($transfer "$new")
		[ -e "$control.fired" ] || break
		read -r call <"$control.fired" || :
		call="$call ($1 $number $nth)"
		case $code in
		0) check_same_file "$new" "$result" ;;
		"$wanted")
			# After the rename it is the new file already, though not known to be durable.
			cmp -s "$old" "$result" || {
				cmp -s "$new" "$result" || fail "$result is a mixture after $call"
				renamed="${renamed-} $call"
			}
			;;
		*) fail "exit status $code after $call: $(cat "$tmp/err")" ;;
		esac
		"${after_fault:-:}" "$code" "$call"
		order nothing
		check_eq "$($transfer "$new")" 0 "exit status of the run after $call"
		check_same_file "$new" "$result"
		swap=$old old=$new new=$swap
	done
	check_ge $nth "${least:-10}" 'number of calls that can fail'
	check_eq "$code" 0 'exit status when nothing failed'
	check_same_file "$new" "$result"
	echo "$transfer: $2 at each of $((nth - 1)) calls, SEED=$3"
}

# The two transfer functions; each prints the exit status.
put_over()
{
	code=0
	ftx put "$1" "$url/f" >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
	echo $code
}

get_over()
{
	cp -p "$1" "$share/f"
	code=0
	# shellcheck disable=SC2086 # a list of words
	env $preload "$ftx_program" -i "$tmp/id" get "$url/f" "$tmp/back/f" >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
	echo $code
}

# Linux's numbers on all machines the project runs on.
# shellcheck disable=SC2034 # for the tests
EIO=5 ENOSPC=28 EROFS=30 EDQUOT=122
