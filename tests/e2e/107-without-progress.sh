#!/bin/sh
# --retry-for is time without progress: a digest that came is some, and what mv asks to learn whether
# it was done is none.  A network that lets little through at a time is enough for every transfer.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server
count=40
for i in $(seq $count); do echo "$i" >"$share/f$i"; done

# cuts(plan, times): the first connections, all with the same plan
cuts()
{
	plans=
	for _ in $(seq "$2"); do plans="$plans -p $1"; done
	# shellcheck disable=SC2086 # a list of words
	start_chaos $plans
}

# Some digests come over each connection; the pauses would be over the limit if they grew.  So it is
# with all that follow: nine seconds pass before the eighth pause, which a busy machine does not need.
digests()
{
	set --
	for i in $(seq $count); do set -- "$@" "$via/f$i"; done
	expect 0 --retry-for 9s digest "$@"
}
cuts cut:down:450 12
digests
check_eq "$(wc -l <"$tmp/out")" $count 'digests'
check_ge "$(chaos_connections)" 8 'connections'

# Behind how many bytes of the client a STAT is whole, about; RENAME follows.
byte=100
arrives()
{
	start_chaos -p "cut:up:$byte"
	ftx --retry-for 0 stat "$via/f1" >/dev/null 2>&1
}
until arrives; do
	byte=$((byte + 8))
	[ $byte -lt 1000 ] || fail 'no STAT arrives'
done
# None arrives; each connection has a STAT that does.
cuts "cut:up:$((byte + 10))" 60
expect 9 --retry-for 1s mv "$via/f1" "$via/g1"
check_eq "$(cat "$share/f1")" 1 'what was not renamed'
check_absent "$share/g1"

mkdir "$tmp/src"
for i in $(seq 60); do random_file "$tmp/src/f$i" 50000; done
cuts cut:up:350000 40
expect 0 -j 1 --retry-for 9s --compress none put -T "$tmp/src" "$via/small"
diff -r "$tmp/src" "$share/small" || fail 'small files differ'

random_file "$tmp/big" $((12 * MIB))
cuts cut:up:1300000 40
expect 0 -j 1 --retry-for 9s --compress none put "$tmp/big" "$via/big"
check_same_file "$tmp/big" "$share/big"
check_ge "$(chaos_connections)" 9 'connections for a big file'

cat "$tmp/src"/* >"$share/big"
cuts cut:down:400000 40
expect 0 --retry-for 9s --compress none get "$via/big" -
check_same_file "$share/big" "$tmp/out"
check_le "$(chaos_connections)" 32 'connections for standard output'

# A listing of which each connection brings a part, some hundreds of lines.
for i in $(seq 16); do
	mkdir -p "$share/many/d$i/sub"
	(cd "$share/many/d$i/sub" && seq 700 | xargs touch)
done
ftx ls -R "$url/many" | sed "s|^ftx://[^/]*||" >"$tmp/lines"
cuts cut:down:100000 80
expect 0 --retry-for 9s ls -R "$via/many"
sed "s|^ftx://[^/]*||" "$tmp/out" | diff "$tmp/lines" - || fail 'a listing of many parts differs'
check_ge "$(chaos_connections)" 8 'connections for a listing'
stop_chaos
