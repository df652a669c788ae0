#!/bin/sh
# A wrong configuration: 14 with file and line and nothing started; while ftxd runs, the old one stays.
# With sanitizers too: what it may not.
. "$(dirname "$0")/../lib/config.sh"
make_keys
good()
{
	configure_one
}

# wrong(file, line, words): check and run both say so, in one line, and nothing is there afterwards.
wrong()
{
	for verb in check run ''; do
		# shellcheck disable=SC2086 # no verb is no word
		ftxd 14 $verb -c "$conf"
		says "ftxd: ${verb:-run}: $1${2:+:$2}: "
		says "$3"
		check_eq "$(wc -l <"$tmp/err")" 1 'lines on stderr'
		check_eq "$(wc -c <"$tmp/out")" 0 'bytes on stdout'
	done
	check_absent "$tmp/state"
}

wrong "$conf" '' 'No such file'
good
echo 'colour = red' >>"$conf"
wrong "$conf" 9 "no key 'colour'"
good
printf ' rate = 1\n' >>"$conf"
wrong "$conf" 9 'white space'
good
chmod g+w "$conf"
wrong "$conf" '' 'chmod go-w'
chmod g-w "$conf"
good
echo '[client c]' >"$clients/x.conf"
wrong "$clients/x.conf" 1 'is empty'
printf '[client c]\nkey = %s\nshare = s=get\n' "$client_key" >"$clients/x.conf"
wrong "$clients/x.conf" 2 "[client c] is in $conf:6 too"
chmod o+w "$clients/x.conf"
wrong "$clients/x.conf" '' 'chmod go-w'
rm "$clients/x.conf"
# Nothing is shown as it is that could move a cursor.
good
printf 'x\033[2Jy = 1\n' >>"$conf"
ftxd 14 check -c "$conf"
if grep -q "$(printf '\033')" "$tmp/err"; then fail 'an escape character is shown'; fi

# A key file that is named must be there, and be nobody else's.
key_is_wrong()
{
	for verb in check run; do
		ftxd 14 $verb -c "$conf"
		says "'$tmp/key': $1"
	done
}
server_lines="key = $tmp/key\n"
good
key_is_wrong 'no such file'
check_absent "$tmp/key"
ftxd 0 keygen -o "$tmp/key"
chmod 640 "$tmp/key"
key_is_wrong 'others than its owner'
chmod 600 "$tmp/key"
ftxd 0 check -c "$conf"
server_lines=
# What nobody can serve: sessions cannot become another user.
if [ "$(id -u)" -ne 0 ]; then
	server_lines='user = nobody\n'
	good
	ftxd 14 run -c "$conf"
	says 'only ftxd that root has started'
	server_lines=
fi

# A wrong file at a reload: it is said, and what was in force stays.
good
start_ftxd
echo text >"$tmp/f"
expect 0 put "$tmp/f" "$base/s/one"
n=0
bad_reload()
{
	n=$((n + 1))
	kill -HUP "$server_pid"
	wait_log "the old configuration is kept: $1" "${2:-1}"
	check_eq "$(log_lines 'the old configuration is kept')" $n 'reloads that were refused'
	expect 0 put "$tmp/f" "$base/s/again-$n"
}
echo 'enabled = perhaps' >>"$conf"
bad_reload "$conf:9: "
rm "$conf"
bad_reload "$conf: No such file"
good
printf '[client c]\n' >"$clients/x.conf"
bad_reload "$clients/x.conf:1: "
rm "$clients/x.conf"
reload
expect 0 put "$tmp/f" "$base/s/two"
stop_server
# The port is taken: 1.
start_ftxd
fixed_port=$port
mkdir "$tmp/other"
good
ftxd 1 run -c "$conf"
says 'the port is taken'
