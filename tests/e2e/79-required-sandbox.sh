#!/bin/sh
# Not with sanitizers: what is preloaded needs none.
# On a kernel that cannot confine sessions: a warning, or with require-sandbox nothing; and at a reload
# that asks for it the old configuration stays.
. "$(dirname "$0")/../lib/config.sh"
make_keys
describe()
{
	configure_one
}
shim=$build/tests/record.so
[ -e "$shim" ] || skip "there is no $shim"
export LD_PRELOAD="$shim"
server_lines='require-sandbox = yes\n'
describe
ftxd 1 run -c "$conf"
says 'this kernel cannot confine sessions'
says 'nothing is started'

server_lines='require-sandbox = no\n'
describe
start_ftxd
unset LD_PRELOAD
wait_log 'this kernel cannot confine sessions'
echo text >"$tmp/f"
expect 0 put "$tmp/f" "$base/s/f"
server_lines='require-sandbox = yes\n'
describe
sed -i '/client c/,$d' "$conf"
kill -HUP "$server_pid"
wait_log 'the old configuration is kept'
expect 0 put "$tmp/f" "$base/s/g"
server_lines='require-sandbox = no\n'
describe
reload
expect 0 put "$tmp/f" "$base/s/h"
