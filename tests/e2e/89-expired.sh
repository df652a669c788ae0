#!/bin/sh
# What nobody went on with for partial-expire goes, what is younger or in use stays; how that is done.
# Not with sanitizers: there is no filter in those builds.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share"
server_lines='partial-expire = 1d\nquota-scan = 1s\n'
quota=''
describe()
{
	configure <<EOF
[share s]
path = $tmp/share
[client c]
key = $client_key
share = s:/sub=full
$quota
EOF
}

# half(name): a put that is cut off with a part of the file there
half()
{
	start_client --compress none --bwlimit 3M --retry-for 0 -j 1 put "$tmp/f" "$base/s/$1"
	wait_for 'a part of a put' progress_reached $((2 * MIB))
	kill -9 "$client_pid"
	wait_client 137
}

# in_up(words of find...): names in the staging of the client
in_up()
{
	find "$tmp/share/sub/.ftx/" -path '*/up/*' -type f "$@" -printf '%f\n' | LC_ALL=C sort
}

random_file "$tmp/f" $((24 * MIB))
describe
start_ftxd
half old
wait_log 'session client=c' 1
in_up >"$tmp/old"
check_eq "$(wc -l <"$tmp/old")" 2 'files of a partial'
half young
wait_log 'session client=c' 2
start_client --compress none --bwlimit 512K --retry-for 0 -j 1 put "$tmp/f" "$base/s/held"
wait_for 'a part of a put' progress_reached 1
while read -r name; do
	touch -d '2 days ago' "$tmp"/share/sub/.ftx/*/up/"$name"
done <"$tmp/old"

wait_log 'what was left too long ago was removed share=s partials=1 sets=0'
in_up >"$tmp/left"
if grep -qxFf "$tmp/old" "$tmp/left"; then fail 'what was old is there'; fi
check_eq "$(wc -l <"$tmp/left")" 4 'files of two partials'
kill -9 "$client_pid"
wait_client 137
expect 0 --json put "$tmp/f" "$base/s/young"
check_ge "$(summary bytes_resumed)" "$MIB" 'bytes of the young one'
expect 0 --json put "$tmp/f" "$base/s/old"
check_eq "$(summary bytes_resumed)" 0 'bytes of the old one'
check_same_file "$tmp/f" "$tmp/share/sub/old"
stop_server

# Who looks has the lowest priority, no privileges, and is confined before it looks at anything.
command -v strace >/dev/null || exit 0
quota='quota = 1G'
describe
# shellcheck disable=SC2016 # for the shell that becomes ftxd
strace -qq -ff -o "$tmp/trace" -e trace=setpriority,ioprio_set,prctl,landlock_restrict_self,seccomp,getdents64 \
	sh -c 'echo $$ >"$1/pid" && exec "$2" -c "$3"' sh "$tmp" "$ftxd_program" "$conf" 2>>"$log" &
strace_pid=$!
started="$started $strace_pid"
counted()
{
	grep -qs '^place' "$tmp/state/usage"
}
wait_for 'the first count' counted
kill "$(cat "$tmp/pid")"
wait "$strace_pid" || :
scans=0
for trace in "$tmp"/trace.*; do
	grep -q '^ioprio_set(' "$trace" || continue
	scans=$((scans + 1))
	sed 's/) *= /) = /; /^seccomp(SECCOMP_SET_MODE_FILTER/q' "$trace" >"$tmp/before"
	for call in 'setpriority(PRIO_PROCESS, 0, 19) = 0' 'ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)) = 0' \
		'prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) = 0' 'landlock_restrict_self('; do
		grep -qF "$call" "$tmp/before" || fail "a scan has not said '$call' first: $(cat "$trace")"
	done
	if grep -q '^getdents64' "$tmp/before"; then fail 'a scan looked before it was confined'; fi
done
check_ge "$scans" 2 'scans: one that removes and one that counts'
