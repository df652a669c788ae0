#!/bin/sh
# Several clients at once: of different files, and of one file (T51).
. "$(dirname "$0")/../lib/e2e.sh"
make_keys
other_key=$("$ftx_program" keygen -o "$tmp/other-id")
start_server --client "$other_key"

clients=
# background(identity, ftx argument...)
background()
{
	identity=$1
	shift
	"$ftx_program" -i "$identity" "$@" >>"$tmp/out" 2>>"$tmp/err" </dev/null &
	clients="$clients $!"
	started="$started $!"
}

wait_all()
{
	for client in $clients; do
		code=0
		wait "$client" || code=$?
		check_eq $code 0 "exit status of a client among others: $(cat "$tmp/err")"
	done
	clients=
}

for i in 1 2 3 4 5 6; do
	random_file "$tmp/f$i" $((4 * MIB + i))
	background "$tmp/id" put "$tmp/f$i" "$url/f$i"
done
wait_all
for i in 1 2 3 4 5 6; do
	check_same_file "$tmp/f$i" "$share/f$i"
	background "$tmp/id" get "$url/f$i" "$tmp/back/f$i"
done
wait_all
for i in 1 2 3 4 5 6; do
	check_same_file "$tmp/f$i" "$tmp/back/f$i"
done

# One name: the last complete rename wins, and it is one of the two.
is_one_of()
{
	cmp -s "$1" "$2" || cmp -s "$1" "$3" || fail "$1 is a mixture"
}
for round in 1 2; do
	background "$tmp/id" put "$tmp/f1" "$url/two-keys-$round"
	background "$tmp/other-id" put "$tmp/f2" "$url/two-keys-$round"
	background "$tmp/id" put "$tmp/f1" "$url/one-key-$round"
	background "$tmp/id" put "$tmp/f2" "$url/one-key-$round"
	wait_all
	is_one_of "$share/two-keys-$round" "$tmp/f1" "$tmp/f2"
	is_one_of "$share/one-key-$round" "$tmp/f1" "$tmp/f2"
	background "$tmp/id" get "$url/f1" "$tmp/back/one-$round"
	background "$tmp/id" get "$url/f1" "$tmp/back/one-$round"
	wait_all
	check_same_file "$tmp/f1" "$tmp/back/one-$round"
done
check_clean
check_clean "$tmp/back"
