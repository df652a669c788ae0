#!/bin/sh
# Each command once for every place at which its answers can be cut off: it is done, and done once.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server
first=200 # behind the handshake and WELCOME
mkdir "$tmp/set"
echo old >"$tmp/set/f"
echo small >"$tmp/small"

# sweep(command, step): reset, the command and check, with a cut at one byte after the other of what the
# server says, until none happens.  $n: the run.
sweep()
{
	byte=$first n=0
	while :; do
		n=$((n + 1))
		"before_$1"
		start_chaos -p cut:down:$byte
		"do_$1"
		"after_$1"
		[ "$(chaos_connections)" -gt 1 ] || break
		[ $n -lt 60 ] || fail "$1: no end to it"
		byte=$((byte + $2))
	done
	check_ge $n 2 "runs of $1"
	stop_chaos
}

before_mkdir() { rm -rf "$share/d"; }
do_mkdir() { expect 0 mkdir "$via/d"; }
after_mkdir() { [ -d "$share/d" ] || fail 'no directory'; }

before_parents() { rm -rf "$share/p"; }
do_parents() { expect 0 mkdir -p "$via/p/q/r"; }
after_parents() { check_eq "$(stat -c %a "$share/p" "$share/p/q" "$share/p/q/r" | sort -u)" 755 'modes'; }

before_mv() { rm -f "$share/from" "$share/to" && echo "$n" >"$share/from"; }
do_mv() { expect 0 mv "$via/from" "$via/to"; }
after_mv()
{
	check_absent "$share/from"
	check_eq "$(cat "$share/to")" "$n" 'what was renamed'
}

before_ln() { rm -f "$share/to" "$share/name" && echo "$n" >"$share/to"; }
do_ln() { expect 0 ln "$via/to" "$via/name"; }
after_ln() { check_eq "$(stat -c %h "$share/to")" 2 'links'; }

before_rm() { rm -rf "$share/t" && mkdir -p "$share/t/a/b" && echo "$n" >"$share/t/a/b/f" && echo "$n" >"$share/t/g"; }
do_rm() { expect 0 rm -r "$via/t"; }
after_rm() { check_absent "$share/t"; }

before_ls() { before_rm; }
do_ls() { expect 0 ls -R "$via/t"; }
after_ls() { check_eq "$(grep -c . "$tmp/out")" "$(ftx ls -R "$url/t" | grep -c .)" 'lines'; }

before_verify() { before_rm && rm -rf "$tmp/t" && cp -a "$share/t" "$tmp/t"; }
do_verify() { expect 0 verify "$tmp/t" "$via/t"; }
after_verify() { :; }

before_digest() { :; }
do_digest() { expect 0 digest "$via/t/g" "$via/t/a/b/f" "$via/t/g"; }
after_digest() { check_eq "$(wc -l <"$tmp/out")" 3 'digests'; }

before_put() { rm -f "$share/small"; }
do_put() { expect 0 put "$tmp/small" "$via/small"; }
after_put() { check_same_file "$tmp/small" "$share/small"; }

before_set() { echo "$n" >"$tmp/set/f"; }
do_set() { expect 0 put -T --replace-set "$tmp/set" "$via/set"; }
after_set() { check_eq "$(cat "$share/set/f")" "$n" 'what the set holds'; }

before_input() { rm -f "$share/input"; }
do_input()
{
	echo input | "$ftx_program" -i "$tmp/id" put - "$via/input" || fail "standard input, answers cut at $byte"
}
after_input() { check_eq "$(cat "$share/input")" input 'what came'; }

sweep parents 30
for command in mkdir mv ln rm ls verify digest put set input; do
	sweep $command 150
done
check_clean
