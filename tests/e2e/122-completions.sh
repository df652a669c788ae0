#!/bin/sh
# Completions in the shells: commands, options, servers, files; bash also knows what is on a server.
# With sanitizers alone: what completions ask the client for, others test without.
. "$(dirname "$0")/../lib/e2e.sh"
command -v bash >/dev/null || skip 'no bash here'
start_server
completions=$(pwd)/scripts/completions
mkdir -p "$XDG_CONFIG_HOME/ftx" "$tmp/here/sub" "$share/dir/deep" "$share/two words" "$share/alone" "$tmp/bin"
# Says what it is asked for; where there is a file "silent" it waits for longer than any test.
cat >"$tmp/bin/ftx" <<END
#!/bin/sh
echo "\$*" >>"$tmp/calls"
[ ! -e "$tmp/silent" ] || [ "\$1" != ls ] || exec sleep 6000
exec "$ftx_program" "\$@"
END
chmod +x "$tmp/bin/ftx"
PATH=$tmp/bin:$PATH
export FTX_COMPLETION_SECONDS=60 # a second may be too little for a machine that is busy
printf '[host nas]\naddress = 127.0.0.1:%s\nserver-key = %s\nidentity = %s\n[host dead]\naddress = 127.0.0.1:1\nserver-key = %s\nidentity = %s\n' \
	"$port" "$server_key" "$tmp/id" "$server_key" "$tmp/id" >"$XDG_CONFIG_HOME/ftx/config"
echo x >"$tmp/here/local.txt"
tab=$(printf '\t')
for name in file.txt film.mkv "dir/it's" dir/a:b "two words/in it" "two words/a\\b" "two words/tab${tab}here" alone/-n; do
	echo x >"$share/$name"
done
cd "$tmp/here"

# Each line of a list is WORDS <- LINE: what the shell offers for the line, sorted.
cat >"$tmp/drive" <<'END'
. "$1"
# Sorted without a process: there are few of them, and many lists.
sorted()
{
	local i j word
	for ((i = 1; i < ${#COMPREPLY[@]}; i++)); do
		word=${COMPREPLY[i]}
		for ((j = i; j > 0; j--)); do
			[[ ${COMPREPLY[j - 1]} > $word ]] || break
			COMPREPLY[j]=${COMPREPLY[j - 1]}
		done
		COMPREPLY[j]=$word
	done
}
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
while IFS= read -r COMP_LINE; do
	COMP_POINT=${#COMP_LINE}
	_ftx ftx
	sorted
	printf '%s <- %s\n' "${COMPREPLY[*]}" "$COMP_LINE"
done
END
# in_bash: the list on standard input is what bash says
in_bash()
{
	cat >"$tmp/list"
	sed 's/.* <- //' "$tmp/list" >"$tmp/lines"
	bash --norc --noprofile "$tmp/drive" "$completions/ftx.bash" <"$tmp/lines" >"$tmp/said" 2>"$tmp/err"
	[ ! -s "$tmp/err" ] || fail "bash says: $(cat "$tmp/err")"
	diff "$tmp/list" "$tmp/said" || fail 'bash completes otherwise'
}
# listings: how often a server was asked for one since the last time
listings()
{
	grep -c '^ls --json' "$tmp/calls" || :
	: >"$tmp/calls"
}

in_bash <<'END'
put <- ftx pu
mkdir mv <- ftx m
--exclude --exclude-from <- ftx put --excl
--delete --delete-empty --delete-excluded <- ftx put a --dele
--recursive --retry-for <- ftx rm --re
paths ping put <- ftx help p
exit-codes <- ftx -v help e
add <- ftx host a
nas <- ftx host rm n
dead nas <- ftx ping 
show <- ftx config 
nas <- ftx config show n
zlib zstd <- ftx put --compress z
local.txt <- ftx put --files-from lo
 <- ftx put --bwlimit 
 <- ftx put -j 
 <- ftx frobnicate x
dead: local.txt nas: sub/ <- ftx put 
local.txt <- ftx put -n lo
nas: <- ftx ls n
share/ <- ftx ls nas:
share/dir/deep/ <- ftx ls nas:share/dir/d
share/two\ words/ <- ftx get nas:share/tw
share/dir/it\'s <- ftx get nas:share/dir/i
share/two\ words/in\ it <- ftx get nas:share/two\ words/i
share/two\ words/in\ it <- ftx get -v nas:share/two\ words/in\ 
share/two\ words/a\\b <- ftx get nas:share/two\ words/a
share/two\ words/a\\b <- ftx get nas:share/two\ words/a\\
share/two\ words/$'tab\there' <- ftx get nas:share/two\ words/ta
share/alone/-n <- ftx get nas:share/alone/
share/dir/ <- ftx put local.txt nas:share/d
b <- ftx get nas:share/dir/a:
 <- ftx ls dead:
 <- ftx ls nas:nothing/
END
listings >"$tmp/out"
# With a configuration that is wrong there are no servers, and the rest is as it was.
mv "$XDG_CONFIG_HOME/ftx/config" "$tmp/config"
echo nonsense >"$XDG_CONFIG_HOME/ftx/config"
in_bash <<'END'
put <- ftx pu
 <- ftx ping 
local.txt sub/ <- ftx put 
 <- ftx ls nas:
END
mv "$tmp/config" "$XDG_CONFIG_HOME/ftx/config"
listings >"$tmp/out"
# An answer is kept, for all of the directory.
in_bash <<'END'
share/file.txt share/film.mkv <- ftx get nas:share/fi
 <- ftx ls nas:share/x
share/file.txt <- ftx ls nas:share/file
END
check_eq "$(listings)" 1 'listings for three completions'
# So is that there was none: who is silent is not waited for, asked once, and no word is said.
: >"$tmp/silent"
unset FTX_COMPLETION_SECONDS
in_bash <<'END'
 <- ftx ls nas:
 <- ftx ls nas:s
 <- ftx ls nas:sh
 <- ftx ls nas:sha
 <- ftx ls nas:shar
 <- ftx ls nas:share
END
check_eq "$(listings)" 1 'listings asked of a server that is silent'
rm "$tmp/silent"
export FTX_COMPLETION_SECONDS=60

# In a terminal, where readline has the last word.
in_terminal()
{
	tmux -L "ftx-$$" -f /dev/null new-session -d -x 100 -y 20 "$@"
	started="$started $(tmux -L "ftx-$$" display-message -p '#{pid}')"
}
typed()
{
	tmux -L "ftx-$$" send-keys "$@"
}
# What is on the screen; blanks at the end of a line are not.
shown()
{
	tmux -L "ftx-$$" capture-pane -p | grep -qF -e "$1"
}
begun()
{
	tmux -L "ftx-$$" capture-pane -p | grep -q '^begun'
}
terminal_gone()
{
	! tmux -L "ftx-$$" has-session 2>/dev/null
}
if command -v tmux >/dev/null; then
	in_terminal "env PS1='ready> ' bash --norc --noprofile -i"
	wait_for 'the prompt of bash' shown 'ready>'
	typed ". $completions/ftx.bash; echo begun" Enter
	wait_for 'the completions' begun
	typed "ftx put --max-d" Tab
	wait_for 'the option' shown 'ftx put --max-delete'
	typed C-u 'ftx get na' Tab sha Tab fil Tab
	wait_for 'the remote file' shown 'ftx get nas:share/fil'
	typed m Tab
	wait_for 'the remote file' shown 'ftx get nas:share/film.mkv'
	typed C-u 'exit' Enter
	wait_for 'the end of bash' terminal_gone
else
	echo 'no tmux here: completions of bash and zsh are not tried in a terminal'
fi
if command -v tmux >/dev/null && command -v zsh >/dev/null; then
	in_terminal "env ZDOTDIR=$tmp PS1='ready> ' zsh -f -i"
	wait_for 'the prompt of zsh' shown 'ready>'
	typed "fpath=($completions \$fpath); autoload -Uz compinit; compinit -u -D; echo begun" Enter
	wait_for 'compinit' begun
	typed 'ftx verif' Tab
	wait_for 'the command' shown 'ftx verify'
	typed C-u 'ftx put --max-d' Tab
	wait_for 'the option' shown 'ftx put --max-delete'
	typed C-u 'ftx put lo' Tab
	wait_for 'the file' shown 'ftx put local.txt'
	typed C-u 'ftx ping na' Tab
	wait_for 'the server' shown 'ftx ping nas'
	typed C-u 'ftx rm --' Tab
	wait_for 'what an option does' shown 'directories, with everything below'
	typed C-c
	typed C-u 'exit' Enter
	wait_for 'the end of zsh' terminal_gone
else
	echo 'no zsh or no tmux here: the completions of zsh are not tried'
fi

if command -v fish >/dev/null; then
	cat >"$tmp/list" <<'END'
put <- ftx pu
--exclude --exclude-from <- ftx put --excl
--recursive --retry-for <- ftx rm --re
exit-codes <- ftx help e
zlib zstd <- ftx get --compress z
local.txt <- ftx put lo
nas: <- ftx ls na
dead nas <- ftx ping 
show <- ftx config sh
nas <- ftx host rm n
END
	cat >"$tmp/drive" <<'END'
source $argv[1]
while read -l line
    echo (complete -C "$line" | string replace -r '\t.*' '' | sort | string join ' ')" <- $line"
end
END
	sed 's/.* <- //' "$tmp/list" | fish --no-config "$tmp/drive" "$completions/ftx.fish" >"$tmp/said" 2>"$tmp/err" || :
	[ ! -s "$tmp/err" ] || fail "fish says: $(cat "$tmp/err")"
	diff "$tmp/list" "$tmp/said" || fail 'fish completes otherwise'
else
	echo 'no fish here: its completions are not tried'
fi
