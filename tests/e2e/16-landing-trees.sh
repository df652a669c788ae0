#!/bin/sh
# Not with sanitizers: it starts hundreds of programs, and each starts slowly with them.
# Where files and trees land: every source, every destination, both ways, each command twice.
. "$(dirname "$0")/../lib/e2e.sh"
from=$tmp/from want=$tmp/want here=$tmp/here
mkdir -p "$from/d/sub/deeper" "$from/d/empty"
random_file "$from/f" 3000
random_file "$from/d/g" 2000
random_file "$from/d/sub/h" 300
: >"$from/d/sub/deeper/nothing"
ln -s sub/h "$from/d/link"

# So many rows: what is done in each starts few programs, and functions set variables.
cd "$from"

# name_of(destination): $name, as it is typed below the top
name_of()
{
	case $1 in
	absent) name=/new ;;
	deep) name=/made/above/new ;;
	file) name=/file ;;
	directory) name=/dir ;;
	top) name= ;;
	esac
}

# lands(source, destination, slash, T): $place, the name below the top that the source gets (of
# contents and of both sources: what they go into), or "fails", or "usage".
lands()
{
	name_of "$2"
	case $1:$2:$3:$4 in
	both:*:-T) place=usage ;;
	# Neither does a directory replace a file, nor is anything below one, nor the reverse.
	directory:file:* | contents:file:* | both:file:* | file:file:/:) place=fails ;;
	file:directory:*:-T | file:top:*:-T) place=fails ;;
	*:-T | contents:* | both:*) place=$name ;;
	directory:*) place=$name/d ;;
	file:directory:* | file:top:* | file:*:/:) place=$name/f ;;
	file:*) place=$name ;;
	esac
}

# arrive(source, name): what the run should do, done by cp
arrive()
{
	case $1 in
	file) parent=$want$2 && mkdir -p "${parent%/*}" && cp "$from/f" "$want$2" ;;
	directory) mkdir -p "$want$2" && cp -a "$from/d/." "$want$2" ;;
	contents | both) mkdir -p "$want$2" && cp -a "$from/d" "$from/f" "$want$2" ;;
	esac
}

# What is there before each row, and in $want, besides .ftx.
fresh()
{
	rm -rf "${top:?}"/* "${want:?}"/*
	mkdir -p "$top/dir" "$want/dir"
	for directory in "$top" "$want"; do
		echo kept >"$directory/dir/kept"
		echo old >"$directory/file"
	done
}

# listing: all names below $top but .ftx, with inode, type, time and target, in an order
listing()
{
	ls -AnRi --full-time --ignore=.ftx "$top"
}

# run(argument...): in $from; $status, and its events in $tmp/out
run()
{
	status=0
	ftx --json "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

# unchanged(what): $top is as listed in $tmp/before
unchanged()
{
	listing >"$tmp/after"
	cmp -s "$tmp/before" "$tmp/after" || {
		diff "$tmp/before" "$tmp/after" || :
		fail "$1: this has changed"
	}
}

# once(source, place, argument...): runs the command and holds that all is where it should be
once()
{
	source=$1 place=$2
	shift 2
	fresh
	listing >"$tmp/before"
	run "$@"
	case $place:$status in
	fails:1 | fails:3 | usage:2) unchanged "$*" ;;
	fails:* | usage:*) fail "$*: ended with $status ($place)" ;;
	*:0)
		arrive "$source" "$place"
		diff -r --no-dereference -x .ftx "$want" "$top" || fail "$*: not what was expected"
		;;
	*) fail "$*: ended with $status: $(cat "$tmp/err" "$tmp/out")" ;;
	esac
}

# again(code, argument...): the same sends no file and makes no name
again()
{
	code=$1
	shift
	listing >"$tmp/before"
	run "$@"
	check_eq "$status" "$code" "exit code of $* again"
	# The last line.  Without jq, which takes as long as ftx.
	while read -r line; do last=$line; done <"$tmp/out"
	case $last in
	*'"event":"summary"'*'"files_done":0,'*'"bytes_wire":0,'*) ;;
	*) fail "$* again: moved something: $(cat "$tmp/out")" ;;
	esac
	unchanged "$* again"
}

# rows(destinations, verb, source, argument...): the command with each destination below $top, typed
# as $dest/...
rows()
{
	destinations=$1 verb=$2 kind=$3
	shift 3
	for destination in $destinations; do
		for slash in '' /; do
			for exact in '' -T; do
				lands "$kind" "$destination" "$slash" "$exact"
				row "$@" "$dest$name$slash"
			done
		done
	done
}

row()
{
	count=$((count + 1))
	once "$kind" "$place" "$verb" ${exact:+"$exact"} "$@"
	[ "$place" = usage ] || again "$status" "$verb" ${exact:+"$exact"} "$@"
}

all='absent deep file directory top'
count=0
start_server
top=$share dest=$url
rows "$all" put file f
rows "$all" put directory d
rows "absent directory" put directory d/
rows "$all" put contents .
rows "$all" put both d f
# The other sources without a last name.
fresh
mkdir "$from/d/sub/here"
(cd "$from/d/sub/here" && ftx put .. "$url/up")
diff -r --no-dereference "$from/d/sub" "$share/up"
rmdir "$from/d/sub/here"
check_clean
stop_server

share=$from
start_server
top=$here dest=$here
rows "$all" get file "$url/f"
rows "$all" get directory "$url/d"
rows "absent directory" get directory "$url/d/"
rows "$all" get contents "$url"
rows "absent directory" get contents "$url/"
rows "$all" get both "$url/d" "$url/f"
# Where one stands, and above.
for destination in . ./ ..; do
	fresh
	(cd "$here/dir" && ftx get "$url/f" "$url/d" $destination)
	check_same_file "$from/f" "$here/dir/$destination/f"
	diff -r --no-dereference "$from/d" "$here/dir/$destination/d"
	(cd "$here/dir" && ftx get "$url/f" $destination && ftx get -T "$url/d" $destination)
	check_same_file "$from/d/g" "$here/dir/$destination/g"
done
check_clean "$here"
echo "$count rows"
