#!/bin/sh
# From an installed configuration to the first put: what `ftxd client add` prints is what the client
# needs, before ftxd has run at all; and root neither keeps the key nor uses its powers on it.
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
says "'$tmp/state/server-key': no such file"
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
