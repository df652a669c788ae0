#!/bin/sh
# ftx host add, ls, rm: sections of the user's file; all its other lines stay as they are.
# With sanitizers alone: it is the client's own file.
. "$(dirname "$0")/../lib/e2e.sh"
config=$XDG_CONFIG_HOME/ftx/config
make_keys
key=$client_key # as good as a server's
other=$("$ftx_program" keygen -o "$tmp/other")

# host(code, argument...)
host()
{
	wanted=$1
	shift
	status=0
	"$ftx_program" host "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ "$status" -eq "$wanted" ] || fail "ftx host $* ended with $status, not $wanted: $(cat "$tmp/err")"
}

# Nothing there: an empty list, nothing to remove, and nothing made.
host 0 ls
check_eq "$(cat "$tmp/out")" '' 'the list'
check_absent "$XDG_CONFIG_HOME"
host 5 rm nas
says 'there is no [host nas]'

# The first makes file and directory, for the user alone.
host 0 add nas "ftx://$key@nas.example.org"
check_eq "$(stat -c %a "$config" "$XDG_CONFIG_HOME/ftx")" '600
700' 'modes'
check_eq "$(cat "$config")" "[host nas]
address = nas.example.org:7389
server-key = $key" 'the file'
host 0 ls
check_eq "$(cat "$tmp/out")" "nas ftx://$key@nas.example.org:7389" 'the list'

# A file that somebody cares for, without a line feed at its end and with a mode of its own.
cat >"$tmp/cared" <<EOF
# my servers
[host one]
address = one.example.org
; its key since spring
server-key = $key

# the cellar
[host two]
port = 7000
EOF
printf 'server-key = %s' "$other" >>"$tmp/cared"
cp "$tmp/cared" "$config"
chmod 640 "$config"
host 0 add three "ftx://$key@[2001:db8::1]:7001"
host 0 add four "ftx://$key@four" -i "$tmp/other"
check_eq "$(stat -c %a "$config")" 640 'mode of the file'
check_eq "$(cat "$config")" "$(cat "$tmp/cared")

[host three]
address = [2001:db8::1]:7001
server-key = $key

[host four]
address = four:7389
server-key = $key
identity = $tmp/other" 'the file'
host 0 ls
check_eq "$(cat "$tmp/out")" "one ftx://$key@one.example.org:7389
two ftx://$other@two:7000
three ftx://$key@[2001:db8::1]:7001
four ftx://$key@four:7389" 'the list'
host 0 rm three
host 0 rm four
check_eq "$(cat "$config")" "$(cat "$tmp/cared")" 'the file as it was'
# Comments are never taken away.
host 0 rm one
check_eq "$(cat "$config")" "# my servers
; its key since spring

# the cellar
[host two]
port = 7000
server-key = $other" 'the file without one'

# What is wrong changes nothing.
cp "$config" "$tmp/before"
host 1 add two "ftx://$key@two"
says "[host two] is in $config already"
says 'ftx host rm two'
host 5 rm one
says "there is no [host one] in $config"
for arguments in '' 'add' 'add three' "add three ftx://$key@h more" 'rm' 'rm a b' 'ls a' 'list' "add a/b ftx://$key@h" \
	'rm a/b' 'add three h:' 'add three ftx://h' "add three ftx://$key@h/share" 'add three ftx://short@h' '-i x ls'; do
	# shellcheck disable=SC2086 # a list of words
	host 2 $arguments
done
# Whatever is no address of a server, the form of one is told.
for server in h h:7001 h:share/x "$key@h" "http://$key@h"; do
	host 2 add three "$server"
	says 'the server is written ftx://KEY@HOST[:PORT]'
done
host 14 add three "ftx://$key@h" -i "$tmp/none"
cmp "$config" "$tmp/before" || fail 'a command that failed has changed the file'
echo nonsense >>"$config"
cp "$config" "$tmp/before"
host 14 add three "ftx://$key@h"
says "$config:8: "
host 14 rm two
host 14 ls
cmp "$config" "$tmp/before" || fail 'a wrong file was changed'

# A link stays one, and leads to the change.
mkdir "$tmp/dotfiles"
mv "$tmp/cared" "$tmp/dotfiles/config"
ln -sf "$tmp/dotfiles/config" "$config"
host 0 rm two
[ -L "$config" ] || fail 'the link is gone'
! grep -q 'host two' "$tmp/dotfiles/config" || fail 'nothing has changed where the link leads'
rm "$tmp/dotfiles/config"
host 5 add two "ftx://$key@two"
rm "$config"

# Several at once: each is there afterwards.
adding=
for n in 1 2 3 4 5 6; do
	"$ftx_program" host add "h$n" "ftx://$key@h$n" &
	adding="$adding $!"
done
for pid in $adding; do
	wait "$pid" || fail 'one of several at once failed'
done
host 0 ls
check_eq "$(sort "$tmp/out" | cut -d ' ' -f 1 | tr '\n' ' ')" 'h1 h2 h3 h4 h5 h6 ' 'all of them'
check_eq "$(ls -A "$XDG_CONFIG_HOME/ftx")" config 'what is left beside the file'
