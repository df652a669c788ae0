#!/bin/sh
# [host NAME] sections: address, port, keys and identity of HOST:SHARE/PATH; a wrong file ends with 14.
# With sanitizers alone: how the client finds a server is its own.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/settings.sh"
start_server
random_file "$tmp/f" 100000
config=$XDG_CONFIG_HOME/ftx/config
mkdir -p "$XDG_CONFIG_HOME/ftx"

# Counts what goes over the wire.
"$build/tests/relay" "$port" >"$tmp/relay.out" &
started="$started $!"
wait_for 'the relay' test -s "$tmp/relay.out"
relay_port=$(head -n 1 "$tmp/relay.out")

# A wrong file: 14, with file and line, whatever host is meant, and nothing is contacted.
printf '[host nas]\naddress = 127.0.0.1:%s\nserver-key = %s\nidentity = %s\n' \
	"$relay_port" "$server_key" "$tmp/id" >"$tmp/good"
wrong_config()
{
	{ cat "$tmp/good" && printf '%b' "$1"; } >"$config"
	run 14 put "$tmp/f" nas:share/f
	says "$config:$2: "
	says "$3"
	check_eq "$(wc -l <"$tmp/err")" 1 'number of lines on stderr'
}
wrong_config 'colour = red\n' 5 "no key 'colour'"
wrong_config '[defaults]\ncompress = fast\n' 6 "'fast'"
wrong_config '[host other]\nport = 70000\n' 6 "'70000'"
wrong_config ' port = 1\n' 5 'white space'
wrong_config "server-key = $server_key\r\n" 5 'carriage return'
wrong_config "server-key = $server_key\nserver-key = $server_key\n" 6 "'server-key'"
wrong_config '[host nas]\nport = 1\n' 5 'twice'
wrong_config '[host other]\n' 5 'empty'
run 14 put "$tmp/f" "ftx://$server_key@127.0.0.1:$relay_port/share/f"
run 14 get nas:share/f "$tmp/back"
run 14 --json put "$tmp/f" nas:share/f
check_json
check_eq "$(json 'select(.event == "error") | .message')" "$config:5: the section is empty" 'the message'
check_eq "$(summary exit_name)" config 'exit name'
check_eq "$(wc -c <"$tmp/err")" 0 'text for people with --json'
rm "$config" && mkdir "$config"
run 14 put "$tmp/f" nas:share/f
says "$config: not a regular file"
rmdir "$config"
# A usage error comes first: no file is looked at for it.
run 2 put "$tmp/f" nas:/share/f
check_eq "$(wc -l <"$tmp/relay.out")" 1 'lines of the relay before anything was contacted'
check_absent "$share/f"

# Put and get by name.
cp "$tmp/good" "$config"
run 0 put "$tmp/f" nas:share/f
check_same_file "$tmp/f" "$share/f"
wait_for 'the count of the relay' grep -q up "$tmp/relay.out"
run 0 get nas:share/f "$tmp/back"
check_same_file "$tmp/f" "$tmp/back"
run 0 --json put "$tmp/f" nas:share/named/
check_eq "$(json 'select(.event == "start") | .server')" "127.0.0.1:$relay_port" 'the server that was meant'
check_eq "$(json 'select(.event == "file") | .dest')" "ftx://127.0.0.1:$relay_port/share/named/f" 'where it went'

# The port on a line of its own; --port before it.
printf '[host nas]\naddress = 127.0.0.1\nport = %s\nserver-key = %s\nidentity = %s\n' \
	"$port" "$server_key" "$tmp/id" >"$config"
run 0 put "$tmp/f" nas:share/g
check_same_file "$tmp/f" "$share/g"
printf '[host nas]\naddress = 127.0.0.1:1\nserver-key = %s\nidentity = %s\n' "$server_key" "$tmp/id" >"$config"
run 9 --retry-for 0 put "$tmp/f" nas:share/h
run 0 --port "$port" put "$tmp/f" nas:share/h
# The address is the name where the section has none.
printf '[host 127.0.0.1]\nport = %s\nserver-key = %s\nidentity = %s\n' "$port" "$server_key" "$tmp/id" >"$config"
run 0 put "$tmp/f" 127.0.0.1:share/i
check_same_file "$tmp/f" "$share/i"

# Two keys: one of them is enough, in either order; at once, even with one attempt.
wrong=$("$ftxd_program" keygen -o "$tmp/wrong")
wrong2=$("$ftxd_program" keygen -o "$tmp/wrong2")
# two_keys(first, second)
two_keys()
{
	printf '[host nas]\naddress = 127.0.0.1:%s\nserver-key = %s\nserver-key = %s\nidentity = %s\n' \
		"$port" "$1" "$2" "$tmp/id" >"$config"
}
for keys in "$wrong $server_key" "$server_key $wrong"; do
	# shellcheck disable=SC2086 # two words
	two_keys $keys
	rm -f "$share/f"
	run 0 --retry-for 0 put "$tmp/f" nas:share/f
	check_same_file "$tmp/f" "$share/f"
	run 0 --retry-for 0 get nas:share/f "$tmp/back-$keys"
	check_same_file "$tmp/f" "$tmp/back-$keys"
done
two_keys "$wrong" "$wrong2"
run 8 --retry-for 0 put "$tmp/f" nas:share/x
says "$wrong or $wrong2"
check_absent "$share/x"

# The identity: -i comes before it, ~/ is the home, one that cannot be used is 14.
printf '[host nas]\naddress = 127.0.0.1:%s\nserver-key = %s\nidentity = ~/keys/id\n' "$port" "$server_key" >"$config"
run 14 put "$tmp/f" nas:share/x
says "$HOME/keys/id"
mkdir "$HOME/keys"
cp "$tmp/id" "$HOME/keys/id"
run 0 put "$tmp/f" nas:share/j
check_same_file "$tmp/f" "$share/j"
"$ftx_program" keygen -o "$tmp/stranger" >"$tmp/out"
run 7 -i "$tmp/stranger" put "$tmp/f" nas:share/x
cp "$tmp/stranger" "$HOME/keys/stranger"
sed 's/keys.id/keys\/stranger/' "$config" >"$tmp/c" && cp "$tmp/c" "$config"
run 7 put "$tmp/f" nas:share/x
run 0 -i "$tmp/id" put "$tmp/f" nas:share/k

# No key: where to put it.  A key file that cannot be used comes first.
printf '[host nas]\naddress = 127.0.0.1:%s\n' "$port" >"$config"
for host in nas other; do
	expect 8 put "$tmp/f" $host:share/x
	says "no key is known for $host"
	says "ftxd key"
	case $host in
	nas) says "add it to $config: [host nas] server-key = KEY" ;;
	*) says 'ftx host add other ftx://KEY@HOST' ;;
	esac
	run 14 put "$tmp/f" $host:share/x
done
# An ftx:// address is never a name.
printf '[host 127.0.0.1]\nport = 1\nserver-key = %s\n' "$wrong" >"$config"
expect 0 put "$tmp/f" "$url/l"
check_same_file "$tmp/f" "$share/l"
expect 8 put "$tmp/f" "ftx://127.0.0.1:$port/share/x"
says 'ftx://KEY@127.0.0.1/SHARE/PATH'
check_absent "$share/x"
check_clean
