#!/bin/sh
# Not with sanitizers: they need what the unit forbids.
# ftxd as its unit runs it: a passed socket, a network without a way out, a user without any
# capability, a file system that is read-only but for what the unit names, the unit's system calls.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	command -v systemd-analyze >/dev/null || { echo 'there is no systemd-analyze'; exit 77; }
	FTX_TEST_NAMESPACE=1 unshare --mount unshare --net setpriv --reuid 4711 true 2>/dev/null ||
		{ echo 'no namespaces can be made here'; exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare --mount sh "$0" "$@"
fi
. "$(dirname "$0")/../lib/config.sh"
chmod 755 "$tmp"
user=4711
root=$tmp/root
env -u MAKEFLAGS -u MAKELEVEL make -s install-built O="$build" DESTDIR="$root" PREFIX=/usr >"$tmp/out" 2>&1 ||
	fail "make: $(cat "$tmp/out")"
unit=$root/usr/lib/systemd/system/ftxd.service

# expand(name...): the system calls of groups
expand()
{
	for name; do
		case $name in
		@*)
			# shellcheck disable=SC2046 # names
			expand $(systemd-analyze syscall-filter "$name" | grep -v '#' | sed 1d)
			;;
		*) echo "$name" ;;
		esac
	done
}

# What the lines of the unit leave, in their order.
: >"$tmp/calls"
sed -n 's/^SystemCallFilter=//p' "$unit" >"$tmp/filter"
while read -r line; do
	# shellcheck disable=SC2086 # names
	case $line in
	'~'*)
		expand ${line#'~'} >"$tmp/less"
		grep -vxF -f "$tmp/less" "$tmp/calls" >"$tmp/calls.new"
		;;
	*) { cat "$tmp/calls" && expand $line; } >"$tmp/calls.new" ;;
	esac
	mv "$tmp/calls.new" "$tmp/calls"
done <"$tmp/filter"
if grep -qxF -e setuid -e mount -e sched_setscheduler "$tmp/calls"; then fail 'the list of system calls was not understood'; fi
check_eq "$(sed -n 's/^SystemCallErrorNumber=//p' "$unit")" EPERM 'what a call that is not listed gets'
# What the rest of this test stands for.
for line in 'PrivateNetwork=yes' 'ProtectSystem=strict' 'CapabilityBoundingSet=' 'NoNewPrivileges=yes' \
	'RestrictAddressFamilies=AF_UNIX' 'ReadWritePaths=-/srv/ftx' 'UMask=0077'; do
	grep -qxF "$line" "$unit" || fail "the unit does not say $line"
done

make_keys
mkdir "$tmp/share" "$tmp/state" "$tmp/run"
chown $user:$user "$tmp/share" "$tmp/state"
chmod 700 "$tmp/state"
cp "$ftxd_program" "$build/tests/filtered" "$tmp/run/"
configure <<END
[share files]
path = $tmp/share
[client c]
key = $client_key
share = files=full
END

# $@: a command, in the unit's place
cat >"$tmp/run/place" <<'END'
set -eu
for path in share state; do mount --bind "$tmp/$path" "$tmp/$path"; done
for target in $(findmnt -nro TARGET -T "$tmp/run") /; do mount -o remount,bind,ro "$target"; done
if touch "$tmp/run/x" 2>/dev/null || touch /etc/x 2>/dev/null; then echo 'not read-only' >&2; exit 99; fi
umask 077
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all \
	--inh-caps=-all "$tmp/run/filtered" "$tmp/calls" "$@"
END
export tmp user

# said(line): by the service to its manager
said()
{
	grep -qxE -e "$1" "$tmp/manager"
}

wait_said()
{
	wait_for "'$1' from ftxd" said "$1"
}

# start_unit(): sets $server_pid, $port, $base
start_unit()
{
	rm -f "$tmp/notify"
	: >"$tmp/manager"
	"$build/tests/manager" "$tmp/notify" 400 unshare --net --mount sh "$tmp/run/place" \
		"$tmp/run/ftxd" -c "$conf" >"$tmp/manager" 2>>"$log" &
	manager_pid=$!
	started="$started $manager_pid"
	wait_for 'ftxd to be ready or to end' said 'READY=1|ended .*'
	said READY=1 || fail "ftxd was not ready: $(cat "$tmp/manager")"
	server_pid=$(sed -n 's/^pid //p' "$tmp/manager")
	port=$(sed -n 's/^port //p' "$tmp/manager")
	server_key=$(setpriv --reuid $user --regid $user --clear-groups "$tmp/run/ftxd" key -c "$conf" | head -n 1)
	base=ftx://$server_key@127.0.0.1:$port
}

# field(name): of the status of the supervisor
field()
{
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$server_pid/status" | tr '\t' ' '
}

start_unit
wait_log 'does not count: the service manager has passed the sockets'
wait_log "listening address=127.0.0.1:$port"
check_eq "$(field Uid)" "$user $user $user $user" 'users of ftxd'
check_eq "$(field CapBnd)" 0000000000000000 'capabilities of ftxd'
check_eq "$(field Seccomp)" 2 'Seccomp of ftxd'
check_eq "$(nsenter --net="/proc/$server_pid/ns/net" sed -n 's/^ *\([a-z0-9]*\):.*/\1/p' /proc/net/dev)" lo \
	'interfaces of ftxd'
wait_said WATCHDOG=1
wait_said 'STATUS=0 sessions'
check_eq "$(log_lines 'ftxd status will not work')" 0 'complaints of the control socket'
ftxd 0 status --json -c "$conf"
check_eq "$(jq 'select(.event == "daemon") | .pid' "$tmp/out")" "$server_pid" 'whom root can ask'

# A tree there, with all there is, and back.
mkdir -p "$tmp/tree/a/b"
random_file "$tmp/tree/big" $((20 * MIB))
for n in 1 2 3 4 5 6 7 8 9; do random_file "$tmp/tree/a/b/$n" $((n * 3000)); done
ln -s a/b/1 "$tmp/tree/link"
ln "$tmp/tree/a/b/2" "$tmp/tree/hard"
truncate -s 9M "$tmp/tree/hole"
chmod 2750 "$tmp/tree/a"
chmod 4711 "$tmp/tree/a/b/3"
expect 0 put -HX -T "$tmp/tree" "$base/files/tree"
expect 0 get -HX -T "$base/files/tree" "$tmp/back"
diff -r "$tmp/tree" "$tmp/back" || fail 'the trees differ'
check_eq "$(stat -c %a "$tmp/back/a" "$tmp/back/a/b/3" | tr '\n' ' ')" '2750 4711 ' 'modes'
expect 0 put -T --replace-set "$tmp/tree" "$base/files/tree"
expect 0 verify "$tmp/tree" "$base/files/tree"
expect 0 rm -r "$base/files/tree"
check_eq "$(find "$tmp/share" -mindepth 1 ! -path '*/.ftx*')" '' 'what is left in the share'

# A session is confined as it is anywhere.
random_file "$tmp/f" $((4 * MIB))
start_client --compress none --retry-for 0 --bwlimit 512K -j 1 put "$tmp/f" "$base/files/f"
wait_for 'the put to begin' progress_reached 1
wait_said 'STATUS=1 session'
confined=
for child in $(server_children); do
	! grep -q '^Threads:[[:space:]]*5' "/proc/$child/status" || confined=$(grep -c '^Seccomp_filters:[[:space:]]*3' "/proc/$child/status")
done
check_eq "$confined" 1 'sessions with a filter of their own'

# A reload, and the end, while it runs.
printf '# another\n' >>"$conf"
kill -HUP "$server_pid"
wait_said 'RELOADING=1'
said 'MONOTONIC_USEC=[0-9]+' || fail 'no time of the reload'
ready_twice()
{
	[ "$(grep -cx READY=1 "$tmp/manager")" -eq 2 ]
}
wait_for 'READY=1 after the reload' ready_twice
echo 'wrong' >>"$conf"
kill -HUP "$server_pid"
ready_thrice()
{
	[ "$(grep -cx READY=1 "$tmp/manager")" -eq 3 ]
}
wait_for 'READY=1 after a reload that changes nothing' ready_thrice
wait_log 'the old configuration is kept'
sed -i '$d' "$conf"
wait_client 0
check_same_file "$tmp/f" "$tmp/share/f"
# part_has(bytes): of the file on its way, on the server
part_has()
{
	[ -n "$(find "$tmp/share/.ftx" -name '*.part' -size +$(($1 / 1024 - 1))k)" ]
}
random_file "$tmp/g" $((16 * MIB))
start_client --compress none --retry-for 0 --bwlimit 1M -j 1 put "$tmp/g" "$base/files/g"
wait_for 'a whole block to be written' part_has $((2 * MIB))
kill "$server_pid"
wait_said 'STOPPING=1'
wait_said 'EXTEND_TIMEOUT_USEC=20000000'
wait_said 'ended 0'
wait_client 9 11
if grep '^other ' "$tmp/manager"; then fail 'a child spoke to the manager'; fi

# Started again, it goes on where it was.
sed -i '/^listen = /d' "$conf"
start_unit
check_eq "$(log_lines 'does not count')" 2 'warnings, none of them of a file without listen'
expect 0 --json put "$tmp/g" "$base/files/g"
check_same_file "$tmp/g" "$tmp/share/g"
[ "$(summary bytes_resumed)" -gt 0 ] || fail 'nothing was resumed'

# By an invite, which root makes and the service takes.
ftxd 0 invite phone --share files=full --address "127.0.0.1:$port" -c "$conf"
invite=$(cat "$tmp/out")
XDG_CONFIG_HOME=$tmp/phone "$ftx_program" join --as nas "${invite##* }" 2>"$tmp/err" || fail "join: $(cat "$tmp/err")"
XDG_CONFIG_HOME=$tmp/phone "$ftx_program" put "$tmp/tree/a/b/1" nas:files/phone || fail 'put by the key that an invite has brought'
check_eq "$(stat -c '%u %a' "$tmp/state/clients.d/phone.conf" "$tmp/state/invites/"*)" "$user 600
$user 600" 'the files of the invite'
kill "$server_pid"
wait_said 'ended 0'

# Without its socket nobody could come.
status=0
unshare --net setpriv --reuid $user --regid $user --clear-groups "$tmp/run/ftxd" -c "$conf" 2>"$tmp/err" || status=$?
check_eq "$status" 14 'exit code without a socket'
says 'no socket was passed: systemctl enable --now ftxd.socket'
