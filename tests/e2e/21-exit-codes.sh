#!/bin/sh
# Every kind of trouble has its exit code and a line that names it.
# With sanitizers alone: what the client says of an end is its own.
. "$(dirname "$0")/../lib/e2e.sh"
start_server
random_file "$tmp/f" 1000
random_file "$tmp/g" 1000
f=$tmp/f g=$tmp/g

# says(pattern): stderr of the last expect has it, and is one line of ours
says()
{
	grep -q '^ftx: ' "$tmp/err" || fail "no line of ftx: $(cat "$tmp/err")"
	grep -qi -e "$1" "$tmp/err" || fail "nothing like '$1' in: $(cat "$tmp/err")"
}

# 5: the one thing does not exist, here or there.
expect 5 put "$tmp/missing" "$url/x"
says missing
expect 5 get "$url/missing" "$tmp/x"
says missing
check_absent "$tmp/x"
expect 5 get "ftx://$server_key@127.0.0.1:$port/no-such-share/x" "$tmp/x"
expect 5 put "$f" "ftx://$server_key@127.0.0.1:$port/no-such-share/x"

# 6: may not be read, here or there.
if [ "$(id -u)" -eq 0 ]; then
	chmod 755 "$tmp"
	mkdir "$tmp/other"
	cp "$tmp/id" "$tmp/other/id"
	random_file "$tmp/secret" 100
	chmod 600 "$tmp/secret"
	chown -R 65534:65534 "$tmp/other"
	code=0
	HOME=/ setpriv --reuid 65534 --regid 65534 --clear-groups "$ftx_program" -i "$tmp/other/id" \
		put "$tmp/secret" "$url/secret" >"$tmp/out" 2>"$tmp/err" || code=$?
	check_eq "$code" 6 'exit status of a put of an unreadable file'
	says secret
	check_absent "$share/secret"
	code=0
	expect 0 put "$f" "$url/f"
	HOME=/ setpriv --reuid 65534 --regid 65534 --clear-groups "$ftx_program" -i "$tmp/other/id" \
		get "$url/f" "$tmp/may-not-write" >"$tmp/out" 2>"$tmp/err" || code=$?
	check_eq "$code" 6 'exit status of a get into a directory without write permission'
fi

# 3: several were asked for, one failed; the others arrive.
expect 3 --json put "$f" "$tmp/missing" "$g" "$url/several"
check_same_file "$f" "$share/several/f"
check_same_file "$g" "$share/several/g"
check_eq "$(summary files_failed)" 1 'files failed'
check_eq "$(summary files_done)" 2 'files done'
expect 3 get "$url/several/f" "$url/several/missing" "$url/several/g" "$tmp/back"
check_same_file "$f" "$tmp/back/f"
check_same_file "$g" "$tmp/back/g"

# 9: nobody there.
stop_server
expect 9 --retry-for 0 put "$f" "$url/x"
says 127.0.0.1
expect 9 --retry-for 0 get "$url/x" "$tmp/x"

# 2: usage, each with a hint; nothing is contacted (nobody is there: else it were 9).
usage()
{
	hint=$1
	shift
	expect 2 "$@"
	grep -qi -e "$hint" "$tmp/err" || fail "nothing like '$hint' for ftx $*: $(cat "$tmp/err")"
}
usage 'put'
usage 'nonsense' nonsense
usage 'usage\|source\|dest' put
usage 'usage\|source\|dest' put "$f"
usage 'ftx://\|HOST:' put "$f" "$g"
usage 'ftx://\|HOST:' get "$f" "$g"
usage 'share' put "$f" "host:/absolute"
usage 'account' put "$f" "user@host:share/x"
usage '[.][.]' put "$f" "$url/../x"
usage '[.][.]' get "$url/a/../x" "$tmp/x"
usage '?\|%3F' put "$f" "$url/a?b"
usage '#\|%23' put "$f" "$url/a#b"
usage '%' put "$f" "$url/100%"
usage 'port' -P 22 put "$f" "$url/x"
usage '\-e' put -e ssh "$f" "$url/x"
usage 'bwlimit' --bwlimit 0 put "$f" "$url/x"
usage 'bwlimit' --bwlimit fast put "$f" "$url/x"
usage 'port' --port 0 put "$f" "$url/x"
usage 'port' --port 65536 put "$f" "$url/x"
usage 'timeout' --timeout 0 put "$f" "$url/x"
usage 'compress' --compress lzma put "$f" "$url/x"
usage 'no-such-option' --no-such-option put "$f" "$url/x"
usage 'one server\|same server' get "$url/x" "ftx://$client_key@127.0.0.1:1/share/y" "$tmp/x"
usage '-h' put -h "$f" "$url/x"

# Help and version are for everybody.
for option in --help -h --version -V; do
	"$ftx_program" "$option" >"$tmp/out" || fail "$option is refused"
	[ -s "$tmp/out" ] || fail "$option prints nothing"
	"$ftxd_program" "$option" >"$tmp/out" || fail "ftxd refuses $option"
done

# ftxd: a taken address, a bad command line.
start_server
code=0
"$ftxd_program" serve "$share" --listen "127.0.0.1:$port" --state "$tmp/state2" --key "$tmp/key2" \
	--client "$client_key" >"$tmp/out" 2>"$tmp/err" || code=$?
check_eq "$code" 1 'exit status of ftxd with a taken port'
for arguments in 'run more' 'check -x' 'nonsense' 'serve' 'serve --nonsense' 'keygen'; do
	code=0
	# shellcheck disable=SC2086 # a list of words
	"$ftxd_program" $arguments >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
	check_eq "$code" 2 "exit status of ftxd $arguments"
	[ -s "$tmp/err" ] || fail "ftxd $arguments says nothing"
done
code=0
"$ftxd_program" serve "$share" --listen 0.0.0.0:0 --state "$tmp/state3" --key "$tmp/key3" \
	>"$tmp/out" 2>"$tmp/err" || code=$?
case $code in
2 | 14) ;;
*) fail "ftxd listens on all addresses without a client: $code" ;;
esac
