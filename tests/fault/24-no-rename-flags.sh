#!/bin/sh
# A file system without the flags of renameat2, as NFS, CephFS and GlusterFS: all goes on, nothing is
# replaced that may not be, and what needs an exchange is refused before it is sent.
. "$(dirname "$0")/../lib/config.sh"
. "$(dirname "$0")/../lib/tree.sh"
preloaded=$build/tests/inject.so
[ -e "$preloaded" ] || fail "$preloaded is not built"
make_keys
share=$tmp/share
mkdir "$share" "$tmp/back"
"$ftx_program" keygen -o "$tmp/append" >"$tmp/append.pub"
configure <<END
[share s]
path = $share
umask = 022
[client c]
key = $client_key
share = s=full
[client a]
key = $(cat "$tmp/append.pub")
share = s=append
END
small_files "$tmp/tree" 20
random_file "$tmp/tree/big" $((2 * MIB + 5))
ln "$tmp/tree/big" "$tmp/tree/second"
ln -s big "$tmp/tree/link"

# EINVAL and EOPNOTSUPP: Linux's numbers on all machines the project runs on.
for errnum in 22 95; do
	export LD_PRELOAD="$preloaded" FTX_INJECT_NO_FLAGS=$errnum
	start_ftxd
	url=$base/s
	expect 0 put -H -T "$tmp/tree" "$url/tree"
	expect 0 get -H -T "$url/tree" "$tmp/back/tree"
	expect 0 mv "$url/tree/big" "$url/tree/moved"
	expect 0 mv "$url/tree" "$url/other"
	expect 0 put -T --atomic-set "$tmp/tree" "$url/set"
	expect 11 put -T --atomic-set "$tmp/tree" "$url/set"
	expect 0 put -T --replace-set "$tmp/tree" "$url/set2"
	expect 3 put -T --replace-set "$tmp/tree" "$url/set"
	says 'the file system there cannot exchange directories'
	expect 3 --json --compress none put -T --replace-set "$tmp/tree" "$url/set"
	check_eq "$(summary bytes_wire)" 0 'bytes of a set that were sent in vain'
	# Who may not overwrite does not.
	for size in 1000 $((2 * MIB + 5)); do
		random_file "$tmp/b" "$size"
		"$ftx_program" -i "$tmp/append" put "$tmp/b" "$url/appended" 2>"$tmp/err" || fail "$(cat "$tmp/err")"
		check_same_file "$tmp/b" "$share/appended"
		random_file "$tmp/c" "$size"
		code=0
		"$ftx_program" -i "$tmp/append" put "$tmp/c" "$url/appended" 2>"$tmp/err" || code=$?
		check_eq "$code" 1 'exit status of a put that may not overwrite'
		says 'exists already'
		check_same_file "$tmp/b" "$share/appended"
		rm "$share/appended"
	done
	unset LD_PRELOAD FTX_INJECT_NO_FLAGS
	check_same_tree "$tmp/tree" "$tmp/back/tree"
	check_same_tree "$tmp/tree" "$share/set"
	check_same_tree "$tmp/tree" "$share/set2"
	check_same_file "$tmp/tree/big" "$share/other/moved"
	check_absent "$share/other/big"
	stop_server
	check_clean
	check_clean "$tmp/back"
	rm -rf "$share" "$tmp/back"
	mkdir "$share" "$tmp/back"
done
