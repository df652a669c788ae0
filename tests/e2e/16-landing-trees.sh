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

# name_of(destination): as it is typed below the top
name_of()
{
	case $1 in
	absent) echo /new ;;
	deep) echo /made/above/new ;;
	file) echo /file ;;
	directory) echo /dir ;;
	top) ;;
	esac
}

# lands(source, destination, slash, T): the name below the top that the source gets (of contents
# and of both sources: what they go into), or "fails", or "usage".
lands()
{
	case $1:$2:$3:$4 in
	both:*:-T) echo usage ;;
	# Neither does a directory replace a file, nor is anything below one, nor the reverse.
	directory:file:* | contents:file:* | both:file:* | file:file:/:) echo fails ;;
	file:directory:*:-T | file:top:*:-T) echo fails ;;
	*:-T | contents:* | both:*) name_of "$2" ;;
	directory:*) echo "$(name_of "$2")/d" ;;
	file:directory:* | file:top:* | file:*:/:) echo "$(name_of "$2")/f" ;;
	file:*) name_of "$2" ;;
	esac
}

# arrive(source, name): what the run should do, done by cp
arrive()
{
	case $1 in
	file) mkdir -p "$(dirname "$want$2")" && cp "$from/f" "$want$2" ;;
	directory) mkdir -p "$want$2" && cp -a "$from/d/." "$want$2" ;;
	contents | both) mkdir -p "$want$2" && cp -a "$from/d" "$from/f" "$want$2" ;;
	esac
}

# fresh(top): what is there before each row
fresh()
{
	mkdir -p "$1"
	find "$1" -mindepth 1 -maxdepth 1 ! -name .ftx -exec rm -rf {} +
	mkdir "$1/dir"
	echo kept >"$1/dir/kept"
	echo old >"$1/file"
}

# listing(top, format): all names below it
listing()
{
	find "$1" -mindepth 1 -name .ftx -prune -o -mindepth 1 -printf "$2 %P %l\n" | sort
}

# run(argument...): in $from; $status, and its events in $tmp/out
run()
{
	status=0
	(cd "$from" && ftx --json "$@" >"$tmp/out" 2>"$tmp/err" </dev/null) || status=$?
}

# unchanged(what): $top is as listed in $tmp/before
unchanged()
{
	listing "$top" '%y %i %T@' | diff "$tmp/before" - || fail "$1: this has changed"
}

# once(source, place, argument...): runs the command and holds that all is where it should be
once()
{
	source=$1 place=$2
	shift 2
	fresh "$top"
	fresh "$want"
	listing "$top" '%y %i %T@' >"$tmp/before"
	run "$@"
	case $place:$status in
	fails:1 | fails:3 | usage:2) unchanged "$*" ;;
	fails:* | usage:*) fail "$*: ended with $status ($place)" ;;
	*:0)
		arrive "$source" "$place"
		listing "$want" %y >"$tmp/wanted"
		listing "$top" %y | diff "$tmp/wanted" - || fail "$*: other names than expected"
		diff -r --no-dereference -x .ftx "$want" "$top" || fail "$*: other content"
		;;
	*) fail "$*: ended with $status: $(cat "$tmp/err" "$tmp/out")" ;;
	esac
}

# again(code, argument...): the same sends no file and makes no name
again()
{
	code=$1
	shift
	listing "$top" '%y %i %T@' >"$tmp/before"
	run "$@"
	check_eq "$status" "$code" "exit code of $* again"
	# Without jq, which takes as long as ftx.
	case $(tail -n 1 "$tmp/out") in
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
				row "$@" "$dest$(name_of "$destination")$slash"
			done
		done
	done
}

row()
{
	count=$((count + 1))
	place=$(lands "$kind" "$destination" "$slash" "$exact")
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
fresh "$share"
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
	fresh "$here"
	(cd "$here/dir" && ftx get "$url/f" "$url/d" $destination)
	check_same_file "$from/f" "$here/dir/$destination/f"
	diff -r --no-dereference "$from/d" "$here/dir/$destination/d"
	(cd "$here/dir" && ftx get "$url/f" $destination && ftx get -T "$url/d" $destination)
	check_same_file "$from/d/g" "$here/dir/$destination/g"
done
check_clean "$here"
echo "$count rows"
