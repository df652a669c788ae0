# shellcheck shell=sh
# What tests of the Debian packages share, and config.sh.  Puts the test into a mount namespace of its own,
# where $root is a system: this one, and above it, in memory, what is changed.  The database of packages,
# the users and the files of this machine stay as they are.  Skips it where that is not possible.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	for tool in dh dpkg-deb adduser; do
		command -v $tool >/dev/null || { echo "there is no $tool" && exit 77; }
	done
	# shellcheck disable=SC2016 # for the other shell
	unshare --mount sh -c '
		directory=$(mktemp -d) && mount -t tmpfs probe "$directory" && cd "$directory" && mkdir upper work root &&
		mount -t overlay -o "lowerdir=/,upperdir=upper,workdir=work" probe root && rm root/etc/passwd
		result=$?
		cd / && umount -l "$directory" && rmdir "$directory"
		exit $result' 2>/dev/null || { echo 'no system can be laid above this one here' && exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare --mount sh "$0" "$@"
fi
. "$(dirname "$0")/../lib/config.sh"
root=$tmp/root

# make_root: without any ftx in it; with a systemctl that notes what it is asked in $root/asked
make_root()
{
	mkdir "$tmp/layers" "$root"
	mount -t tmpfs layers "$tmp/layers"
	mkdir "$tmp/layers/upper" "$tmp/layers/work"
	mount -t overlay -o "lowerdir=/,upperdir=$tmp/layers/upper,workdir=$tmp/layers/work" root "$root"
	for device in null zero full random urandom; do
		: >"$root/dev/$device"
		mount --bind "/dev/$device" "$root/dev/$device"
	done
	mount --bind /proc "$root/proc"
	mount -t tmpfs run "$root/run"
	mkdir -p "$root/run/systemd/system"
	rm -rf "$root/etc/ftxd" "$root/var/lib/ftxd" "$root/srv/ftx" "$root/debs" "$root/usr/sbin/policy-rc.d"
	find "$root/etc/systemd" "$root/var/lib/systemd" -name '*ftxd*' -exec rm -rf {} +
	for file in passwd group shadow gshadow; do
		[ ! -e "$root/etc/$file" ] || sed -i '/^ftxd:/d' "$root/etc/$file"
	done
	mkdir "$root/debs"
	: >"$root/asked"
	cp tests/lib/systemctl "$root/usr/bin/systemctl.new"
	mv -f "$root/usr/bin/systemctl.new" "$root/usr/bin/systemctl"
}

# in_root(command...): its output in $tmp/out
in_root()
{
	status=0
	chroot "$root" "$@" >"$tmp/out" 2>&1 </dev/null || status=$?
	[ $status -eq 0 ] || fail "$* ended with $status: $(cat "$tmp/out")"
}

# packages(dpkg argument...): without what other packages make of new files
packages()
{
	: >"$root/asked"
	in_root env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		dpkg --no-triggers --force-unsafe-io --force-confdef "$@"
}

# asked(lines): since the last packages()
asked()
{
	check_eq "$(cat "$root/asked")" "$1" 'what was asked of systemctl'
}

# printed(text): by the last command
printed()
{
	grep -qF -e "$1" "$tmp/out" || fail "nothing like '$1' in: $(cat "$tmp/out")"
}

# repack(package, version): of $root/debs, with another version, as $root/debs/new-PACKAGE.deb
repack()
{
	dpkg-deb --raw-extract "$root/debs/$1.deb" "$tmp/repacked"
	sed -i "s/^Version: .*/Version: $2/" "$tmp/repacked/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone --build "$tmp/repacked" "$root/debs/new-$1.deb" >/dev/null
	rm -rf "$tmp/repacked"
}
