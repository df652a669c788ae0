#!/bin/sh
# 50,000 files in one directory, there and back, with no process above 64 MiB.
# Not with sanitizers: their shadow memory would be measured.
if [ "$(df --output=avail -m /dev/shm 2>/dev/null | tail -n 1)" -gt 1200 ]; then
	export TMPDIR=/dev/shm
fi
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
start_server
count=50000
tree=$tmp/tree
mkdir "$tree"
seq $count | split -l 1 -a 4 - "$tree/"
find "$tree" -type f -name '*a' -exec touch -d 2001-02-03T04:05:06.789 {} +

watch_memory 65536 -j 3 put -T "$tree" "$url/many"
check_eq "$(summary files_done "$tmp/json")" $count 'files put'
watch_memory 65536 -j 3 put -T "$tree" "$url/many"
check_eq "$(summary files_same "$tmp/json")" $count 'files found the same'
check_eq "$(summary files_done "$tmp/json")" 0 'files put again'
watch_memory 65536 -j 3 get -T "$url/many" "$tmp/back"
check_eq "$(summary files_done "$tmp/json")" $count 'files got'
check_same_tree "$tree" "$tmp/back"
watch_memory 65536 get -T "$url/many" "$tmp/back"
check_eq "$(summary files_same "$tmp/json")" $count 'files found the same here'

# One is another, one goes, one is new: so much is done and no more.
touch "$tree/aaab"
rm "$tree/aaac"
echo new >"$tree/new"
watch_memory 65536 put --delete -T "$tree" "$url/many"
check_eq "$(summary files_same "$tmp/json")" $((count - 2)) 'files that are the same still'
check_eq "$(summary files_deleted "$tmp/json")" 1 'files deleted'
watch_memory 65536 get --delete -T "$url/many" "$tmp/back"
check_same_tree "$tree" "$tmp/back"
check_clean
check_clean "$tmp/back"
