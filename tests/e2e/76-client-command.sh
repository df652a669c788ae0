#!/bin/sh
# ftxd client: ls, add, disable, enable, rm; a change that would be wrong is none.
# With sanitizers too: what an administrator types.
. "$(dirname "$0")/../lib/config.sh"
make_keys
"$ftx_program" keygen -o "$tmp/other" >"$tmp/other.pub"
other_key=$(cat "$tmp/other.pub")
mkdir "$tmp/share"
rmdir "$clients"
configure <<EOF
[share s]
path = $tmp/share
[client fixed]
key = $other_key
share = s:/fixed/=readonly,put
EOF
start_ftxd
echo text >"$tmp/f"

# client(code, argument...)
client()
{
	wanted_of_client=$1
	shift
	ftxd "$wanted_of_client" client -c "$conf" "$@"
}

listed()
{
	client 0 ls
	check_eq "$(cat "$tmp/out")" "$1" 'the list'
}

# unchanged: what is in clients.d is what it was
all_clients()
{
	[ ! -d "$clients" ] || find "$clients" -type f -print -exec cat {} +
}
remember()
{
	was=$(all_clients)
}
unchanged()
{
	check_eq "$(all_clients)" "$was" 'clients.d'
}

fixed='fixed enabled s:/fixed=list,get,put'
listed "$fixed"

# What would be wrong, and how it is called wrongly.
umask 077
remember
client 14 add laptop "$client_key" --share t=full
says "clients.d/laptop.conf:3: there is no section [share t]"
client 14 add laptop "$other_key" --share s=full
says "the key is in [client fixed] of $conf:6 too"
client 1 add fixed "$client_key" --share s=full
says "[client fixed] is in $conf:6 already"
unchanged
client 2 add laptop "$client_key"
client 2 add laptop short --share s=full
client 2 add laptop "$client_key" --share s=everything
says 'rights are'
client 2 add laptop "$client_key" --share "s:/a
key = $other_key=full"
client 2 add ../laptop "$client_key" --share s=full
client 2 add laptop "$client_key" --share s=full --colour
client 2 disable
client 2 rm one two
client 2 change laptop
client 2 ls more
unchanged
for verb in disable enable rm; do
	client 1 $verb laptop
	says "there is no client 'laptop'"
	client 1 $verb fixed
	says "[client fixed] is in $conf:6: change it there"
done

# Added: in a file of its own, which the running server takes up when it is told to.
client 0 add laptop "$client_key" --share s:/laptop=append
says 'client laptop is added'
check_eq "$(stat -c %a "$clients" "$clients/laptop.conf")" "755
644" 'modes of directory and file'
umask 022
listed "$fixed
laptop enabled s:/laptop=list,get,put"
remember
client 1 add laptop "$client_key" --share s=full
unchanged
expect 7 put "$tmp/f" "$base/s/f"
reload
expect 0 put "$tmp/f" "$base/s/f"
check_same_file "$tmp/f" "$tmp/share/laptop/f"

# Disabled and enabled again: no other line changes.
printf '; of the finance department\nmax-connections = 3\n' >>"$clients/laptop.conf"
remember
client 0 disable laptop
listed "$fixed
laptop disabled s:/laptop=list,get,put"
grep -qx 'enabled = no' "$clients/laptop.conf" || fail 'not disabled'
check_eq "$(grep -v '^enabled' "$clients/laptop.conf")" "$(echo "$was" | tail -n +2)" 'the other lines'
client 0 disable laptop
check_eq "$(grep -c '^enabled' "$clients/laptop.conf")" 1 'lines that disable it'
reload
expect 7 put "$tmp/f" "$base/s/g"
client 0 enable laptop
unchanged
reload
expect 0 put "$tmp/f" "$base/s/g"
# Who may read the file stays as it was.
chmod 640 "$clients/laptop.conf"
[ "$(id -u)" -ne 0 ] || chown 0:4711 "$clients/laptop.conf"
was=$(stat -c '%a %u:%g' "$clients/laptop.conf")
client 0 disable laptop
client 0 enable laptop
check_eq "$(stat -c '%a %u:%g' "$clients/laptop.conf")" "$was" 'mode and owner of the file'
# A link of the administrator's stays one, and what it leads to as it is.
mv "$clients/laptop.conf" "$tmp/elsewhere"
ln -s "$tmp/elsewhere" "$clients/laptop.conf"
for verb in disable rm; do
	client 1 $verb laptop
	says 'is a symbolic link: change what it leads to'
done
listed "$fixed
laptop enabled s:/laptop=list,get,put"
mv "$tmp/elsewhere" "$clients/laptop.conf"
# However it was written, and whatever else is in the file.
"$ftx_program" keygen -o "$tmp/third" >"$tmp/third.pub"
printf '[client more]\nkey = %s\nenabled = no\nshare = s=get\n' "$(cat "$tmp/third.pub")" >>"$clients/laptop.conf"
sed -i 's/^max-con/enabled	=  no  \n&/' "$clients/laptop.conf"
client 0 enable laptop
check_eq "$(grep -c '^enabled' "$clients/laptop.conf")" 1 'lines that disable the other client'
client 1 rm laptop
says 'has other clients too'
client 1 disable more
says "[client more] is in $clients/laptop.conf:6: change it there"
sed -i '/client more/,$d' "$clients/laptop.conf"

# A configuration that is wrong already is left alone.
echo nonsense >"$clients/wrong.conf"
remember
for arguments in "add more $(cat "$tmp/third.pub") --share s=get" 'disable laptop' 'rm laptop'; do
	# shellcheck disable=SC2086 # a list of words
	client 14 $arguments
	says "clients.d/wrong.conf:1: "
	unchanged
done
rm "$clients/wrong.conf"

# Removed.
client 0 rm laptop
listed "$fixed"
check_eq "$(ls -A "$clients")" '' 'what is left in clients.d'
reload
expect 7 put "$tmp/f" "$base/s/h"

# A public key that looks like an option; several at once, each of which must be there afterwards.
client 0 add dash "-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" --share s=get
for n in 1 2 3 4 5 6; do
	"$ftxd_program" client -c "$conf" add "c$n" "${n}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
		--share s=get 2>/dev/null &
	adding="${adding-} $!"
done
for pid in $adding; do
	wait "$pid" || fail 'one of several at once was not added'
done
client 0 ls
check_eq "$(grep -c '^c[1-6] enabled' "$tmp/out")" 6 'clients that were added at once'

# Where the file system knows no renaming that replaces nothing.
if command -v strace >/dev/null && strace -qq -o "$tmp/trace" true 2>/dev/null; then
	ASAN_OPTIONS=detect_leaks=0 strace -qq -o "$tmp/trace" -e inject=renameat2:error=EINVAL \
		"$ftxd_program" client -c "$conf" add linked "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
		--share s=get >"$tmp/out" 2>"$tmp/err" || fail "without RENAME_NOREPLACE: $(cat "$tmp/err")"
	check_eq "$(find "$clients" -name '.*' -type f)" '' 'what is left'
	client 1 add linked "CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" --share s=get
fi

# Nobody else may write there.
chmod 775 "$clients"
client 14 rm dash
says 'chmod go-w'
