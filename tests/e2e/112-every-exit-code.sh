#!/bin/sh
# Every exit code: a line for people with side, reason and what to do, and events with the same code.
# With sanitizers alone: what the client says of an end is its own.
# Code 13 needs a server that lies (tests/hostile); signals are in 30 and 111, a reader that has gone in 25.
. "$(dirname "$0")/../lib/config.sh"
share=$tmp/share
make_keys
for name in reader small stranger blind; do
	"$ftx_program" keygen -o "$tmp/id.$name" >"$tmp/id.$name.pub"
done
mkdir "$share" "$tmp/empty"
configure <<EOF
[share s]
path = $share
[share away]
path = $tmp/away
[client c]
key = $client_key
share = s=full
share = away=full
[client reader]
key = $(cat "$tmp/id.reader.pub")
share = s=readonly
[client blind]
key = $(cat "$tmp/id.blind.pub")
share = s=put
[client small]
key = $(cat "$tmp/id.small.pub")
share = s:/small=full
quota = 1000
EOF
start_ftxd
random_file "$tmp/f" 5000
random_file "$tmp/g" 5000
ftx put "$tmp/f" "$tmp/g" "$base/s/"

# exit_name(code): of errors.def
exit_name()
{
	sed -n "s/^EXIT([A-Z_]*, \([a-z_]*\), $1, .*/\1/p" proto/errors.def
}

# ends(code, side, retryable, reason, hint, ftx argument...): reason and hint are patterns of grep -E
ends()
{
	code=$1 side=$2 again=$3 reason=$4 hint=$5
	shift 5
	verb=$(printf '%s\n' "$@" | grep -E '^(put|get|ls|mv|rm|verify)$' | head -n 1)
	expect "$code" "$@"
	check_eq "$(wc -l <"$tmp/err")" 1 "number of lines of ftx $*"
	grep -qE "^ftx: $verb: .*${reason}[^(]*$hint\$" "$tmp/err" || fail "code $code: no $reason, $hint: $(cat "$tmp/err")"
	# About keys the sentence says itself who did what.
	if [ "$side" = remote ] && [ "$code" -ne 7 ] && [ "$code" -ne 8 ]; then
		grep -q 'on the server' "$tmp/err" || fail "code $code: no side: $(cat "$tmp/err")"
	fi

	expect "$code" --json "$@"
	check_eq "$(cat "$tmp/err")" '' "text beside the events of ftx $*"
	check_eq "$(facts)" "$(wc -l <"$tmp/out") true summary $code $(exit_name "$code") $side $again" "events of ftx $*"
}

# Of the events: how many, whether all are of this version, the last one and its code, and what errors say.
facts()
{
	jq -rs '[length, all(.v == 1), .[-1].event, .[-1].exit_code, .[-1].exit_name,
		([.[] | select(.event == "error") | .side] | unique | join("+")),
		([.[] | select(.event == "error") | .retryable | tostring] | unique | join("+"))] | join(" ")' "$tmp/out"
}

none='' helps=' [(]trying again may help[)]'
none_such='no such file or directory'
ends 1 local true 'exited with status 1' "$helps" put --from-command "$base/s/x" -- false
ends 1 remote false 'exists already' ' [(]-f .*[)]' mv "$base/s/f" "$base/s/g"
ends 3 local false "$none_such" "$none" put "$tmp/f" "$tmp/none" "$base/s/several/"
ends 5 local false "$none_such" "$none" put "$tmp/none" "$base/s/"
ends 5 remote false "$none_such" "$none" get "$base/s/none" "$tmp/"
ends 6 remote false 'permission denied' ' [(]this key, which is reader there, has list,get for .s.[)]' -i "$tmp/id.reader" put "$tmp/g" "$base/s/h"
ends 7 remote false 'the server did not accept this key' ' [(]our key is .*[)]' -i "$tmp/id.stranger" ls "$base/s"
ends 8 local false 'no key is known for 127.0.0.1' ' [(]name the server as .*[)]' ls "ftx://127.0.0.1:$port/s"
ends 8 remote false '127.0.0.1 did not answer as the holder of' ' [(]"ftxd key" .*[)]' --retry-for 0 ls "ftx://$client_key@127.0.0.1:$port/s"
ends 9 network true '127.0.0.1 port 1: Connection refused' "$helps" --retry-for 0 ls "ftx://$client_key@127.0.0.1:1/s"
ends 10 remote true 'quota exceeded' "$helps" -i "$tmp/id.small" put "$tmp/f" "$base/s/small/f"
ends 11 remote true 'the share is offline' "$helps" ls "$base/away"
ends 11 remote true 'the share is offline' "$helps" put "$tmp/f" "$base/away/"
ends 14 local false 'there is no key file' ' [(]run ftx keygen -o FILE[)]' -i "$tmp/nokey" ls "$base/s"
mkdir -p "$tmp/m" "$share/m/more" && : >"$tmp/m/a"
ends 15 local false 'it would be 1, and --max-delete allows 0' ' [(]-n .*[)]' put -T --delete --max-delete 0 "$tmp/m" "$base/s/m"
ends 15 local false 'the source is empty' ' [(]--delete-empty allows it[)]' put -T --delete "$tmp/empty" "$base/s/m"

# 0: nothing at all.
expect 0 put "$tmp/f" "$base/s/f"
check_eq "$(cat "$tmp/out" "$tmp/err")" '' 'what is said of a success'
expect 0 -v -i "$tmp/id.blind" ls "$base/"
check_eq "$(cat "$tmp/out")" '' 'the shares of who may list none'
grep -q '^ftx: ls: the server lists no share for this key$' "$tmp/err" || fail "nothing is said of it: $(cat "$tmp/err")"

# 12: what differs is the result, so it stands on standard output.
expect 12 verify "$tmp/g" "$base/s/f"
check_eq "$(cat "$tmp/out")" "$tmp/g: content differs" 'the difference'
check_eq "$(cat "$tmp/err")" '' 'what is said beside it'
expect 12 --json verify "$tmp/g" "$base/s/f"
check_json
check_eq "$(summary exit_name)" different 'name of the exit'

# 2: text in any case, and nothing is contacted.
for json in '' --json; do
	# shellcheck disable=SC2086 # a word or none
	expect 2 $json put "$tmp/f" "$base/s/../x"
	check_eq "$(cat "$tmp/out")" '' 'standard output'
	check_eq "$(wc -l <"$tmp/err")" 1 'lines of a usage error'
	grep -q "^ftx: put: .*'[.][.]' is not possible" "$tmp/err" || fail "no reason: $(cat "$tmp/err")"
done

# Nothing is contacted either, but it is not the command that is wrong: 1.
expect 1 put --files-from /proc/self/mem "$tmp" "$base/s/"
grep -q '^ftx: put: .*Input/output error$' "$tmp/err" || fail "no reason: $(cat "$tmp/err")"
status=0
sh -c 'ulimit -n 4 && exec "$@"' sh "$ftx_program" -i "$tmp/id" put --from-command "$base/s/x" -- true \
	2>"$tmp/err" 3>&- || status=$?
check_eq "$status" 1 'exit code without descriptors for a pipe'
check_eq "$(cat "$tmp/err")" 'ftx: put: out of memory' 'what is said without descriptors for a pipe'

# 4: a file that never rests, and is read for most of two seconds, twice.
(
	while :; do
		echo more >>"$tmp/f.other"
		sleep 0.02
	done
) &
writer=$!
started="$started $writer"
random_file "$tmp/f.other" "$MIB"
ends 4 local true 'changed while being read' "$helps" put --bwlimit 512K --compress none "$tmp/f.other" "$base/s/"
kill "$writer"
