#!/bin/sh
# Where an answer is cut off, at whatever place, a run leaves and says what it does without that:
# directories get their times back, whether hard links were made in them, files that only their
# content tells apart, or something was deleted at either end; and a plan has each line once.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server
src=$tmp/src
long_ago='2001-02-03 04:05:06'

# sweep(what, first, step, connections): cuts what the server says somewhere in the first step behind
# first, and a step further each time, as 103-answers-lost.sh; so many are needed without a cut
sweep()
{
	byte=$(($2 + $(od -An -N2 -tu2 /dev/urandom) % $3)) n=0
	while :; do
		n=$((n + 1))
		rm -rf "$src" "${share:?}"/* "$tmp/dst"
		mkdir -p "$src/d" "$src/e"
		"prepare_$1"
		start_chaos -p "cut:down:$byte"
		"do_$1"
		"check_$1"
		[ "$(chaos_connections)" -gt "$4" ] || break
		[ $n -lt 60 ] || fail "$1: no end to it"
		byte=$((byte + $3))
	done
	check_ge $n 3 "runs of $1"
	stop_chaos
}

# copied(directory): of the source, with the same times
copied()
{
	touch -d "$long_ago" "$src"/*/* "$src"/* "$src"
	cp -a "$src" "$1"
}

# same(directory)
same()
{
	diff -r "$src" "$1" || fail "$1, cut at $byte: differs"
	check_eq "$(cd "$1" && find . -type d -printf '%p %T@\n' | sort)" \
		"$(cd "$src" && find . -type d -printf '%p %T@\n' | sort)" "times in $1, cut at $byte,"
}

prepare_links()
{
	echo old >"$src/d/f"
	ln "$src/d/f" "$src/e/g"
	copied "$share/t"
	echo changed >"$src/d/f" # in place: the directories stay as they are
}
do_links() { expect 0 put -H -T "$src" "$via/t"; }
check_links()
{
	same "$share/t"
	check_eq "$(stat -c %h "$share/t/d/f")" 2 'names'
}

prepare_compared()
{
	echo one >"$src/d/f"
	copied "$share/t"
	echo two >"$src/d/f"
	touch -d "$long_ago" "$src/d/f"
}
do_compared() { expect 0 --json put -c -T "$src" "$via/t"; }
check_compared()
{
	same "$share/t"
	check_eq "$(summary files_done)" 1 "files done, cut at $byte,"
}

prepare_moved()
{
	echo stays >"$src/d/f"
	copied "$share/t"
	echo goes >"$share/t/d/old"
	touch -d "$long_ago" "$share/t/d"
}
do_moved() { expect 0 put --delete --backup-dir kept -T "$src" "$via/t"; }
check_moved()
{
	same "$share/t"
	check_eq "$(cat "$share/kept/d/old")" goes 'what was kept'
}

prepare_deleted()
{
	echo stays >"$src/d/f"
	copied "$share/t"
	cp -a "$share/t" "$tmp/dst"
	echo goes >"$tmp/dst/d/old"
	touch -d "$long_ago" "$tmp/dst/d"
}
do_deleted() { expect 0 get -j 1 --delete -T "$via/t" "$tmp/dst"; }
check_deleted() { same "$tmp/dst"; }

prepare_planned()
{
	echo stays >"$src/d/f"
	echo stays >"$src/e/f"
	copied "$share/t"
	echo goes >"$share/t/d/old"
	echo goes >"$share/t/e/old"
}
do_planned() { expect 0 --json put -n --delete "$src/d" "$src/e" "$via/t/"; }
check_planned() { check_eq "$(summary files_deleted)" 2 "deletions planned, cut at $byte,"; }

sweep links 160 80 1
sweep compared 160 80 1
sweep moved 860 80 1
sweep deleted 660 80 2
sweep planned 420 160 1
check_clean
