#!/bin/sh
# The process that watches the shares never has a copy of the server's secret key.
# Not with sanitizers: their shadow memory is too big to be searched.
[ "$(id -u)" -eq 0 ] || { echo 'only root can look into their memory' && exit 77; }
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share"
configure <<END
[share s]
path = $tmp/share
[client c]
key = $client_key
share = s=full
END
memscan=$build/tests/memscan
key_file=$tmp/state/server-key

# the_watch: sets $watch, the only child there is, when it is ready: it has closed what it inherited
the_watch()
{
	watch=$(server_children)
	[ "$(echo "$watch" | wc -w)" -eq 1 ] && [ "$watch" != "${former-}" ] || return 1
	for fd in "/proc/$watch/fd/"*; do
		[ "${fd##*/}" -le 2 ] || return 1
	done
}

no_copy()
{
	wait_for 'the watch' the_watch
	check_eq "$("$memscan" "$key_file" "$server_pid")" "$server_pid" 'processes that have the key'
	code=0
	"$memscan" "$key_file" "$watch" >"$tmp/out" || code=$?
	check_eq "$code" 1 "finding of the key in $1"

}

# The key is made by the first start, read by the second.
start_ftxd
no_copy 'the watch of a server that made its key'
stop_server
former=$watch
start_ftxd
no_copy 'the watch of a server that read its key'
expect 0 ls "$base/s"
wait_log 'session client=c'
former=$watch
reload
no_copy 'the watch of a server that used its key'
