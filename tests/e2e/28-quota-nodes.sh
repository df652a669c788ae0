#!/bin/sh
# A quota of a share that two nodes serve: each lets in no more than the quota by itself, and knows of
# what came and went by the other when it has counted again.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share"
"$ftxd_program" keygen -o "$tmp/server-key" >/dev/null

# describe(node, quota-scan)
describe()
{
	mkdir -p "$tmp/etc$1"
	cat >"$tmp/etc$1/ftxd.conf" <<END
[server]
listen = 127.0.0.1:0
state = $tmp/state$1
key = $tmp/server-key
quota-scan = $2
[share s]
path = $tmp/share
shared-fs = yes
quota = 1M
[client c]
key = $client_key
share = s=full
END
}

# node(number): the one that start_ftxd and reload are about, and whose log it is
node()
{
	conf=$tmp/etc$1/ftxd.conf log=$tmp/server$1.log
	: >>"$log"
}

# is_left(url, bytes): does the node say so?
is_left()
{
	expect 0 --json df "$1/s"
	[ "$(json 'select(.event == "space") | .bytes_free' "$tmp/out")" -eq "$2" ]
}

describe 1 1s
describe 2 24h
node 1
start_ftxd
one=$base
first_pid=$server_pid
node 2
start_ftxd
two=$base
wait_for 'the count of one' is_left "$one" "$MIB"
wait_for 'the count of the other' is_left "$two" "$MIB"

# What one lets in the other does not know of; by itself it lets in the quota and no more.
random_file "$tmp/f" $((600 * KIB))
expect 0 put "$tmp/f" "$one/s/1"
expect 10 put "$tmp/f" "$one/s/more"
expect 0 put "$tmp/f" "$two/s/2"
expect 10 put "$tmp/f" "$two/s/more"
says 'quota exceeded'

# With the next count it does, and then of what has gone by the other.
wait_for 'the next count of one' is_left "$one" 0
node 2
describe 2 1s
kill -HUP "$server_pid"
wait_for 'the next count of the other' is_left "$two" 0
expect 0 rm "$one/s/1"
wait_for 'the count of the other without it' is_left "$two" $((424 * KIB))
expect 10 put "$tmp/f" "$two/s/more"
expect 0 rm "$two/s/2"
wait_for 'the count of one without it' is_left "$one" "$MIB"
stop_server
server_pid=$first_pid
stop_server
