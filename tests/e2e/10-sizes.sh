#!/bin/sh
# Files of every interesting size arrive whole, with mode and time, both ways; a second run sends nothing.
. "$(dirname "$0")/../lib/e2e.sh"
start_server

chunk=262144
sizes="0 1 $((chunk - 1)) $chunk $((chunk + 1)) $((MIB - 1)) $MIB $((MIB + 1)) $((5 * MIB + 3)) $((33 * MIB + 7))"
mkdir "$tmp/back"
for size in $sizes; do
	source=$tmp/f$size
	random_file "$source" "$size"
	chmod 640 "$source"
	touch -d "2001-02-03T04:05:06.$((100000000 + size % 899999999))Z" "$source"
	expect 0 put "$source" "$url/f$size"
	check_same_file "$source" "$share/f$size"
	check_eq "$(attributes "$share/f$size")" "$(attributes "$source")" "mode, size and time of f$size there"
	expect 0 get "$url/f$size" "$tmp/back/f$size"
	check_same_file "$source" "$tmp/back/f$size"
	check_eq "$(attributes "$tmp/back/f$size")" "$(attributes "$source")" "mode, size and time of f$size back"

	expect 0 --json put "$source" "$url/f$size"
	check_eq "$(json 'select(.event == "file") | .status')" same "status of f$size put again"
	check_eq "$(summary bytes_wire)" 0 "bytes of f$size put again"
	expect 0 --json get "$url/f$size" "$tmp/back/f$size"
	check_eq "$(json 'select(.event == "file") | .status')" same "status of f$size got again"
	check_eq "$(summary bytes_wire)" 0 "bytes of f$size got again"
done
check_clean
check_clean "$tmp/back"

# Replaced by a file of the same size, a shorter and a longer one.
for size in $((MIB + 1)) 5 $((3 * MIB)); do
	random_file "$tmp/new" "$size"
	expect 0 --json put "$tmp/new" "$url/f$((MIB + 1))"
	check_eq "$(json 'select(.event == "file") | .action')" replace 'action over an existing file'
	check_same_file "$tmp/new" "$share/f$((MIB + 1))"
	expect 0 get "$url/f$((MIB + 1))" "$tmp/back/f1"
	check_same_file "$tmp/new" "$tmp/back/f1"
done
check_clean

# Text goes compressed, and comes out the same, whatever the codec.
yes 'the quick brown fox jumps over the lazy dog' | head -c $((3 * MIB + 11)) >"$tmp/text" || :
for codec in auto none zlib zstd zstd:19; do
	expect 0 --json --compress "$codec" put "$tmp/text" "$url/text-$codec"
	check_same_file "$tmp/text" "$share/text-$codec"
	[ "$codec" = none ] || check_le "$(summary bytes_wire)" $((MIB)) "content bytes sent with $codec"
	[ "$codec" != none ] || check_eq "$(summary bytes_wire)" $((3 * MIB + 11)) 'content bytes sent with none'
	expect 0 --compress "$codec" get "$url/text-$codec" "$tmp/back/text-$codec"
	check_same_file "$tmp/text" "$tmp/back/text-$codec"
done
check_clean
