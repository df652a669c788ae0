#!/bin/sh
# No space amid a tree, there or here: the run ends at once with 10, what is there is whole, and with
# space the next run ends equal.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	why=$(unshare -m true 2>&1) || { echo "no mount namespace of its own: $why" && exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare -m --propagation private sh "$0"
fi
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
mkdir "$tmp/share" "$tmp/back"
mount -t tmpfs -o size=24m none "$tmp/share" || skip 'tmpfs cannot be mounted'
mount -t tmpfs -o size=24m none "$tmp/back"
start_server
mkdir "$tmp/src"
small_files "$tmp/src" 800 30000 # 24 MB, and the space of half pages
random_file "$tmp/src/0/big" $((4 * MIB))

# judge(side, source, destination): what has arrived is whole
judge()
{
	check_eq "$(json 'select(.event == "error") | .side' | sort -u)" "$1" side
	check_eq "$(json 'select(.event == "error") | .name' | sort -u)" no_space name
	check_eq "$(json 'select(.event == "error") | .name' | wc -l)" 1 "errors"
	check_eq "$(summary exit_code)" 10 'exit code in the summary'
	(cd "$3" && find . -name .ftx -prune -o -type f ! -name ballast -print) >"$tmp/arrived"
	while read -r name; do
		cmp "$2/$name" "$3/$name" || fail "$name is not whole"
	done <"$tmp/arrived"
	echo "no space $1: $(wc -l <"$tmp/arrived") files had arrived"
}

random_file "$share/ballast" $((10 * MIB))
expect 10 --json put -T "$tmp/src" "$url/tree"
judge remote "$tmp/src" "$share/tree"
rm "$share/ballast"
mount -o remount,size=64m "$share"
expect 0 put -T "$tmp/src" "$url/tree"
check_same_tree "$tmp/src" "$share/tree"
check_clean

random_file "$tmp/back/ballast" $((10 * MIB))
mkdir "$tmp/back/tree"
expect 10 --json get -T "$url/tree" "$tmp/back/tree"
judge 'local' "$share/tree" "$tmp/back/tree"
rm "$tmp/back/ballast"
mount -o remount,size=64m "$tmp/back"
expect 0 get -T "$url/tree" "$tmp/back/tree"
check_same_tree "$share/tree" "$tmp/back/tree"
check_clean "$tmp/back"
umount "$tmp/back"
stop_server
umount "$tmp/share"
