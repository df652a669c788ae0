#!/bin/sh
# A tree with everything odd in it, put to a daemon without rights and brought back by root, is the
# same by an independent tool; changed, put and got again, too.  SEED: another tree.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/tree.sh"
need_root
: "${SEED:=$(date +%s)}"
echo "SEED=$SEED"
odd=$build/tests/oddtree
tree=$tmp/tree back=$tmp/back
server_as_nobody
start_server
mkdir "$tree" "$back"
"$odd" make "$SEED" "$tree" || skip 'this file system keeps no attributes or no ACLs'

# whole(directory): every entry with type, mode, owner, links, size, time and target, and all its
# attributes and ACLs, in an order
whole()
{
	(cd "$1" && find . -mindepth 1 -printf '%p\t%y %m %U:%G %s %T@ %n %l\0' |
		sed -z 's/\(\td [^ ]* [^ ]*\) [0-9]*/\1/' | sort -z &&
		find . -mindepth 1 ! -type l -print0 | sort -z | xargs -0 getfattr -d -e hex -m - --) |
		tr '\0' '\n'
}

# hard_links(directory): the names of each file that has several, a file a line
hard_links()
{
	find "$1" -type f -links +1 -printf '%i\t%P\0' | sort -z | awk -v RS='\0' -F '\t' '
		{ names[$1] = names[$1] "\t" $2 }
		END { for (i in names) print names[i] }' | sort
}

# same(a, b): in everything
same()
{
	if command -v rsync >/dev/null; then
		for direction in "$1/ $2/" "$2/ $1/"; do
			# shellcheck disable=SC2086 # two words
			rsync -aHAXni --checksum --delete --numeric-ids $direction >"$tmp/rsync" 2>&1 ||
				fail "rsync: $(tail -n 5 "$tmp/rsync")"
			[ ! -s "$tmp/rsync" ] || fail "rsync would: $(head -n 20 "$tmp/rsync")"
		done
	fi
	diff -r --no-dereference "$1" "$2" || fail 'the content differs'
	whole "$1" >"$tmp/whole.a"
	whole "$2" >"$tmp/whole.b"
	diff -a "$tmp/whole.a" "$tmp/whole.b" | cat -v | head -n 20 >"$tmp/whole.diff"
	[ ! -s "$tmp/whole.diff" ] || fail "the listings differ: $(cat "$tmp/whole.diff")"
	hard_links "$1" >"$tmp/links.a"
	hard_links "$2" >"$tmp/links.b"
	cmp "$tmp/links.a" "$tmp/links.b" || fail 'other names are one file'
	# Of each sparse file no more than it needs, but for what is around its data.
	for file in all begin end islands tail; do
		[ ! -f "$1/sparse/$file" ] || [ ! -f "$2/sparse/$file" ] ||
			check_le "$(stat -c %b "$2/sparse/$file")" \
				$(($(stat -c %b "$1/sparse/$file") + 256)) "blocks of $file"
	done
}

# there_and_back(option...)
there_and_back()
{
	expect 0 --json put -HXA "$@" -T "$tree" "$url/copy"
	check_json
	check_eq "$(summary files_failed)" 0 'files that failed'
	expect 0 --json get -HXA "$@" -T "$url/copy" "$back"
	check_json
	same "$tree" "$back"
	# Nothing is left to do, either way.
	for way in "put -HXA -T $tree $url/copy" "get -HXA -T $url/copy $back"; do
		# shellcheck disable=SC2086 # words
		expect 0 --json $way
		for field in files_done files_failed bytes_wire; do
			check_eq "$(summary $field)" 0 "$field of $way again"
		done
	done
	same "$tree" "$back"
	check_clean
	check_clean "$back"
}

there_and_back
# What is on the server belongs to the daemon, and none of it is setuid.
[ -z "$(find "$share" ! -user 65534 -o ! -group 65534 -o -perm /7000)" ] || fail 'more than the daemon may'

"$odd" change "$SEED" "$tree"
there_and_back --delete
# By hand: big files change a little, whole directories go or move.
rm -rf "$tree/level/2/3/4" "$tree/bytes"
mkdir "$tree/bytes"
find "$tree/sizes" -type f -size +1000k -exec dd if="$ftx_program" of={} bs=1 count=9 seek=1000000 conv=notrunc \; \
	2>/dev/null
mv "$tree/links" "$tree/moved"
"$odd" change $((SEED + 1)) "$tree"
there_and_back --delete -j 3
