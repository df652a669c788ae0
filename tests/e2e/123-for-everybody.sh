#!/bin/sh
# What /etc/ftx says for all users of a machine: settings, servers and a key of its own.
# With sanitizers alone: what the client takes from where is its own.
if [ -z "${FTX_TEST_NAMESPACE-}" ]; then
	why=$(unshare -m true 2>&1) || { echo "no mount namespace of its own: $why" && exit 77; }
	FTX_TEST_NAMESPACE=1 exec unshare -m --propagation private sh "$0"
fi
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/settings.sh"
start_server
mkdir -p "$tmp/etc/ftx" "$XDG_CONFIG_HOME/ftx"
cp "$tmp/id" "$tmp/etc/ftx/id"
cat >"$tmp/etc/ftx/config" <<END
[defaults]
streams = 2
timeout = 20s
[host nas]
address = 127.0.0.1:$port
server-key = $server_key
compress = zlib
[host other]
address = 127.0.0.1:1
server-key = $server_key
END
mount --bind "$tmp/etc" /etc

# Who has nothing has this.
run 0 ping nas
run 0 config show nas
shows identity /etc/ftx/id 'built in'
shows streams 2 '/etc/ftx/config:2, [defaults]'
shows compress zlib '/etc/ftx/config:7, [host nas]'
shows server-key "$server_key" /etc/ftx/config:6
run 0 key
check_eq "$(cat "$tmp/out")" "$client_key" 'the key'
run 0 host ls
check_eq "$(cut -d ' ' -f 1 "$tmp/out" | xargs)" 'nas other' 'the names'

# A key that is named is that one or none.
run 14 ping nas -i "$tmp/none"
says "there is no key file '$tmp/none'"
run 14 key -i "$tmp/none"
FTX_IDENTITY=$tmp/none run 14 ping nas

# What is a user's own comes first: a section as a whole, and [defaults] before a section of this file.
cat >"$XDG_CONFIG_HOME/ftx/config" <<END
[defaults]
streams = 3
[host other]
address = 127.0.0.1:$port
server-key = $server_key
END
run 0 ping other
run 0 config show other
shows streams 3 "$XDG_CONFIG_HOME/ftx/config:2, [defaults]"
shows timeout 20s '/etc/ftx/config:3, [defaults]'
shows address 127.0.0.1 "$XDG_CONFIG_HOME/ftx/config:4"
run 0 config show nas
shows streams 3 "$XDG_CONFIG_HOME/ftx/config:2, [defaults]"
shows compress zlib '/etc/ftx/config:7, [host nas]'
"$ftx_program" keygen >"$tmp/own"
run 0 key
check_same_file "$tmp/own" "$tmp/out"
run 7 ping nas

# Nobody takes away what is everybody's.
run 5 host rm nas
says '[host nas] is in /etc/ftx/config: change it there'
run 0 host rm other
run 0 host ls
check_eq "$(tail -n 1 "$tmp/out")" "other ftx://$server_key@127.0.0.1:1" 'what is there behind it'

# Wrong there is wrong for all, with file and line, whatever the user has.
echo 'speed = 1' >>/etc/ftx/config
run 14 ping nas
says "/etc/ftx/config:11: "
umount /etc
