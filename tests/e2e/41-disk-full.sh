#!/bin/sh
# No space, there or here: code 10, the old file intact, and all is well once there is space.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	why=$(unshare -m true 2>&1) || { echo "no mount namespace of its own: $why" && exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare -m --propagation private sh "$0"
fi
. "$(dirname "$0")/../lib/e2e.sh"
mkdir "$tmp/share" "$tmp/back"
mount -t tmpfs -o size=12m none "$tmp/share" || skip 'tmpfs cannot be mounted'
mount -t tmpfs -o size=12m none "$tmp/back"
start_server
random_file "$tmp/old" $((2 * MIB + 1))
random_file "$tmp/new" $((6 * MIB + 1))

# There.
expect 0 put "$tmp/old" "$url/f"
random_file "$share/ballast" $((7 * MIB))
expect 10 --json put "$tmp/new" "$url/f"
check_eq "$(json 'select(.event == "error") | .side')" remote side
check_same_file "$tmp/old" "$share/f"
expect 0 put "$tmp/old" "$url/small-still-fits"
rm "$share/ballast"
expect 0 put "$tmp/new" "$url/f"
check_same_file "$tmp/new" "$share/f"
check_clean

# It fills up while the file comes in.
rm "$share/f" "$share/small-still-fits"
expect 0 put "$tmp/old" "$url/f"
start_client --bwlimit 2M put "$tmp/new" "$url/f"
wait_for 'a third of the put' progress_reached $((2 * MIB))
head -c $((20 * MIB)) /dev/zero >"$share/ballast" 2>/dev/null || :
code=0
wait "$client_pid" || code=$?
case $code in
0) check_same_file "$tmp/new" "$share/f" ;; # its space had been set aside
10) check_same_file "$tmp/old" "$share/f" ;;
*) fail "exit status $code with a disk that fills up" ;;
esac
rm "$share/ballast"
expect 0 put "$tmp/new" "$url/f"
check_same_file "$tmp/new" "$share/f"
check_clean

# Here.
cp -p "$tmp/old" "$tmp/back/f"
random_file "$tmp/back/ballast" $((7 * MIB))
expect 10 --json get "$url/f" "$tmp/back/f"
check_eq "$(json 'select(.event == "error") | .side')" 'local' side
check_same_file "$tmp/old" "$tmp/back/f"
rm "$tmp/back/ballast"
expect 0 get "$url/f" "$tmp/back/f"
check_same_file "$tmp/new" "$tmp/back/f"
check_clean "$tmp/back"
umount "$tmp/back"
stop_server
umount "$tmp/share"
