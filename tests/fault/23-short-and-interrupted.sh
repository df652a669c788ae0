#!/bin/sh
# T42: every read, write, send and receive is short or interrupted, on both sides.
. "$(dirname "$0")/../lib/e2e.sh"
preloaded=$build/tests/inject.so
[ -e "$preloaded" ] || fail "$preloaded is not built"
export FTX_INJECT_SHORT=1
server_env="LD_PRELOAD=$preloaded" start_server
random_file "$tmp/f" $((5 * MIB + 3))
yes 'text to be compressed' | head -c $((2 * MIB + 1)) >"$tmp/text" || :

for file in f text; do
	for round in new same; do
		(
			export LD_PRELOAD="$preloaded"
			expect 0 put "$tmp/$file" "$url/$file"
			expect 0 get "$url/$file" "$tmp/back/$file"
		)
		check_same_file "$tmp/$file" "$share/$file"
		check_same_file "$tmp/$file" "$tmp/back/$file"
		echo "$file, $round"
	done
done
check_clean
check_clean "$tmp/back"
stop_server
