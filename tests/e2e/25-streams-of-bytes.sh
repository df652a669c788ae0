#!/bin/sh
# Standard input, standard output, and a command's output.
# With sanitizers too: standard input and output of both.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
random_file "$tmp/f" $((5 * MIB + 17))

# put -: the name is the destination's, the old file stays until the new one is there.
ftx put - "$url/in" <"$tmp/f"
check_same_file "$tmp/f" "$share/in"
check_eq "$(stat -c %a "$share/in")" 644 'mode of standard input'
# shellcheck disable=SC2002 # a pipe, not a file
cat "$tmp/f" | ftx put - "$url/made/piped"
check_same_file "$tmp/f" "$share/made/piped"
code=0
ftx put - "$url/in" </dev/null 2>"$tmp/err" || code=$?
check_eq "$code" 1 'exit status of nothing on standard input'
check_same_file "$tmp/f" "$share/in"
code=0
printf 12345 | ftx put --min-size 6 - "$url/in" 2>"$tmp/err" || code=$?
check_eq "$code" 1 'exit status of too little'
check_same_file "$tmp/f" "$share/in"
ftx put --min-size 0 - "$url/empty" </dev/null
check_eq "$(stat -c %s "$share/empty")" 0 'size'
mkdir "$share/directory"
expect 1 put - "$url/directory"
# What a dry run says is what would be done, to what is there.
expect 1 -n put - "$url/directory"
expect 1 -n put - "$url/in/below"
expect 1 put - "$url/in/below"
for plan in in/replace new/create; do
	expect 0 -n --json put - "$url/${plan%/*}"
	check_eq "$(json 'select(.event == "file") | .action + " " + .status')" "${plan#*/} planned" \
		"a dry run of ${plan%/*}"
done
ftx --json put - "$url/in" <"$tmp/f" >"$tmp/out"
check_eq "$(json 'select(.event == "file") | .action')" replace 'what was done'
ftx --json put - "$url/in2" <"$tmp/f" >"$tmp/out"
check_eq "$(json 'select(.event == "file") | .action')" create 'what was done'
check_json
check_eq "$(json 'select(.event == "start") | .sources[0]')" - 'the source'
check_eq "$(summary bytes_total)" $((5 * MIB + 17)) 'bytes'

# get -: the bytes and nothing else; events go to standard error.
ftx get "$url/in" - >"$tmp/back" 2>"$tmp/err"
check_same_file "$tmp/f" "$tmp/back"
check_eq "$(cat "$tmp/err")" '' 'standard error'
ftx --json get "$url/in" - >"$tmp/back" 2>"$tmp/events"
check_same_file "$tmp/f" "$tmp/back"
check_json "$tmp/events"
check_eq "$(summary durable "$tmp/events")" false 'durable'
expect 5 get "$url/missing" -
check_eq "$(cat "$tmp/out")" '' 'standard output'
expect 1 get "$url/directory" -
if [ -w /dev/full ]; then
	code=0
	ftx get "$url/in" - >/dev/full 2>"$tmp/err" || code=$?
	check_eq "$code" 10 'exit status of a full output'
fi
# Who reads only the beginning: 141 without a word.
mkfifo "$tmp/fifo"
env --default-signal=PIPE "$ftx_program" -i "$tmp/id" get "$url/in" - >"$tmp/fifo" 2>"$tmp/err" &
client_pid=$!
started="$started $client_pid"
head -c 10 <"$tmp/fifo" >"$tmp/ten"
code=0
wait "$client_pid" || code=$?
check_eq "$code" 141 'exit status of a broken pipe'
check_eq "$(cat "$tmp/err")" '' 'what is said of a broken pipe'

# --from-command: only if it exits 0.
ftx put --from-command "$url/command" -- cat "$tmp/f"
check_same_file "$tmp/f" "$share/command"
failing()
{
	says=$1
	shift
	expect 1 put --from-command "$url/command" -- "$@"
	grep -q -e "$says" "$tmp/err" || fail "nothing like '$says' in: $(cat "$tmp/err")"
	check_same_file "$tmp/f" "$share/command"
}
failing 'sh exited with status 3' sh -c 'echo new; exit 3'
# shellcheck disable=SC2016 # for the inner shell
failing 'sh was killed by SIGKILL' sh -c 'echo new; kill -9 $$'
failing 'could not be run' "$tmp/no-such-command"
failing '' true
ftx put --from-command --min-size 0 "$url/nothing" -- true
check_eq "$(stat -c %s "$share/nothing")" 0 'size'
# Its standard input is empty, its standard error ours, and it inherits nothing else.
ftx put --from-command "$url/descriptors" -- sh -c 'cat; echo aside >&2; ls /proc/self/fd' \
	<"$tmp/f" 2>"$tmp/err" 9>"$tmp/nine"
check_eq "$(cat "$tmp/err")" aside 'standard error'
check_eq "$(tr '\n' ' ' <"$share/descriptors")" '0 1 2 3 ' 'descriptors (3 is of ls itself)'
# What ftx ignores kills it as it would without: a pipe that nobody reads, a file that is too large.
# Of the signals that POSIX names; those of the C library are nobody's.
# What was ignored before stays so.
for how in '' --default-signal=PIPE,XFSZ --ignore-signal=PIPE --ignore-signal=XFSZ; do
	# shellcheck disable=SC2086 # an option, or none
	env $how "$ftx_program" -i "$tmp/id" put --from-command "$url/ignored" -- \
		sed -n 's/^SigIgn:[^0-9a-f]*/0x/p' /proc/self/status
	# shellcheck disable=SC2086
	ignored=$(env $how sed -n 's/^SigIgn:[^0-9a-f]*/0x/p' /proc/self/status)
	check_eq "$(($(cat "$share/ignored") & 0x7fffffff))" "$((ignored & 0x7fffffff))" "signals that it ignores with '$how'"
done
# A dry run does not run it; nor does a server that is not there.
expect 0 -n put --from-command "$url/dry" -- touch "$tmp/was-run"
check_absent "$tmp/was-run"
expect 9 --retry-for 0 put --from-command "ftx://$server_key@127.0.0.1:1/share/x" -- touch "$tmp/was-run"
check_absent "$tmp/was-run"
# When the transfer fails first the command is ended.
expect 5 put --from-command "ftx://$server_key@127.0.0.1:$port/no-such-share/x" -- \
	sh -c "echo \$\$ >'$tmp/pid'; exec sleep 600"
[ ! -s "$tmp/pid" ] || wait_for 'the end of the command' process_gone "$(cat "$tmp/pid")"
check_clean
