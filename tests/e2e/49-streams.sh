#!/bin/sh
# -j: a big file and many small ones are equal with any number of streams; --bwlimit holds over all of
# them together.
if [ "$(df --output=avail -m /dev/shm 2>/dev/null | tail -n 1)" -gt 1200 ]; then
	export TMPDIR=/dev/shm
fi
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
start_server
mkdir "$tmp/src"
small_files "$tmp/src" 5000 300
# Enough for -j auto to take more than one.
random_file "$tmp/src/big" $((50 * MIB))
truncate -s $((70 * MIB)) "$tmp/src/big" # and a hole
for streams in 1 2 4 auto; do
	expect 0 --json -j $streams put -T "$tmp/src" "$url/put"
	check_eq "$(summary files_done)" 5001 "files done with -j $streams"
	diff -rq "$tmp/src" "$share/put" || fail "a put with -j $streams is not equal"
	expect 0 --json -j $streams get -T "$url/put" "$tmp/got"
	check_eq "$(summary files_done)" 5001 "files done with -j $streams"
	check_same_tree "$tmp/src" "$tmp/got"
	expect 0 --json -j $streams put -T "$tmp/src" "$url/put"
	check_eq "$(summary files_same)" 5001 "files that are the same with -j $streams"
	rm -r "$share/put" "$tmp/got"
done
for wrong in 0 17 -1 x ''; do
	expect 2 -j "$wrong" put "$tmp/src" "$url/"
done

# What the limit allows in the time it took, and no more but for what may be sent at once.
mkdir "$tmp/limited"
small_files "$tmp/limited" 200 1000
for n in 1 2 3 4; do
	random_file "$tmp/limited/big$n" $((3 * MIB))
done
rate=$((4 * MIB))
for direction in put get; do
	for streams in 1 4; do
		rm -rf "$tmp/got"
		if [ $direction = put ]; then
			rm -rf "$share/limited"
			set -- "$tmp/limited" "$url/limited"
		else
			set -- "$url/limited" "$tmp/got"
		fi
		expect 0 --json --compress none --bwlimit $rate -j $streams $direction -T "$@"
		wire=$(summary bytes_wire)
		ms=$(json 'select(.event == "summary") | .elapsed_s * 1000 | floor')
		echo "$direction -j $streams: $wire bytes in $ms ms, $rate a second allowed"
		check_le "$wire" $((rate * ms / 1000 + rate + MIB)) "bytes in $ms ms"
	done
done
check_same_tree "$tmp/limited" "$tmp/got"
check_clean
