#!/bin/sh
# T50: a source that changes while it is read is noticed: sent anew or code 4, never a mixture.
# The file is bigger than what the sockets hold, or all of it could be read before the change.
. "$(dirname "$0")/../lib/e2e.sh"
start_server

# change(path, how)
change()
{
	case $2 in
	grow) random_file "$tmp/more" 100000 && cat "$tmp/more" >>"$1" ;;
	shrink) truncate -s $((20 * MIB)) "$1" ;;
	rewrite) dd if=/dev/urandom of="$1" bs=$MIB count=1 conv=notrunc 2>/dev/null ;;
	replace) random_file "$1.new" $size && mv "$1.new" "$1" ;;
	esac
}

# judge(code, result): the new content, or code 4 and nothing there
judge()
{
	case $1 in
	0) check_same_file "$source" "$2" ;;
	4) check_absent "$2" ;;
	*) fail "$direction of a source that changed ($how): exit status $1" ;;
	esac
	echo "$direction, $how: $1"
}

for how in grow shrink rewrite replace; do
	for direction in put get; do
		[ $direction = put ] && size=$((24 * MIB)) || size=$((96 * MIB))
		if [ $direction = put ]; then
			source=$tmp/source-$how result=$share/$how
			random_file "$source" $size
			start_client --retry-for 10s --bwlimit $((size / 2)) put "$source" "$url/$how"
		else
			source=$share/source-$how result=$tmp/got-$how
			random_file "$source" $size
			start_client --retry-for 10s --bwlimit $((size / 2)) get "$url/source-$how" "$result"
		fi
		wait_for "half of a $direction" progress_reached $((size / 2))
		change "$source" $how
		code=0
		wait "$client_pid" || code=$?
		judge $code "$result"
		check_json "$tmp/json"

		# Another run, with the source at rest, ends with the new content.
		case $direction in
		put) expect 0 put "$source" "$url/$how" ;;
		get) expect 0 get "$url/source-$how" "$result" ;;
		esac
		check_same_file "$source" "$result"
	done
done

# A file gone before it could be read.
expect 5 put "$tmp/gone" "$url/gone"
check_clean
