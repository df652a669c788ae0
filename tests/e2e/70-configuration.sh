#!/bin/sh
# A configured server: shares, subtrees, rights, two clients that see different things.
# With sanitizers too: what a configuration may hold.
. "$(dirname "$0")/../lib/config.sh"
make_keys
"$ftx_program" keygen -o "$tmp/reader" >"$tmp/reader.pub"
mkdir "$tmp/backups" "$tmp/music"
configure <<EOF
[share backups]
path = $tmp/backups/
umask = 027
[share music]
path = $tmp/music
umask = 022
symlinks = refuse
read-only = yes
[share notes]
path = $tmp/music
umask = 022
symlinks = refuse

; the rest is in clients.d
[client laptop]
key = $client_key
share = backups:/hosts/laptop=list,get,put
share = music=full
share = notes=full
max-file-size = 2M
EOF
cat >"$clients/reader.conf" <<EOF
[client reader]
key = $(cat "$tmp/reader.pub")
share = backups=readonly
EOF
echo '[nothing that is read]' >"$clients/reader.conf.old"
ftxd 0 check -c "$conf"
check_eq "$(cat "$tmp/out")" "$conf: good: shares=3 clients=2" 'what check says'
check_absent "$tmp/state"
start_ftxd

# The subtree is made, and is all that the client has of the share.
random_file "$tmp/f" $((3 * MIB / 2))
mkdir "$tmp/tree" && echo one >"$tmp/tree/one"
expect 0 put "$tmp/f" "$tmp/tree" "$base/backups/in/"
check_same_file "$tmp/f" "$tmp/backups/hosts/laptop/in/f"
check_same_file "$tmp/tree/one" "$tmp/backups/hosts/laptop/in/tree/one"
expect 0 get "$base/backups/in/f" "$tmp/back"
check_same_file "$tmp/f" "$tmp/back"
echo secret >"$tmp/backups/other"
expect 5 get "$base/backups/other" "$tmp/other"
expect 0 ls "$base"
for line in backups music notes; do
	grep -q "$line" "$tmp/out" || fail "no $line in $(cat "$tmp/out")"
done

# Rights: nothing is overwritten or removed in backups; music is read-only whoever has it.
echo other >"$tmp/g"
expect 1 put "$tmp/g" "$base/backups/in/f"
says 'no right to overwrite'
expect 6 rm "$base/backups/in/f"
check_same_file "$tmp/f" "$tmp/backups/hosts/laptop/in/f"
expect 6 put "$tmp/g" "$base/music/g"
check_absent "$tmp/music/g"
expect 5 put "$tmp/g" "$base/nothing/g"

# The umask of the share, also of directories that are only made on the way.
chmod 666 "$tmp/g"
expect 0 put "$tmp/g" "$base/backups/deep/deeper/g"
check_eq "$(stat -c %a "$tmp/backups/hosts/laptop/deep/deeper/g")" 640 'mode of a file'
check_eq "$(stat -c %a "$tmp/backups/hosts/laptop/deep" "$tmp/backups/hosts" | tr '\n' ' ')" '750 750 ' \
	'modes of directories'
expect 0 put "$tmp/g" "$base/notes/deep/g"
check_eq "$(stat -c %a "$tmp/music/deep/g" "$tmp/music/deep" | tr '\n' ' ')" '644 755 ' \
	'modes with the other umask'

# Symbolic links are refused where they are not wanted.
mkdir "$tmp/linked" && ln -s nowhere "$tmp/linked/link" && echo two >"$tmp/linked/two"
expect 3 put "$tmp/linked" "$base/notes/"
check_absent "$tmp/music/linked/link"
check_same_file "$tmp/linked/two" "$tmp/music/linked/two"
expect 0 put "$tmp/linked" "$base/backups/"
check_eq "$(readlink "$tmp/backups/hosts/laptop/linked/link")" nowhere 'the link'

# No file is larger than the client may have, whether its size is known or not.
random_file "$tmp/big" $((2 * MIB + 1))
expect 1 put "$tmp/big" "$base/backups/big"
check_absent "$tmp/backups/hosts/laptop/big"
status=0
ftx put - "$base/backups/big" <"$tmp/big" >"$tmp/out" 2>"$tmp/err" || status=$?
check_eq "$status" 1 'exit code for too much from standard input'
says 'too large'
check_absent "$tmp/backups/hosts/laptop/big"
head -c $((2 * MIB)) "$tmp/big" >"$tmp/fits"
expect 0 put "$tmp/fits" "$base/backups/fits"
ftx put - "$base/backups/fits-too" <"$tmp/fits" || fail 'what just fits did not'
check_same_file "$tmp/fits" "$tmp/backups/hosts/laptop/fits-too"

# The other client, with its own key: reads all of backups, and writes nothing.
reader()
{
	wanted=$1
	shift
	status=0
	"$ftx_program" -i "$tmp/reader" "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	check_eq "$status" "$wanted" "exit code of the reader's $*"
}
reader 0 get "$base/backups/other" "$tmp/other"
check_same_file "$tmp/backups/other" "$tmp/other"
reader 0 get "$base/backups/hosts/laptop/in/f" "$tmp/back2"
check_same_file "$tmp/f" "$tmp/back2"
reader 6 put "$tmp/g" "$base/backups/g"
reader 5 get "$base/notes/deep/g" "$tmp/g2"

# A key that nobody has, and the address that is told to people.
"$ftx_program" keygen -o "$tmp/nobody" >"$tmp/nobody.pub"
status=0
"$ftx_program" -i "$tmp/nobody" ls "$base" 2>"$tmp/err" || status=$?
check_eq "$status" 7 'exit code of an unknown key'
check_eq "$(stat -c %a "$tmp/state/server-key")" 600 'mode of the key that was made'
stop_server
rm "$clients/reader.conf"
server_lines='public-address = files.example.org\n'
configure </dev/null
ftxd 0 key -c "$conf"
check_eq "$(tail -n 1 "$tmp/out")" "ftx://$server_key@files.example.org:0" 'the public address'
