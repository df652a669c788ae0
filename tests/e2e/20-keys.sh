#!/bin/sh
# Keys: what is not accepted, by whom, with which exit code, and what is sent before.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
random_file "$tmp/f" 1000
file=$tmp/f

# with_identity(code, identity, ftx argument...)
with_identity()
{
	wanted=$1
	identity=$2
	shift 2
	code=0
	"$ftx_program" -i "$identity" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
	check_eq "$code" "$wanted" "exit status of ftx -i $identity $*"
	[ -s "$tmp/err" ] || fail "ftx -i $identity $* says nothing"
}

# A key the server does not know.
"$ftx_program" keygen -o "$tmp/stranger" >/dev/null
with_identity 7 "$tmp/stranger" put "$file" "$url/f"
with_identity 7 "$tmp/stranger" get "$url/f" "$tmp/got"
check_absent "$share/f"

# A server that is not the one whose key was given: only the first message goes out.
"$build/tests/relay" "$port" >"$tmp/relay.out" &
started="$started $!"
wait_for 'the relay' test -s "$tmp/relay.out"
relay_port=$(head -n 1 "$tmp/relay.out")
wrong=$("$ftxd_program" keygen -o "$tmp/wrong-server-key")
with_identity 8 "$tmp/id" --retry-for 0 put "$file" "ftx://$wrong@127.0.0.1:$relay_port/share/f"
wait_for 'the count of the relay' grep -q up "$tmp/relay.out"
check_eq "$(sed -n 2p "$tmp/relay.out")" 'up 84 down 0' 'what went over the wire'
check_absent "$share/f"
# The same way with the right key, so that the relay is shown to let things through.
expect 0 put "$file" "ftx://$server_key@127.0.0.1:$relay_port/share/f"
check_same_file "$file" "$share/f"
rm "$share/f"

# A server whose key is not known here.
with_identity 8 "$tmp/id" put "$file" "127.0.0.1:share/f"
grep -q 'ftxd key' "$tmp/err" || fail 'no hint how to learn the server key'

# Key files that cannot be used; nothing is contacted.
with_identity 14 "$tmp/no-such-key" put "$file" "$url/f"
cp "$tmp/id" "$tmp/open-key"
chmod 644 "$tmp/open-key"
with_identity 14 "$tmp/open-key" put "$file" "$url/f"
echo 'ftx-secret-key short' >"$tmp/bad-key"
chmod 600 "$tmp/bad-key"
with_identity 14 "$tmp/bad-key" put "$file" "$url/f"
ln -s "$tmp/id" "$tmp/linked-key"
with_identity 14 "$tmp/linked-key" put "$file" "$url/f"
check_absent "$share/f"

# keygen never overwrites; key prints the public key again; the file is private.
code=0
"$ftx_program" keygen -o "$tmp/id" >/dev/null 2>&1 || code=$?
[ $code -ne 0 ] || fail 'keygen wrote over a key'
check_eq "$("$ftx_program" key -i "$tmp/id")" "$client_key" 'the public key printed again'
check_eq "$(stat -c %a "$tmp/id")" 600 'mode of the key file'
check_eq "$(stat -c %a "$tmp/server-key")" 600 "mode of the server's key file"
check_eq "${#client_key}" 43 'length of a public key'
"$ftxd_program" key --key "$tmp/server-key" | grep -q -- "$server_key" || fail 'ftxd key prints another key'

# Without -i the key is where the configuration has it, made by keygen there.
default_key=$("$ftx_program" keygen)
check_eq "$("$ftx_program" key)" "$default_key" "the user's own key"
[ -f "$XDG_CONFIG_HOME/ftx/id" ] || fail "the user's own key is not where it belongs"

# The keys stay from one run of the server to the next.
before=$server_key
stop_server
start_server
check_eq "$server_key" "$before" "the server's key after a restart"
expect 0 put "$file" "$url/f"
check_same_file "$file" "$share/f"
