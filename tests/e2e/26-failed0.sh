#!/bin/sh
# --failed0 lists what failed in the form that --files-from -0 takes.
# With sanitizers alone: the list of names is the client's own.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
[ "$(id -u)" -eq 0 ] || skip 'needs root, to be somebody else'
chmod 755 "$tmp"
mkdir "$tmp/other" "$tmp/src" "$tmp/src/sub"
cp "$tmp/id" "$tmp/other/id"
odd=$(printf 'odd\nname \377')
for name in a sub/b "sub/$odd" c; do
	random_file "$tmp/src/$name" 1000
done
chmod 000 "$tmp/src/sub/b" "$tmp/src/sub/$odd"
chown -R 65534:65534 "$tmp/other"

# as_other(code, ftx argument...)
as_other()
{
	wanted=$1
	shift
	status=0
	HOME=/ setpriv --reuid 65534 --regid 65534 --clear-groups "$ftx_program" -i "$tmp/other/id" "$@" \
		>"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	check_eq "$status" "$wanted" "exit status of ftx $*"
}
list=$tmp/other/failed

as_other 3 --json put --failed0 "$list" "$tmp/src" "$url/"
check_json
check_eq "$(summary failed0)" "$list" 'the list in the summary'
check_eq "$(tr '\0\n' '\n_' <"$list" | LC_ALL=C sort)" "$(printf 'sub/b\nsub/odd_name \377')" 'what failed'
check_same_file "$tmp/src/a" "$share/src/a"
chmod 644 "$tmp/src/sub/b" "$tmp/src/sub/$odd"
rm "$share/src/a"
as_other 0 put --files-from "$list" -0 --failed0 "$list.2" "$tmp/src" "$url/"
check_same_file "$tmp/src/sub/$odd" "$share/src/sub/$odd"
check_same_file "$tmp/src/sub/b" "$share/src/sub/b"
check_absent "$share/src/a"
[ -e "$list.2" ] || fail 'no list where nothing failed'
check_eq "$(wc -c <"$list.2")" 0 'length of a list of nothing'

# Several sources, and files: relative to where they lie.
chmod 000 "$tmp/src/c" "$tmp/src/sub/b"
as_other 3 put --failed0 "$list" "$tmp/src/sub/" "$tmp/src/c" "$tmp/src/a" "$url/several"
check_eq "$(tr '\0' '\n' <"$list" | sort | tr '\n' ' ')" 'c sub/b ' 'what failed'
chmod 644 "$tmp/src/c" "$tmp/src/sub/b"
as_other 0 put -T --files-from "$list" -0 "$tmp/src" "$url/several"
check_same_file "$tmp/src/c" "$share/several/c"
check_same_file "$tmp/src/sub/b" "$share/several/sub/b"
as_other 5 put --failed0 "$list" "$tmp/missing" "$url/"
check_eq "$(tr '\0' '\n' <"$list")" missing 'what failed'

# A directory that has no place itself is the list's own source.
as_other 3 put -T --failed0 "$list" "$tmp/src/sub" "$url/src/c"
check_eq "$(tr '\0' '\n' <"$list" | sort | head -n 1)" . 'what failed'

# A list that cannot be written is said before anything is contacted.
as_other 14 put --failed0 "$tmp/src/no/such/place" "$tmp/src" "$url/"
if [ -w /dev/full ]; then
	chmod 000 "$tmp/src/c"
	as_other 3 put --failed0 /dev/full "$tmp/src" "$url/full"
	grep -q 'list of failed' "$tmp/err" || fail "nothing about the list: $(cat "$tmp/err")"
fi
check_clean
