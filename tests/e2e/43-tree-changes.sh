#!/bin/sh
# T50: files of a tree that grow, shrink, change, are replaced or vanish while it is read: what stays
# still arrives, nothing arrives as a mixture, and the next run ends equal.
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
start_server

# The writer: disturbs the tree, over and over, until it is told to stop.  Every content of a
# small file is one letter, all through.
disturb()
{
	turn=0
	while [ ! -e "$tmp/stop" ]; do
		turn=$((turn + 1))
		letter=$(printf '%s' abcdefghij | cut -c $((turn % 10 + 1)))
		for n in 1 2 3 4 5 6 7 8; do
			file=$1/moving/$n
			case $(((turn + n) % 5)) in
			0) rm -f "$file" ;;
			1) letters "$letter" $((20000 + turn * 10)) >"$file.new" && mv "$file.new" "$file" ;;
			2) [ ! -e "$file" ] || head -c 5000 "$file" >>"$file.more" ;;
			3) truncate -s $((turn * 7 % 20000)) "$1/moving/short-$n" ;;
			4) touch "$1/moving/dir/$turn-$n" && rm -f "$1/moving/dir/$((turn - 2))"-* ;;
			esac
		done
	done
}

letters()
{
	head -c "$2" /dev/zero | tr '\0' "$1"
}

for direction in put get; do
	rm -f "$tmp/stop"
	if [ $direction = put ]; then
		source=$tmp/src from=$tmp/src to=$url/put result=$share/put
	else
		source=$share/src from=$url/src to=$tmp/got result=$tmp/got
	fi
	mkdir -p "$source/moving/dir" "$source/still"
	small_files "$source/still" 200
	for n in 1 2 3 4 5 6 7 8; do
		letters z 20000 >"$source/moving/$n"
		letters y 9000 >"$source/moving/short-$n"
	done
	# What the sockets hold of a get can have been read before anything changes.
	random_file "$source/moving/big" $((72 * MIB))
	random_file "$source/still/big" $((8 * MIB))
	disturb "$source" &
	writer=$!
	started="$started $writer"
	start_client --bwlimit 24M --compress none $direction -T --failed0 "$tmp/failed" "$from" "$to"
	wait_for 'some of the tree' progress_reached $((24 * MIB))
	kill -STOP "$client_pid"
	dd if=/dev/urandom of="$source/moving/big" bs="$MIB" seek=40 count=1 conv=notrunc 2>/dev/null
	kill -CONT "$client_pid"
	wait_client 0 4
	: >"$tmp/stop"
	wait "$writer"
	check_json "$tmp/json"
	echo "$direction while the tree changes: $status, $(summary files_failed "$tmp/json") changed or vanished"

	# Each name that failed was said once, and only moving ones failed, with code 4.
	json 'select(.event == "error") | .path' "$tmp/json" | sed 's|^.*/moving/|moving/|' | sort >"$tmp/said"
	check_eq "$(uniq -d "$tmp/said")" '' 'said more than once'
	failed_list "$tmp/failed" | diff "$tmp/said" - || fail 'the list of failed names has others'
	check_eq "$(grep -v '^moving/' "$tmp/said" || :)" '' 'failed though it did not change'
	check_eq "$(json 'select(.event == "error" and .exit != 4) | .name' "$tmp/json")" '' 'errors of another kind'
	[ "$status" -eq 4 ] || [ ! -s "$tmp/said" ] || fail 'code 0 with failures'
	check_same_content "$source/still" "$result/still"
	for file in "$result"/moving/[1-8]; do
		[ ! -e "$file" ] || check_eq "$(tr -s '[:lower:]' <"$file" | wc -c)" 1 "different letters in $file"
	done
	# No mixture of the big one: it is the new one or not there.
	[ ! -e "$result/moving/big" ] || check_same_file "$source/moving/big" "$result/moving/big"

	# At rest: equal.
	expect 0 $direction -T --delete "$from" "$to"
	check_same_tree "$source" "$result"
	check_clean "$result"
done

# All are gone between the look at the directory and the reading: code 4, each said once.
rm -r "$tmp/src" "$share/put"
mkdir -p "$tmp/src/later"
random_file "$tmp/src/big" $((8 * MIB))
small_files "$tmp/src/later" 100
start_client --bwlimit 2M --compress none -j 1 put --failed0 "$tmp/failed" -T "$tmp/src" "$url/gone"
wait_for 'the start of a put' progress_reached "$MIB"
rm "$tmp/src/big"
wait_client 0 4
check_eq "$(failed_list "$tmp/failed" | uniq -d)" '' 'listed more than once'
check_clean
