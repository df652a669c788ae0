#!/bin/sh
# A share that is not there is offline, and nothing else is; it is told once, and so is its return.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/here"
configure <<EOF
[share here]
path = $tmp/here
[share there]
path = $tmp/there
[share disk]
path = $tmp/disk
require-mount = yes
[client c]
key = $client_key
share = there=full
share = disk=full
share = here=full
EOF
mkdir "$tmp/disk"
ftxd 0 check -c "$conf"
says "warning: share there is offline: '$tmp/there': No such file"
says "warning: share disk is offline: '$tmp/disk': nothing is mounted there"
start_ftxd
echo text >"$tmp/f"
expect 11 put "$tmp/f" "$base/there/f"
says 'offline'
expect 11 ls "$base/disk"
expect 0 put "$tmp/f" "$base/here/f"
check_same_file "$tmp/f" "$tmp/here/f"
check_absent "$tmp/there"
check_eq "$(find "$tmp/disk" -mindepth 1)" '' 'what is where the disk is not'
wait_log 'share is offline share=there'
wait_log 'share is offline share=disk'

# Back within the ten seconds between two looks; sessions see it at once.
mkdir "$tmp/there"
expect 0 put "$tmp/f" "$base/there/f"
wait_log 'share is back share=there'
check_eq "$(log_lines 'share is offline share=there')" 1 'times that it was said to be offline'
check_eq "$(log_lines 'share=there')" 2 'lines about it'
rm -r "$tmp/there"
expect 11 ls "$base/there"
expect 0 ls "$base/here"
wait_log 'share is offline share=there' 2
check_eq "$(log_lines 'share is offline share=disk')" 1 'times that the disk was said to be offline'
watch=$(server_children | tr -d ' ')

# One watch at a time, and none without the server.
reload
wait_for 'the former watch to end' process_gone "$watch"
watch=$(server_children | tr -d ' ')
check_eq "$(echo "$watch" | wc -w)" 1 'processes that watch'
kill -9 "$server_pid"
wait_for 'the watch to end' process_gone "$watch"
