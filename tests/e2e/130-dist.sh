#!/bin/sh
# Not with sanitizers: what is built is the same.
# Versions and the tarball: what a commit is called, that a commit always gives the same bytes, and
# that what comes out of them installs itself, as the version that it says.
. "$(dirname "$0")/../lib/e2e.sh"
command -v git >/dev/null || skip 'there is no git'
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='1000000000 +0000' GIT_COMMITTER_DATE='1577836800 +0000'

# commit(directory)
commit()
{
	git -C "$1" commit -q --allow-empty -m x
	hash=$(git -C "$1" rev-parse HEAD | cut -c 1-12)
}

# is_version(expected): of $tmp/v; later than the one before
before=0
is_version()
{
	check_eq "$("$tmp/v/scripts/version")" "$1" 'the version'
	! command -v dpkg >/dev/null || dpkg --compare-versions "$before" lt "$1" || fail "$1 does not come after $before"
	before=$1
}

mkdir -p "$tmp/v/scripts"
cp scripts/version "$tmp/v/scripts/"
touch "$tmp/v/Makefile"
check_eq "$("$tmp/v/scripts/version" 2>"$tmp/err")" 0.1.0~unknown 'the version of no commit'
grep -q 'the version is unknown' "$tmp/err" || fail 'nothing says so'
# Of a repository that it lies in it is no version either.
git init -q "$tmp"
commit "$tmp"
git -C "$tmp" tag v9
check_eq "$("$tmp/v/scripts/version" 2>/dev/null)" 0.1.0~unknown 'the version in a repository of others'
rm -rf "$tmp/.git"

git init -q "$tmp/v"
git -C "$tmp/v" add .
commit "$tmp/v"
is_version "0.1.0~1.g$hash"
echo '# more' >>"$tmp/v/Makefile"
is_version "0.1.0~1.g$hash.dirty"
git -C "$tmp/v" add .
commit "$tmp/v"
is_version "0.1.0~2.g$hash"
git -C "$tmp/v" tag v0.1.0-rc1
is_version 0.1.0~rc1
commit "$tmp/v"
is_version "0.1.0~rc1+1.g$hash"
git -C "$tmp/v" tag nightly
check_eq "$("$tmp/v/scripts/version")" "$before" 'the version beside another tag'
git -C "$tmp/v" tag -a -m x v0.1.0
is_version 0.1.0
check_eq "$("$tmp/v/scripts/version" -t)" 1577836800 'when it was committed'
touch "$tmp/v/untracked" "$tmp/v/Makefile"
check_eq "$("$tmp/v/scripts/version")" 0.1.0 'the version beside a file that git does not know'
echo '# more' >>"$tmp/v/Makefile"
is_version "0.1.0+0.g$hash.dirty"
git -C "$tmp/v" checkout -q Makefile
commit "$tmp/v"
is_version "0.1.0+1.g$hash"

# This tree as a commit, and a clone of it.
scripts/dist -t "$tmp/tar"
mkdir "$tmp/one"
tar -xf "$tmp/tar" -C "$tmp/one" --strip-components=1 --exclude=tarball-version
git init -q "$tmp/one"
git -C "$tmp/one" add -f .
commit "$tmp/one"
version=0.1.0~1.g$hash
(umask 077 && git clone -q "$tmp/one" "$tmp/two")
mkdir "$tmp/two/build" "$tmp/two/cmd/other"
touch "$tmp/two/build/ftx" "$tmp/two/cmd/other/mine" "$tmp/two/Makefile"
# dist(directory): makes $tmp/NAME.tar.xz of $tmp/NAME
dist()
{
	made=$(O=build "$tmp/$1/scripts/dist" -0 "$tmp/$1.made")
	check_eq "$made" "$tmp/$1.made/ftx-$version.tar.xz" 'the name of the tarball'
	check_eq "$(ls "$tmp/$1.made")" "ftx-$version.tar.xz" 'what was made'
	mv "$made" "$tmp/$1.tar.xz"
}
dist one
(cd / && umask 077 && export TZ=Asia/Tokyo LC_ALL=C.UTF-8 XZ_OPT=-9 && dist two)
check_same_file "$tmp/one.tar.xz" "$tmp/two.tar.xz"

# What is in it is what git knows, the version, and nothing of who made it.
mkdir "$tmp/out.d"
tar -xJf "$tmp/one.tar.xz" -C "$tmp/out.d"
source=$tmp/out.d/ftx-$version
check_eq "$(diff -r --exclude=.git "$tmp/one" "$source")" "Only in $source/scripts: tarball-version" \
	'the difference from the tree'
check_eq "$(tar -tvJf "$tmp/one.tar.xz" --utc --full-time --numeric-owner |
	awk '{ print $1, $2, $4, $5 }' | LC_ALL=C sort -u)" '-rw-r--r-- 0/0 2020-01-01 00:00:00
-rwxr-xr-x 0/0 2020-01-01 00:00:00' 'modes, owners and times'
check_eq "$(find "$source" -type f -perm -u+x | wc -l)" "$(git -C "$tmp/one" ls-files -s | grep -c ^100755)" 'programs'

# It gives itself again, from within another repository, and with what was built beside it.
git init -q "$tmp/out.d"
mkdir "$source/build"
touch "$source/build/x"
mv "$source" "$tmp/out.d/again"
source=$tmp/out.d/again
dist out.d/again
check_same_file "$tmp/one.tar.xz" "$tmp/out.d/again.tar.xz"
# Nor does it hold anything twice as a repository of its own.
git init -q "$source"
git -C "$source" add .
"$source/scripts/dist" -t "$tmp/own.tar"
check_eq "$(tar -tf "$tmp/own.tar" | LC_ALL=C sort)" "$(tar -tf "$tmp/one.tar.xz" | LC_ALL=C sort)" 'what is in it'
rm -rf "$source/.git"

# A tree that lacks something makes none.
rm "$tmp/one/Makefile"
if "$tmp/one/scripts/dist" -0 "$tmp/x" >"$tmp/out" 2>"$tmp/err"; then fail 'it was made without a Makefile'; fi
grep -q 'not here: Makefile' "$tmp/err" || fail "it says: $(cat "$tmp/err")"
check_absent "$tmp/x"

# make install there, without git.  What this build compiled of the same source with the same options is
# not compiled again.
objects=$(realpath --relative-to=. "$build")
case $objects in ..*) skip 'what was built is not in this tree, the rest was tested' ;; esac
mkdir -p "$source/$objects" "$tmp/bin"
cp -a "$build/cmd" "$build/src" "$build/proto" "$build/flags" "$source/$objects/"
printf '#!/bin/sh\nexit 1\n' >"$tmp/bin/git"
chmod +x "$tmp/bin/git"
env -u MAKEFLAGS -u MAKELEVEL PATH="$tmp/bin:$PATH" make -C "$source" O="$objects" CC="$(cut -d ' ' -f 1 "$build/flags")" \
	ALL_CFLAGS="$(sed 's/.* -std=/-std=/' "$build/flags")" \
	install DESTDIR="$tmp/installed" PREFIX=/usr >"$tmp/out" 2>&1 || fail "make: $(cat "$tmp/out")"
check_eq "$(grep -c ' -c -o ' "$tmp/out")" 1 'files that were compiled'
check_eq "$("$tmp/installed/usr/bin/ftx" --version | head -n 1)" "ftx $version" 'what ftx says'
check_eq "$("$tmp/installed/usr/sbin/ftxd" --version | head -n 1)" "ftxd $version" 'what ftxd says'
check_eq "$(cat "$source/$objects/version")" "$version" 'what was built'
