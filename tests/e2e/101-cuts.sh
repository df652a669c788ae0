#!/bin/sh
# T61: connections are cut, reset, spoilt and slowed down at random bytes; each command goes on to its end.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server
make_tree "$tmp/src"
random_file "$tmp/input" $((9 * MIB))

# seen(at least): so many connections were needed
seen()
{
	check_ge "$(chaos_connections)" "$1" "connections of $(cat "$tmp/plans")"
}

# Every way in which a connection ends, where much was sent and little was answered.
start_chaos -p cut:up:90000 -p reset:up:2000000 -p flip:up:300000 -p reset:down:700 -p flip:down:500
expect 0 -j 1 --compress none put -T "$tmp/src" "$via/all"
seen 6
check_same_tree "$tmp/src" "$share/all"
check_eq "$(cat "$tmp/out" "$tmp/err")" '' 'what a run says that went well'

start_chaos -p cut:down:90000 -p reset:down:2000000 -p flip:down:400000 -p cut:up:410
expect 0 -j 1 --compress none get -T "$via/all" "$tmp/all"
seen 5
check_same_tree "$tmp/src" "$tmp/all"

# The first two of a get are made at once.  The later one fails until the other has proved the key: then
# what is spoilt is no other key either.
start_chaos -p none:up:0 -p reset:down:5 -p flip:down:1
expect 0 -j 1 get -T "$via/all" "$tmp/spoilt"
seen 4
check_same_tree "$tmp/src" "$tmp/spoilt"

# At random, with several streams.  The seed is in the plans that are told when it fails.
for seed in 11 12; do
	start_chaos -s $seed -n 8 -k crfd
	expect 0 -j 3 --no-sync put -T "$tmp/src" "$via/r$seed"
	check_same_tree "$tmp/src" "$share/r$seed"
	start_chaos -s $seed -n 8 -k crfd
	expect 0 -j 3 --no-sync get -T "$via/r$seed" "$tmp/r$seed"
	check_same_tree "$tmp/src" "$tmp/r$seed"
done

# Standard input cannot be read again: what no checkpoint has confirmed is kept.
start_chaos -p cut:up:5000000 -p reset:up:600000 -p flip:up:2500000
"$ftx_program" -i "$tmp/id" --compress none put - "$via/input" <"$tmp/input" || fail 'standard input through cuts'
seen 4
check_same_file "$tmp/input" "$share/input"

# Standard output is written once, in order.
start_chaos -p cut:down:5000000 -p flip:down:600000 -p reset:down:1000
"$ftx_program" -i "$tmp/id" --compress none get "$via/input" - >"$tmp/output" || fail 'standard output through cuts'
seen 4
check_same_file "$tmp/input" "$tmp/output"
check_clean
