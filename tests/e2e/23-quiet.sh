#!/bin/sh
# Without a terminal a run that ends well prints nothing; a dry run changes nothing.
# With sanitizers alone: what the client prints is its own.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
random_file "$tmp/f" $((2 * MIB))

silent()
{
	expect 0 "$@"
	check_eq "$(cat "$tmp/out" "$tmp/err")" '' "what ftx $* prints"
}
silent put "$tmp/f" "$url/f"
silent put "$tmp/f" "$url/f"
silent -q put "$tmp/f" "$url/g"
silent get "$url/f" "$tmp/back"
silent get "$url/f" "$tmp/back"
expect 0 -v put "$tmp/f" "$url/h"
grep -q -- '->' "$tmp/err" || grep -q -- '->' "$tmp/out" || fail '-v does not say what goes where'

# Dry run: the plan and nothing else.
before=$(find "$share" -printf '%p %i %C@\n' | sort)
expect 0 -n put "$tmp/f" "$url/new/name"
cat "$tmp/out" "$tmp/err" | grep -q -- '->' || fail '-n does not say what goes where'
expect 0 --dry-run --json put "$tmp/f" "$url/new/name"
check_json
check_eq "$(json 'select(.event == "file") | .status')" planned 'status of a dry run'
check_eq "$(json 'select(.event == "start") | .dry_run')" true 'dry_run'
check_eq "$(find "$share" -printf '%p %i %C@\n' | sort)" "$before" 'the share after a dry run'
expect 0 -n get "$url/f" "$tmp/new/name"
check_absent "$tmp/new"
