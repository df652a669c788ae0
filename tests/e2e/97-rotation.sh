#!/bin/sh
# The server's key becomes another one without a gap, a stolen client is put out, the server moves.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share" "$tmp/keys"
chmod 700 "$tmp/keys"
echo text >"$tmp/f"
config=$XDG_CONFIG_HOME/ftx/config

# serve(line...): with these lines in [server], and one client
serve()
{
	server_lines=$(printf '%s\\n' "$@")
	configure <<EOF
[share s]
path = $tmp/share
[client laptop]
key = $client_key
share = s=full
EOF
}

# name(host argument...)
name()
{
	"$ftx_program" host "$@" || fail "ftx host $*"
}

# put(code): over what the client's file says of nas
number=0
put()
{
	number=$((number + 1))
	expect "$1" --retry-for 0 put "$tmp/f" "nas:s/$number"
	[ "$1" -ne 0 ] || check_same_file "$tmp/f" "$tmp/share/$number"
}

old=$("$ftxd_program" keygen -o "$tmp/keys/old")
serve "key = $tmp/keys/old"
start_ftxd
name add nas "$base"
put 0

# The new key beside the old one: who knows either of them is served, people are told the first.
stop_server
fixed_port=$port
new=$("$ftxd_program" keygen -o "$tmp/keys/new")
serve "key = $tmp/keys/new" "key = $tmp/keys/old"
start_ftxd
ftxd 0 key -c "$conf"
check_eq "$(cat "$tmp/out")" "$new
ftx://$new@127.0.0.1:$port
$old
ftx://$old@127.0.0.1:$port" 'what people are told'
ftxd 0 check -c "$conf"
put 0
name rm nas
name add nas "ftx://$new@127.0.0.1:$port"
put 0
third=$("$ftxd_program" keygen -o "$tmp/keys/third")
name rm nas
name add nas "ftx://$third@127.0.0.1:$port"
put 8
# The secret of each is in no process but the supervisor (51-secret-key.sh looks at one).
ftxd 0 invite tablet --share s=full -c "$conf"
code=$(tail -n 1 "$tmp/out")
XDG_CONFIG_HOME=$tmp/tablet "$ftx_program" join "${code##* }" --as nas 2>/dev/null || fail 'join while there are two keys'
grep -q "server-key = $new" "$tmp/tablet/ftx/config" || fail 'the invite has another key than the first'

# Clients that know both; then the old one is gone.
name rm nas
name add nas "ftx://$old@127.0.0.1:$port"
echo "server-key = $new" >>"$config"
put 0
stop_server
serve "key = $tmp/keys/new"
start_ftxd
put 0
check_eq "$("$ftx_program" host ls)" "nas ftx://$old@127.0.0.1:$port $new" 'the server as the client has it'
name rm nas
name add nas "ftx://$old@127.0.0.1:$port"
put 8

# A key file that is missing is never made: neither of two.
stop_server
mv "$tmp/keys/old" "$tmp/keys/away"
serve "key = $tmp/keys/new" "key = $tmp/keys/old"
ftxd 14 run -c "$conf"
says "'$tmp/keys/old': no such file"
ftxd 14 check -c "$conf"
check_absent "$tmp/keys/old"
