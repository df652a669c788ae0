#!/bin/sh
# Names of any bytes go both ways, under their own name and percent-encoded.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
mkdir "$tmp/local" "$tmp/back"

# percent(name): every byte as %XX
percent()
{
	printf '%s' "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ /%/g'
}

both_ways()
{
	name=$1
	random_file "$tmp/local/$name" 3000
	expect 0 put -- "$tmp/local/$name" "$url/own/"
	check_same_file "$tmp/local/$name" "$share/own/$name"
	expect 0 put "$tmp/local/$name" "$url/named/$(percent "$name")"
	check_same_file "$tmp/local/$name" "$share/named/$name"
	expect 0 get "$url/named/$(percent "$name")" "$tmp/back/"
	check_same_file "$tmp/local/$name" "$tmp/back/$name"
	count=$((count + 1))
}

count=0
both_ways '-leading-dash'
both_ways '--'
both_ways ' spaces at both ends '
both_ways '100%'
both_ways '%41'
both_ways 'what?'
both_ways 'number#1'
both_ways 'a:b'
both_ways 'back\slash'
both_ways "quotes'\"\`"
# shellcheck disable=SC2016 # nothing is to be expanded
both_ways '$HOME * [a-z] ~'
both_ways 'line
feed'
both_ways 'line feed at the end
'
both_ways "$(printf 'tab\tbell\007escape\033[31m')"
both_ways "$(printf 'invalid \377\376 UTF-8 \303')"
both_ways "$(printf 'Gr\303\274\303\237e')"
both_ways '...'
both_ways '.hidden'
both_ways "$(printf '%0255d' 0)"
both_ways "$(printf '%0127d' 0)$(printf '%0128d' 1)"
check_eq "$(find "$share/own" -type f -print0 | tr -cd '\0' | wc -c)" "$count" 'number of files there'

# On a terminal they are shown, not obeyed, also where a link leads and as the head of a list.
if command -v script >/dev/null; then
	escape=$(printf '\033')
	odd="odd${escape}[31m"
	mkdir "$share/terminal" "$share/terminal/$odd"
	: >"$share/terminal/$odd/f$odd"
	ln -s "$odd" "$share/terminal/link"
	for words in 'ls -R' 'ls -lR' 'stat' 'digest'; do
		place="$url/terminal"
		[ "$words" != digest ] || place="$url/terminal/odd%1B%5B31m/fodd%1B%5B31m $share/terminal/$odd/f$odd"
		script -qec "'$ftx_program' -i '$tmp/id' $words $place" "$tmp/typescript" </dev/null >"$tmp/out"
		! grep -q "$escape" "$tmp/out" || fail "the terminal obeys a name: $(cat -v "$tmp/out")"
		[ "$words" = stat ] || grep -qF 'odd\x1b[31m' "$tmp/out" || fail "$words shows no name: $(cat -v "$tmp/out")"
	done
	rm -r "$share/terminal"
fi

# With the source named relative to the working directory.
(
	cd "$tmp/local"
	expect 0 put -- -leading-dash "$url/relative/-x"
	expect 0 get -- "$url/relative/-x" -y
)
check_same_file "$tmp/local/-leading-dash" "$tmp/local/-y"

# Names that are the project's own, or no names, are not allowed.
for bad in .ftx .ftx-x a/../b '' ; do
	code=0
	ftx put "$tmp/local/100%" "$url/refused/$bad/x" >"$tmp/out" 2>"$tmp/err" || code=$?
	[ -z "$bad" ] || [ "$code" -ne 0 ] || fail "'$bad' was taken"
done
code=0
ftx put "$tmp/local/100%" "$url/refused/$(printf '%0256d' 0)" >"$tmp/out" 2>"$tmp/err" || code=$?
[ $code -ne 0 ] || fail 'a name of 256 bytes was taken'
check_clean
