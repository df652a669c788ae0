#!/bin/sh
# The log: priorities for the journal, refused handshakes with reason and key, log-files, and nothing
# of it that a peer could have written.
# With sanitizers too: lines of every request.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share" "$tmp/a"
server_lines='log-files = all\npenalty = 1h\npenalty-max = 1h\n'
configure <<END
[share s]
path = $tmp/share
[client c]
key = $client_key
share = s:/sub=full
END
# Standard error is a file that JOURNAL_STREAM names.
JOURNAL_STREAM=$(stat -c %d:%i "$log")
export JOURNAL_STREAM
start_ftxd
check_eq "$(grep -c '^<6>listening address=' "$log")" 1 'lines with a priority'
check_eq "$(grep -cv '^<[3467]>' "$log")" 0 'lines without one'

# file_line(action and rest): is there one
file_line()
{
	wait_log "<6>file client=c action=$1"
}

# all_said: what sessions have said stands in the log, before what the supervisor was told later
all_said()
{
	reload
}

# A name that would be other fields, or another line.
name=$(printf 'b" client=root\n<3>x')
shown='b\" client=root\n<3>x'
echo content >"$tmp/a/$name"
random_file "$tmp/a/big" $((2 * MIB + 1))
expect 0 put "$tmp/a" "$base/s/"
file_line "put share=s path=\"a/$shown\""
file_line 'put share=s path="a/big" size=2097153'
file_line 'mkdir share=s path="a"'
all_said
check_eq "$(log_lines '<3>x')" "$(log_lines '\n<3>x')" 'names that became lines'
check_eq "$(log_lines 'action=read')" 0 'files that were read'
expect 0 put "$tmp/a" "$base/s/"
all_said
check_eq "$(log_lines 'action=put')" 2 'files that were put'
expect 0 get "$base/s/a" "$tmp/back"
file_line "read share=s path=\"a/$shown\""
file_line 'read share=s path="a/big"'
expect 0 mv "$base/s/a/big" "$base/s/moved"
file_line 'rename share=s path="moved" from="a/big"'
expect 0 ln "$base/s/moved" "$base/s/linked"
file_line 'link share=s path="linked" from="moved"'
expect 0 ln -s there "$base/s/symbolic"
file_line 'symlink share=s path="symbolic"'
expect 0 rm "$base/s/symbolic"
file_line 'remove share=s path="symbolic"'
expect 0 put --atomic-set "$tmp/a" "$base/s/set"
file_line 'put share=s path="set/a/big" size=2097153'
file_line 'publish share=s path="set/a"'
expect 5 rm "$base/s/none"
all_said
check_eq "$(log_lines 'path="none"')" 0 'changes that were none'

# One line a session at its end, with what it moved.
wait_for 'the ends of sessions' log_has 'reason=done status=0 seconds=' 3
grep -q '^<6>session client=c address=127\.0\.0\.1:[0-9]* reason=done status=0 seconds=[0-9]* received=[1-9][0-9]* sent=[1-9][0-9]* committed=2$' "$log" ||
	fail 'no session has put two files'

# Refused: junk, a client of another server's key, an unknown key, each with its reason.
"$build/tests/strangers" "$port" junk 1 127.0.0.7 >"$tmp/junk"
wait_log '<4>handshake failed address=127.0.0.7:'
grep -q '^<4>handshake failed address=127\.0\.0\.7:[0-9]* reason=handshake turned-away-ms=0$' "$log" ||
	fail 'junk has no reason'
other_key=$("$ftxd_program" keygen -o "$tmp/other")
expect 8 --retry-for 0 ls "ftx://$other_key@127.0.0.1:$port/s"
wait_for 'a second failure' log_has ' reason=handshake ' 2
stranger=$("$ftx_program" keygen -o "$tmp/stranger")
status=0
"$ftx_program" -i "$tmp/stranger" ls "$base/s" >"$tmp/out" 2>"$tmp/err" || status=$?
check_eq "$status" 7 'exit status with an unknown key'
wait_log "<4>refused reason=unknown-key address=127.0.0.1:"
wait_log " key=$stranger"

# changes: what is read is not told; none: nothing is.
sed -i 's/^log-files = .*/log-files = changes/' "$conf"
reload
lines=$(log_lines 'action=read')
expect 0 get "$base/s/moved" "$tmp/again"
expect 0 rm "$base/s/moved"
file_line 'remove share=s path="moved"'
check_eq "$(log_lines 'action=read')" "$lines" 'files that were read'
sed -i 's/^log-files = .*/log-files = none/' "$conf"
reload
expect 0 rm "$base/s/linked"
all_said
check_eq "$(log_lines 'path="linked"')" 1 'lines about a name that was removed in silence'

# What keeps it from starting is an error there too.  Without a journal on standard error there are times instead, whatever the variable says.
stop_server
echo 'colour = red' >>"$conf"
if "$ftxd_program" -c "$conf" 2>>"$log"; then fail 'a wrong configuration was right'; fi
grep -q "^<3>ftxd: run: .*: there is no key 'colour'" "$log" || fail "no error: $(tail -n 1 "$log")"
sed -i '$d' "$conf"
JOURNAL_STREAM=1:1
start_ftxd
tail -n 1 "$log" | grep -q '^2[0-9-]*T[0-9:.]*Z listening' || fail "no time in: $(tail -n 1 "$log")"
