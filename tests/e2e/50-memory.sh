#!/bin/sh
# 1 GiB goes through each process in less than 32 MiB.
# Not with sanitizers: their shadow memory would be measured.
if [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ]; then
	export TMPDIR=/dev/shm
fi
. "$(dirname "$0")/../lib/e2e.sh"
start_server
size=$((1024 * MIB))
truncate -s $size "$tmp/f"
for at in 0 100 511 1000; do
	head -c $((20 * MIB)) /dev/urandom | dd of="$tmp/f" bs=$MIB seek=$at conv=notrunc iflag=fullblock 2>/dev/null
done
mkdir "$tmp/back"

# peak(process id): the most it ever had in memory, KiB; nothing when it is gone
peak()
{
	while read -r key value _; do
		[ "$key" != VmHWM: ] || echo "$value"
	done 2>/dev/null <"/proc/$1/status" || :
}

# watch(ftx argument...): runs it and keeps the peaks of client, supervisor and session
watch()
{
	client_peak=0 server_peak=0 session_peak=0
	start_client "$@"
	until process_gone "$client_pid"; do
		now=$(peak "$client_pid") && client_peak=${now:-$client_peak}
		now=$(peak "$server_pid") && server_peak=${now:-$server_peak}
		for child in $(server_children); do
			now=$(peak "$child")
			[ "${now:-0}" -le "$session_peak" ] || session_peak=$now
		done
		sleep 0.02
	done
	wait_client 0
	echo "$*: client $client_peak KiB, supervisor $server_peak KiB, session $session_peak KiB"
	for value in "$client_peak" "$server_peak" "$session_peak"; do
		check_ge "$value" 100 'a peak that was measured'
		check_le "$value" 32768 'memory in KiB'
	done
}

watch put "$tmp/f" "$url/f"
check_same_file "$tmp/f" "$share/f"
watch get "$url/f" "$tmp/back/f"
check_same_file "$tmp/f" "$tmp/back/f"
rm "$share/f"
watch --compress none put "$tmp/f" "$url/f"
check_same_file "$tmp/f" "$share/f"
