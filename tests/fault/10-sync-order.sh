#!/bin/sh
# T46: what is promised was made durable first, in the right order; and for each call taken out
# the order is found broken.
. "$(dirname "$0")/../lib/e2e.sh"
unset FTX_RECORD_LOG FTX_RECORD_OMIT
[ -e "$build/tests/record.so" ] || fail "$build/tests/record.so is not built"
check_order=tests/fault/check-order
random_file "$tmp/f" $((70 * MIB))
random_file "$tmp/g" $((3 * MIB + 5))
random_file "$tmp/slow" $((4 * MIB))

# record_put(omitted call): a put with a checkpoint in it, one into a new directory over nothing,
# one over an old file, and one resumed
record_put()
{
	rm -f "$tmp/log"
	rm -rf "$tmp/share"
	server_env="LD_PRELOAD=$build/tests/record.so FTX_RECORD_LOG=$tmp/log FTX_RECORD_OMIT=$1" start_server
	expect 0 put "$tmp/f" "$url/f"
	expect 0 put "$tmp/g" "$url/new/directory/g"
	expect 0 put "$tmp/g" "$url/f"
	start_client --bwlimit 1500K put "$tmp/slow" "$url/f"
	wait_for 'half of a put' progress_reached $((2 * MIB))
	kill -9 "$client_pid"
	expect 0 put "$tmp/slow" "$url/f"
	check_same_file "$tmp/slow" "$share/f"
	stop_server
}

record_get()
{
	rm -rf "$tmp/log" "$tmp/back"
	mkdir "$tmp/back"
	(
		export LD_PRELOAD="$build/tests/record.so" FTX_RECORD_LOG="$tmp/log" FTX_RECORD_OMIT="$1"
		expect 0 get "$url/f" "$tmp/back/f"
		expect 0 get "$url/g" "$tmp/back/new/directory/g"
	)
}

# red(side, omitted call, rule)
red()
{
	code=0
	$check_order "$1" "$tmp/log" >"$tmp/broken" || code=$?
	[ $code -ne 0 ] || fail "$1 without $2: nothing found wrong"
	grep -q "$3" "$tmp/broken" || fail "$1 without $2: not '$3' but $(sort "$tmp/broken" | uniq | head -n 5)"
}

record_put nothing
$check_order server "$tmp/log" || fail 'the order of the server is wrong'
record_put fdatasync_part
red server fdatasync_part 'slot .* written before its data was synced'
record_put fdatasync_journal
red server fdatasync_journal 'answered before the journal was synced'
record_put fsync_part
red server fsync_part 'renamed before the file was synced'
record_put fsync_directory
red server fsync_directory 'answered before the directory was synced'

unset server_env
rm -rf "$tmp/share"
start_server
expect 0 put "$tmp/f" "$url/f"
expect 0 put "$tmp/g" "$url/g"
record_get nothing
$check_order client "$tmp/log" || fail 'the order of the client is wrong'
record_get fdatasync_part
red client fdatasync_part 'slot .* written before its data was synced'
record_get fsync_part
red client fsync_part 'renamed before the file was synced'
record_get fsync_directory
red client fsync_directory 'the end came before the directory was synced'
