#!/bin/sh
# A file system that can hold no full mode: said once, and no failure.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	why=$(unshare -m true 2>&1) || { echo "no mount namespace of its own: $why" && exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare -m --propagation private sh "$0"
fi
. "$(dirname "$0")/../lib/e2e.sh"
mkdir "$tmp/share"
mount -t ramfs none "$tmp/share" || skip 'ramfs cannot be mounted'
start_server
for name in a b c; do
	random_file "$tmp/$name" 1000
	chmod 4755 "$tmp/$name"
done
expect 0 put "$tmp/a" "$tmp/b" "$tmp/c" "$url/"
check_eq "$(grep -c 'mode not kept' "$tmp/err")" 1 'times it was said'
check_same_file "$tmp/b" "$share/b"
check_eq "$(stat -c %a "$share/b")" 755 'mode there'
chmod 644 "$tmp/a"
touch "$tmp/a"
expect 0 put "$tmp/a" "$url/"
check_eq "$(cat "$tmp/err")" '' 'what is said of a mode that can be kept'
touch "$tmp/b"
expect 0 --json put "$tmp/b" "$url/"
check_eq "$(json 'select(.event == "file") | .mode_kept')" false 'mode_kept'
stop_server
umount "$tmp/share"
