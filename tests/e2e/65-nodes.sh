#!/bin/sh
# Two nodes with one directory behind HAProxy: strangers and clients by one proxy, a node that is
# killed, one that is paused (T51, T52), and a run whose connections lead to both.
# FTX_NODE_SHARES: two directories that are one, on two mounts of a file system for several machines.
# shellcheck disable=SC2154 # what start_node and balance set
. "$(dirname "$0")/../lib/config.sh"
. tests/lib/tree.sh
command -v haproxy >/dev/null || PATH=$PATH:/usr/sbin
command -v haproxy >/dev/null || skip 'there is no haproxy'
make_keys
# shellcheck disable=SC2086 # two words
set -- ${FTX_NODE_SHARES:-"$tmp"}
share=$1/share
# shellcheck disable=SC2034 # start_node asks for them by number
share_1=$share share_2=${2:-$1}/share
mkdir "$share"
server_key=$("$ftxd_program" keygen -o "$tmp/server-key")

# select_node(number): its $log and $pid, and what start_ftxd sets
select_node()
{
	log=$tmp/server-$1.log
	: >>"$log"
	eval "port=\${port_$1:-0} server_pid=\${pid_$1:-}"
}

# start_node(number): where it was the last time, if it was
start_node()
{
	select_node "$1"
	mkdir -p "$tmp/etc$1"
	conf=$tmp/etc$1/ftxd.conf
	cat >"$conf" <<END
[server]
listen = 127.0.0.1:$port
state = $tmp/state$1
key = $tmp/server-key
trusted-proxy = 127.0.0.1
penalty = 1h
penalty-max = 1h
[share s]
path = $(eval "echo \"\$share_$1\"")
umask = 022
shared-fs = yes
[client c]
key = $client_key
share = s=full
from = 127.0.0.1
END
	start_ftxd
	eval "port_$1=$port pid_$1=$server_pid"
}

# balance(name, line...): HAProxy before these servers.  Sets $port_NAME and $url_NAME.
balance()
{
	name=$1
	shift
	cat >"$tmp/$name.cfg" <<END
global
    maxconn 100
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 2m
    timeout server 2m
    option redispatch
frontend ftx
    bind fd@3
    default_backend nodes
backend nodes
$(printf '    %s\n' "$@")
END
	: >"$tmp/$name.out"
	"$build/tests/manager" "$tmp/$name.notify" 60000 haproxy -db -f "$tmp/$name.cfg" >"$tmp/$name.out" 2>"$tmp/$name.err" &
	started="$started $!"
	wait_for "the balancer $name" grep -q '^pid' "$tmp/$name.out"
	started="$started $(sed -n 's/^pid //p' "$tmp/$name.out")"
	eval "port_$name=$(sed -n 's/^port //p' "$tmp/$name.out")"
	eval "url_$name=ftx://$server_key@127.0.0.1:\$port_$name/s"
}

# signal_node(number, signal): to all of its processes, to the sessions first
signal_node()
{
	select_node "$1"
	children=$(server_children)
	# Who is stopped does not see that its supervisor has ended.
	started="$started $children"
	# shellcheck disable=SC2086 # a list of process ids
	kill -"$2" $children "$server_pid"
}

# Has a checkpoint made something durable?  A journal without a slot has 16384 bytes.
has_slots()
{
	[ -n "$(find "$share" -name '*.jnl' -size +16384c)" ]
}

start_node 1
start_node 2
one="server one 127.0.0.1:$port_1 send-proxy-v2"
two="server two 127.0.0.1:$port_2 send-proxy-v2"
balance first "$one"
balance second "$two"
balance both 'balance source' "$one check inter 1s" "$two check inter 1s"
balance turns 'balance roundrobin' "$one" "$two"
[ "$(cat "$tmp/state1/node")" != "$(cat "$tmp/state2/node")" ] || fail 'both nodes have one name'

# By one proxy a stranger is turned away, and a client is not.
select_node 1
random_file "$tmp/f" 100000
"$build/tests/strangers" "$port_first" junk 4 127.0.0.9 >"$tmp/strangers"
wait_log 'handshake failed address=127.0.0.9:' 2
expect 0 --retry-for 0 put "$tmp/f" "$url_first/f"
check_same_file "$tmp/f" "$share/f"
wait_log 'session client=c address=127.0.0.1:'
"$build/tests/strangers" "$port_first" junk 2 127.0.0.9 >"$tmp/strangers"
check_eq "$(log_lines 'handshake failed')" 2 'failures that count'

# The node that has the transfer is killed: the other one goes on where it was.
size=$((12 * MIB + 5))
random_file "$tmp/big" $size
start_client --compress none --bwlimit 2M --retry-for 0 put "$tmp/big" "$url_both/big"
wait_for 'a checkpoint' has_slots
for n in 1 2; do
	set -- "$share"/.ftx/*/up/*."$(cat "$tmp/state$n/node")".part
	[ ! -e "$1" ] || victim=$n
done
signal_node "$victim" KILL
wait_client 9
check_absent "$share/big"
expect 0 --json --compress none put "$tmp/big" "$url_both/big"
check_same_file "$tmp/big" "$share/big"
resumed=$(summary bytes_resumed)
echo "node $victim was killed, $resumed of $size bytes resumed at the other"
check_ge "$resumed" "$MIB" 'bytes resumed at the other node'
check_eq $(($(summary bytes_wire) + resumed)) $size 'bytes sent and resumed'
check_clean
start_node "$victim"

# A node is paused; another client's file gets the name meanwhile, and is not touched when it goes on.
random_file "$tmp/late" $size
start_client --compress none --bwlimit 2M put "$tmp/late" "$url_first/big"
wait_for 'a quarter of the put' progress_reached $((size / 4))
signal_node 1 STOP
paused=$children
random_file "$tmp/early" $size
expect 0 put "$tmp/early" "$url_second/big"
check_same_file "$tmp/early" "$share/big"
exec 9<"$share/big"
signal_node 1 CONT
wait_client 0
[ -n "$paused" ] || fail 'nothing was paused'
check_same_file "$tmp/late" "$share/big"
cmp - "$tmp/early" <&9 || fail 'a published file was changed'
exec 9<&-
check_clean

# The connections of one run lead to both.
random_file "$tmp/wide" $((34 * MIB + 9))
for n in 1 2; do
	select_node $n
	eval "before_$n=$(log_lines 'session client=c')"
done
expect 0 --compress none -j 2 put "$tmp/wide" "$url_turns/wide"
check_same_file "$tmp/wide" "$share/wide"
check_clean
for n in 1 2; do
	select_node $n
	eval "before=\$before_$n"
	wait_log 'session client=c' $((before + 1))
done
small_files "$tmp/tree" 60
expect 0 -j 2 put -T "$tmp/tree" "$url_turns/tree"
check_same_tree "$tmp/tree" "$share/tree"
expect 0 put -T --atomic-set "$tmp/tree" "$url_both/set"
check_same_tree "$tmp/tree" "$share/set"
check_clean
for n in 1 2; do
	select_node $n
	check_eq "$(log_lines 'no right header')" 0 "wrong headers at node $n"
	stop_server
done
