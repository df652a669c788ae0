#!/bin/sh
# Quotas of a share, of files, over several connections and interruptions; and what the next run knows.
. "$(dirname "$0")/../lib/config.sh"
make_keys
"$ftx_program" keygen -o "$tmp/other" >"$tmp/other.pub"
mkdir "$tmp/share"
share_lines='' a_lines='' b_lines=''
describe()
{
	configure <<EOF
[share s]
path = $tmp/share
$share_lines
[client a]
key = $client_key
share = s:/a=full
$a_lines
[client b]
key = $(cat "$tmp/other.pub")
share = s:/b=append
$b_lines
EOF
}

# room(field): that ftx df says there is
room()
{
	expect 0 --json df "$base/s"
	json "select(.event == \"space\") | .$1" "$tmp/out"
}

# counted(field, most): is what there is known?
counted()
{
	[ "$(room "$1")" -le "$2" ]
}

# What one puts, others cannot; and what one removes, others can.
share_lines='quota = 1M'
describe
start_ftxd
wait_for 'the first count' counted bytes_free "$MIB"
random_file "$tmp/f" $((600 * KIB))
expect 0 put "$tmp/f" "$base/s/f"
expect 10 -i "$tmp/other" put "$tmp/f" "$base/s/f"
says '1.0 MiB are used'
expect 0 rm "$base/s/f"
expect 0 -i "$tmp/other" put "$tmp/f" "$base/s/f"
expect 10 put "$tmp/f" "$base/s/f"
check_eq "$(room bytes_free)" $((424 * KIB)) 'room in the share'

# A reload keeps what is known, with another limit; files, links and directories are one each.
share_lines=
a_lines='quota-files = 5'
b_lines='quota = 1M'
describe
reload
wait_for 'the count' counted files_free 5
mkdir "$tmp/d"
echo 1 >"$tmp/d/1"
echo 2 >"$tmp/d/2"
ln -s 1 "$tmp/d/link"
expect 0 put "$tmp/d" "$base/s/"
check_eq "$(room files_free)" 1 'files left'
check_eq "$(room files)" 5 'files of the quota'
expect 10 mkdir -p "$base/s/one/two"
says 'quota exceeded'
expect 0 rm -r "$base/s/one"
expect 0 put "$tmp/d" "$base/s/" # nothing new
expect 0 mkdir "$base/s/one"
expect 10 --json put "$tmp/d/1" "$base/s/three"
check_eq "$(json 'select(.event == "error") | .name' "$tmp/out")" quota 'the error'
expect 10 put -T --atomic-set "$tmp/d" "$base/s/set"
expect 0 rm -r "$base/s/d"
expect 0 put -T --atomic-set "$tmp/d" "$base/s/set"
check_eq "$(room files_free)" 0 'files left beside a set'
expect 0 rm -r "$base/s/one" "$base/s/set/2" "$base/s/set/link"
check_eq "$(room files_free)" 3 'files left after removals'

# The same file over several connections is charged once, and what was cut off is gone on with.
a_lines='quota = 46M'
describe
reload
random_file "$tmp/big" $((40 * MIB))
wait_for 'the count' counted bytes_free $((46 * MIB))
expect 0 put -j 4 "$tmp/big" "$base/s/big"
check_eq "$(room bytes_free)" $((6 * MIB - 2)) 'room beside a big file'
expect 0 rm "$base/s/big"
start_client --compress none --bwlimit 6M --retry-for 0 put "$tmp/big" "$base/s/big"
wait_for 'some of a put' progress_reached $((12 * MIB))
kill -9 "$client_pid"
wait_client 137
session_over()
{
	[ -z "$(server_sessions)" ]
}
server_sessions()
{
	for child in $(server_children); do
		grep -q '^NoNewPrivs:.*1' "/proc/$child/status" 2>/dev/null && echo "$child"
	done
	:
}
wait_for 'the end of the sessions' session_over
check_le "$(room bytes_free)" $((35 * MIB)) 'room beside a partial'
expect 0 --json put "$tmp/big" "$base/s/big"
check_ge "$(summary bytes_resumed)" "$MIB" 'bytes resumed'
# What of unfinished blocks was sent twice stays charged until it is counted again.
check_le "$(room bytes_free)" $((6 * MIB)) 'room beside the whole'
stop_server

# saved: "BYTES FILES" of the subtree of a
saved()
{
	sed -n 's/^place \([0-9]* [0-9]*\) .* s [0-9a-f]* a$/\1/p' "$tmp/state/usage"
}

counted_again()
{
	[ "$(room bytes_free)" -eq $((46 * MIB - 2)) ]
}

# The next run knows, and counts anew; one whose file was damaged says so, and counts too.
bytes=$(saved)
check_ge "${bytes% *}" $((40 * MIB)) 'bytes saved'
rm "$tmp/share/a/big"
start_ftxd
wait_for 'another count' counted_again
stop_server
check_eq "$(saved)" '2 2' 'bytes and files that the next run counted'
sed -i 's/^place 2 /place 3 /' "$tmp/state/usage"
start_ftxd
wait_log 'damaged, and so begun anew file='
wait_for 'a count without what was known' counted_again
stop_server
check_eq "$(saved)" '2 2' 'bytes and files in the file that was replaced'
