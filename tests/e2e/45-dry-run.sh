#!/bin/sh
# --dry-run prints exactly what the run then does, and changes nothing at either end.
. "$(dirname "$0")/../lib/e2e.sh"
. tests/lib/tree.sh
start_server

# all_of(directory): everything, inode and change time too
all_of()
{
	find "$1" -name .ftx -prune -o -printf '%P %y %i %m %s %T@ %C@ %l\n' | sort
}

# compare(from, to, option...): the plan against the deeds; $local_side and $remote_side are watched
compare()
{
	from=$1 to=$2
	shift 2
	all_of "$tmp/src" >"$tmp/before"
	all_of "$share" >>"$tmp/before"
	[ ! -d "$tmp/got" ] || all_of "$tmp/got" >>"$tmp/before"
	expect "$code" "$direction" -n -T "$@" "$from" "$to"
	sort "$tmp/out" >"$tmp/plan"
	cp "$tmp/err" "$tmp/plan.err"
	expect "$code" --json "$direction" -n -T "$@" "$from" "$to"
	check_json
	json 'select(.event == "file") | "\(.path) \(.dest) \(.type) \(.action)"' | sort >"$tmp/plan.json"
	all_of "$tmp/src" >"$tmp/after"
	all_of "$share" >>"$tmp/after"
	[ ! -d "$tmp/got" ] || all_of "$tmp/got" >>"$tmp/after"
	diff "$tmp/before" "$tmp/after" || fail "a dry run of a $direction changed something"
	find "$share" -name '.ftx-*' | grep . && fail 'a dry run left something'

	# Into a copy, so that the same can be run twice.
	rm -rf "$tmp/keep"
	cp -a "$target" "$tmp/keep"
	expect "$code" "$direction" -v -T "$@" "$from" "$to"
	{ grep -v '^ftx: ' "$tmp/err" || :; } | sort >"$tmp/deeds"
	diff "$tmp/plan" "$tmp/deeds" || fail "plan and deeds of a $direction $* differ"
	rm -rf "$target"
	cp -a "$tmp/keep" "$target"
	expect "$code" --json "$direction" -T "$@" "$from" "$to"
	json 'select(.event == "file") | "\(.path) \(.dest) \(.type) \(.action)"' | sort >"$tmp/deeds.json"
	diff "$tmp/plan.json" "$tmp/deeds.json" || fail "plan and events of a $direction $* differ"
}

fill()
{
	mkdir -p "$1/new/deep" "$1/kept" "$1/empty"
	for name in new/a new/deep/b kept/same kept/replaced kept/mode kept/time top; do
		echo "$name" >"$1/$name"
	done
	random_file "$1/kept/big" $((2 * MIB + 1))
	ln -s top "$1/link"
	ln -s top "$1/kept/relinked"
	touch -d '2020-02-02 02:02:02.5' "$1/kept/time" "$1/kept/same"
	printf '\n' >"$1/$(printf 'odd\nname \377')"
}

# spoil(directory): what is to be created, replaced, given metadata, deleted
spoil()
{
	rm -rf "$1/new" "$1/empty"
	echo 'something else' >"$1/kept/replaced"
	chmod 600 "$1/kept/mode"
	touch -d '2021-01-01 01:01:01' "$1/kept/time"
	truncate -s "$MIB" "$1/kept/big"
	ln -snf elsewhere "$1/kept/relinked"
	chmod 700 "$1/kept"
	mkdir -p "$1/gone/inner" "$1/kept/gone"
	for name in gone/a gone/inner/b kept/gone/c kept/more; do
		echo "$name" >"$1/$name"
	done
	ln -snf /etc "$1/gone/link"
}

fill "$tmp/src"
expect 0 put "$tmp/src/top" "$url/" # the server's own directory in the share is there
for direction in put get; do
	if [ $direction = put ]; then
		target=$share/tree from=$tmp/src to=$url/tree
	else
		target=$tmp/got from=$url/tree to=$tmp/got
	fi
	code=0
	rm -rf "$target" && mkdir "$target"
	compare "$from" "$to"
	spoil "$target"
	compare "$from" "$to"
	spoil "$target"
	compare "$from" "$to" --delete
	expect 0 $direction -T --delete "$from" "$to"
	compare "$from" "$to" --delete
	check_eq "$(grep -cv '(none)$' "$tmp/plan" || :)" 0 'lines of a plan with nothing to do'
	spoil "$target"
	compare "$from" "$to" --delete --exclude '/gone/inner/' --exclude 'm*'
	spoil "$target"
	code=15
	compare "$from" "$to" --delete --max-delete 2
	code=0
	compare "$from" "$to" -c -u
	compare "$from" "$to" --ignore-existing
	# A name of another type.
	rm -r "$target/kept"
	echo file >"$target/kept"
	code=3
	compare "$from" "$to"
	rm "$target/kept"
	expect 0 $direction -T --delete "$from" "$to"
	expect 0 $direction -T --delete "$from" "$to"
	check_same_tree "$tmp/src" "$target"
done

# To a place that is not there at all.
code=0 direction=put target=$share
compare "$tmp/src" "$url/not/there"
check_clean
