#!/bin/sh
# From an installed configuration to the first put: what `ftxd invite` and `ftxd client add` print is
# what the client needs, before ftxd has run at all; the commands are those of README.md; and root
# neither keeps the key nor uses its powers on it.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share" "$tmp/state"
chmod 700 "$tmp/state"
chmod 755 "$tmp"
as=
if [ "$(id -u)" -eq 0 ]; then
	chown 4711:4712 "$tmp/share" "$tmp/state"
	as='setpriv --reuid 4711 --regid 4712 --clear-groups'
	# The build may be where others have no access.
	cp "$ftxd_program" "$tmp/ftxd"
	ftxd_program=$tmp/ftxd
fi
sed "s|^path = .*|path = $tmp/share|; s|^#\[server|[server|; s|^#listen = .*|listen = 127.0.0.1:0|
	s|^#state = .*|state = $tmp/state|" scripts/systemd/ftxd.conf >"$conf"

# Nothing is made where it is not known whose it would be.
mv "$tmp/state" "$tmp/later"
ftxd 14 key -c "$conf"
check_absent "$tmp/state"
ftxd 0 client add early "$("$ftx_program" keygen -o "$tmp/early")" --share files=get -c "$conf"
says "nor the state directory '$tmp/state': ftxd makes both when it is started"
check_absent "$tmp/state"
mv "$tmp/later" "$tmp/state"

ftxd 0 client add laptop "$client_key" --share files=full -c "$conf"
address=$(cat "$tmp/out")
check_eq "$(stat -c '%a %u' "$tmp/state/server-key")" "600 $(stat -c %u "$tmp/state")" 'the key that was made'
ftxd 0 key -c "$conf"
check_eq "ftx://$(head -n 1 "$tmp/out")@127.0.0.1:0/files/" "$address" 'the address that was printed'

# With the log of a program that may write nothing here.
before=0
# shellcheck disable=SC2086 # a command with its arguments
$as "$ftxd_program" -c "$conf" 2>"$log" &
server_pid=$!
started="$started $server_pid"
wait_for 'ftxd to listen' ftxd_listens
port=$(sed -n 's/.*listening address=127\.0\.0\.1://p' "$log")
echo text >"$tmp/f"
expect 0 put "$tmp/f" "$(echo "$address" | sed "s/:0/:$port/")"
check_same_file "$tmp/f" "$tmp/share/f"

# The five commands of README.md.  The first two are other tests' (80-install.sh, 81-unit.sh); the
# rest is typed here as it stands there, with our configuration and the address of this server.
# shellcheck disable=SC2016 # backquotes of README.md
sed -n '/^From `make install` to the first put/,/^The service has no network/p' README.md |
	sed -n 's/^\(server#\|client\$\) \([^#]*[^# ]\) *\(#.*\)*$/\2/p' >"$tmp/commands"
check_eq "$(wc -l <"$tmp/commands")" 5 'commands in README.md'
check_eq "$(head -n 2 "$tmp/commands")" 'make install
systemctl enable --now ftxd.socket' 'the first two'
# typed(number): runs that one
typed()
{
	sed -n "$1p" "$tmp/commands" >"$tmp/typed"
	case $(cat "$tmp/typed") in
	'ftxd invite '*) sed -i "s|^ftxd invite|'$ftxd_program' invite -c '$conf' --address localhost:$port|" "$tmp/typed" ;;
	'ftx join '*) sed -i "s|ftxp[^ ]*|$code|; s|^ftx|'$ftx_program'|; s|\$| -4|" "$tmp/typed" ;;
	'ftx put '*) sed -i "s|server:|localhost:|; s|^ftx|'$ftx_program' -4|" "$tmp/typed" ;;
	*) fail "README.md has '$(cat "$tmp/typed")'" ;;
	esac
	(cd "$tmp" && HOME=$tmp/first XDG_CONFIG_HOME='' sh -eu "$tmp/typed" >"$tmp/out" 2>"$tmp/err") ||
		fail "$(cat "$tmp/typed"): $(cat "$tmp/err")"
}
sed -n 3p "$tmp/commands" | sed 's/invite laptop/invite first/' >"$tmp/third"
sed -i "3s/.*/$(sed 's|[/&]|\\&|g' "$tmp/third")/" "$tmp/commands" # laptop is there already
mkdir "$tmp/first"
echo image >"$tmp/disk.img"
typed 3
code=$(tail -n 1 "$tmp/out")
code=${code##* }
typed 4
typed 5
check_same_file "$tmp/disk.img" "$tmp/share/disk.img"
check_eq "$(stat -c %u "$tmp/state/clients.d/first.conf" "$tmp/state/invites/"* | sort -u)" \
	"$(stat -c %u "$tmp/state")" "whose the invite's files are"

# A key file that is named, as root and as its owner.
sed -i "s|^#key = /.*|key = $tmp/state/server-key|" "$conf"
ftxd 0 check -c "$conf"
ftxd 0 key -c "$conf"
check_eq "ftx://$(head -n 1 "$tmp/out")@127.0.0.1:0/files/" "$address" 'the address'
[ "$(id -u)" -eq 0 ] || exit 0
# The owner of the directory cannot have root read what is not the owner's.
mv "$tmp/state/server-key" "$tmp/state/key"
(umask 077 && ftxd 0 keygen -o "$tmp/secret")
ln "$tmp/secret" "$tmp/state/server-key"
ftxd 14 key -c "$conf"
rm "$tmp/state/server-key"
ln -s "$tmp/secret" "$tmp/state/server-key"
ftxd 14 key -c "$conf"
says 'symbolic link'
