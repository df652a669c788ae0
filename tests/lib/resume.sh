# shellcheck shell=sh disable=SC2154 # the variables of e2e.sh
# The matrix of interrupted transfers: sizes x cut points x direction, for one who dies.
# Source after e2e.sh; start_server first.

# reach(part of 4): what is to have been moved of $size before the kill
reach()
{
	echo $((size * $1 / 4))
}

# start_transfer(put|get): at such a speed that its last quarter takes longer than the half second
# between two events of progress and the kill together, on a busy machine too
start_transfer()
{
	case $1 in
	put) start_client --compress none --retry-for 0 --bwlimit $((size / 6)) put "$source" "$url/$name" ;;
	get) start_client --compress none --retry-for 0 --bwlimit $((size / 6)) get "$url/$name" "$tmp/back/$name" ;;
	esac
}

# finish_transfer(put|get): again to the end; the result is whole and what was sent and resumed adds up
finish_transfer()
{
	case $1 in
	put) expect 0 --json --compress none put "$source" "$url/$name" ;;
	get) expect 0 --json --compress none get "$url/$name" "$tmp/back/$name" ;;
	esac
	check_same_file "$source" "$result"
	wire=$(summary bytes_wire)
	resumed=$(summary bytes_resumed)
	check_eq $((wire + resumed)) "$size" "bytes sent ($wire) and resumed ($resumed) by the second run"
}

# check_resumed(put|get, quarters, sure): `sure` bytes at least were not sent again
check_resumed()
{
	echo "$1 of $size bytes, cut at $2/4: $resumed resumed"
	[ $((resumed % MIB)) -eq 0 ] || fail "$resumed bytes resumed are no whole blocks"
	check_ge "$resumed" "$3" 'bytes resumed'
}

# resume_matrix(kill function, sure function): the first is called with the transfer running, and
# leaves the client gone (its exit in $status) and a server there; the second prints how many bytes are sure to be kept.
resume_matrix()
{
	mkdir -p "$tmp/back"
	# The whole of a small file can wait in the sockets of a get, so that one is to be big.
	for sizes in "$((3 * MIB + 1)) $((3 * MIB + 1))" "$((8 * MIB)) $((8 * MIB))" \
		"$((20 * MIB + 777)) $((100 * MIB + 777))"; do
		for quarters in 1 3; do
			for direction in put get; do
				[ $direction = put ] && size=${sizes% *} || size=${sizes#* }
				name=$direction-$size-$quarters
				source=$tmp/source
				random_file "$source" "$size"
				result=$share/$name
				[ $direction = put ] || {
					cp -p "$source" "$share/$name"
					result=$tmp/back/$name
				}
				start_transfer $direction
				wait_for "$quarters/4 of a $direction" progress_reached "$(reach $quarters)"
				"$1"
				if [ "$status" -eq 0 ] && [ $direction = get ] && [ "$size" -lt $((64 * MIB)) ]; then
					echo "get of $size bytes, cut at $quarters/4: all had been sent"
					check_same_file "$source" "$result"
				else
					check_absent "$result"
					finish_transfer $direction
					check_resumed $direction $quarters "$("$2")"
				fi
				rm -f "$result" "$share/$name"
			done
		done
	done
	check_clean
	check_clean "$tmp/back"
}
