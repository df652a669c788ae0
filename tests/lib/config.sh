# shellcheck shell=sh
# What the tests of ftxd.conf(5) share, and e2e.sh.
. "$(dirname "$0")/../lib/e2e.sh"
conf=$tmp/etc/ftxd.conf
log=$tmp/server.log
clients=$tmp/etc/clients.d
mkdir "$tmp/etc" "$clients"
: >"$log"

# configure: standard input becomes the configuration, behind a [server] that tests need.
# $server_lines: more lines of it.
configure()
{
	{
		printf '[server]\nlisten = 127.0.0.1:%s\nstate = %s\n' "${fixed_port:-0}" "$tmp/state"
		printf '%b' "${server_lines-}"
		cat
	} >"$conf"
}

# configure_one [LINE...]: the share s, which is $tmp/share, and the client c with all rights there;
# LINE: more lines, of the client or behind it.
configure_one()
{
	mkdir -p "$tmp/share"
	{
		printf '[share s]\npath = %s\n' "$tmp/share"
		# shellcheck disable=SC2154 # of make_keys
		printf '[client c]\nkey = %s\nshare = s=full\n' "$client_key"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} | configure
}

# start_ftxd: with that configuration.  Sets $server_pid, $port, $server_key, $base (without a share).
start_ftxd()
{
	before=$(log_lines 'listening address=')
	"$ftxd_program" -c "$conf" 2>>"$log" &
	server_pid=$!
	started="$started $server_pid"
	wait_for 'ftxd to listen' ftxd_listens
	port=$(sed -n 's/.*listening address=127\.0\.0\.1://p' "$log" | tail -n 1)
	server_key=$("$ftxd_program" key -c "$conf" | head -n 1)
	# shellcheck disable=SC2034 # for the tests
	base=ftx://$server_key@127.0.0.1:$port
}

ftxd_listens()
{
	! process_gone "$server_pid" || fail 'ftxd ended'
	[ "$(log_lines 'listening address=')" -gt "$before" ]
}

# log_lines(text): how many lines of the log have it
log_lines()
{
	grep -cF -e "$1" "$log" || :
}

# wait_log(text, [count]): until so many lines have it
wait_log()
{
	wait_for "'$1' in the log" log_has "$1" "${2:-1}"
}

log_has()
{
	[ "$(log_lines "$1")" -ge "$2" ]
}

# reload: until the configuration is in force
reload()
{
	before=$(log_lines 'the new configuration is in force')
	kill -HUP "$server_pid"
	wait_log 'the new configuration is in force' $((before + 1))
}

# ftxd(code, argument...): runs it, stdout in $tmp/out, stderr in $tmp/err.
ftxd()
{
	wanted=$1
	shift
	status=0
	"$ftxd_program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ "$status" -eq "$wanted" ] ||
		fail "ftxd $* ended with $status, not $wanted: $(cat "$tmp/out" "$tmp/err")"
}
