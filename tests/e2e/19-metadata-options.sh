#!/bin/sh
# What travels of metadata with which option, and what the options of comparison compare.
if [ -z "${FTX_TEST_NAMESPACE-}" ] && unshare -m true 2>/dev/null; then
	FTX_TEST_NAMESPACE=1 exec unshare -m --propagation private sh "$0"
fi
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
need_root
tree=$tmp/tree back=$tmp/back
mkdir "$tree" "$tree/d"
setfattr -n user.kind -v odd "$tree" 2>/dev/null || skip "$tmp keeps no user attributes"

# got(option...): the tree on the server, fresh in $back
got()
{
	rm -rf "$back"
	expect 0 get "$@" -T "$url/t" "$back"
}

# check_owner(path, owner:group, what)
check_owner()
{
	check_eq "$(stat -c %u:%g "$1")" "$2" "owner of $1 $3"
}

# check_attributes(path, how many, what): user attributes and ACL entries of users by number
check_attributes()
{
	check_eq "$(getfattr -d -m '^user[.]kind' --absolute-names "$1" | grep -c =)" "$2" "attributes of $1 $3"
	check_eq "$(getfacl -pn "$1" | grep -c '^user:4242:')" "$2" "ACL entries of $1 $3"
}

# fields(command's summary): done, same, ignored, failed, bytes over the wire
fields()
{
	json 'select(.event == "summary") | "\(.files_done) \(.files_same) \(.files_ignored) \(.files_failed) \(.bytes_wire > 0)"'
}

server_as_nobody
umask 027
start_server
umask 022

# The server's own modes.  Nothing of them comes back: what was put does.
for mode in 0000 0001 0400 0444 0555 0600 0640 0666 0755 0777 1777 2755 4711 7777; do
	mkdir "$tmp/d$mode"
	echo x >"$tmp/d$mode/f"
	chmod "$mode" "$tmp/d$mode/f" "$tmp/d$mode"
	expect 0 put "$tmp/d$mode" "$url/modes"
	check_eq "$(stat -c %a "$share/modes/d$mode/f")" "$(printf %o $(((0$mode & 0777 | 0600) & ~0027)))" "mode $mode of a file there"
	check_eq "$(stat -c %a "$share/modes/d$mode")" "$(printf %o $(((0$mode & 0777 | 0700) & ~0027)))" "mode $mode of a directory there"
done
expect 0 get -T "$url/modes" "$tmp/modes-back"
for mode in 0000 0001 0400 0444 0555 0600 0640 0666 0755 0777 1777 2755 4711 7777; do
	for file in "d$mode" "d$mode/f"; do
		check_eq "$(stat -c %04a "$tmp/modes-back/$file")" "$mode" "mode of $file back"
	done
done

# A file and a directory with everything: owners with and without names, setuid, attributes, ACLs.
echo content >"$tree/f"
echo content >"$tree/d/g"
chown 12345:54321 "$tree/f" "$tree/d"
chown 1:2 "$tree/d/g"
chmod 4750 "$tree/f"
for file in f d d/g; do
	setfattr -n user.kind -v "of $file" "$tree/$file"
	setfacl -m u:4242:r "$tree/$file" || skip "$tmp keeps no ACLs"
done

# Without -X and -A nothing of those travels, with them it does, and either end may leave it.
expect 0 put -T "$tree" "$url/t"
got -XA
for file in f d d/g; do
	check_attributes "$back/$file" 0 'that was put without'
	check_owner "$back/$file" "$(stat -c %u:%g "$tree/$file")" 'back'
done
check_eq "$(stat -c %a "$back/f")" 4750 'mode of a setuid file back'
expect 0 put -XA -T "$tree" "$url/t"
[ -z "$(getfacl -pRsn "$share/t")" ] || fail 'the server applies ACLs'
got
for file in f d d/g; do
	check_attributes "$back/$file" 0 'that was got without'
done
got -XA
for file in f d d/g; do
	check_attributes "$back/$file" 1 back
done
# What is put again without them leaves alone what is there.
touch -d 2001-01-01 "$tree/d"
expect 0 --json put -T "$tree" "$url/t"
got -XA
check_attributes "$back/d" 1 'of which only the time was put again'

# Owners: not applied, or not sent.
got --no-owner
for file in f d d/g; do
	check_owner "$back/$file" 0:0 'with --no-owner'
done
expect 0 put --no-owner -T "$tree" "$url/other"
expect 0 get -T "$url/other" "$tmp/other"
for file in f d d/g; do
	check_owner "$tmp/other/$file" 65534:65534 'put with --no-owner'
done

# As somebody else: their own owner, no setuid, all else.
client_as_nobody
mkdir "$tmp/theirs"
chown 65534:65534 "$tmp/theirs"
expect 0 get -XA -T "$url/t" "$tmp/theirs/t"
for file in f d d/g; do
	check_owner "$tmp/theirs/t/$file" 65534:65534 'got by somebody else'
	check_attributes "$tmp/theirs/t/$file" 1 'got by somebody else'
done
check_eq "$(stat -c %a "$tmp/theirs/t/f")" 750 'mode of a setuid file got by somebody else'
client_as_root

# Hard links: files of their own without -H, one file with it, both ways.
mkdir "$tmp/h" "$tmp/h/d"
echo linked >"$tmp/h/a"
ln "$tmp/h/a" "$tmp/h/d/b"
# names(file): of its inode
names()
{
	stat -c %h "$1"
}
expect 0 put "$tmp/h" "$url/"
check_eq "$(names "$share/h/a")" 1 'names there without -H'
expect 0 put -H "$tmp/h" "$url/"
check_eq "$(names "$share/h/a")" 2 'names there with -H'
check_eq "$(stat -c %i "$share/h/d/b")" "$(stat -c %i "$share/h/a")" 'the file there'
expect 0 get "$url/h" "$tmp/h1"
check_eq "$(names "$tmp/h1/h/a")" 1 'names here without -H'
expect 0 get -H "$url/h" "$tmp/h1"
check_eq "$(names "$tmp/h1/h/a")" 2 'names here with -H'
check_same_file "$tmp/h/a" "$tmp/h1/h/d/b"

# -L: what links lead to, not links; one that leads nowhere fails alone.
mkdir "$tmp/l" "$tmp/l/d"
echo x >"$tmp/l/d/x"
ln -s d/x "$tmp/l/file"
ln -s d "$tmp/l/dir"
ln -s "$tmp/h/a" "$tmp/l/outside"
expect 0 put -L "$tmp/l" "$url/"
[ -z "$(find "$share/l" -type l)" ] || fail 'a link with -L'
check_same_file "$tmp/l/d/x" "$share/l/file"
check_same_file "$tmp/l/d/x" "$share/l/dir/x"
check_same_file "$tmp/h/a" "$share/l/outside"
ln -s nowhere "$tmp/l/nowhere"
expect 3 --json put -L "$tmp/l" "$url/"
check_eq "$(failed_paths)" "$tmp/l/nowhere" 'what fails with -L'
check_absent "$share/l/nowhere"

# -u and --ignore-existing leave alone what is there.
for way in put get; do
	rm -rf "${share:?}/u" "$tmp/u" "$tmp/u-back"
	mkdir "$tmp/u"
	for file in older newer same missing; do
		echo source >"$tmp/u/$file"
		touch -d 2010-01-01 "$tmp/u/$file"
	done
	expect 0 put -T "$tmp/u" "$url/u"
	there=$share/u
	[ $way = put ] || there=$tmp/u-back
	[ $way = put ] || expect 0 get -T "$url/u" "$there"
	for file in older newer; do
		echo destination >"$there/$file"
	done
	touch -d 2009-01-01 "$there/older"
	touch -d 2011-01-01 "$there/newer"
	rm "$there/missing"
	set -- -T "$tmp/u" "$url/u"
	[ $way = put ] || set -- -T "$url/u" "$there"
	expect 0 --json $way --ignore-existing "$@"
	check_eq "$(fields)" '1 0 3 0 true' "what $way --ignore-existing did"
	check_eq "$(cat "$there/older")" destination "what $way --ignore-existing left"
	rm "$there/missing"
	expect 0 --json $way -u "$@"
	check_eq "$(fields)" '2 1 1 0 true' "what $way -u did"
	check_eq "$(cat "$there/older" "$there/newer")" "$(printf 'source\ndestination')" "what $way -u left"
	expect 0 --json $way "$@"
	check_eq "$(cat "$there/newer")" source "what $way without -u did"
done

# -c: the content decides, and where it is the same none of it moves.
for way in put get; do
	rm -rf "${share:?}/c" "$tmp/c" "$tmp/c-back"
	mkdir "$tmp/c"
	random_file "$tmp/c/other" 5000
	random_file "$tmp/c/big-other" $((3 * MIB))
	random_file "$tmp/c/time" 5000
	random_file "$tmp/c/big-time" $((3 * MIB))
	touch -d 2010-01-01 "$tmp"/c/*
	expect 0 put -T "$tmp/c" "$url/c"
	there=$share/c
	[ $way = put ] || there=$tmp/c-back
	[ $way = put ] || expect 0 get -T "$url/c" "$there"
	for file in other big-other; do
		printf 'other bytes' | dd of="$there/$file" bs=1 seek=1234 conv=notrunc 2>/dev/null
		touch -d 2010-01-01 "$there/$file"
	done
	set -- -T "$tmp/c" "$url/c"
	[ $way = put ] || set -- -T "$url/c" "$there"
	expect 0 --json $way "$@"
	check_eq "$(fields)" '0 4 0 0 false' "what $way without -c did"
	touch -d 2011-01-01 "$there/time" "$there/big-time"
	expect 0 --json $way -c "$@"
	check_eq "$(json 'select(.event == "file" and .type == "file" and .action == "replace") | .path | sub(".*/"; "")' |
		sort | xargs)" 'big-other other' "what $way -c replaced"
	check_eq "$(json 'select(.event == "file" and .type == "file" and .action == "metadata") | .bytes_sent' |
		xargs)" '0 0' "what $way -c moved of files of another time"
	check_same_content "$tmp/c" "$there"
	check_eq "$(cd "$there" && stat -c '%n %.9Y' ./*)" "$(cd "$tmp/c" && stat -c '%n %.9Y' ./*)" 'times'
	expect 0 --json $way -c "$@"
	check_eq "$(fields)" '0 4 0 0 false' "what $way -c did again"
done
check_clean

[ -n "${FTX_TEST_NAMESPACE-}" ] || skip 'all but mounts: no mount namespace of its own'

# -x: a file system mounted in the source is a directory without content.
mkdir "$tmp/x" "$tmp/x/mounted"
echo x >"$tmp/x/x"
mount -t tmpfs none "$tmp/x/mounted" || skip 'all but mounts: nothing can be mounted'
echo y >"$tmp/x/mounted/y"
expect 0 put -x "$tmp/x" "$url/"
check_eq "$(cd "$share/x" && find . | sort | xargs)" '. ./mounted ./x' 'what -x takes'
expect 0 put "$tmp/x" "$url/"
check_same_file "$tmp/x/mounted/y" "$share/x/mounted/y"

# Names decide about owners, where they are known; numbers with --numeric-ids.
sed 's/^daemon:x:1:/daemon:x:77:/' /etc/passwd >"$tmp/passwd"
mount --bind "$tmp/passwd" /etc/passwd
if [ "$(id -u daemon)" = 77 ]; then
	got
	check_owner "$back/d/g" 77:2 'by name'
	check_owner "$back/f" 12345:54321 'without a name'
	got --numeric-ids
	check_owner "$back/d/g" 1:2 'by number'
fi
umount /etc/passwd
expect 0 put --numeric-ids -T "$tree" "$url/t"
mount --bind "$tmp/passwd" /etc/passwd
got
check_owner "$back/d/g" 1:2 'put by number'
umount /etc/passwd

# The longest names are shown whole, also where each byte of them is escaped.
long=$(printf '%255s' '' | tr ' ' u)
escaped=$(printf '%255s' '' | sed 's/ /\\x01/g')
printf 'root:x:0:0::/:/bin/sh\n%s:x:77:77::/:/bin/sh\n' "$long" >"$tmp/passwd"
{ echo root:x:0: && printf '%255s:x:77:\n' '' | tr ' ' '\001'; } >"$tmp/group"
mount --bind "$tmp/passwd" /etc/passwd
mount --bind "$tmp/group" /etc/group
mkdir "$tmp/long"
echo long >"$tmp/long/name"
chown 77:77 "$tmp/long/name"
expect 0 put "$tmp/long" "$url/"
expect 0 ls -l "$url/long"
grep -qF -e " $long $escaped " "$tmp/out" || fail "ls -l of long names: $(cat "$tmp/out")"
grep -qE ' 5 .* name$' "$tmp/out" || fail "ls -l behind long names: $(cat "$tmp/out")"
expect 0 stat "$url/long/name"
grep -qxF "owner     77 ($long), group 77 ($escaped)" "$tmp/out" || fail "stat of long names: $(cat "$tmp/out")"
umount /etc/passwd /etc/group

# A file system without attributes: said once, and a failure for each file with --strict-meta.
mkdir "$tmp/bare" "$tmp/bare-back"
mount -t ramfs none "$tmp/bare-back" || skip 'all but --strict-meta: no ramfs'
if setfattr -n user.a -v b "$tmp/bare-back" 2>/dev/null; then
	skip 'all but --strict-meta: ramfs keeps attributes'
fi
everything=". ./d ./d/g ./f"

# not_kept(kind...): each said once
not_kept()
{
	for kind in "$@"; do
		check_eq "$(grep -c "$kind.* not kept" "$tmp/err")" 1 "lines that say that $kind was not kept"
	done
}

# strictly_failed(top): everything below it, said once
strictly_failed()
{
	check_eq "$(failed_paths | sed "s|^$1|.|" | sort | xargs)" "$everything" 'what failed with --strict-meta'
	check_eq "$(json 'select(.event == "error") | .name' | sort -u)" not_kept 'why it failed'
}

expect 0 put -XA -T "$tree" "$url/t"
expect 0 get -XA -T "$url/t" "$tmp/bare-back/t"
not_kept 'extended attributes' 'access control lists'
! grep 'mode\|owner' "$tmp/err" || fail 'more is not kept than attributes'
check_same_file "$tree/f" "$tmp/bare-back/t/f"
check_owner "$tmp/bare-back/t/f" 12345:54321 'where there are no attributes'
expect 3 --json get --strict-meta -XA -T "$url/t" "$tmp/bare-back/strict"
strictly_failed "$url/t"
expect 3 --json get --strict-meta -XA -T "$url/t" "$tmp/bare-back/strict"
strictly_failed "$url/t"
stop_server

share=$tmp/bare
mount -t ramfs none "$share"
chown 65534:65534 "$share"
rm "$tmp/server-key"
start_server
expect 0 put -XA -T "$tree" "$url/t"
not_kept mode owner 'extended attributes' 'access control lists'
check_same_file "$tree/f" "$share/t/f"
expect 3 --json put --strict-meta -XA -T "$tree" "$url/strict"
strictly_failed "$tree"
expect 3 --json put --strict-meta -XA -T "$tree" "$url/strict"
strictly_failed "$tree"
# What is there as well as it can be is the same to the next run.
expect 0 --json put -XA -T "$tree" "$url/t"
check_eq "$(fields)" '0 2 0 0 false' 'what the next run did'
