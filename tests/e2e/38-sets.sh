#!/bin/sh
# --atomic-set and --replace-set: the destination is the old set or the new one, never between.
# With sanitizers too: sets that are begun, gone on with, given up and published.
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
start_server
small_files "$tmp/one" 300
random_file "$tmp/one/big" $((24 * MIB))
ln -s big "$tmp/one/link"
small_files "$tmp/two" 200 900
random_file "$tmp/two/big" $((24 * MIB))

# A new one appears as a whole; where something is there it does not.
expect 0 put -T --atomic-set "$tmp/one" "$url/set"
check_same_tree "$tmp/one" "$share/set"
check_clean
expect 11 --json put -T --atomic-set "$tmp/two" "$url/set"
check_eq "$(json 'select(.event == "error") | .name')" set_exists error
check_same_tree "$tmp/one" "$share/set"

# -n changes nothing.
expect 0 -n put -T --atomic-set "$tmp/two" "$url/planned"
check_absent "$share/planned"

# An exchange: what the new one lacks is gone.
expect 0 put -T --replace-set "$tmp/two" "$url/set"
check_same_tree "$tmp/two" "$share/set"
check_clean

# Killed at any time: the old one is there, whole; run again it is the new one, and what had
# arrived is not sent again.
total=$(find "$tmp/one" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
for victim in client session supervisor; do
	start_client --compress none --retry-for 0 --bwlimit 4M -j 1 put -T --replace-set "$tmp/one" "$url/set"
	wait_for 'half of a set' progress_reached $((12 * MIB))
	case $victim in
	client) kill -9 "$client_pid" ;;
	session)
		# shellcheck disable=SC2046 # a list of process ids
		kill -9 $(server_children) || :
		;;
	supervisor)
		stop_server 9
		listen=127.0.0.1:$port start_server
		;;
	esac
	wait_client 9 11 137
	check_same_tree "$tmp/two" "$share/set"
	expect 0 --json --compress none put -T --replace-set "$tmp/one" "$url/set"
	check_same_tree "$tmp/one" "$share/set"
	echo "$victim killed: $(summary bytes_wire) of $total sent again"
	check_le "$(summary bytes_wire)" $((total - 4 * MIB)) "bytes sent after the $victim was killed"
	expect 0 put -T --replace-set "$tmp/two" "$url/set"
	check_same_tree "$tmp/two" "$share/set"
done

# A failure: nothing is published.
if [ "$(id -u)" -eq 0 ]; then
	client_as_nobody
	chmod 000 "$tmp/one/big"
	expect 3 put -T --replace-set "$tmp/one" "$url/set"
	check_same_tree "$tmp/two" "$share/set"
	expect 3 put -T --atomic-set "$tmp/one" "$url/other"
	check_absent "$share/other"
	chmod 644 "$tmp/one/big"
	expect 0 put -T --replace-set "$tmp/one" "$url/set"
	expect 0 put -T --atomic-set "$tmp/one" "$url/other"
	check_same_tree "$tmp/one" "$share/set"
	check_same_tree "$tmp/one" "$share/other"
	client_as_root
fi

# Not a tree: refused before anything is sent.
expect 2 put --atomic-set "$tmp/one/big" "$url/file"
check_absent "$share/file"
check_clean
