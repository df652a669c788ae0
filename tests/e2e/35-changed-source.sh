#!/bin/sh
# T50: a source that changes while it is read is noticed: sent anew or code 4, never a mixture.
# The file of a get is bigger than what the sockets hold, or all could be read before the change.
. "$(dirname "$0")/../lib/e2e.sh"
start_server

# change(path, how)
change()
{
	case $2 in
	grow) random_file "$tmp/more" 100000 && cat "$tmp/more" >>"$1" ;;
	shrink) truncate -s $((20 * MIB)) "$1" ;;
	rewrite) dd if=/dev/urandom of="$1" bs="$MIB" count=1 conv=notrunc 2>/dev/null ;;
	replace) mv "$tmp/other" "$1" ;;
	esac
}

# judge(code, result): the new content, or code 4 and nothing there.  A get may have had the old
# file open when another took its name: then it is the old content.
judge()
{
	case $1 in
	0)
		[ "$direction $how" != 'get replace' ] || ! cmp -s "$tmp/old" "$2" || return 0
		check_same_file "$source" "$2"
		;;
	4) check_absent "$2" ;;
	*) fail "$direction of a source that changed ($how): exit status $1" ;;
	esac
	echo "$direction, $how: $1"
}

for how in grow shrink rewrite replace; do
	for direction in put get; do
		if [ $direction = put ]; then
			size=$((24 * MIB)) source=$tmp/source-$how result=$share/$how
		else
			size=$((96 * MIB)) source=$share/source-$how result=$tmp/got-$how
		fi
		random_file "$source" "$size"
		random_file "$tmp/other" "$size"
		cp "$source" "$tmp/old"
		case $direction in
		put) start_client --bwlimit $((size / 3)) put "$source" "$url/$how" ;;
		get) start_client --bwlimit $((size / 3)) get "$url/source-$how" "$result" ;;
		esac
		wait_for "a quarter of a $direction" progress_reached $((size / 4))
		kill -STOP "$client_pid"
		change "$source" $how
		kill -CONT "$client_pid"
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
