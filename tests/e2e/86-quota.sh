#!/bin/sh
# Quotas of a client and of a share: what is over them is refused, before it is sent where its size is
# known, and what has gone makes room again.
# With sanitizers too: charges of every request.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share"
client_lines=''
describe()
{
	configure <<EOF
[share s]
path = $tmp/share
[client c]
key = $client_key
share = s:/c=full
$client_lines
EOF
}

# field(number): of the line that STATE/usage has of the client's subtree
field()
{
	sed -n "s/^place \(.* s [0-9a-f]* c\)\$/\1/p" "$tmp/state/usage" | cut -d ' ' -f "$1"
}

# stop: and look at what was saved
stop()
{
	stop_server
	check_eq "$(stat -c %a "$tmp/state/usage")" 600 'mode of STATE/usage'
}

# room(field): that ftx df says there is
room()
{
	expect 0 --json df "$base/s"
	json "select(.event == \"space\") | .$1" "$tmp/out"
}

# start_counted: and what there is is known
start_counted()
{
	start_ftxd
	wait_for 'the first count' counted
}

counted()
{
	[ "$(room bytes_free)" -le $((1 * MIB)) ]
}

# Before anything is there: bytes.
client_lines='quota = 1M'
describe
start_counted
check_eq "$(room bytes)" "$MIB" 'bytes of the quota'
random_file "$tmp/big" $((2 * MIB))
random_file "$tmp/f" $((600 * KIB))
expect 10 --json put "$tmp/big" "$base/s/big"
check_eq "$(json 'select(.event == "error") | .name' "$tmp/out")" quota 'the error'
# But for the first block, which waits for no answer where answers are slow.
case $(summary bytes_wire) in
0 | "$MIB") ;;
*) fail "$(summary bytes_wire) bytes were sent of what does not fit" ;;
esac
expect 10 put "$tmp/big" "$base/s/big"
says 'quota exceeded'
says '2.0 MiB more do not fit'
expect 0 put "$tmp/f" "$base/s/f"
check_eq "$(room bytes_free)" $((424 * KIB)) 'room behind a file'
expect 10 put "$tmp/f" "$base/s/g"
check_eq "$(room bytes_free)" $((424 * KIB)) 'room behind a refusal'

# A new version lies beside the old one until it is complete; then that has gone.
head -c $((400 * KIB)) "$tmp/f" >"$tmp/small"
expect 0 put "$tmp/small" "$base/s/f"
check_eq "$(room bytes_free)" $((624 * KIB)) 'room behind a smaller version'
expect 0 put "$tmp/f" "$base/s/g"
check_eq "$(room bytes_free)" $((24 * KIB)) 'room behind both'

# Small files come without asking; what they are is known beforehand all the same.
mkdir "$tmp/d"
for i in 1 2 3; do head -c $((10 * KIB)) "$tmp/f" >"$tmp/d/$i"; done
expect 10 --json put "$tmp/d" "$base/s/"
check_eq "$(json 'select(.event == "error") | .name' "$tmp/out" | sort -u)" quota 'the errors'
expect 0 rm -r "$base/s/d"
expect 0 rm "$base/s/g"
check_eq "$(room bytes_free)" $((624 * KIB)) 'room behind a removal'
expect 0 put "$tmp/d" "$base/s/"
check_eq "$(room bytes_free)" $((594 * KIB)) 'room behind a tree'
expect 0 mv "$base/s/d/1" "$base/s/moved"
expect 0 ln "$base/s/moved" "$base/s/linked"
check_eq "$(room bytes_free)" $((594 * KIB)) 'room behind other names'
expect 0 rm "$base/s/moved"
check_eq "$(room bytes_free)" $((594 * KIB)) 'room with one name left'

# What has no size yet is refused when there is no room for more of it.
code=0
head -c $((3 * MIB)) /dev/urandom | ftx put - "$base/s/stream" 2>"$tmp/err" || code=$?
check_eq "$code" 10 'code of a stream over the quota'
[ ! -e "$tmp/share/c/stream" ] || fail 'a stream over the quota is there'

# What of it is refused for another reason costs nothing.
left=$(room bytes_free)
client_lines=$(printf '%s\nmax-file-size = 300K' "$client_lines")
describe
reload
code=0
head -c $((500 * KIB)) /dev/urandom | ftx put - "$base/s/stream" 2>"$tmp/err" || code=$?
check_eq "$code" 1 'code of a stream over the size of a file'
check_eq "$(room bytes_free)" "$left" 'room behind a stream over the size of a file'

# What was remembered is what there is.
stop
check_eq "$(field 1)" $((430 * KIB)) 'bytes saved'
check_eq "$(field 2)" 5 'files saved'
