#!/bin/sh
# In a mount namespace of its own: require-mount, and room that is kept free.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	FTX_TEST_NAMESPACE=1 unshare --mount true 2>/dev/null || { echo 'no mount namespace can be made here'; exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare --mount sh "$0" "$@"
fi
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/disk"
mount -t tmpfs -o size=16M,mode=755 tmpfs "$tmp/disk"
min_free=4M
describe()
{
	configure <<EOF
[share disk]
path = $tmp/disk
require-mount = yes
min-free = $min_free
[client c]
key = $client_key
share = disk=full
EOF
}
describe
start_ftxd
random_file "$tmp/8M" $((8 * MIB))
random_file "$tmp/6M" $((6 * MIB))
mkdir "$tmp/many"
for n in 1 2 3 4 5 6 7 8; do random_file "$tmp/many/$n" 200000; done

# 16 M, of which 4 M are nobody's: a file that fits and one that does not, of known size or not.
expect 0 put "$tmp/8M" "$base/disk/a"
expect 10 put "$tmp/6M" "$base/disk/b"
says 'no space'
check_absent "$tmp/disk/b"
status=0
ftx put - "$base/disk/c" <"$tmp/6M" 2>"$tmp/err" || status=$?
check_eq "$status" 10 'exit code from standard input'
check_absent "$tmp/disk/c"
random_file "$tmp/3M" $((3 * MIB))
expect 0 put "$tmp/3M" "$base/disk/d"
# Small files, many in a message.
expect 10 put "$tmp/many" "$base/disk/"
# Less is kept: there is room.
min_free=20%
describe
reload
expect 0 put "$tmp/many/1" "$base/disk/one"
expect 10 put "$tmp/3M" "$base/disk/e"
min_free=0
describe
reload
expect 0 put "$tmp/3M" "$base/disk/e"
expect 0 put "$tmp/many" "$base/disk/"
check_clean "$tmp/disk"

# A session that is there already has the disk; the next one does not.
umount -l "$tmp/disk"
expect 11 put "$tmp/many/1" "$base/disk/two"
says offline
check_eq "$(find "$tmp/disk" -mindepth 1)" '' 'what is where the disk was'
mount -t tmpfs -o size=16M,mode=755 tmpfs "$tmp/disk"
expect 0 put "$tmp/many/1" "$base/disk/two"
check_same_file "$tmp/many/1" "$tmp/disk/two"
