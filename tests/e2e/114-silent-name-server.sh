#!/bin/sh
# A name server that does not answer keeps nobody who wants to stop, nor longer than --timeout.
# With sanitizers alone: what resolves names is the client's.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	why=$(unshare -m -n true 2>&1) || { echo "no mount and network namespaces of its own: $why" && exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare -m -n --propagation private sh "$0"
fi
. "$(dirname "$0")/../lib/e2e.sh"
make_keys

# Packets for it are lost on the way, and a resolver waits ten minutes for them.
ip link set lo up
ip route add 192.0.2.0/24 dev lo
printf '%s\n' 'nameserver 192.0.2.53' 'options timeout:30 attempts:5' >"$tmp/resolv.conf"
echo 'hosts: files dns' >"$tmp/nsswitch.conf"
for file in resolv.conf nsswitch.conf; do
	mount --bind "$tmp/$file" /etc/$file
done
where=ftx://$client_key@files.example/s

asks()
{
	[ -n "$(ss -Hun 'dport = :53')" ]
}

# stops(code, signal, ftx argument...)
stops()
{
	code=$1 signal=$2
	shift 2
	env --default-signal=INT,TERM "$ftx_program" -i "$tmp/id" --json "$@" >"$tmp/json" 2>"$tmp/err" </dev/null &
	client_pid=$!
	started="$started $client_pid"
	wait_for 'a question to the name server' asks
	kill -"$signal" "$client_pid"
	wait_for "the end after $signal" process_gone "$client_pid"
	wait_client "$code"
	check_json "$tmp/json"
	check_eq "$(summary exit_code "$tmp/json")" "$code" 'exit code in the summary'
	grep -q '"name":"interrupted"' "$tmp/json" || fail "not interrupted: $(cat "$tmp/json")"
}
stops 130 INT --timeout 10m ls "$where"
stops 143 TERM --timeout 10m put "$tmp/id.pub" "$where/f"
stops 130 INT --timeout 10m get "$where/f" "$tmp/f"

expect 9 --timeout 100ms --retry-for 0 put "$tmp/id.pub" "$where/f"
says 'files.example: no answer from the name server'
