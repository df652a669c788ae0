#!/bin/sh
# --json: every line is an event with its fields, start first, summary last, whatever happens.
# With sanitizers alone: events are the client's own.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
random_file "$tmp/f" $((3 * MIB))
first()
{
	head -n 1 "${1-$tmp/out}" | jq -r .event
}

# has(event, field...): every such event has the fields; there is one
has()
{
	event=$1
	shift
	for field; do
		check_eq "$(json "select(.event == \"$event\") | has(\"$field\")" | sort -u)" true \
			"field $field in every $event event"
	done
}

summary_fields='verb exit_code exit_name files_total files_done files_same files_ignored files_skipped
	files_failed files_deleted bytes_total bytes_wire bytes_resumed bytes_reused elapsed_s durable resumable failed0'
for verb in put get; do
	case $verb in
	put) expect 0 --json put "$tmp/f" "$url/f" ;;
	get) expect 0 --json get "$url/f" "$tmp/g" ;;
	esac
	[ ! -s "$tmp/err" ] || fail "text beside the events: $(cat "$tmp/err")"
	check_json
	check_eq "$(first)" start 'the first event'
	has start verb dry_run server address session streams aead sources dest
	has file path dest type action status bytes bytes_sent bytes_resumed digest mode_kept not_kept
	# shellcheck disable=SC2086 # a list of words
	has summary $summary_fields
	check_eq "$(summary verb)" $verb 'the verb'
	check_eq "$(summary exit_code)" 0 'the exit code'
	check_eq "$(summary bytes_total)" $((3 * MIB)) 'bytes in all'
	check_eq "$(summary bytes_wire)" $((3 * MIB)) 'bytes over the wire'
	check_eq "$(summary durable)" true 'durable'
	check_eq "$(json 'select(.event == "file") | .status')" 'done' 'status'
	check_eq "$(json 'select(.event == "file") | .action')" create 'action'
	json 'select(.event == "file") | .digest' | grep -qE '^(ftx1:)?[0-9a-f]{32}$' || fail 'no digest'
	digests="${digests-} $(json 'select(.event == "file") | .digest')"
done
# shellcheck disable=SC2086 # two words
set -- $digests
check_eq "$1" "$2" 'the digest of get and put'

# Errors are events too, before the summary, with the same exit code in all places.
failing()
{
	code=$1
	shift
	expect "$code" --json "$@"
	[ ! -s "$tmp/err" ] || fail "text beside the events: $(cat "$tmp/err")"
	check_json
	has error name exit message side retryable
	check_eq "$(summary exit_code)" "$code" 'exit code in the summary'
	check_eq "$(json 'select(.event == "error") | .exit' | tail -n 1)" "${error_exit-$code}" 'exit code of the error'
}
failing 5 put "$tmp/missing" "$url/x"
check_eq "$(json 'select(.event == "error") | .side')" 'local' side
failing 5 get "$url/missing" "$tmp/x"
check_eq "$(json 'select(.event == "error") | .side')" remote side
error_exit=5
failing 3 put "$tmp/f" "$tmp/missing" "$url/several"
unset error_exit
"$ftx_program" keygen -o "$tmp/stranger" >/dev/null
failing 7 -i "$tmp/stranger" put "$tmp/f" "$url/x"
failing 14 -i "$tmp/nothing" put "$tmp/f" "$url/x"

# Names that are no UTF-8 still give valid JSON.
name=$(printf 'a\377\001"\\b')
cp "$tmp/f" "$tmp/$name"
expect 0 --json put "$tmp/$name" "$url/"
check_json

# Progress comes while it runs, and never goes back.
random_file "$tmp/long" $((6 * MIB))
start_client --bwlimit 3M put "$tmp/long" "$url/long"
wait_client 0
check_json "$tmp/json"
json 'select(.event == "progress") | .bytes' "$tmp/json" >"$tmp/bytes"
check_ge "$(wc -l <"$tmp/bytes")" 2 'number of progress events'
sort -n -c "$tmp/bytes" || fail 'progress went back'
json 'select(.event == "progress") | (has("phase") and has("bytes_total") and has("files") and has("rate"))' \
	"$tmp/json" | grep -q false && fail 'a progress event without its fields'
check_same_file "$tmp/long" "$share/long"

# A tree: -u and --ignore-existing are "ignored", what is deleted has a destination only.
mkdir -p "$tmp/tree/sub" "$share/tree"
random_file "$tmp/tree/sub/new" 10
random_file "$tmp/tree/old" 10
random_file "$share/tree/old" 20
: >"$share/tree/gone"
expect 0 --json put --delete --ignore-existing "$tmp/tree" "$url/"
check_json
check_eq "$(json 'select(.event == "file" and .status == "ignored") | .path')" "$tmp/tree/old" 'what was ignored'
check_eq "$(json 'select(.event == "file" and .action == "delete") | "\(.path) \(.dest | sub(".*/"; ""))"')" \
	'null gone' 'what was deleted'
check_eq "$(summary files_ignored)" 1 'files ignored'
check_eq "$(summary files_deleted)" 1 'files deleted'
expect 0 --json put --no-sync "$tmp/tree" "$url/"
check_eq "$(summary durable)" false 'durable without syncing'
