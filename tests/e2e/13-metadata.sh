#!/bin/sh
# The full mode comes back, though the server's own file has a safe one.
# With sanitizers too: every kind of metadata.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
mkdir "$tmp/back"

for mode in 4755 2755 1777 400 000 600 644 777 640 6511; do
	random_file "$tmp/m$mode" 100
	chmod 644 "$tmp/m$mode"
	[ "$(id -u)" -eq 0 ] || [ $((0$mode & 0400)) -ne 0 ] || continue
	chmod "$mode" "$tmp/m$mode"
	expect 0 put "$tmp/m$mode" "$url/"
	there=$(printf '%o' $(((0$mode & 0777 | 0600) & ~0022)))
	check_eq "$(stat -c %a "$share/m$mode")" "$there" "mode of m$mode there"
	# Where the share's file system holds no user xattrs the rest is lost, and said.
	if grep -q 'mode not kept' "$tmp/err"; then
		skip "no user xattrs in $tmp: $(cat "$tmp/err")"
	fi
	expect 0 get "$url/m$mode" "$tmp/back/"
	check_eq "$(stat -c %a "$tmp/back/m$mode")" "$(printf '%o' $((0$mode & 0777 | 0$mode & 07000)))" \
		"mode of m$mode back"
	expect 0 --json put "$tmp/m$mode" "$url/"
	check_eq "$(summary files_same)" 1 "m$mode found the same"
done
getfattr -n user.ftx.meta "$share/m4755" >/dev/null 2>&1 || fail 'user.ftx.meta is missing'

# Times before 1970, far ahead, and to the nanosecond.
for time in 1901-12-14T00:00:00.5Z 1969-12-31T23:59:59.999999999Z 2040-01-01T00:00:00.000000001Z; do
	random_file "$tmp/t" 10
	touch -d "$time" "$tmp/t"
	expect 0 put "$tmp/t" "$url/t"
	check_eq "$(stat -c %.9Y "$share/t")" "$(stat -c %.9Y "$tmp/t")" "time there of $time"
	expect 0 get "$url/t" "$tmp/back/t"
	check_eq "$(stat -c %.9Y "$tmp/back/t")" "$(stat -c %.9Y "$tmp/t")" "time back of $time"
done
