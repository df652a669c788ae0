#!/bin/sh
# --delete: removes exactly what the source lacks, and nothing where a guard says so.  T31: never
# through a symbolic link.
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
start_server
mkdir "$tmp/outside"
echo precious >"$tmp/outside/precious"

# The two sides, for either direction: $source and $target are directories here.
sides()
{
	direction=$1
	rm -rf "${share:?}"/* "$tmp/here"
	if [ "$direction" = put ]; then
		source=$tmp/here/tree target=$share/tree from=$tmp/here/tree to=$url/tree
	else
		source=$share/tree target=$tmp/here/tree from=$url/tree to=$tmp/here/tree
	fi
	mkdir -p "$source/d/e" "$tmp/here" "$target/d/e" "$target/gone/deeper"
	for name in a d/b d/e/c; do
		echo "$name" >"$source/$name"
		cp -p "$source/$name" "$target/$name"
	done
	for name in old d/old d/e/old gone/x gone/deeper/y; do
		echo "$name" >"$target/$name"
	done
	echo new >"$source/new"
	ln -s "$tmp/outside" "$target/d/way-out"
	ln -s nowhere "$target/dangling"
}

# nothing_deleted(): all that is surplus is there still, and all else is done
nothing_deleted()
{
	for name in old d/old d/e/old gone/x gone/deeper/y; do
		[ -e "$target/$name" ] || fail "$name was deleted ($direction: $1)"
	done
	[ -L "$target/d/way-out" ] || fail "a link was deleted ($direction: $1)"
	check_eq "$(summary files_deleted)" 0 "files deleted ($direction: $1)"
}

guarded()
{
	expect 15 --json "$direction" -T --delete "$@" "$from" "$to"
	nothing_deleted "$*"
	check_eq "$(summary exit_name)" guard 'name of the exit'
}

for direction in put get; do
	# More than is allowed: nothing of it.
	sides "$direction"
	guarded --max-delete 8
	check_same_file "$source/new" "$target/new"
	guarded --max-delete 0
	expect 0 --json "$direction" -T --delete --max-delete 9 "$from" "$to"
	check_eq "$(summary files_deleted)" 9 'files deleted'
	check_same_tree "$source" "$target"
	check_eq "$(cat "$tmp/outside/precious")" precious 'what a link led to'

	# Everything in one run, and once more.
	sides "$direction"
	expect 0 "$direction" -T --delete "$from" "$to"
	check_same_tree "$source" "$target"
	expect 0 --json "$direction" -T --delete "$from" "$to"
	check_eq "$(summary files_deleted)" 0 'files deleted by a second run'

	# An empty source.
	sides "$direction"
	rm -r "$source" && mkdir "$source"
	guarded
	[ -e "$target/a" ] || fail 'an empty source deleted what was there'
	expect 0 "$direction" -T --delete --delete-empty "$from" "$to"
	check_same_tree "$source" "$target"

	# Something failed: another type is there.
	sides "$direction"
	rm "$target/a" && mkdir "$target/a"
	expect 3 --json "$direction" -T --delete "$from" "$to"
	nothing_deleted 'a file where a directory is'
	check_same_file "$source/new" "$target/new"
	sides "$direction"
	rm -r "$target/d/e" && echo file >"$target/d/e"
	expect 3 --json "$direction" -T --delete "$from" "$to"
	[ -f "$target/d/e" ] || fail 'a file was replaced by a directory'
	check_eq "$(summary files_deleted)" 0 'files deleted'

	# What is excluded stays, and the directories above it.
	sides "$direction"
	echo kept >"$target/gone/deeper/x.keep"
	mkdir "$target/spared" && echo kept >"$target/spared/inside"
	echo other >"$source/d/e/b.keep"
	expect 0 --json "$direction" -T --delete --exclude '*.keep' --exclude '/spared' "$from" "$to"
	[ -e "$target/gone/deeper/x.keep" ] || fail 'an excluded file was deleted'
	[ -e "$target/spared/inside" ] || fail 'an excluded directory was deleted'
	check_absent "$target/gone/x"
	check_absent "$target/gone/deeper/y"
	check_absent "$target/old"
	check_absent "$target/d/e/b.keep"
	# ... and is not counted.
	expect 0 --json "$direction" -T --delete --max-delete 0 --exclude '*.keep' --exclude '/spared' "$from" "$to"
	# Without the rules' protection it goes, even where the source has it.
	cp "$source/d/e/b.keep" "$target/d/e/"
	expect 0 "$direction" -T --delete --delete-excluded --exclude '*.keep' --exclude '/spared' "$from" "$to"
	check_absent "$target/d/e/b.keep"
	check_absent "$target/spared"
	check_absent "$target/gone"
	rm "$source/d/e/b.keep"
	expect 0 "$direction" -T --delete "$from" "$to"
	check_same_tree "$source" "$target"

	# A deep tree, and many files.
	sides "$direction"
	deep=$(awk 'BEGIN { for (i = 0; i < 100; i++) printf "%sdir%d", i ? "/" : "", i }')
	mkdir -p "$target/$deep"
	echo x >"$target/$deep/x"
	small_files "$target/many" 1500 20
	expect 0 "$direction" -T --delete "$from" "$to"
	check_same_tree "$source" "$target"

	# A directory there is a link here, and the reverse: failures, and no way out of the tree.
	sides "$direction"
	rm -r "$target/d" && ln -s "$tmp/outside" "$target/d"
	expect 3 --json "$direction" -T --delete "$from" "$to"
	[ -L "$target/d" ] || fail 'a link was replaced by a directory'
	check_eq "$(ls "$tmp/outside")" precious 'what is outside'

	# A file as source.
	expect 2 "$direction" --delete "$from/a" "$to"
done

# A directory of the source that cannot be read withholds all.
for direction in put get; do
	[ "$(id -u)" -eq 0 ] || break
	sides "$direction"
	mkdir "$source/locked" && chmod 000 "$source/locked"
	mkdir "$target/locked" && echo x >"$target/locked/below"
	if [ "$direction" = put ]; then
		client_as_nobody
		chmod 755 "$tmp/here"
	else
		stop_server
		server_as_nobody
		rm "$tmp/server-key"
		chown -R 65534 "$share"
		chown 0 "$source/locked"
		start_server
		from=$url/tree
	fi
	expect 3 --json "$direction" -T --delete "$from" "$to"
	nothing_deleted 'a directory could not be read'
	[ -e "$target/locked/below" ] || fail 'what is below an unreadable directory was deleted'
	[ "$direction" = get ] || client_as_root
done

# --backup-dir: what was replaced and deleted, with its old content, mode and time.
stop_server
server_env=
rm -rf "$tmp/server-key" "$share/.ftx" # they are of another user
# A daemon of root's acts as the owner of the directory.
[ "$(id -u)" -ne 0 ] || chown 0 "$share"
start_server
sides put
echo older >"$target/a"
touch -d '2020-02-02 02:02:02.25' "$target/a" "$target/gone/x"
chmod 640 "$target/gone/x"
was_a=$(attributes "$target/a") was_x=$(attributes "$target/gone/x")
expect 0 put -T --delete --backup-dir attic "$from" "$to"
check_same_tree "$source" "$target"
check_eq "$(cat "$share/attic/a")" older 'the replaced file'
check_eq "$(attributes "$share/attic/a")" "$was_a" 'attributes of the replaced file'
check_eq "$(attributes "$share/attic/gone/x")" "$was_x" 'attributes of a deleted file'
for name in old d/old d/e/old gone/x gone/deeper/y; do
	check_eq "$(cat "$share/attic/$name")" "$name" 'a deleted file'
done
check_absent "$share/attic/new"
check_absent "$share/attic/d/b"
expect 2 put -T --delete --backup-dir tree/attic "$from" "$to"
expect 2 put -T --delete --backup-dir tree "$from" "$to"
expect 2 get -T --delete --backup-dir attic "$url/tree" "$tmp/got"
check_clean
