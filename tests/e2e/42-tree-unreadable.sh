#!/bin/sh
# T36: what cannot be read or written in a tree fails by itself: all else arrives, each failure is
# said once, and --failed0 is the list for the run that brings the rest.
# With sanitizers too: what fails amid a tree.
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
need_root
list=$tmp/failed

make_tree()
{
	mkdir -p "$1/open/deep" "$1/closed/inner"
	for name in a open/b open/deep/c closed/d closed/inner/e secret 'two words' -dash; do
		printf '%s\n' "$name" >"$1/$name"
	done
	random_file "$1/open/big" $((3 * MIB + 5))
	random_file "$1/open/big-secret" $((3 * MIB + 5))
	ln -s nowhere "$1/open/link"
}

# expect_failures(code, direction, from, to, path...): exactly those paths fail, each said once
expect_failures()
{
	wanted=$1 direction=$2 from=$3 to=$4
	shift 4
	printf '%s\n' "$@" | sort >"$tmp/wanted"
	expect "$wanted" --json "$direction" -T --failed0 "$list" "$from" "$to"
	failed_list "$list" | diff "$tmp/wanted" - || fail "--failed0 of a $direction has other names"
	failed_paths | sed -E 's,^.*/(src|got)/,,' | diff "$tmp/wanted" - || fail "a $direction reports other paths"
	check_eq "$(summary files_failed)" $# 'files failed'
	check_json
	# The same said to people: a line each.
	expect "$wanted" "$direction" -T "$from" "$to"
	for path in "$@"; do
		check_eq "$(grep -cF "/$path'" "$tmp/err")" 1 "lines about $path"
	done
}

# The client may not read them.
share=$tmp/share1
client_as_nobody
start_server
mkdir "$tmp/out.d" && chown 65534 "$tmp/out.d"
list=$tmp/out.d/failed
make_tree "$tmp/src"
chmod 000 "$tmp/src/secret" "$tmp/src/open/big-secret" "$tmp/src/closed"
expect_failures 3 put "$tmp/src" "$url/src" secret open/big-secret closed
for name in a open/b open/deep/c 'two words' -dash open/big; do
	check_same_file "$tmp/src/$name" "$share/src/$name"
done
check_eq "$(readlink "$share/src/open/link")" nowhere 'a link'
check_absent "$share/src/secret"
check_absent "$share/src/closed/d"

# Some of it can be read now: the list of one run is what the next one brings.
chmod 644 "$tmp/src/open/big-secret"
chmod 755 "$tmp/src/closed"
echo changed >"$tmp/src/a"
cp "$list" "$tmp/out.d/again"
expect 3 --json put -T --files-from "$tmp/out.d/again" -0 --failed0 "$list" "$tmp/src" "$url/src"
check_eq "$(failed_list "$list")" secret 'what failed still'
check_eq "$(cat "$share/src/a")" a 'a file that is not on the list'
check_same_file "$tmp/src/closed/inner/e" "$share/src/closed/inner/e"
chmod 644 "$tmp/src/secret"
cp "$list" "$tmp/out.d/again"
expect 0 put -T --files-from "$tmp/out.d/again" -0 --failed0 "$list" "$tmp/src" "$url/src"
check_eq "$(wc -c <"$list")" 0 'bytes of an empty list'
expect 0 put -T "$tmp/src" "$url/src"
check_same_tree "$tmp/src" "$share/src"

# The client may not write them.
mkdir "$tmp/out.d/got" "$tmp/out.d/got/closed"
chmod 755 "$tmp/out.d/got/closed"
chown 65534 "$tmp/out.d/got"
expect_failures 3 get "$url/src" "$tmp/out.d/got" closed closed/d closed/inner closed/inner/e
check_same_file "$tmp/src/open/big" "$tmp/out.d/got/open/big"
chown 65534 "$tmp/out.d/got/closed"
cp "$list" "$tmp/out.d/again"
expect 0 get -T --files-from "$tmp/out.d/again" -0 --failed0 "$list" "$url/src" "$tmp/out.d/got"
expect 0 get -T "$url/src" "$tmp/out.d/got"
check_same_tree "$tmp/src" "$tmp/out.d/got"
check_clean
check_clean "$tmp/out.d"
stop_server
client_as_root
rm -r "$tmp/src" "$tmp/server-key"

# The server may not read them.
share=$tmp/share2
server_as_nobody
start_server
make_tree "$share/src"
chmod 000 "$share/src/secret" "$share/src/open/big-secret" "$share/src/closed"
expect_failures 3 get "$url/src" "$tmp/got" secret open/big-secret closed
for name in a open/b open/deep/c 'two words' -dash open/big; do
	check_same_file "$share/src/$name" "$tmp/got/$name"
done
# What is excluded is no failure.
expect 0 get -T --exclude '*secret' --exclude /closed --delete "$url/src" "$tmp/got"
chmod 644 "$share/src/secret" "$share/src/open/big-secret"
chmod 755 "$share/src/closed"
cp "$list" "$tmp/again"
expect 0 --json get -T --files-from "$tmp/again" -0 --failed0 "$list" "$url/src" "$tmp/got"
check_eq "$(wc -c <"$list")" 0 'bytes of an empty list'
expect 0 get -T "$url/src" "$tmp/got"
check_same_tree "$share/src" "$tmp/got"

# The server may not write them: a directory of somebody else's amid the tree.
rm -r "$share/src"
mkdir -p "$share/src/closed"
chown 65534 "$share/src"
expect_failures 3 put "$tmp/got" "$url/src" closed closed/d closed/inner closed/inner/e
check_same_file "$tmp/got/open/big" "$share/src/open/big"
chown 65534 "$share/src/closed"
cp "$list" "$tmp/again"
expect 0 put -T --files-from "$tmp/again" -0 --failed0 "$list" "$tmp/got" "$url/src"
expect 0 put -T "$tmp/got" "$url/src"
check_same_content "$tmp/got" "$share/src"
check_clean
check_clean "$tmp/got"
