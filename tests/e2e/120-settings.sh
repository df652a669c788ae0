#!/bin/sh
# Settings: which place comes first, what config show says of it; ping; what --version tells.
# With sanitizers alone: what the client takes from where is its own.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/settings.sh"
start_server
config=$XDG_CONFIG_HOME/ftx/config
mkdir -p "$XDG_CONFIG_HOME/ftx"

# Nothing is said anywhere.
run 0 config show
shows identity "$XDG_CONFIG_HOME/ftx/id" 'built in'
shows port 7389 'built in'
shows bwlimit none 'built in'
shows retry-for 10m 'built in'
shows timeout 60s 'built in'
for key in streams compress progress; do shows $key auto 'built in'; done

# Each place comes before the ones behind it, for each setting by itself.
cat >"$config" <<END
[defaults]
timeout = 2m
streams = 3
identity = ~/other
[host nas]
address = 127.0.0.1:$port
server-key = $server_key
identity = $tmp/id
streams = 4
compress = zlib:2
END
run 0 config show
shows timeout 2m "$config:2, [defaults]"
shows streams 3 "$config:3, [defaults]"
shows identity "$HOME/other" "$config:4, [defaults]"
shows file "$config" 'read
/etc/ftx/config not there'
shows host "nas 127.0.0.1:$port" "$config:5"
run 0 config show nas
shows address 127.0.0.1 "$config:6"
shows server-key "$server_key" "$config:7"
shows port "$port" "$config:6, [host nas]"
shows identity "$tmp/id" "$config:8, [host nas]"
shows streams 4 "$config:9, [host nas]"
shows timeout 2m "$config:2, [defaults]"
run FTX_STREAMS=5 FTX_BWLIMIT=1M FTX_COMPRESS= 0 config show nas: --bwlimit 2M
shows streams 5 FTX_STREAMS
shows bwlimit 2M --bwlimit
shows compress zlib:2 "$config:10, [host nas]"
run FTX_PORT=5 0 config show "ftx://$server_key@h:6/"
shows address h 'the address'
shows port 6 'the address'
run FTX_PORT=5 0 config show "ftx://$server_key@h:6/" --port 7
shows port 7 --port
run 0 config show other
shows server-key none 'a server without a known key is not contacted'
shows streams 3 "$config:3, [defaults]"

# What is shown is what counts: port and key, by who answers; the codec, by what goes over the wire.
run 0 ping nas
run FTX_PORT=1 9 ping nas --retry-for 0
run FTX_PORT=1 FTX_RETRY_FOR=0 9 ping nas
run FTX_PORT=1 0 ping nas --port "$port"
run FTX_PORT=1 FTX_IDENTITY="$tmp/id" 0 ping "ftx://$server_key@127.0.0.1:$port/"
run FTX_IDENTITY="$tmp/none" 14 ping nas
says "$tmp/none"
run FTX_IDENTITY="$tmp/none" 0 ping nas -i "$tmp/id"
run 14 ping "ftx://$server_key@127.0.0.1:$port/" # [defaults] names another key
says "$HOME/other"
head -c 300000 /dev/zero | tr '\0' x >"$tmp/f"
wire()
{
	name=$1
	shift
	run "$@" 0 --json put "$tmp/f" "nas:share/$name"
	wire=$(summary bytes_wire)
}
wire a
check_le "$wire" 10000 'bytes of what [host nas] compresses'
wire b FTX_COMPRESS=none
check_ge "$wire" 300000 'bytes of what FTX_COMPRESS=none does not compress'
# get names its server first, verify last, ln behind the text.
run 0 get nas:share/a "$tmp/back"
run 0 verify "$tmp/f" nas:share/a
run 0 ln -s a nas:share/link
run 0 digest "$tmp/f" nas:share/a
run 0 ls nas:

# What is not there: a share that the server does not list, or a path that was meant as a pattern.
for command in "put $tmp/f" get ls; do
	# shellcheck disable=SC2086 # a command and its arguments
	case $command in
	get) run 5 get nas:films/a "$tmp/none" ;;
	*) run 5 $command nas:films/a ;;
	esac
	says "lists no 'films' for this key: ftx ls HOST:"
done
run 5 get 'nas:share/*.txt' "$tmp"
says 'a remote path is no pattern'
# Of several arguments each has its own.
for command in ls 'get'; do
	# shellcheck disable=SC2086 # a command and its arguments
	case $command in
	get) run 3 get nas:share/no nas:films/b "$tmp" ;;
	*) run 3 $command nas:share/no nas:films/b ;;
	esac
	grep -q "share/no': on the server: [^(]*$" "$tmp/err" || fail "$command says of the first: $(cat "$tmp/err")"
	says "lists no 'films' for this key"
done

# What has the form of a remote path where put takes what is here.
run 5 put other:share/a nas:share/b
says 'ftx get downloads, and from server to server nothing is copied'
run 2 put nas:share/a nas:share/b
says "'nas:share/a': put uploads what is here (from server to server nothing is copied; ftx mv renames there"
run 2 get nas:share/a nas:share/b
says "'nas:share/b': the last argument of get is local (from server to server nothing is copied"
run 2 get "ftx://$server_key@127.0.0.1:$port/share/a" ftx://other/share/b
says 'last argument of get is local'
# A local name may have a colon all the same, and even a server's.
(
	cd "$tmp"
	mkdir -p nas:share
	echo here >nas:share/f
	run 0 put nas:share/f nas:share/f
	check_same_file nas:share/f "$share/f"
	rm nas:share/f
	run 0 get nas:share/f nas:share/
	check_same_file nas:share/f "$share/f"
	run 0 get nas:share/f ./nas:f
	check_same_file nas:f "$share/f"
	run 0 get nas:share/f 12:00
	check_same_file 12:00 "$share/f"
)

# A variable that is wrong: 14, by its name, whatever it is about; one usage error before.
for variable in PORT=0 BWLIMIT=0 COMPRESS=gzip STREAMS=99 RETRY_FOR=x TIMEOUT=0 PROGRESS=yes; do
	for command in 'put f nas:share/x' 'ls nas:' 'config show' key; do
		# shellcheck disable=SC2086 # a command and its arguments
		run "FTX_$variable" 14 $command
		says "FTX_${variable%%=*}: '${variable#*=}' is not possible"
	done
done
run FTX_PORT=0 14 ls --json nas:
check_json
check_eq "$(summary exit_name)" config 'exit name'
run FTX_PORT=0 2 put "$tmp/f" nas:/share/x

# The key in force is the one that is made and printed.
run FTX_IDENTITY="$tmp/made" 0 keygen
run FTX_IDENTITY="$tmp/made" 0 key
check_eq "$(cat "$tmp/out")" "$("$ftx_program" key -i "$tmp/made")" 'the key'
run FTX_IDENTITY="$tmp/made" 7 ping nas -i "$tmp/made"

# ping: for people and for programs.
run 0 ping nas
for line in "server *127.0.0.1:$port" 'client *client-1' 'shares *share (list get put overwrite delete)' \
	'protocol *FTX/1, .*codecs raw zlib zstd' 'clock *[0-9.]* s' 'round trip *[0-9.]* ms (5 times'; do
	grep -q "^$line" "$tmp/out" || fail "ping says nothing like '$line': $(cat "$tmp/out")"
done
run 0 ping --json nas
check_json
check_eq "$(json 'select(.event == "server") | [.server, .client, .round_trips, .shares[0].rights[2]] | join(" ")')" \
	"127.0.0.1:$port client-1 5 put" 'the event'
json 'select(.event == "server") | select(.least_ms <= .mean_ms and .mean_ms <= .most_ms and .connect_ms > 0) | "good"' >"$tmp/good"
check_eq "$(cat "$tmp/good")" good 'the times'
run 8 ping nobody -i "$tmp/id"
run 2 ping
run 2 ping nas other
run 2 config
run 2 config shwo
run 2 config show nas other

# --version: the first line is the version alone.
run 0 --version
grep -qx 'ftx [0-9][0-9.a-z+~-]*' "$tmp/out" || fail "--version says: $(cat "$tmp/out")"
for line in 'ciphers:.* chacha20-poly1305' 'codecs: raw, zlib, zstd' 'libraries:.*libsodium [0-9].*zstd [0-9].*jansson [0-9]'; do
	grep -q "^$line" "$tmp/out" || fail "--version says nothing like '$line': $(cat "$tmp/out")"
done
