#!/bin/sh
# ls, stat, df, mkdir, mv, rm and ln: what they do and how they fail.
# With sanitizers too: every remote verb, with what its request may hold.
. "$(dirname "$0")/../lib/e2e.sh"
export TZ=UTC
start_server
server=${url%/*}
name=${url##*/}

# says(pattern): stderr of the last expect has it, in a line of ours
says()
{
	grep -q '^ftx: ' "$tmp/err" || fail "no line of ftx: $(cat "$tmp/err")"
	grep -qi -e "$1" "$tmp/err" || fail "nothing like '$1' in: $(cat "$tmp/err")"
}

silent()
{
	expect 0 "$@"
	check_eq "$(cat "$tmp/out" "$tmp/err")" '' "what ftx $* prints"
}

# ls: shares, directories, files, all below.
for all in "$server/" "$server"; do
	expect 0 ls "$all"
	check_eq "$(awk '{print $1, $2}' "$tmp/out")" "$name list,get,put,overwrite,delete" 'the shares'
done
expect 0 --json ls "$server/"
check_json
check_eq "$(json 'select(.event == "entry") | "\(.type) \(.name) \(.rights | length)"')" "share $name 5" 'the share'
expect 0 ls "$url"
check_eq "$(cat "$tmp/out")" '' 'an empty share'
mkdir -p "$share/dir/sub"
random_file "$share/file" 1234
random_file "$share/dir/inner" 10
chmod 640 "$share/file"
touch -d '2001-02-03 04:05:06.789Z' "$share/file"
ln -s ../file "$share/dir/link"
odd=$(printf 'odd\nname \377\033[31m')
: >"$share/$odd"
expect 0 ls "$url/dir/"
check_eq "$(cat "$tmp/out")" 'inner
link
sub' 'a directory'
expect 0 ls "$url"
printf 'dir\nfile\n%s\n' "$odd" >"$tmp/wanted"
cmp "$tmp/out" "$tmp/wanted" || fail 'names are not as they are, in a pipe'
expect 0 ls "$url/file"
check_eq "$(cat "$tmp/out")" "$url/file" 'a file'
expect 0 ls -l "$url/file" "$url/dir"
grep -qE '^-rw-r----- +[^ ]+ +[^ ]+ +1234 2001-02-03 04:05:06 ' "$tmp/out" || fail "ls -l: $(cat "$tmp/out")"
grep -q ' link -> ../file$' "$tmp/out" || fail "ls -l of a link: $(cat "$tmp/out")"
grep -q '^d.* sub$' "$tmp/out" || fail "ls -l of a directory: $(cat "$tmp/out")"
expect 0 ls -R "$url"
grep -qx "$url/dir/sub:" "$tmp/out" || fail "ls -R does not enter: $(cat "$tmp/out")"
expect 0 --json ls -R "$url"
check_json
check_eq "$(json 'select(.event == "start") | "\(.verb) \(.dest)"')" 'ls null' 'start'
check_eq "$(json 'select(.event == "entry" and .type == "file" and .size == 10) | .path')" "$url/dir/inner" 'path'
check_eq "$(json 'select(.event == "entry" and .name_b64) | .name_b64')" "$(printf '%s' "$odd" | base64)" 'the exact name'
check_eq "$(json 'select(.event == "entry" and .type == "symlink") | .target')" ../file 'target'
check_eq "$(json 'select(.event == "entry" and .name == "file") | "\(.mode) \(.mtime)"')" \
	'0640 2001-02-03T04:05:06.789000000Z' 'mode and mtime'
expect 5 ls "$url/missing"
says missing
expect 3 ls "$url/missing" "$url/dir"
grep -qx inner "$tmp/out" || fail 'what is there is not listed'
expect 5 ls "$server/no-such-share/x"
expect 5 ls "$url/dir/link/below"
[ -w /dev/full ] && {
	code=0
	ftx ls "$url" >/dev/full 2>"$tmp/err" || code=$?
	check_eq "$code" 1 'ls to a full device'
	says 'standard output'
}

# stat
expect 0 stat "$url/file" "$url/dir/link"
grep -q '^size  *1234 ' "$tmp/out" || fail "stat: $(cat "$tmp/out")"
grep -q '^mode  *0640 (-rw-r-----)$' "$tmp/out" || fail "stat: $(cat "$tmp/out")"
grep -q '^modified  *2001-02-03 04:05:06.789000000' "$tmp/out" || fail "stat: $(cat "$tmp/out")"
grep -q ' -> \.\./file$' "$tmp/out" || fail "stat of a link: $(cat "$tmp/out")"
expect 0 --json stat "$url/$(printf '%s' "$odd" | od -An -v -tx1 | tr -d '\n' | sed 's/ /%/g')"
check_eq "$(json 'select(.event == "entry") | .type')" file 'type'
expect 5 stat "$url/missing"
says 'on the server'
expect 0 stat "$url"
expect 2 stat "$server/"

# df
expect 0 df "$url" "$server/"
check_eq "$(wc -l <"$tmp/out")" 3 'lines of df'
expect 0 --json df "$url"
check_ge "$(json 'select(.event == "space") | .bytes')" "$(json 'select(.event == "space") | .bytes_free')" 'bytes'
expect 5 df "$server/no-such-share"

# mkdir
(umask 027 && silent mkdir "$url/made")
check_eq "$(stat -c %a "$share/made")" 750 'mode of a directory that was made'
expect 1 mkdir "$url/made"
says exists
expect 5 mkdir "$url/made/a/b"
says '[-]p'
silent mkdir -p "$url/made/a/b"
silent mkdir -p "$url/made/a/b" "$url/made/c" "$url"
if ! [ -d "$share/made/c" ] || ! [ -d "$share/made/a/b" ]; then fail 'not made'; fi
expect 1 mkdir -p "$url/file/x"
expect 3 mkdir "$url/made" "$url/made/d"
[ -d "$share/made/d" ] || fail 'the second was not made'
expect 0 --json mkdir "$url/made/json"
check_eq "$(json 'select(.event == "file") | "\(.type) \(.action) \(.status)"')" 'directory create done' 'the event'
check_eq "$(summary durable)" true durable

# mv: renames, goes into directories, replaces only with -f.
cp -p "$share/file" "$tmp/file"
silent mv "$url/file" "$url/renamed"
check_absent "$share/file"
check_same_file "$tmp/file" "$share/renamed"
silent mv "$url/renamed" "$url/made"
silent mv "$url/made/renamed" "$url/new/parents/"
check_same_file "$tmp/file" "$share/new/parents/renamed"
silent mv "$url/new/parents/renamed" "$url/"
random_file "$share/other" 5
expect 1 mv "$url/other" "$url/renamed"
says exists
says '[-]f'
check_same_file "$tmp/file" "$share/renamed"
expect 1 mv -fT "$url/other" "$url/made"
silent mv -f "$url/other" "$url/renamed"
check_eq "$(stat -c %s "$share/renamed")" 5 'size of what replaced it'
check_absent "$share/other"
silent mv "$url/made/c" "$url/renamed-dir"
silent mv "$url/renamed-dir" "$url/renamed" "$url/into/"
if ! [ -d "$share/into/renamed-dir" ] || ! [ -f "$share/into/renamed" ]; then fail 'not both have moved'; fi
expect 1 mv "$url/into" "$url/into/itself"
expect 5 mv "$url/missing" "$url/x"
check_absent "$share/x"
expect 2 mv "$url" "$url/x"
expect 2 mv "$url/into" "$server/another/x"
expect 2 mv -T "$url/a" "$url/b" "$url/c"
expect 2 mv "$url/a"
expect 0 --json mv "$url/into/renamed" "$url/json"
check_eq "$(json 'select(.event == "file") | "\(.path) \(.status)"')" "$url/into/renamed done" 'the event'
check_eq "$(json 'select(.event == "file") | .dest')" "ftx://127.0.0.1:$port/$name/json" 'dest'
expect 0 -v mv "$url/json" "$url/text"
grep -q -- '->' "$tmp/err" || fail '-v says nothing'

# ln
silent ln "$url/text" "$url/hard"
check_eq "$(stat -c %h "$share/text")" 2 'names of the file'
expect 1 ln "$url/text" "$url/hard"
says exists
: >"$share/taken"
silent ln -f "$url/text" "$url/taken"
check_eq "$(stat -c %h "$share/text")" 3 'names of the file'
expect 5 ln "$url/missing" "$url/x"
silent ln -s ../some/where "$url/made/soft"
check_eq "$(readlink "$share/made/soft")" ../some/where 'the link'
expect 1 ln -s elsewhere "$url/made/soft"
silent ln -sf elsewhere "$url/made/soft"
check_eq "$(readlink "$share/made/soft")" elsewhere 'the link'
silent ln -s ../x "$url/made/"
check_eq "$(readlink "$share/made/x")" ../x 'the link in a directory'
expect 2 ln -s "$url/text" "$url/x"
expect 2 ln "$url" "$url/x"
expect 2 ln "$url/text"
expect 5 stat "$url/made/soft/below"

# rm
expect 2 rm "$url"
says share
expect 2 rm -r "$url/"
expect 5 rm "$url/missing"
silent rm -f "$url/missing"
expect 1 rm "$url/dir"
says '[-]r'
expect 0 rm -rn "$url/dir"
check_eq "$(tail -n 1 "$tmp/out")" "deleting $url/dir" 'the plan'
check_eq "$(wc -l <"$tmp/out")" 4 'entries of the plan'
[ -e "$share/dir/inner" ] || fail 'a dry run removed something'
silent rm -r "$url/dir"
check_absent "$share/dir"
silent rm "$url/hard" "$url/made/soft"
check_absent "$share/hard"
expect 3 rm "$url/taken" "$url/missing"
check_absent "$share/taken"
mkdir "$share/many"
(cd "$share/many" && for d in a b/c/d b/e; do
	mkdir -p $d
	seq -f "$d/$(printf '%0200d' 0)%.0f" 1500 | xargs touch
	: >"$d/$odd"
done)
expect 0 --json rm -r "$url/many" "$url/into"
check_json
check_absent "$share/many"
check_eq "$(summary files_deleted)" $((3 * 1501 + 6 + 2)) 'entries removed'
check_eq "$(json 'select(.event == "file") | "\(.action) \(.status) \(.dest)"' | sort -u)" 'delete done null' 'the events'
check_clean

# What somebody else has removed meanwhile is gone as well.  It goes from its end in portions of 1024,
# and of the first of them more is said than a pipe holds that nobody reads.
mkdir "$share/raced"
(cd "$share/raced" && seq -f "$(printf '%0200d' 0)%.0f" 2000 2999 | xargs touch && seq -f "%.0f" 1000 1099 | xargs touch)
mkfifo "$tmp/unread"
exec 9<>"$tmp/unread"
exec 7<"$tmp/unread"
"$ftx_program" -i "$tmp/id" --json rm -r "$url/raced" >&9 2>"$tmp/err" 7<&- 9<&- &
client_pid=$!
started="$started $client_pid"
exec 9<&-
portion_gone()
{
	set -- "$share/raced"/*
	[ $# -le 76 ]
}
wait_for 'the first portion' portion_gone
rm "$share/raced"/*
cat <&7 >"$tmp/json"
exec 7<&-
wait_client 0
check_absent "$share/raced"
check_eq "$(summary files_deleted "$tmp/json") $(summary files_failed "$tmp/json")" '1101 0' 'entries that are gone'

# A mount in it, and what may not be removed: the rest goes, the exit code is 3.
if [ "$(id -u)" -eq 0 ] && touch "$tmp/immutable" && chattr +i "$tmp/immutable" 2>/dev/null; then
	chattr -i "$tmp/immutable"
	mkdir -p "$share/stay/below"
	: >"$share/stay/below/kept"
	: >"$share/stay/gone"
	chattr +i "$share/stay/below/kept"
	expect 3 rm -r "$url/stay"
	chattr -i "$share/stay/below/kept"
	check_absent "$share/stay/gone"
	[ -e "$share/stay/below/kept" ] || fail 'it is gone'
fi

# Usage, before anything is contacted; then nobody there.
stop_server
for arguments in ls stat df mkdir mv rm ln 'mv a b' 'rm a' "ls --delete $url" "rm -z $url/x" "ls -h $url" "ln -T $url/a $url/b"; do
	# shellcheck disable=SC2086 # a list of words
	expect 2 $arguments
	says .
done
expect 2 rm "$url/../x"
expect 2 ls "$url" "ftx://$client_key@127.0.0.1:1/share"
expect 9 --retry-for 0 ls "$url"
says 127.0.0.1
expect 9 --json --retry-for 0 rm "$url/x"
check_json
check_eq "$(json 'select(.event == "error") | .side')" network side
expect 14 -i "$tmp/nothing" ls "$url"
expect 8 ls "127.0.0.1:$name"
expect 8 ls 127.0.0.1:
