#!/bin/sh
# Options: what is accepted, what is refused with what hint, and what makes no sense together.
# With sanitizers alone: how the client reads its arguments is its own.
. "$(dirname "$0")/../lib/e2e.sh"
make_keys
mkdir "$tmp/dir"
random_file "$tmp/f" 100
f=$tmp/f
url=ftx://$client_key@127.0.0.1:1/share # nobody there: 9 where it is tried

# refused(hint, argument...): a usage error that says it, and nothing is contacted
refused()
{
	hint=$1
	shift
	expect 2 "$@"
	grep -q '^ftx: ' "$tmp/err" || fail "no line of ftx for ftx $*"
	grep -qi -e "$hint" "$tmp/err" || fail "nothing like '$hint' for ftx $*: $(cat "$tmp/err")"
	check_eq "$(cat "$tmp/out")" '' "standard output of ftx $*"
}

accepted()
{
	expect 9 --retry-for 0 "$@"
}

# Letters and words of other programs.
refused 'port is --port' put -P 22 "$f" "$url"
refused 'remote shell' put -e ssh "$f" "$url"
refused 'remote shell' -e ssh put "$f" "$url"
refused 'remote shell' put --rsh=ssh "$f" "$url"
refused '[-]-no-owner' put -o "$f" "$url"
refused '[-]-no-owner' put -aog "$f" "$url"
refused '[-]-no-owner' put -g "$f" "$url"
refused devices put -D "$f" "$url"
refused '[-]-backup-dir' put -b "$f" "$url"
refused '[-]-exclude-from' put -F "$f" "$url"
refused '[-]-exclude' put --filter='- x' "$f" "$url"
refused jump put -J host "$f" "$url"
refused whole put -W "$f" "$url"
refused '[-]-compress' put -C "$f" "$url"
refused 'last name' put -R "$f" "$url"
refused '[-]-no-resume' put --partial "$f" "$url"
refused '[-]-no-resume' put --append "$f" "$url"
refused 'in place' put --inplace "$f" "$url"
refused '[-]-progress' put --info=progress2 "$f" "$url"
refused '[-]-json' put --stats "$f" "$url"
refused 'always last' put --delete-before "$f" "$url"
refused 'always last' put --delete-during "$f" "$url"
refused 'always last' put --delete-after "$f" "$url"
refused 'zstd:N' put --compress-level=3 "$f" "$url"
refused figures put --human-readable "$f" "$url"
refused '[-]-help' put -h "$f" "$url"
for words in -a -r -t -p -l -S -artplS --archive --recursive --times --perms --links --sparse -z; do
	accepted put $words "$f" "$url"
done
accepted put -avzxHXAucL "$f" "$url"
accepted put "$f" --no-owner "$url" --numeric-ids
# Anywhere, whatever other programs are to do: -n must never be a name.
POSIXLY_CORRECT=1
export POSIXLY_CORRECT
accepted put "$f" "$url" -n
unset POSIXLY_CORRECT

# Values.
for n in 0 17 -1 x '' 1x; do
	refused 'streams' put -j "$n" "$f" "$url"
done
accepted put -j auto -j 16 --streams 1 "$f" "$url"
refused 'max-delete' put --delete --max-delete x "$tmp/dir" "$url"
refused 'max-delete' put --delete --max-delete -1 "$tmp/dir" "$url"
accepted put --delete --max-delete 0 "$tmp/dir" "$url"
refused 'bwlimit' put --bwlimit 0 "$f" "$url"
refused 'min-size' put --min-size x - "$url/x"
refused "'!'" put --exclude '!' "$f" "$url"
refused 'value' put "$f" "$url" --exclude
refused 'No such file' put --exclude-from "$tmp/missing" "$tmp/dir" "$url"
refused 'No such file' put --files-from "$tmp/missing" "$tmp/dir" "$url"
printf 'a\n../b\n' >"$tmp/list"
refused '[.][.]' put --files-from "$tmp/list" "$tmp/dir" "$url"
refused 'no value' put --delete=yes "$tmp/dir" "$url"
# The last of several settings counts; of names the others would be passed over.
accepted put -j 2 --bwlimit 1M --bwlimit 2M --timeout 5 --timeout 6 "$f" "$url"
refused 'files-from is there twice' put --files-from "$tmp/list" --files-from "$tmp/list" "$tmp/dir" "$url"
refused 'failed0 is there twice' put --failed0 "$tmp/a" --failed0 "$tmp/b" "$tmp/dir" "$url"
refused 'backup-dir is there twice' put --backup-dir a --backup-dir b "$tmp/dir" "$url"
refused 'as is there twice' join --as a --as b code
for name in a b; do check_absent "$tmp/$name"; done
# A time that cannot be added to any other is none.
for option in retry-for timeout; do
	refused "$option" put --$option 18446744073709551 "$f" "$url"
done

# What is typed stands in the message as something that can be read, in one line.
esc=$(printf '\033')
refused '^ftx: put: unknown option -.x1b (' put "-${esc}[31m" "$f" "$url"
refused 'xc3 (' put "$(printf -- '-\303\251')" "$f" "$url"
refused '.x1b[[]31m:$' ls "a${esc}[31m"
refused 'i is for ftx host add' host ls
refused 'leave /s/.x1b out' host add x "ftx://$client_key@h/s/%1b"
expect 14 key -i "$tmp/none"
grep -q "^ftx: key: there is no key file '$tmp/none' (run ftx keygen -o FILE)\$" "$tmp/err" || fail "key says: $(cat "$tmp/err")"
code=0
"$ftx_program" key 2>"$tmp/err" || code=$?
check_eq "$code" 14 'exit code without a key'
grep -q '(run ftx keygen)$' "$tmp/err" || fail "key says: $(cat "$tmp/err")"

# Together.
refused 'files-from' put --delete --files-from "$tmp/list" "$tmp/dir" "$url"
refused 'exactly one' put --files-from "$tmp/list" "$tmp/dir" "$f" "$url"
refused '[-]-files-from' put -0 "$tmp/dir" "$url"
refused '[-]-delete' put --max-delete 3 "$tmp/dir" "$url"
refused '[-]-delete' put --delete-excluded "$tmp/dir" "$url"
refused '[-]-delete' put --delete-empty "$tmp/dir" "$url"
refused 'one of them' put --atomic-set --replace-set "$tmp/dir" "$url/x"
refused 'set' put --atomic-set --delete "$tmp/dir" "$url/x"
refused 'set' put --replace-set --backup-dir b "$tmp/dir" "$url/x"
refused 'not for this command' get --backup-dir b "$url/x" "$tmp/new"
refused 'not for this command' get --atomic-set "$url/x" "$tmp/new"
refused 'not for this command' get --replace-set "$url/x" "$tmp/new"
refused 'not for this command' get -L "$url/x" "$tmp/new"
refused 'not for this command' ls -z "$url/x"
refused 'failed0' put --failed0 - "$tmp/dir" "$url"
refused 'standard input' put --min-size 1 "$f" "$url"
refused 'single source' put - "$f" "$url/x"
refused 'a name' put - "$url"
refused 'a name' put - "$url/x/"
refused 'directories' put --delete - "$url/x"
refused 'directory' put --files-from "$tmp/list" - "$url/x"
refused 'names' put --failed0 "$tmp/failed" - "$url/x"
refused 'set' put --atomic-set - "$url/x"
refused 'below' put --exclude x - "$url/x"
refused 'one file' get "$url/x" "$url/y" -
refused 'directories' get --delete "$url/x" -
refused 'command is missing' put --from-command "$url/x"
refused 'command is missing' put --from-command "$url/x" --
refused 'command is missing' put --from-command "$url/x" cat "$f"
refused 'one destination' put --from-command -- cat
# The value of an option may be --, and one before the verb has no command behind it.
refused 'command is missing' put --from-command "$url/x" --failed0 -- cat
refused 'command is missing' --from-command -- put "$url/x"
# A number behind -p is no port where a file has that name.
(
	cd "$tmp"
	cp f 22
	accepted put -p 22 "$url"
)
refused 'one destination' put --from-command "$f" "$url/x" -- cat
check_absent "$tmp/failed"

# What cannot be had of standard input is refused, not passed over.
for option in --ignore-existing '--backup-dir old'; do
	# shellcheck disable=SC2086 # an option and its argument
	expect 2 put $option - "$url/never"
done
