#!/bin/sh
# --exclude, --include and --exclude-from choose what rsync chooses, in both directions; --files-from.
# With sanitizers alone: filters are the client's, and no message has them.
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
start_server
src=$tmp/src
for name in a.c a.o b.tmp core lib/x.c lib/x.o lib/core lib/deep/y.c lib/deep/tmp/z build/out/a.o build/keep.txt \
	doc/index.html doc/img/a.png doc/img/b.jpg tmp/one tmp/two.c foo/bar/baz foo/bar/qux foo/other 'sp ace/f' \
	'[odd]/f*' .hidden .git/config lib/.git/config deep/1/2/3/4/end; do
	mkdir -p "$src/$(dirname "$name")"
	echo "$name" >"$src/$name"
done
mkdir "$src/empty"
ln -s a.c "$src/link.c"
expect 0 put -T "$src" "$url/src"

# chosen(directory): what is there
chosen()
{
	(cd "$1" && find . -mindepth 1 | sort)
}

# compare(rule...): ftx in both directions against rsync
compare()
{
	rm -rf "$tmp/rsync" "$tmp/got" "$share/put"
	mkdir "$tmp/rsync" "$tmp/got"
	rsync -a "$@" "$src/" "$tmp/rsync"
	expect 0 put -T "$@" "$src" "$url/put"
	expect 0 get -T "$@" "$url/src" "$tmp/got"
	chosen "$tmp/rsync" >"$tmp/wanted"
	chosen "$share/put" | diff "$tmp/wanted" - || fail "put $* does not choose what rsync does"
	chosen "$tmp/got" | diff "$tmp/wanted" - || fail "get $* does not choose what rsync does"
	compared=$((${compared-0} + 1))
}

if command -v rsync >/dev/null; then
	compare --exclude '*.o'
	compare --exclude '/core'
	compare --exclude 'tmp/'
	compare --exclude '/build' --exclude 'img/'
	compare --include '*/' --include '*.c' --exclude '*'
	compare --include '/lib/***' --exclude '*'
	compare --include '/foo/' --include '/foo/bar/' --include '/foo/bar/baz' --exclude '/foo/*' --exclude '/foo/bar/*'
	compare --exclude 'foo/bar/**'
	compare --exclude '/deep/**/end'
	compare --exclude 'lib/*.[co]'
	compare --exclude 'doc/img/?.png'
	compare --exclude '.*'
	compare --exclude '/*'
	compare --exclude '\[odd\]'
	compare --exclude '**/core' --include '*.tmp' --exclude '*.t*'
	compare --exclude 'sp ace/' --exclude 'li*.c'
	compare --exclude '/link.c'
	printf '# a comment\n*.o\n\n+ *.tmp\n- /tmp/\n' >"$tmp/rules"
	compare --exclude-from "$tmp/rules"
	echo "$compared rule sets choose what rsync chooses"
fi

# Names from a list: files, directories with all below, what is above them.
for direction in put get; do
	for zero in '' -0; do
		rm -rf "$tmp/got" "$share/put"
		mkdir "$tmp/got"
		if [ $direction = put ]; then
			from=$src to=$url/put result=$share/put
		else
			from=$url/src to=$tmp/got result=$tmp/got
		fi
		printf '%s\n' a.c lib/deep ./foo/bar/baz '/sp ace/f' '[odd]/f*' empty/ link.c >"$tmp/list"
		if [ -n "$zero" ]; then
			tr '\n' '\0' <"$tmp/list" >"$tmp/list.0"
			mv "$tmp/list.0" "$tmp/list"
		fi
		# shellcheck disable=SC2086 # an option or none
		expect 0 $direction -T --files-from "$tmp/list" $zero "$from" "$to"
		chosen "$result" >"$tmp/there"
		cat >"$tmp/wanted" <<-'END'
			./[odd]
			./[odd]/f*
			./a.c
			./empty
			./foo
			./foo/bar
			./foo/bar/baz
			./lib
			./lib/deep
			./lib/deep/tmp
			./lib/deep/tmp/z
			./lib/deep/y.c
			./link.c
			./sp ace
			./sp ace/f
		END
		sort -o "$tmp/wanted" "$tmp/wanted"
		diff "$tmp/wanted" "$tmp/there" || fail "$direction --files-from $zero took other names"
	done

	# Together with rules; a name that is not there is a failure, all else is done.
	rm -rf "$tmp/got" "$share/put"
	mkdir "$tmp/got"
	printf '%s\n' lib missing lib/missing/too a.c >"$tmp/list"
	expect 3 --json $direction -T --files-from "$tmp/list" --failed0 "$tmp/failed" --exclude '*.o' "$from" "$to"
	check_eq "$(failed_list "$tmp/failed" | tr '\n' ' ')" 'lib/missing/too missing ' 'names that failed'
	check_eq "$(json 'select(.event == "error") | .name' | sort -u)" not_found error
	check_same_file "$src/lib/deep/y.c" "$result/lib/deep/y.c"
	check_absent "$result/lib/x.o"
	check_absent "$result/b.tmp"

	# A name that leaves the source: nothing is contacted.  A list from standard input.
	printf 'a.c\n../a.c\n' >"$tmp/list"
	expect 2 $direction -T --files-from "$tmp/list" "$from" "$to"
	printf 'lib/../a.c\n' >"$tmp/list"
	expect 2 $direction -T --files-from "$tmp/list" "$from" "$to"
	printf 'a.c\n' | {
		status=0
		ftx $direction -T --files-from - "$from" "$to" >"$tmp/out" 2>"$tmp/err" || status=$?
		check_eq $status 0 'exit status with a list from standard input'
	}
	check_same_file "$src/a.c" "$result/a.c"
done
check_clean
