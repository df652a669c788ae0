#!/bin/sh
# trusted-proxy: the source of a proxy's connection is the one that its header names, for networks,
# penalties and logs; what the proxy itself does costs nobody anything.
# With sanitizers too: headers of every form.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share"
random_file "$tmp/f" 100000

# describe(line...): of [client c]
describe()
{
	configure <<END
[share s]
path = $tmp/share
[client c]
key = $client_key
share = s=full
$(printf '%s\n' "$@")
END
}

signature=0d0a0d0a000d0a515549540a
ends_v4=7f00000100011cdd # the proxy's address, and both ports
ends_v6=0000000000000000000000000000000100011cdd

# through(header): a relay that sends it first.  Sets $relay (its port), $via (a share by way of it).
through()
{
	: >"$tmp/relay"
	"$build/tests/relay" "$port" 1000000 1000000 "$1" >"$tmp/relay" &
	started="$started $!"
	wait_for 'the relay' test -s "$tmp/relay"
	relay=$(head -n 1 "$tmp/relay")
	via=ftx://$server_key@127.0.0.1:$relay/s
}

server_lines='trusted-proxy = 127.0.0.1\npenalty = 1h\npenalty-max = 1h\n'
describe 'from = 203.0.113.0/24' 'from = 2001:db8::/32'
start_ftxd

# A header that never ends has the time of a handshake, and ends like a wrong one.
through ${signature}2111000ccb0071
"$build/tests/strangers" "$relay" silent 1 >"$tmp/strangers" &
started="$started $!"
stuck=$!

# Without a header, or with a wrong one, a reset; and that again and again.
for _ in 1 2 3; do
	expect 9 --retry-for 0 put "$tmp/f" "$base/s/f"
done
wait_log 'a trusted proxy sent no right header address=127.0.0.1:' 3
through ${signature}3111000ccb007109$ends_v4
expect 9 --retry-for 0 put "$tmp/f" "$via/f"

# named(header, address as the log has it)
named()
{
	through "$1"
	expect 0 --retry-for 0 -j 1 put "$tmp/f" "$via/$2"
	check_same_file "$tmp/f" "$tmp/share/$2"
	wait_log "session client=c address=$2:1 reason=done"
}
named ${signature}2111000ccb007109$ends_v4 203.0.113.9
named ${signature}2111000fcb00710a${ends_v4}040000 203.0.113.10
named ${signature}2121002420010db8000000000000000000000007$ends_v6 '[2001:db8::7]'
named ${signature}2121002400000000000000000000ffffcb00710b$ends_v6 203.0.113.11

# From elsewhere, and from the proxy itself.
through ${signature}2111000cc6336401$ends_v4
expect 7 --retry-for 0 put "$tmp/f" "$via/f"
wait_log 'refused reason=network address=198.51.100.1:1 '
through ${signature}20000000
expect 7 --retry-for 0 put "$tmp/f" "$via/f"
expect 7 --retry-for 0 put "$tmp/f" "$via/f"
wait_log 'refused reason=network address=127.0.0.1:' 2
wait_log 'handshake failed address=127.0.0.1:' 0
"$build/tests/strangers" "$relay" junk 3 127.0.0.9 >/dev/null
wait_log 'turned-away-ms=0' 3

# Who fails by way of the proxy is turned away, and nobody else.
through ${signature}2111000ccb007142$ends_v4
"$build/tests/strangers" "$relay" junk 4 127.0.0.9 >/dev/null
wait_log 'handshake failed address=203.0.113.66:1 ' 2
expect 9 --retry-for 0 put "$tmp/f" "$via/f"
named ${signature}2111000ccb00710c$ends_v4 203.0.113.12
check_eq "$(log_lines 'handshake failed address=203.0.113.66:1 ')" 2 'failures that count'

wait_log 'a trusted proxy sent no right header address=127.0.0.1:' 5
kill "$stuck"

# Of who is no trusted proxy a header is a wrong greeting.
server_lines='trusted-proxy = 192.0.2.1\ntrusted-proxy = 2001:db8::/32\n'
describe 'from = 127.0.0.0/8'
reload
before=$(log_lines 'handshake failed address=127.0.0.1:')
through ${signature}2111000ccb007109$ends_v4
if ftx --retry-for 0 put "$tmp/f" "$via/g" 2>"$tmp/err"; then fail 'a header was believed'; fi
wait_log 'handshake failed address=127.0.0.1:' $((before + 1))
expect 0 --retry-for 0 put "$tmp/f" "$base/s/g"
