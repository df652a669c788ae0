#!/bin/sh
# Not with sanitizers: their own system calls would be seen.
# From its first byte on, the greeter uses no system call but those of its list (greeter.h).
. "$(dirname "$0")/../lib/e2e.sh"
command -v strace >/dev/null || skip 'there is no strace'
allowed='read|write|sendmsg|recvmsg|ppoll|close|getrandom|clock_gettime|munmap|exit_group'
start_server
strace -qq -f -ff -o "$tmp/trace" -p "$server_pid" 2>"$tmp/strace.err" &
strace_pid=$!
started="$started $strace_pid"
attached()
{
	grep -q "TracerPid:[[:space:]]*[1-9]" "/proc/$server_pid/status" || process_gone "$strace_pid"
}
wait_for 'strace' attached
wait_for 'strace at work' test -e "$tmp/trace.$server_pid"
process_gone "$strace_pid" && skip "strace cannot attach here: $(head -n 1 "$tmp/strace.err")"

random_file "$tmp/f" 100000
expect 0 put "$tmp/f" "$url/f" # a known key
"$ftx_program" keygen -o "$tmp/stranger" >/dev/null
code=0
"$ftx_program" -i "$tmp/stranger" put "$tmp/f" "$url/g" 2>/dev/null || code=$?
check_eq "$code" 7 'exit status with an unknown key'
# An invite that the server does not know.
mkdir "$tmp/other"
printf '[server]\nkey = %s\nstate = %s\n[share s]\npath = %s\n' "$tmp/server-key" "$tmp/other" "$share" >"$tmp/conf"
invite=$("$ftxd_program" invite guest --share s=get --address "127.0.0.1:$port" -c "$tmp/conf" 2>/dev/null)
code=0
"$ftx_program" join --retry-for 0 --as nas "${invite##* }" 2>/dev/null || code=$?
check_eq "$code" 7 'exit status with an unknown invite'
stop_server
wait "$strace_pid" || :

greeters=0
for trace in "$tmp"/trace.*; do
	grep -q 'prctl(PR_SET_PDEATHSIG, SIGKILL)' "$trace" || continue
	grep -q 'seccomp(SECCOMP_SET_MODE_FILTER' "$trace" || fail 'a greeter has no filter'
	greeters=$((greeters + 1))
	sed '1,/seccomp(SECCOMP_SET_MODE_FILTER/d; /^[+-]/d' "$trace" >"$tmp/calls"
	grep -q '^read(3' "$tmp/calls" || fail 'a greeter read nothing'
	if grep -vE "^($allowed)\(|^<?\.\.\. ($allowed) resumed" "$tmp/calls"; then
		fail 'a greeter used a system call that is not on its list'
	fi
done
check_eq "$greeters" 3 'number of greeters'
