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
	head -c $((20 * MIB)) /dev/urandom | dd of="$tmp/f" bs="$MIB" seek=$at conv=notrunc iflag=fullblock 2>/dev/null
done
mkdir "$tmp/back"

watch_memory 32768 put "$tmp/f" "$url/f"
check_same_file "$tmp/f" "$share/f"
watch_memory 32768 get "$url/f" "$tmp/back/f"
check_same_file "$tmp/f" "$tmp/back/f"
rm "$share/f"
watch_memory 32768 --compress none put "$tmp/f" "$url/f"
check_same_file "$tmp/f" "$share/f"
