#!/bin/sh
# Where files land, both ways.
# With sanitizers too: every form of a place.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
mkdir "$tmp/from" "$tmp/there"
random_file "$tmp/from/f" 1000
random_file "$tmp/from/g" 2000
f=$tmp/from/f g=$tmp/from/g

# put: into the share's root, under another name, into directories there and not there.
expect 0 put "$f" "$url"
check_same_file "$f" "$share/f"
expect 0 put "$g" "$url/"
check_same_file "$g" "$share/g"
expect 0 put "$f" "$url/other"
check_same_file "$f" "$share/other"
mkdir "$share/directory"
expect 0 put "$f" "$url/directory"
check_same_file "$f" "$share/directory/f"
expect 0 put "$g" "$url/directory/"
check_same_file "$g" "$share/directory/g"
expect 0 put "$f" "$url/made/by/slash/"
check_same_file "$f" "$share/made/by/slash/f"
expect 0 put "$f" "$url/made/parents/name"
check_same_file "$f" "$share/made/parents/name"
expect 0 put "$f" "$g" "$url/several"
check_same_file "$f" "$share/several/f"
check_same_file "$g" "$share/several/g"
# A slash changes nothing, which -v and a terminal say to who may expect something else of it.
mkdir "$tmp/from/d"
slash="becomes DEST/NAME, with or without the slash; with -T it becomes DEST itself"
expect 0 -v put "$tmp/from/d/" "$url/slash"
grep -qF "ftx: put: '$tmp/from/d/' $slash" "$tmp/err" || fail "nothing of the slash in: $(cat "$tmp/err")"
[ -d "$share/slash/d" ] || fail 'the slash changed something'
expect 0 -v get "$url/slash/d/" "$tmp/got"
grep -qF "ftx: get: '$url/slash/d/' $slash" "$tmp/err" || fail "nothing of the slash in: $(cat "$tmp/err")"
[ -d "$tmp/got/d" ] || fail 'the slash changed something'
for words in '-v put -T' '-v put' 'put'; do
	case $words in
	'-v put') source=$tmp/from/d/. ;;
	*) source=$tmp/from/d/ ;;
	esac
	# shellcheck disable=SC2086 # a list of words
	expect 0 $words "$source" "$url/slash"
	! grep -q 'the slash' "$tmp/err" || fail "ftx $words speaks of the slash"
done
expect 0 -v get "$url/" "$tmp/got"
! grep -q 'the slash' "$tmp/err" || fail 'a share has no slash that could matter'
rm -r "$tmp/got" "$tmp/from/d" "$share/slash"
expect 0 put -T "$f" "$url/exact"
check_same_file "$f" "$share/exact"
expect 0 put "$f" "$url//made/./dots"
check_same_file "$f" "$share/made/dots"

# Twice the same command is the same.
expect 0 --json put "$f" "$url/directory"
check_eq "$(summary files_same)" 1 'files found the same'

# A file never replaces a directory, nor the reverse.
expect 1 put -T "$f" "$url/directory"
check_same_file "$f" "$share/directory/f"
code=0
ftx put "$f" "$url/other/below" 2>"$tmp/err" || code=$?
[ $code -ne 0 ] || fail 'a file was taken for a directory'
check_same_file "$f" "$share/other"
mkdir -p "$share/taken/f"
expect 1 put "$f" "$url/taken/"
[ -d "$share/taken/f" ] || fail 'a directory was replaced'

# Two sources of one last name: nothing is sent.
mkdir "$tmp/also"
cp "$g" "$tmp/also/f"
expect 2 put "$f" "$tmp/also/f" "$url/twice"
check_absent "$share/twice"

# get: the same rule here.
cd "$tmp/there"
expect 0 get "$url/f" .
check_same_file "$f" f
expect 0 get "$url/f" name
check_same_file "$f" name
mkdir directory
expect 0 get "$url/f" directory
check_same_file "$f" directory/f
expect 0 get "$url/g" directory/
check_same_file "$g" directory/g
expect 0 get "$url/f" made/by/slash/
check_same_file "$f" made/by/slash/f
expect 0 get "$url/f" "$tmp/there/made/parents/name"
check_same_file "$f" made/parents/name
expect 0 get "$url/f" "$url/g" several
check_same_file "$f" several/f
check_same_file "$g" several/g
expect 0 get -T "$url/f" exact
check_same_file "$f" exact
expect 1 get -T "$url/f" directory
check_same_file "$f" directory/f
mkdir -p taken/f
expect 1 get "$url/f" taken
[ -d taken/f ] || fail 'a directory was replaced'
expect 2 get "$url/f" "$url/several/f" twice
check_absent twice
check_clean
check_clean "$tmp/there"
