#!/bin/sh
# put -c through a network that cuts what the client says at every place: a file that was there before
# with the same size and time is never taken for the one that was on its way.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server

# cut_each(name, first, step): $tmp/name over another one that only its content tells from it
cut_each()
{
	byte=$2 n=0
	while :; do
		n=$((n + 1))
		cp "$tmp/old.$1" "$share/$1"
		touch -d '2001-02-03 04:05:06' "$share/$1" "$tmp/$1"
		start_chaos -p "cut:up:$byte"
		expect 0 --compress none put -c "$tmp/$1" "$via/$1"
		check_same_file "$tmp/$1" "$share/$1"
		[ "$(chaos_connections)" -gt 1 ] || break
		[ $n -lt 60 ] || fail "$1: no end to it"
		byte=$((byte + $3))
	done
	check_ge $n 2 "runs of $1"
	stop_chaos
}

random_file "$tmp/small" 300
random_file "$tmp/old.small" 300
random_file "$tmp/big" "$MIB"
random_file "$tmp/old.big" "$MIB"
cut_each small 200 60
cut_each big $((MIB + 300)) 60
check_clean
