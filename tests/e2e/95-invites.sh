#!/bin/sh
# One-time invites: ftxd invite and ftx join, from nothing to a put; used up, expired, withdrawn,
# several at once; what is wrong with a configuration is found before a key is entered.
# With sanitizers too: codes, good and spoilt.
. "$(dirname "$0")/../lib/config.sh"
mkdir "$tmp/share"
configure <<EOF
[share s]
path = $tmp/share
EOF
start_ftxd
echo text >"$tmp/f"

# invite(argument...): sets $code
invite()
{
	ftxd 0 invite "$@" -c "$conf"
	code=$(tail -n 1 "$tmp/out")
	code=${code##* }
}

# as(user, code, ftx argument...): with that user's home
as()
{
	home=$tmp/$1
	wanted=$2
	shift 2
	mkdir -p "$home"
	status=0
	env HOME="$home" XDG_CONFIG_HOME="$home" "$ftx_program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ "$status" -eq "$wanted" ] || fail "ftx $* ended with $status, not $wanted: $(cat "$tmp/err")"
}

address=127.0.0.1:$port
# From nothing to a put: no key, no section, and the daemon was not told of the client.
invite laptop --share s:/laptop=append --address "$address"
says 'client laptop may join once, until '
check_eq "$(cat "$tmp/out")" "ftx join $code" 'what is printed'
check_eq "$(cat "$clients/laptop.conf")" '[client laptop]
key = invite
share = s:/laptop=append' "the client's file"
ftxd 0 client ls -c "$conf"
check_eq "$(cat "$tmp/out")" 'laptop invited s:/laptop=list,get,put' 'the list'
check_eq "$(stat -c %a "$tmp/state/invites" "$tmp/state/invites/"*)" '700
600' 'modes of the invite'
as laptop 0 join "$code" --as nas
says 'a key was made'
says 'nas knows this key as laptop'
check_eq "$(stat -c %a "$tmp/laptop/ftx/id" "$tmp/laptop/ftx/config")" '600
600' 'modes of what was made'
as laptop 0 put "$tmp/f" nas:s/f
check_same_file "$tmp/f" "$tmp/share/laptop/f"
check_eq "$(stat -c %a "$tmp/state/clients.d/laptop.conf")" 600 'mode of the key that was entered'
ftxd 0 client ls -c "$conf"
check_eq "$(cat "$tmp/out")" 'laptop enabled s:/laptop=list,get,put' 'the list'
ftxd 0 check -c "$conf"
wait_log 'joined client=laptop'

# Again with the same key: nothing new.  With another one: used.
as laptop 0 join "$code" --as nas
check_eq "$(grep -c 'host nas' "$tmp/laptop/ftx/config")" 1 'sections'
as thief 7 join "$code" --as nas
says 'the invite has been used already'
check_absent "$tmp/thief/ftx/config"
as thief 7 put "$tmp/f" "$base/s/g"
wait_log 'invite refused reason=invite_used'

# The key counts when the daemon is started again, and is gone when the client is removed.
stop_server
fixed_port=$port
configure <<EOF
[share s]
path = $tmp/share
EOF
start_ftxd
as laptop 0 put "$tmp/f" nas:s/g
ftxd 0 client rm laptop -c "$conf"
check_eq "$(find "$tmp/state" -path '*/invites/*' -o -path '*/clients.d/*')" '' 'what is left of the client'
reload
as laptop 7 put "$tmp/f" nas:s/h
as laptop 7 join "$code" --as nas --retry-for 0
says 'the server does not know this invite'

# On standard input, as it is printed.  The server's name becomes the section's.
invite one --share s=full --address "localhost:$port"
mkdir "$tmp/one"
XDG_CONFIG_HOME=$tmp/one "$ftx_program" join -4 -i "$tmp/one/key" <"$tmp/out" 2>"$tmp/err" || fail "join: $(cat "$tmp/err")"
check_eq "$(grep -v server-key "$tmp/one/ftx/config")" "[host localhost]
address = localhost:$port
identity = $tmp/one/key" 'the section'
XDG_CONFIG_HOME=$tmp/one "$ftx_program" -4 put "$tmp/f" localhost:s/one || fail 'put by the name that join gave'

# Several at once with different keys: one of them is it.
invite many --share s=full --address "$address"
joining=
for n in 1 2 3 4 5; do
	mkdir -p "$tmp/m$n"
	XDG_CONFIG_HOME=$tmp/m$n "$ftx_program" join "$code" --as nas 2>"$tmp/m$n/err" </dev/null &
	joining="$joining $!"
done
won=0
for pid in $joining; do
	status=0
	wait "$pid" || status=$?
	case $status in
	0) won=$((won + 1)) ;;
	7) ;;
	*) fail "one of several ended with $status" ;;
	esac
done
check_eq "$won" 1 'winners'
check_eq "$(cat "$tmp"/m?/err | grep -c 'has been used already')" 4 'losers'

# What a code may be wrong in is found here.
case $code in
*A) wrong=${code%?}B ;;
*) wrong=${code%?}A ;;
esac
as laptop 2 join "$wrong" --as new
says 'not the whole code, or a character of it is wrong'
as laptop 2 join laptop
says 'begins with ftxp'
as laptop 2 join "$code" --as nas/s
as two 0 host add nas "ftx://$server_key@127.0.0.1:1"
as two 2 join "$code" --as nas
says "[host nas] is in $tmp/two/ftx/config already"
check_absent "$tmp/two/ftx/id"

# Expired.
invite late --share s=full --address "$address" --ttl 1s
sed -i 's/ [0-9]* late/ 1 late/' "$tmp/state/invites/"*
as late 7 join "$code" --as nas
says 'the invite has expired'

# Another code for one that has not come: the first is good no more.
invite late --address "$address"
old=$code
invite late --address "$address"
as late 7 join "$old" --as nas --retry-for 0
says 'the server does not know this invite'
# Disabled; then a configuration that is wrong; then let in.
ftxd 0 client disable late -c "$conf"
as late 7 join "$code" --as nas
says 'disabled'
ftxd 0 client enable late -c "$conf"
echo nonsense >"$clients/wrong.conf"
as late 14 join "$code" --as nas
says "the server's configuration is wrong"
check_absent "$tmp/state/clients.d/late.conf"
rm "$clients/wrong.conf"
as late 0 join "$code" --as nas
as late 0 put "$tmp/f" nas:s/late

# A key that is another client's here.
invite more --share s=full --address "$address"
as late 1 join "$code" --as more
says "another client's there already"

# How ftxd invite is called wrongly.
ftxd 1 invite late --address "$address" -c "$conf"
says 'client late has come already'
ftxd 1 invite more --share s=get --address "$address" -c "$conf"
says "[client more] is in $clients/more.conf:1 already"
ftxd 2 invite new -c "$conf"
says '--share is needed'
for arguments in '' 'a b' '../a --share s=full' 'new --share s=all' 'new --share s=full --ttl 0' \
	'new --share s=full --ttl 31d' 'new --share s=full --address a/b' 'new --share s=full --colour'; do
	# shellcheck disable=SC2086 # a list of words
	ftxd 2 invite $arguments -c "$conf"
done
ftxd 14 invite new --share t=full --address "$address" -c "$conf"
says 'there is no section [share t]'
check_absent "$clients/new.conf"
fixed_port=0
configure <<EOF
[share s]
path = $tmp/share
EOF
ftxd 14 invite new --share s=full -c "$conf"
says '--address HOST:PORT'

# A state directory that is not there yet, and one that is not root's.
sed -i "s|^state = .*|state = $tmp/later|" "$conf"
ftxd 14 invite new --share s=full --address "$address" -c "$conf"
says "the state directory '$tmp/later': ftxd makes both when it is started"
check_absent "$clients/new.conf"
if [ "$(id -u)" -eq 0 ]; then
	mkdir "$tmp/later"
	chown 4711 "$tmp/later"
	ftxd 14 run -c "$conf"
	says "the state directory '$tmp/later' belongs to another user"
	check_eq "$(ls -A "$tmp/later")" '' 'what root has left there'
fi
