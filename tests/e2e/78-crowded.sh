#!/bin/sh
# A server without room for more streams: a transfer goes on with those it has, and whoever has none
# yet is let in.
. "$(dirname "$0")/../lib/config.sh"
make_keys
configure_one 'max-connections = 5' 'rate = 2M'
start_ftxd
mkdir "$tmp/tree"
for n in 1 2 3 4 5 6 7 8; do random_file "$tmp/tree/$n" "$MIB"; done

# Of five the last is for somebody who begins.
start_client --compress none -j 8 put "$tmp/tree" "$base/s/"
wait_for 'a stream that is refused' log_has 'one more stream refused reason=too-many-sessions-of-client' 1
wait_for 'the put to move' progress_reached 1
expect 0 ls "$base/s"
wait_client 0
diff -r "$tmp/tree" "$tmp/share/tree" || fail 'the tree is another one'
streams=$(log_lines 'session client=c')
expect 0 get -j 8 "$base/s/tree" "$tmp/back"
diff -r "$tmp/tree" "$tmp/back/tree" 2>/dev/null || diff -r "$tmp/tree" "$tmp/back" || fail 'what came back is another tree'
check_ge "$(log_lines 'session client=c')" "$streams" 'sessions'

# As few as there can be: no other stream gets in, of as many as are asked for, nor of as many as pay.
sed -i 's/^max-connections = 5/max-connections = 2/; /^rate/d' "$conf"
reload
expect 0 put -j 3 "$tmp/tree" "$base/s/again/"
diff -r "$tmp/tree" "$tmp/share/again/tree" || fail 'the tree over few connections is another one'
rm -r "$tmp/share/again"
expect 0 put "$tmp/tree" "$base/s/again/"
expect 0 get "$base/s/tree" "$tmp/once/"
diff -r "$tmp/tree" "$tmp/once/tree" || fail 'what came back over few connections is another tree'

# All connections together: of ten the last two are for a get that begins, which needs both.
sed -i 's/^max-connections = 2/max-connections = 16\nrate = 1M/; s/^state/max-connections = 10\n&/' "$conf"
reload
echo small >"$tmp/share/small"
start_client --compress none -j 16 put "$tmp/tree" "$base/s/third/"
wait_for 'a stream that is refused' log_has 'one more stream refused reason=too-many-sessions address' 1
wait_for 'the put to move' progress_reached 1
expect 0 get "$base/s/small" "$tmp/small"
if process_gone "$client_pid"; then fail 'the get waited for the put'; fi
wait_client 0
diff -r "$tmp/tree" "$tmp/share/third/tree" || fail 'the third tree is another one'
