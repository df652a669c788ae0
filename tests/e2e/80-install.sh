#!/bin/sh
# Not with sanitizers: what is installed is the same.
# make install into a directory: what is there, that it is usable, and what uninstall leaves.
. "$(dirname "$0")/../lib/config.sh"
root=$tmp/root
conf=$root/etc/ftxd/ftxd.conf

# installing(target, prefix)
installing()
{
	env -u MAKEFLAGS -u MAKELEVEL make -s "$1" O="$build" DESTDIR="$root" PREFIX="$2" >"$tmp/out" 2>&1 ||
		fail "make $1: $(cat "$tmp/out")"
}

# there: mode and name of everything in the directory that is no directory, and of the configuration's
there()
{
	(cd "$root" && find . ! -type d -printf '%m %P\n' -o -path './etc/ftxd*' -printf '%m %P\n' | LC_ALL=C sort)
}

# expected(prefix)
expected()
{
	LC_ALL=C sort <<END
755 $1/bin/ftx
755 $1/sbin/ftxd
644 $1/share/bash-completion/completions/ftx
644 $1/share/doc/ftx/PROTOCOL.md
644 $1/share/fish/vendor_completions.d/ftx.fish
644 $1/share/man/man1/ftx-get.1
644 $1/share/man/man1/ftx-put.1
644 $1/share/man/man1/ftx.1
644 $1/share/man/man5/ftx_config.5
644 $1/share/man/man5/ftxd.conf.5
644 $1/share/man/man7/ftx-protocol.7
644 $1/share/man/man8/ftxd.8
644 $1/share/zsh/site-functions/_ftx
644 $1/lib/systemd/system/ftxd.socket
644 $1/lib/systemd/system/ftxd.service
644 $1/lib/sysusers.d/ftxd.conf
644 $1/lib/tmpfiles.d/ftxd.conf
755 etc/ftxd
755 etc/ftxd/clients.d
644 etc/ftxd/ftxd.conf
END
}

for prefix in usr/local opt/ftx; do
	rm -rf "$root"
	# Whatever the mask of who installs.
	(umask 077 && installing install-built /$prefix)
	check_eq "$(there)" "$(expected $prefix)" 'what is installed'
	check_eq "$(sed -n 's/^ExecStart=//p' "$root/$prefix/lib/systemd/system/ftxd.service")" \
		"/$prefix/sbin/ftxd run" 'what the unit starts'
	if grep -r '@[A-Z]*@' "$root/$prefix/lib"; then fail 'a name was not replaced'; fi
	installing uninstall /$prefix
	check_eq "$(there)" '' 'what uninstall leaves'
done

# It is right as it is, and with a client; one share is live.
installing install-built /usr
ftxd_program=$root/usr/sbin/ftxd
ftxd 0 check -c "$conf"
grep -q 'good: shares=1 clients=0' "$tmp/out" || fail "check says: $(cat "$tmp/out")"
check_eq "$(grep -v '^#' "$conf" | grep .)" "[share files]
path = /srv/ftx" 'what counts in the configuration'
# So are its comments: each section with what may stand in it.
make_keys
sed -e 's/^#\(\[\)/\1/' -e 's/^#\([a-z-]* = \)/\1/' -e "s/^key = 43.*/key = $client_key/" \
	-e "s/^user = .*/user = nobody/; s|^path = .*|path = $tmp/share|" -e '/^key = \/var/d' "$conf" >"$tmp/etc/all.conf"
mkdir "$tmp/share"
ftxd 0 check -c "$tmp/etc/all.conf"
grep -q 'good: shares=1 clients=1' "$tmp/out" || fail "check says: $(cat "$tmp/out")"

# What was changed stays: at another install, and at uninstall.
ftxd 0 client add laptop "$client_key" --share files=full -c "$conf"
echo '# mine' >>"$conf"
cp "$conf" "$tmp/mine"
installing install-built /usr
check_same_file "$conf" "$tmp/mine"
installing uninstall /usr
check_eq "$(cd "$root" && find . ! -type d | LC_ALL=C sort)" './etc/ftxd/clients.d/laptop.conf
./etc/ftxd/ftxd.conf' 'what uninstall leaves'
check_same_file "$conf" "$tmp/mine"

# Asked for the key root is told that of the configuration that is installed.
if [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
	mkdir "$tmp/state"
	ftxd_program=$(realpath "$build/ftxd")
	printf '[server]\nstate = %s\npublic-address = files.example.org\n[share files]\npath = %s\n' "$tmp/state" "$tmp/share" >"$conf"
	ftxd 0 key -c "$conf"
	mv "$tmp/out" "$tmp/wanted"
	# shellcheck disable=SC2016 # of the shell in there
	unshare --mount sh -c '
		mount -t tmpfs tmpfs /etc && mkdir /etc/ftxd && cp "$1" /etc/ftxd/ && exec "$2" key' \
		sh "$conf" "$ftxd_program" >"$tmp/out" 2>"$tmp/err" || fail "ftxd key: $(cat "$tmp/err")"
	check_same_file "$tmp/wanted" "$tmp/out"
	grep -q '@files.example.org:7389' "$tmp/out" || fail "ftxd key says: $(cat "$tmp/out")"
fi

# The user and the directories.
command -v systemd-sysusers >/dev/null && command -v systemd-tmpfiles >/dev/null && [ "$(id -u)" -eq 0 ] || exit 0
installing install-built /usr
scripts/set-up /usr/lib "$root" >"$tmp/out" 2>&1 || fail "set-up: $(cat "$tmp/out")"
id=$(sed -n 's/^ftxd:[^:]*:\([0-9]*:[0-9]*\):.*/\1/p' "$root/etc/passwd")
check_eq "$(stat -c '%a %u:%g' "$root/var/lib/ftxd")" "700 $id" 'the state directory'
check_eq "$(stat -c '%a %u:%g' "$root/srv/ftx")" "750 $id" 'the share'
case $id in 0:* | *:0) fail "ftxd is root: $id" ;; esac
