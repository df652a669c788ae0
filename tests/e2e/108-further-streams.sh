#!/bin/sh
# A further stream that gets no connection any more, while the first one has its own: what it had in
# hand is done by that one, and nobody waits for it.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server
mkdir "$tmp/src"
for i in 1 2 3 4 5 6; do random_file "$tmp/src/f$i" 300000; done

# alone(plan...): the first connections have these plans, all others are reset at once
alone()
{
	plans=
	for plan; do plans="$plans -p $plan"; done
	for i in $(seq 100); do plans="$plans -p reset:up:0"; done
	# shellcheck disable=SC2086 # a list of words
	start_chaos $plans
}

# Nothing in its hands: all is over before it has a connection.
alone none:up:0
expect 0 -v -j 2 --retry-for 1s --compress none --bwlimit 1M put "$tmp/src/f1" "$via/f1"
! grep -q 'trying again' "$tmp/err" || fail 'a connection that nobody missed is told of'
check_same_file "$tmp/src/f1" "$share/f1"
check_ge "$(chaos_connections)" 2 'connections'

# In the middle of a file.
alone none:up:0 cut:up:100000
expect 0 -j 2 --retry-for 1s --compress none --bwlimit 1M put -T "$tmp/src" "$via/put"
diff -r "$tmp/src" "$share/put" || fail 'what was put differs'
check_ge "$(chaos_connections)" 3 'connections'

# The first two are the first stream's and the scanner's.
alone none:up:0 none:up:0 cut:down:100000
expect 0 -j 2 --retry-for 1s --compress none --bwlimit 1M get -T "$via/put" "$tmp/got"
diff -r "$tmp/src" "$tmp/got" || fail 'what was got differs'
check_ge "$(chaos_connections)" 4 'connections'
check_clean
check_clean "$tmp/got"
