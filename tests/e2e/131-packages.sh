#!/bin/sh
# Not with sanitizers: what is packaged is the same.
# The Debian packages: what is in them; and installed, upgraded below a client, removed, installed again
# and purged, in a system of their own.  FTX_DEBS, as tests/lib/packages.sh has it.
. "$(dirname "$0")/../lib/packages.sh"
make_root
note_systemctl
program_version=$("$ftx_program" --version | sed -n '1s/.* //p')
if [ -n "${FTX_DEBS-}" ]; then
	cp "$FTX_DEBS"/ftx_*.deb "$root/debs/ftx.deb"
	cp "$FTX_DEBS"/ftxd_*.deb "$root/debs/ftxd.deb"
	program_version=$(dpkg-deb -f "$root/debs/ftx.deb" Version)
	by_debhelper='--system daemon-reload'
else
	lay_packages "$program_version"
	by_debhelper=
fi

# What is in them.
version=$(dpkg-deb -f "$root/debs/ftxd.deb" Version)
check_eq "$(dpkg-deb -f "$root/debs/ftx.deb" Version)" "$version" 'the version of ftx'
# holds(package): names of its files, but for those of every package, compressed or not
holds()
{
	dpkg-deb --contents "$root/debs/$1.deb" | awk '$1 !~ /^d/ { print $1, $2, $6 }' |
		sed 's|\./||; s|\.gz$||; /\/doc\/[a-z]*\/\(changelog\|copyright\)$/d' | LC_ALL=C sort
}
pages()
{
	for page in "$@"; do
		page=${page#man/}
		echo "-rw-r--r-- root/root usr/share/man/man${page##*.}/$page"
	done
}
check_eq "$(holds ftxd)" "$({ pages man/ftxd*.[1-8] && cat <<'END'
-rw-r--r-- root/root etc/ftxd/ftxd.conf
-rw-r--r-- root/root lib/systemd/system/ftxd.service
-rw-r--r-- root/root lib/systemd/system/ftxd.socket
-rw-r--r-- root/root usr/lib/sysusers.d/ftxd.conf
-rw-r--r-- root/root usr/lib/tmpfiles.d/ftxd.conf
-rwxr-xr-x root/root usr/sbin/ftxd
END
} | LC_ALL=C sort)" 'what is in ftxd'
check_eq "$(holds ftx)" "$({ pages man/ftx.[1-8] man/ftx[!d]*.[1-8] && cat <<'END'
-rw-r--r-- root/root usr/share/bash-completion/completions/ftx
-rw-r--r-- root/root usr/share/doc/ftx/PROTOCOL.md
-rw-r--r-- root/root usr/share/fish/vendor_completions.d/ftx.fish
-rw-r--r-- root/root usr/share/zsh/vendor-completions/_ftx
-rwxr-xr-x root/root usr/bin/ftx
END
} | LC_ALL=C sort)" 'what is in ftx'

# Installed: a user, its directories and a key; nothing enabled, nothing asked for.
packages -i /debs/ftx.deb /debs/ftxd.deb
asked '--system daemon-reload'
not_enabled()
{
	check_eq "$(find "$root/etc/systemd" "$root/run/systemd" -name '*ftxd*')" '' 'what is enabled'
}
not_enabled
in_root ftx --version
printed "ftx $program_version"
state=$root/var/lib/ftxd
id=$(sed -n 's/^ftxd:[^:]*:\([0-9]*:[0-9]*\):.*nologin$/\1/p' "$root/etc/passwd")
check_eq "$(stat -c '%a %u:%g' "$state" "$root/srv/ftx" "$state/server-key" | tr '\n' ' ')" \
	"700 $id 750 $id 600 $id " 'the directories and the key'
case $id in *[!0]*:*[!0]*) ;; *) fail "ftxd is root or nobody: '$id'" ;; esac
cp "$state/server-key" "$tmp/key"
same_key()
{
	check_same_file "$state/server-key" "$tmp/key"
}
# Once it is there it stays, and a directory that a backup has brought back is the daemon's, with its key.
mv "$state/server-key" "$tmp/"
chown 0:0 "$state"
chmod 755 "$state"
in_root /var/lib/dpkg/info/ftxd.postinst configure
check_eq "$(stat -c '%a %u:%g' "$state" "$state/server-key" | tr '\n' ' ')" "700 $id 600 $id " 'those that were there'
mv "$tmp/server-key" "$state/"
in_root dpkg --verify ftx ftxd
check_eq "$(cat "$tmp/out")" '' 'what differs from the packages'

# What an administrator changes.
conf=$root/etc/ftxd/ftxd.conf
cat >>"$conf" <<'END'
[server]
listen = 127.0.0.1:0
END
make_keys
in_root ftxd client add laptop "$client_key" --share files=full
rmdir "$root/srv/ftx"
mkdir "$root/srv/elsewhere"
ln -s elsewhere "$root/srv/ftx"
chown "$id" "$root/srv/elsewhere"
chmod 2775 "$root/srv/elsewhere"
mkdir -p "$root/etc/systemd/system/sockets.target.wants"
enabled=etc/systemd/system/sockets.target.wants/ftxd.socket
ln -s /lib/systemd/system/ftxd.socket "$root/$enabled"
# stays_changed: all that stays as it is, with what was put
stays_changed()
{
	same_key
	check_same_file "$conf" "$tmp/mine"
	grep -qF -e "$client_key" "$root/etc/ftxd/clients.d/laptop.conf" || fail 'the client is gone'
	check_eq "$(readlink "$root/srv/ftx")" elsewhere 'the share of the administrator'
	check_eq "$(stat -c '%a %u:%g' "$root/srv/elsewhere")" "2775 $id" 'its mode and owner'
	check_same_file "$tmp/f" "$root/srv/elsewhere/f"
	[ -L "$root/$enabled" ] || fail 'the socket is not enabled any more'
}

# Upgraded below a client, it runs anew, and the client goes on.
# service: $service, the daemon that runs
service()
{
	service=$(cat "$root/service")
	started="$started $service"
}
listens()
{
	port=$(sed -n 's/.*listening address=127\.0\.0\.1://p' "$root/service.log" | tail -n 1)
	[ -n "$port" ]
}
in_root systemctl start ftxd.service
service
wait_for 'ftxd to listen' listens
sed -i "s/^listen = .*/listen = 127.0.0.1:$port/" "$conf"
cp "$conf" "$tmp/mine"
in_root ftxd key -c /etc/ftxd/ftxd.conf
base=$(sed -n 's/^\(ftx:.*\)@.*/\1/p' "$tmp/out")@127.0.0.1:$port
random_file "$tmp/f" $((6 * MIB))
# half_way: a whole block of the file is on its way, on the server
half_way()
{
	[ -n "$(find "$root/srv/elsewhere/.ftx" -name '*.part' -size +2048k 2>/dev/null)" ]
}
start_client --compress none --bwlimit 2M -j 1 put "$tmp/f" "$base/files/f"
wait_for 'a whole block to be written' half_way
old=$service
repack ftxd "$version+later"
packages -i /debs/new-ftxd.deb
asked '--system daemon-reload
try-restart ftxd.service'
check_eq "$(dpkg-query --admindir="$root/var/lib/dpkg" -Wf '${Version} ${db:Status-Status}' ftxd)" \
	"$version+later installed" 'what is installed'
service
[ "$service" != "$old" ] || fail 'the old daemon runs'
process_gone "$old" || fail 'the old daemon is still there'
check_eq "$(readlink "/proc/$service/exe")" "$root/usr/sbin/ftxd" 'the program that runs'
wait_client 0 9 11
if [ "$status" -ne 0 ]; then
	expect 0 --json put "$tmp/f" "$base/files/f"
	[ "$(summary bytes_resumed)" -gt 0 ] || fail 'nothing was resumed'
fi
stays_changed

# With a configuration that the new one would not start with, the old one goes on.
echo 'colour = red' >>"$conf"
: >"$root/asked"
in_root /var/lib/dpkg/info/ftxd.postinst configure "$version"
printed "no key 'colour'"
printed 'not restarted; when "ftxd check" finds nothing'
asked '--system daemon-reload'
check_eq "$(cat "$root/service")" "$service" 'the daemon that runs'
expect 0 ls "$base/files/f"
sed -i '$d' "$conf"

# Removed: the daemon ends, and all that is not the package's stays; so it does when it comes again, and
# where none runs none is started.
touch "$root/cannot-stop"
in_root /var/lib/dpkg/info/ftxd.prerm remove
printed 'the daemon may still run'
rm "$root/cannot-stop"
packages -r ftxd
asked "stop ftxd.socket ftxd.service${by_debhelper:+
$by_debhelper}"
process_gone "$service" || fail 'the daemon is still there'
check_absent "$root/usr/sbin/ftxd"
stays_changed
rm "$root/srv/ftx"
packages -i /debs/new-ftxd.deb
check_absent "$root/srv/ftx"
ln -s elsewhere "$root/srv/ftx"
asked '--system daemon-reload
try-restart ftxd.service'
stays_changed
check_absent "$root/service"

# Purged: what it wrote for itself goes, and says so; no share does, wherever it is.
mkdir "$state/share" "$state/invites" "$state/clients.d"
cp "$tmp/f" "$state/share/server-key"
touch "$state/invites/x" "$state/clients.d/phone.conf" "$state/server-key.2" "$state/usage" "$root/etc/ftxd/server-key"
packages -P ftx ftxd
check_absent "$root/usr/bin/ftx"
printed 'removing the server key /var/lib/ftxd/server-key;'
printed 'removing the server key /var/lib/ftxd/server-key.2;'
printed '/var/lib/ftxd stays: it is not empty'
[ -n "$by_debhelper" ] || rm "$root/$enabled"
check_eq "$(cd "$root" && find var/lib/ftxd etc/ftxd etc/systemd -path '*ftxd*' | LC_ALL=C sort)" 'etc/ftxd
etc/ftxd/server-key
var/lib/ftxd
var/lib/ftxd/share
var/lib/ftxd/share/server-key' 'what is left'
check_same_file "$tmp/f" "$root/srv/elsewhere/f"
check_same_file "$tmp/f" "$state/share/server-key"
grep -q '^ftxd:' "$root/etc/passwd" || fail 'the user to whom the shares belong is gone'

# The rest changes rarely, and takes a second.
[ -n "${FTX_DEBS-}" ] || exit 0

# Where no systemd runs, nothing is asked of it.  An installation that fails is made up for.
rm -r "$root/run/systemd" "$state/share"
: >"$root/asked"
mv "$root/etc/passwd" "$root/etc/passwd.right"
sed 's/^ftxd:[^:]*:[0-9]*/ftxd:x:4711/' "$root/etc/passwd.right" >"$root/etc/passwd"
if (packages -i /debs/ftxd.deb) >/dev/null; then fail 'it is installed for a user of somebody'; fi
check_absent "$state/server-key"
mv "$root/etc/passwd.right" "$root/etc/passwd"
packages --configure ftxd
check_eq "$(stat -c '%a %u:%g' "$state" "$state/server-key" | tr '\n' ' ')" "700 $id 600 $id " 'the directory and the key'
if cmp -s "$state/server-key" "$tmp/key"; then fail 'the key is the one that was purged'; fi
packages -P ftxd
asked ''
