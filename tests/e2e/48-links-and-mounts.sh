#!/bin/sh
# T31, T33, T34: no transfer leaves the share by a symbolic link, follows one on the server, enters
# another file system there, or takes more than files, directories and links.  T51: two writers.
if [ -z "${FTX_TEST_NAMESPACE-}" ] && unshare -m true 2>/dev/null; then
	FTX_TEST_NAMESPACE=1 exec unshare -m --propagation private sh "$0"
fi
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
start_server
mkdir "$tmp/outside" "$tmp/src" "$tmp/src/d"
echo secret >"$tmp/outside/secret"
echo a >"$tmp/src/a"
echo b >"$tmp/src/d/b"
outside_was=$(snapshot "$tmp/outside")

outside_same()
{
	check_eq "$(snapshot "$tmp/outside")" "$outside_was" "what is outside after $1"
	check_eq "$(cat "$tmp/outside/secret")" secret "a file outside after $1"
}

# T31: links in the share, of all kinds.
mkdir "$share/inside"
ln -s "$tmp/outside" "$share/absolute"
ln -s ../outside "$share/relative"
ln -s loop-b "$share/loop-a" && ln -s loop-a "$share/loop-b"
ln -s "/proc/self/root$tmp/outside" "$share/magic"
ln -s "/proc/self/cwd" "$share/cwd"
ln -s inside "$share/within"
for link in absolute relative loop-a magic cwd within; do
	# As parent.
	expect 5 get "$url/$link/secret" "$tmp/got"
	check_absent "$tmp/got"
	expect 3 put "$tmp/src" "$url/$link"
	expect 3 put -T --delete "$tmp/src" "$url/$link"
	expect 3 put -T "$tmp/src" "$url/$link/below"
	expect 5 put "$tmp/src/a" "$url/$link/secret"
	expect 5 put -T "$tmp/src/a" "$url/$link"
	grep -q "'$link' is a link to" "$tmp/err" || fail "put onto a link does not say so: $(cat "$tmp/err")"
	# As leaf: said to be one.
	expect 5 get "$url/$link" "$tmp/got"
	grep -q 'is a link to' "$tmp/err" || fail "get of a link does not say so: $(cat "$tmp/err")"
	check_absent "$tmp/got"
	outside_same "$link"
	[ -L "$share/$link" ] || fail "the link $link was replaced"
done
check_eq "$(ls "$share/inside")" '' 'what was put through a link within the share'

# A tree that holds them brings the links themselves, and nothing behind them; so does --delete.
expect 0 get -T "$url/" "$tmp/copy"
for link in absolute relative loop-a magic cwd within; do
	check_eq "$(readlink "$tmp/copy/$link")" "$(readlink "$share/$link")" "the link $link"
done
mkdir "$tmp/plain" && echo x >"$tmp/plain/x"
expect 0 put -T --delete "$tmp/plain" "$url/"
check_same_tree "$tmp/plain" "$share"
expect 0 put -T "$tmp/plain" "$url/plain"
expect 0 get -T --delete "$url/plain" "$tmp/copy"
check_same_tree "$tmp/plain" "$tmp/copy"
outside_same 'deleting links to it'

# Here: a link is put as one, and a named one is followed.
ln -s "$tmp/outside" "$tmp/src/way-out"
ln -s loop "$tmp/src/loop"
expect 0 put -T --delete "$tmp/src" "$url/"
check_same_tree "$tmp/src" "$share"
ln -s src "$tmp/named"
expect 0 put -T "$tmp/named" "$url/named"
check_same_tree "$tmp/src" "$share/named"
# A get writes through no link below its destination.
mkdir "$tmp/into" && ln -s "$tmp/outside" "$tmp/into/d"
rm "$share/way-out" "$share/loop"
expect 3 get -T --exclude /named "$url/" "$tmp/into"
outside_same 'a get over a link'
check_same_file "$tmp/src/a" "$tmp/into/a"

# A file takes the place of a link and the reverse, small or big, so that copies become equal; what
# the links lead to stays, and so do both where a client may not overwrite.
mkdir "$tmp/turns"
echo 1 >"$tmp/turns/small"
head -c 5000000 /dev/zero | tr '\0' z >"$tmp/turns/big"
ln -s "$tmp/outside/secret" "$tmp/turns/link"
ln -s "$tmp/outside/secret" "$tmp/turns/big-link"
expect 0 put -T "$tmp/turns" "$url/turns"
mv "$tmp/turns/small" "$tmp/turns/hold" && mv "$tmp/turns/link" "$tmp/turns/small" && mv "$tmp/turns/hold" "$tmp/turns/link"
mv "$tmp/turns/big" "$tmp/turns/hold" && mv "$tmp/turns/big-link" "$tmp/turns/big" && mv "$tmp/turns/hold" "$tmp/turns/big-link"
expect 0 get -T "$url/turns" "$tmp/turned"
expect 0 put -T "$tmp/turns" "$url/turns"
check_same_tree "$tmp/turns" "$share/turns"
expect 0 get -T "$url/turns" "$tmp/turned"
check_same_tree "$tmp/turns" "$tmp/turned"
expect 5 get "$url/a" "$tmp/turned/small"
grep -q "'small' is a link to" "$tmp/err" || fail "get onto a link does not say so: $(cat "$tmp/err")"
outside_same 'files in the place of links'

# T33: what is no file, directory or link is skipped and counted; modes that are dangerous do not arrive.
rm -rf "$tmp/special" "${share:?}"/*
mkdir "$tmp/special"
mkfifo "$tmp/special/fifo"
special=1
if mknod "$tmp/special/null" c 1 3 2>/dev/null; then special=$((special + 1)); fi
if command -v python3 >/dev/null; then
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$tmp/special/socket"
	special=$((special + 1))
fi
echo x >"$tmp/special/setuid" && chmod 6755 "$tmp/special/setuid"
ln "$tmp/outside/secret" "$tmp/special/hard"
expect 0 --json put -T "$tmp/special" "$url/special"
check_eq "$(summary files_skipped)" $special 'special files skipped'
check_eq "$(find "$share/special" ! -type f ! -type d)" '' 'special files that arrived'
check_eq "$(stat -c %a "$share/special/setuid")" 755 'mode of a setuid file on the server'
# The same ones in the share; put never writes into them, get never opens them.
cp -a "$tmp/special/fifo" "$share/special/"
ln -f "$tmp/outside/secret" "$share/special/hard"
mkdir "$tmp/over"
echo over | tee "$tmp/over/fifo" >"$tmp/over/hard"
expect 3 --json put -T "$tmp/over" "$url/special"
check_eq "$(json 'select(.event == "error") | .path')" "$tmp/over/fifo" 'what failed'
[ -p "$share/special/fifo" ] || fail 'a FIFO was replaced'
check_same_file "$tmp/over/hard" "$share/special/hard"
outside_same 'a put over a hard link'
expect 0 --json get -T "$url/special" "$tmp/special-back"
check_eq "$(summary files_skipped)" 1 'special files skipped by a get'
expect 0 --json get "$url/special/fifo" "$tmp/fifo-back"
check_absent "$tmp/fifo-back"

# T51: two writers of one tree at once: one whole version of each file, and both runs end.
rm -rf "${share:?}"/*
for writer in 1 2; do
	mkdir "$tmp/writer$writer"
	small_files "$tmp/writer$writer" 300 $((600 * writer))
	for n in 1 2 3; do
		head -c $((3 * MIB)) /dev/zero | tr '\0' "$writer" >"$tmp/writer$writer/big$n"
	done
done
pids=
for writer in 1 2 1 2; do
	"$ftx_program" -i "$tmp/id" --json put -T "$tmp/writer$writer" "$url/shared" \
		>"$tmp/json.$writer" 2>"$tmp/err.$writer" </dev/null &
	pids="$pids $!"
	started="$started $!"
done
for pid in $pids; do
	status=0
	wait "$pid" || status=$?
	check_eq $status 0 "exit status of one of several writers: $(cat "$tmp"/err.*)"
done
(cd "$share/shared" && find . -type f) >"$tmp/names"
check_eq "$(wc -l <"$tmp/names")" 303 'files there'
while read -r name; do
	cmp -s "$tmp/writer1/$name" "$share/shared/$name" || cmp -s "$tmp/writer2/$name" "$share/shared/$name" ||
		fail "$name is neither one's nor the other's"
done <"$tmp/names"
expect 0 put -T "$tmp/writer1" "$url/shared"
check_same_tree "$tmp/writer1" "$share/shared"
check_clean

# T34: another file system in the share.
[ -n "${FTX_TEST_NAMESPACE-}" ] || skip 'all but mounts: no mount namespace of its own'
mkdir "$share/shared/mounted"
mount --bind "$tmp/outside" "$share/shared/mounted" || skip 'all but mounts: nothing can be mounted'
expect 6 get "$url/shared/mounted/secret" "$tmp/got"
expect 6 put "$tmp/src/a" "$url/shared/mounted/a"
expect 3 --json get -T "$url/shared" "$tmp/shared-back"
check_eq "$(json 'select(.event == "error") | .path' | sed 's|.*/||')" mounted 'what failed'
check_absent "$tmp/shared-back/mounted/secret"
mkdir "$tmp/writer1/mounted" && echo x >"$tmp/writer1/mounted/x"
expect 3 put -T --delete "$tmp/writer1" "$url/shared"
rm -r "$tmp/writer1/mounted"
expect 15 put -T --delete "$tmp/writer1" "$url/shared"
outside_same 'transfers over a mount'
umount "$share/shared/mounted"
