# shellcheck shell=sh disable=SC2034,SC2086,SC2154
# Where the programs run: both ends on loopback, or each at its end of a link of link.c.
# Sourced by run after lib.sh.
#
# $here and $there are the words before a command that take it to the client's or the server's end,
# $host is the server's address.  run sets and uses the rest.

place=
link_missing=
# RFC 2544 has these for benchmarks.  They exist in the link's namespaces only.
link_client=198.18.0.1
link_server=198.18.0.2
# As the administrators of both ends of such a link would: the kernel's own limit for sending is
# 4 MiB, and this link holds 6 MiB in a round trip, and as much again in its queue.
link_buffers='4096 131072 33554432'

# link_up(rate, round trip, queue, loss): as for link.c; sets $link_missing where it cannot.
link_up()
{
	link_missing="only root makes namespaces"
	[ "$(id -u)" -eq 0 ] || return 1
	link_missing="/dev/net/tun is not here"
	[ -c /dev/net/tun ] || return 1
	link_missing="nsenter is not here"
	have nsenter || return 1
	[ -x "$work/link" ] || "${CC:-cc}" -O2 -D_GNU_SOURCE -o "$work/link" tests/bench/link.c
	"$work/link" "$1" "$(awk -v ms="$2" 'BEGIN { print ms / 2 }')" "$3" "$4" \
		$link_client $link_server >"$work/link.out" 2>"$work/link.log" &
	link_pid=$!
	tries=0
	until grep -qs '^up' "$work/link.out"; do
		if ended "$link_pid" || [ $tries -ge 100 ]; then
			link_missing=$(tail -n 1 "$work/link.log")
			return 1
		fi
		sleep 0.05
		tries=$((tries + 1))
	done
	read -r _ client_fd server_fd <"$work/link.out"
	here="nsenter --net=/proc/$link_pid/fd/$client_fd"
	there="nsenter --net=/proc/$link_pid/fd/$server_fd"
	link_missing="its TCP buffers cannot be set"
	for end in "$here" "$there"; do
		$end sh -c "echo '$link_buffers' >/proc/sys/net/ipv4/tcp_rmem &&
			echo '$link_buffers' >/proc/sys/net/ipv4/tcp_wmem" 2>>"$work/link.log" || return 1
	done
	link_missing=
}

# What became of the packets, and whether the link was what it is said to be.
link_report()
{
	sed -n "s/^a-b/link, client to server:/p; s/^b-a/link, server to client:/p" "$work/link.out"
	! grep -q 'own-drops [1-9]' "$work/link.out" ||
		echo "the link dropped packets that it had to carry: the machine is too slow for it" >&2
}

# Ends the servers and the link.
leave_place()
{
	end_processes $started
	if [ -n "$link_pid" ]; then
		end_processes $link_pid
		link_report >>"$work/notes"
	fi
	started='' link_pid='' place=''
	rm -rf "$work/servers"
}

# enter_place(loopback|link): with no servers yet, unless it is the present one.
enter_place()
{
	[ "$1" != "$place" ] || return 0
	leave_place
	peers_forget
	mkdir "$work/servers"
	if [ "$1" = loopback ]; then
		here='' there='' host=127.0.0.1
	else
		[ -z "$link_missing" ] || return 1
		link_up $link_is || return 1
		host=$link_server
	fi
	place=$1
}
