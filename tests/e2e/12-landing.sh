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
