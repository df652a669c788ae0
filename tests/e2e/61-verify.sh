#!/bin/sh
# verify finds each kind of difference and nothing else; digest is the same at both ends.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
here=$tmp/here
there=$share/there

# seen(line...): the last verify printed these lines and no others, in any order; @ stands for $here.
seen()
{
	for line; do echo "$line"; done | sed "s|@|$here|" | sort >"$tmp/wanted"
	sort "$tmp/out" >"$tmp/got"
	[ $# -gt 0 ] || : >"$tmp/wanted"
	diff "$tmp/wanted" "$tmp/got" || fail 'verify printed something else'
}

# differs(line...): verify ends with 12 and prints them.
differs()
{
	expect 12 verify "$here" "$url/there"
	seen "$@"
}

# renew: both trees are equal again, metadata too.
renew()
{
	rm -rf "$there"
	expect 0 put -T "$here" "$url/there"
	expect 0 verify --meta "$here" "$url/there"
	seen
	[ ! -s "$tmp/err" ] || fail "text of a run that found nothing: $(cat "$tmp/err")"
}

mkdir -p "$here/d/e" "$here/empty" "$here/a-b"
for i in 1 2 3; do random_file "$here/d/f$i" 5000; done
: >"$here/d/e/nothing"
random_file "$here/a-b/big" $((3 * MIB + 17))
random_file "$here/$(printf 'odd\n name')" 10
ln -s d/f1 "$here/link"
mkfifo "$here/fifo"
chmod 751 "$here/d" && chmod 4640 "$here/d/f1"
touch -d 2001-02-03T04:05:06.789 "$here/d/e"
renew

# What only one end has; a directory stands for what is in it.
mkdir "$here/mine" && touch "$here/mine/x" "$here/d/mine"
mkdir -p "$there/d/yours/deep" && touch "$there/d/yours/deep/y" "$there/z"
differs '@/mine: only here' '@/d/mine: only here' '@/d/yours: only there' '@/z: only there'
rm -r "$here/mine" "$here/d/mine"
renew

# A type, a size, a target.
rm "$there/d/f1" && mkdir "$there/d/f1" && touch "$there/d/f1/x"
rm -r "$there/empty" && ln -s nowhere "$there/empty"
printf x >>"$there/d/f2"
ln -sfn d/f2 "$there/link"
printf x >"$there/fifo"
differs '@/d/f1: type differs' '@/empty: type differs' '@/d/f2: size differs' \
	'@/link: target differs' '@/fifo: type differs'
renew

# Content alone: one bit of a published file, its size and time as before (T48).
touch -r "$there/a-b/big" "$tmp/time"
byte=$(od -An -tu1 -j2097152 -N1 "$there/a-b/big" | tr -d ' ')
# shellcheck disable=SC2059 # the format is the byte
printf "\\$(printf '%o' $((byte ^ 4)))" | dd of="$there/a-b/big" bs=1 seek=2097152 conv=notrunc status=none
touch -r "$tmp/time" "$there/a-b/big"
differs '@/a-b/big: content differs'
expect 0 --json put -T "$here" "$url/there"
check_eq "$(summary files_done)" 0 'what put sees of it'
expect 12 verify "$here/a-b/big" "$url/there/a-b/big"
expect 0 verify "$here/d/f1" "$url/there/d/f1"
seen
rm -rf "$there"
renew

# Mode and time only with --meta.
chmod 600 "$here/d/f3" && touch -d 2001-01-01 "$here/d/f2" "$here/empty"
touch -h -d 2001-01-01 "$here/link"
expect 0 verify "$here" "$url/there"
expect 12 verify --meta "$here" "$url/there"
seen '@/d/f3: mode differs' '@/d/f2: mtime differs' '@/empty: mtime differs' '@/link: mtime differs'
renew

# The two named things are compared, directories and files, whatever they are called.
expect 12 verify "$here" "$url/there/d"
expect 12 verify "$here/d" "$url/there/link"
seen '@/d: type differs'
expect 12 verify "$here/d/f1" "$url/there"
seen '@/d/f1: type differs'
ln -s here "$tmp/to-here"
expect 0 verify "$tmp/to-here/" "$url/there"
expect 5 verify "$here" "$url/nothing"
expect 5 verify "$tmp/nothing" "$url/there"
expect 5 verify "$here/d/f1" "$url/there/link/x"
expect 2 verify "$here"
expect 2 verify "$here" "$there"

# What is excluded is looked at on neither side.
mkdir "$there/cache" && touch "$there/cache/x" "$there/d/e/y.tmp" "$here/x.tmp"
expect 12 verify "$here" "$url/there"
expect 0 verify --exclude cache/ --exclude '*.tmp' "$here" "$url/there"
expect 12 verify --include /x.tmp --exclude '*.tmp' --exclude cache "$here" "$url/there"
seen '@/x.tmp: only here'
rm "$here/x.tmp"
renew

# More files than one request asks for.
mkdir "$here/many"
(cd "$here/many" && for i in $(seq 1500); do echo "$i" >"$i"; done)
renew
echo 1400 >"$there/many/14000"
printf 'xxxx\n' >"$there/many/1399"
printf 'x\n' >"$there/many/7"
differs '@/many/14000: only there' '@/many/1399: content differs' '@/many/7: content differs'
rm -r "$here/many"
renew

# Events.
rm "$there/link"
expect 12 --json verify "$here" "$url/there"
check_json
check_eq "$(json 'select(.event == "difference") | .difference + " " + .type + " " + .path')" \
	"only_here symlink $here/link" 'the difference'
check_eq "$(json 'select(.event == "difference") | .dest')" "$url/there/link" 'its other name'
check_eq "$(summary differences) $(summary exit_name) $(summary files_failed)" '1 different 0' 'the summary'
check_ge "$(summary files_same)" 5 'equal files'
renew

# interrupted(event, argument...): it is sent INT after the event, and ends with its summary.
interrupted()
{
	event=$1
	shift
	start_client "$@"
	wait_for "a $event event" grep -q "\"$event\"" "$tmp/json"
	kill -INT "$client_pid"
	wait_client 130
	check_json "$tmp/json"
	check_eq "$(summary exit_name "$tmp/json")" signal "how $1 ended"
}
truncate -s 2T "$here/d/huge" "$there/d/huge"
interrupted progress verify "$here" "$url/there"
interrupted progress digest "$here/d/huge"
interrupted start digest "$url/there/d/huge"
rm "$here/d/huge" "$there/d/huge"

# Nobody reads what it finds.
touch "$here/new"
mkfifo "$tmp/pipe"
exec 7<>"$tmp/pipe"
exec 8>"$tmp/pipe" 7>&-
status=0
env --default-signal=PIPE "$ftx_program" -i "$tmp/id" verify "$here" "$url/there" >&8 2>"$tmp/err" || status=$?
exec 8>&-
check_eq "$status" 141 'exit code without a reader'
check_eq "$(cat "$tmp/err")" '' 'what is said to nobody'
rm "$here/new"

# Who may not read something is told so, whatever else is found.
if [ "$(id -u)" -eq 0 ]; then
	chmod 711 "$tmp"
	chmod 755 "$here/d" "$here/d/f1" "$here/d/f3"
	chmod 600 "$here/d/f2" && chmod 700 "$here/a-b"
	touch "$here/new"
	cp "$tmp/id" "$tmp/id2" && chown 65534 "$tmp/id2"
	status=0
	setpriv --reuid 65534 --clear-groups "$ftx_program" -i "$tmp/id2" verify "$here" "$url/there" \
		>"$tmp/out" 2>"$tmp/err" || status=$?
	check_eq "$status" 3 'exit code with unreadable files'
	seen '@/new: only here'
	check_eq "$(wc -l <"$tmp/err")" 2 'errors'
	grep -q "'$here/d/f2': permission denied" "$tmp/err" || fail 'the file is not named'
	grep -q "'$here/a-b': permission denied" "$tmp/err" || fail 'the directory is not named'
	status=0
	setpriv --reuid 65534 --clear-groups "$ftx_program" -i "$tmp/id2" verify "$here/d/f2" \
		"$url/there/d/f2" 2>"$tmp/err" || status=$?
	check_eq "$status" 3 'exit code of one unreadable file'
	chmod 600 "$tmp/id"
fi

# digest: the same text at both ends and in the event of put.
mkdir "$tmp/sizes"
sizes='0 1 1048575 1048576 1048577 2097152'
for size in $sizes; do random_file "$tmp/sizes/f$size" "$size"; done
expect 0 --json put -T "$tmp/sizes" "$url/sizes"
cp "$tmp/out" "$tmp/put"
for size in $sizes; do
	put=$(json "select(.event == \"file\" and .path == \"$tmp/sizes/f$size\") | .digest" "$tmp/put")
	expect 0 digest "$tmp/sizes/f$size" "$url/sizes/f$size"
	check_eq "$(cat "$tmp/out")" "$put  $tmp/sizes/f$size
$put  $url/sizes/f$size" "digests of $size bytes"
done
expect 0 --json digest "$url/sizes/f1"
check_json
check_eq "$(json 'select(.event == "file") | .digest + .status')" "$(ftx digest "$tmp/sizes/f1" | cut -c 1-37)done" \
	'the event of digest'

# Local files need no server and no key; names are written as sha256sum does.
odd=$(printf 'a\\b\nc\rd')
cp "$tmp/sizes/f1" "$tmp/$odd" && cp "$tmp/sizes/f1" "$tmp/a:b"
(cd "$tmp" && "$ftx_program" -i "$tmp/none" digest "./a:b" "$odd" sizes/f1 >"$tmp/out")
hex=$(ftx digest "$tmp/sizes/f1" | cut -c 1-37)
check_eq "$(cat "$tmp/out")" "$hex  ./a:b
\\$hex  a\\\\b\\nc\\rd
$hex  sizes/f1" 'digests of odd names'

# Directories have none, and what is missing has none.
expect 1 digest "$here"
grep -q 'is a directory (digests are of files' "$tmp/err" || fail 'no hint for a directory'
expect 1 digest "$url/there"
grep -q 'is a directory (digests are of files' "$tmp/err" || fail 'no hint for a remote directory'
expect 5 digest "$tmp/nothing"
expect 5 digest "$url/nothing"
expect 3 digest "$tmp/nothing" "$url/sizes/f1"
check_eq "$(wc -l <"$tmp/out")" 1 'digests in spite of an error'

# Many at once, more than the window has room for.
set --
for i in $(seq 100); do set -- "$@" "$url/sizes/f1" "$tmp/sizes/f0"; done
expect 0 digest "$@"
check_eq "$(sort -u "$tmp/out" | wc -l)" 2 'different lines'
check_eq "$(grep -c "^$hex " "$tmp/out")" 100 'lines of the remote file'
