#!/bin/sh
# The proxy that the tests of a bad network rest on does what it says.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/chaos.sh"
start_server
random_file "$tmp/f" 300000

# Plans come out of the seed alone.
"$build/tests/chaos" plan -s 7 -n 50 >"$tmp/one"
"$build/tests/chaos" plan -s 7 -n 50 >"$tmp/two"
"$build/tests/chaos" plan -s 8 -n 50 >"$tmp/three"
check_same_file "$tmp/one" "$tmp/two"
! cmp -s "$tmp/one" "$tmp/three" || fail 'another seed gives the same plans'
check_eq "$(awk '{ print $2 }' "$tmp/one" | sort -u | tr '\n' ' ')" 'cut delay flip reset stall ' 'kinds'
check_eq "$("$build/tests/chaos" plan -p flip:up:4000)" '0: flip up 4000' 'a plan that was given'

# sees(plan, text, [option...]): what a client says that goes on over no other connection.  Each has a name of its
# own: the session of the one before may not have ended yet.
sees()
{
	plan=$1 text=$2
	shift 2
	start_chaos -p "$plan"
	expect 9 "$@" --retry-for 0 put "$tmp/f" "$via/$plan"
	grep -q "$text" "$tmp/err" || fail "$plan: $(cat "$tmp/err")"
}
sees cut:up:200000 'the connection was lost'
sees reset:up:200000 'the connection was lost'
sees flip:up:200000 'the connection was lost' # the server has ended it
sees flip:down:250 'damaged'
sees stall:up:200000 'does not answer' --timeout 1s
start_chaos -p delay:up:0 -p none:up:0
expect 0 --retry-for 0 put "$tmp/f" "$via/f"
check_same_file "$tmp/f" "$share/f"
