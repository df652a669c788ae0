# shellcheck shell=sh
# What tests of the Debian packages share, and config.sh.  Puts the test into a mount namespace of its own,
# where $root is a system: this one, and above it, in memory, what is changed.  The database of packages,
# the users and the files of this machine stay as they are.  Skips it where that is not possible.
#
# FTX_DEBS: a directory with packages that `make deb` has made, for a system that has all packages of this
# one.  Otherwise they are laid here, of the files that the rules install and the maintainer scripts, and
# all that is installed beside them is what they name: without debhelper, and many times as fast.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	for tool in dpkg-deb adduser deb-systemd-invoke; do
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

# empty_database: of packages; adduser is there
empty_database()
{
	mount -t tmpfs dpkg "$root/var/lib/dpkg"
	mkdir "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
	dpkg-query -s adduser >"$root/var/lib/dpkg/status"
	: >"$root/var/lib/dpkg/info/adduser.list"
}

# make_root: without any ftx in it
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
	[ -n "${FTX_DEBS-}" ] || empty_database
	mkdir "$root/debs"
}

# note_systemctl: what is asked of it is noted in $root/asked
note_systemctl()
{
	: >"$root/asked"
	cp tests/lib/systemctl "$root/usr/bin/systemctl.new"
	mv -f "$root/usr/bin/systemctl.new" "$root/usr/bin/systemctl"
}

# lay_package(package, version): of what was built, without what debhelper adds, as $root/debs/PACKAGE.deb
lay_package()
{
	tree=$tmp/source/debian/$1
	mkdir "$tree/DEBIAN"
	{
		sed -n "/^Package: $1\$/,/^\$/p" scripts/debian/control |
			sed 's/, \${[^}]*}//g; /\${/d; s/linux-any/all/; /^$/d'
		printf 'Maintainer: a <a@example.org>\nVersion: %s\n' "$2"
	} >"$tree/DEBIAN/control"
	for script in scripts/debian/"$1".*; do
		[ ! -e "$script" ] || sed 's/^#DEBHELPER#$//' "$script" >"$tree/DEBIAN/${script##*.}"
	done
	[ ! -d "$tree/etc" ] || (cd "$tree" && find etc -type f -printf '/%p\n') >"$tree/DEBIAN/conffiles"
	find "$tree/DEBIAN" -name 'p*' -exec chmod 755 {} +
	dpkg-deb --root-owner-group -Znone --build "$tree" "$root/debs/$1.deb" >/dev/null
}

# lay_packages(version): both
lay_packages()
{
	mkdir "$tmp/source"
	ln -s "$PWD/Makefile" "$PWD/man" "$PWD/proto" "$PWD/scripts" "$tmp/source/"
	(cd "$tmp/source" && env -u MAKEFLAGS -u MAKELEVEL FTX_BUILT="$build" \
		make -f scripts/debian/rules override_dh_auto_install) >"$tmp/out" 2>&1 || fail "rules: $(cat "$tmp/out")"
	lay_package ftx "$1"
	lay_package ftxd "$1"
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
