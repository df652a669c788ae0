# shellcheck shell=sh disable=SC2154 # the variables of e2e.sh
# Trees: making them, comparing them, and doing things as somebody without rights.  Source after e2e.sh.

# snapshot(directory): each entry with all that is to be kept of it, in an order.
snapshot()
{
	find "$1" -mindepth 1 -name .ftx -prune -o \( -type d -printf '%P d %m %T@\n' \) -o \
		\( -type l -printf '%P l %T@ %l\n' \) -o -printf '%P %y %m %s %T@\n' | sort
}

# check_same_tree(a, b): content, types, modes, times and links.
check_same_tree()
{
	snapshot "$1" >"$tmp/snapshot.a"
	snapshot "$2" >"$tmp/snapshot.b"
	diff "$tmp/snapshot.a" "$tmp/snapshot.b" || fail "$1 and $2 differ"
	diff -r --no-dereference -x .ftx "$1" "$2" || fail "the content of $1 and $2 differs"
	! command -v rsync >/dev/null || check_eq "$(rsync -ani --no-owner --no-group --delete --exclude=/.ftx "$1/" "$2/")" '' 'what rsync would do'
}

# check_same_content(a, b): names, types and content
check_same_content()
{
	diff -r --no-dereference -x .ftx "$1" "$2" || fail "the content of $1 and $2 differs"
}

# small_files(directory, count, [bytes]): in nested directories of 50 files, each content of its own
small_files()
{
	awk -v top="$1" -v count="$2" -v bytes="${3-700}" 'BEGIN {
		for (i = 0; i < count; i++) {
			if (i % 50 == 0) {
				dir = top "/" int(i / 1000) "/d" int(i / 200) % 5 "/e" int(i / 50) % 4
				system("mkdir -p " dir)
			}
			file = dir "/f" i
			for (n = 0; n < bytes; n += 10)
				printf "%09d\n", i * 7 + n >file
			close(file)
		}
	}'
}

# need_root: to be somebody else
need_root()
{
	[ "$(id -u)" -eq 0 ] || skip 'needs root, to be somebody else'
}

# For "env" and for $server_env: a command as uid 65534.  The directories it enters are opened for it.
# shellcheck disable=SC2034 # for the tests
nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'

# client_as_nobody: from here on, ftx, expect and start_client run it as uid 65534
client_as_nobody()
{
	need_root
	chmod 755 "$tmp"
	make_keys
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$nobody" "$ftx_program" >"$tmp/ftx-as-nobody"
	chmod 755 "$tmp/ftx-as-nobody"
	chown -R 65534:65534 "$tmp/id" "$HOME"
	$nobody "$ftx_program" --version >/dev/null 2>&1 || skip 'the programs cannot be reached by somebody else'
	root_program=$ftx_program
	ftx_program=$tmp/ftx-as-nobody
}

client_as_root()
{
	ftx_program=$root_program
	chown 0:0 "$tmp/id" "$HOME"
}

# server_as_nobody: the server that is started next
server_as_nobody()
{
	need_root
	chmod 755 "$tmp"
	$nobody "$ftxd_program" --version >/dev/null 2>&1 || skip 'the programs cannot be reached by somebody else'
	: "${share:=$tmp/share}"
	mkdir -p "$share"
	chown 65534:65534 "$tmp" "$share" "$HOME"
	# shellcheck disable=SC2034 # for start_server
	server_env=$nobody
}

# failed_paths: the "path" of each error event of $tmp/out, in an order
failed_paths()
{
	json 'select(.event == "error") | .path' | sort
}

# failed_list(file): a list of --failed0, a name a line, in an order
failed_list()
{
	tr '\0' '\n' <"$1" | sort
}
