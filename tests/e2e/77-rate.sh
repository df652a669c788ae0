#!/bin/sh
# The rate of a client binds all its sessions together, in both directions, and nobody else's.
. "$(dirname "$0")/../lib/config.sh"
make_keys
"$ftx_program" keygen -o "$tmp/other" >"$tmp/other.pub"
configure_one 'rate = 1M' '[client other]' "key = $(cat "$tmp/other.pub")" 'share = s=full'
start_ftxd
random_file "$tmp/f" $((3 * MIB))
random_file "$tmp/g" $((3 * MIB / 2))
random_file "$tmp/long" $((30 * MIB))

# takes(milliseconds, what, ftx argument...): that long at least; a tenth of a second is credit
takes()
{
	least=$1 what=$2
	shift 2
	begun=$(date +%s%N)
	"$@"
	check_ge $((($(date +%s%N) - begun) / 1000000)) "$least" "milliseconds for $what"
}

both_puts()
{
	start_client --compress none -j 1 put "$tmp/g" "$base/s/one"
	expect 0 --compress none -j 1 put "$tmp/g" "$base/s/two"
	wait_client 0
}
takes 2800 'a put of 3 MiB' expect 0 --compress none put "$tmp/f" "$base/s/f"
takes 2800 'a put of 3 MiB over four connections' expect 0 --compress none -j 4 put "$tmp/f" "$base/s/f4"
takes 2800 'a get of 3 MiB' expect 0 --compress none get "$base/s/f" "$tmp/back"
takes 2800 'two puts of 3 MiB together' both_puts
check_same_file "$tmp/f" "$tmp/share/f"
check_same_file "$tmp/f" "$tmp/share/f4"
check_same_file "$tmp/f" "$tmp/back"
check_same_file "$tmp/g" "$tmp/share/one"

# The other client does not wait for this one: it is done first, though it begins later.
start_client --retry-for 0 --compress none put "$tmp/long" "$base/s/slow"
wait_for 'the slow put to begin' progress_reached 1
"$ftx_program" -i "$tmp/other" put "$tmp/f" "$base/s/fast" || fail "the other client ended with $?"
if process_gone "$client_pid"; then fail 'the other client waited'; fi

# A session that waits ends at once when it is to.
kill "$server_pid"
wait_client 11 9
wait_for 'the end of the server' process_gone "$server_pid"
[ "$(log_lines 'reason=died')" -eq 0 ] || fail 'a session had to be killed'
