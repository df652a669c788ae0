#!/bin/sh
# A network that dies while nothing but data is on its way: --timeout holds where no answer is owed yet.
# With sanitizers alone: when a connection counts as lost is the client's own.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	why=$(unshare -n true 2>&1) || { echo "no network namespace of its own: $why" && exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare -n sh "$0"
fi
. "$(dirname "$0")/../lib/e2e.sh"
ip link set lo up
start_server

partial_there()
{
	find "$share/.ftx" -name '*.part' 2>/dev/null | grep -q .
}

# What comes behind the OPEN fills what the kernel takes, before a CHECKPOINT is due.
mkfifo "$tmp/input"
"$ftx_program" -i "$tmp/id" --compress none --timeout 2 --retry-for 0 put - "$url/f" \
	<"$tmp/input" >"$tmp/out" 2>"$tmp/err" &
client_pid=$!
started="$started $client_pid"
exec 9>"$tmp/input"
wait_for 'the partial' partial_there
ip link set lo down
head -c 32M /dev/zero >&9 2>"$tmp/head.err" 9>&- &
started="$started $!"
exec 9>&-
wait_for 'the end of the client' process_gone "$client_pid"
wait_client 9
says 'the server does not answer any more'
