#!/bin/sh
# Help fits the screen and comes from the tables; every letter; what is misspelt gets a suggestion.
. "$(dirname "$0")/../lib/e2e.sh"
make_keys
random_file "$tmp/f" 10
url=ftx://$client_key@127.0.0.1:1/share # nobody there: 9 where it is tried

# fits(lines, file): no line is wider than 80 columns, nor are there more than so many lines
fits()
{
	check_le "$(wc -l <"$2")" "$1" "lines of $2"
	check_le "$(awk '{ if (length($0) > n) n = length($0) } END { print n }' "$2")" 80 "columns of $2"
}

# One screen of 24 lines, with the prompt; examples are in it, and each command.
"$ftx_program" --help >"$tmp/help"
fits 23 "$tmp/help"
"$ftx_program" help | cmp - "$tmp/help" || fail 'ftx help is not ftx --help'
"$ftx_program" -h | cmp - "$tmp/help" || fail 'ftx -h is not ftx --help'
check_ge "$(grep -c '^  .* ftx \(put\|get\|ls\) .*nas:' "$tmp/help")" 6 'examples in --help'
"$ftx_program" help table >"$tmp/table"
verbs=$(awk -F '\t' '$1 == "verb" { print $2 }' "$tmp/table")
for verb in $verbs; do
	grep -q "[^-a-z]$verb\([^-a-z]\|$\)" "$tmp/help" || fail "--help does not know $verb"
	"$ftx_program" help "$verb" >"$tmp/verb"
	fits 75 "$tmp/verb"
	"$ftx_program" "$verb" --help | cmp - "$tmp/verb" || fail "ftx $verb --help is not ftx help $verb"
	# Each of its options has a line.
	awk -F '\t' -v verb="$verb" '$1 == "option" && $2 == verb { print $4 == "-" ? $3 : $4 }' "$tmp/table" >"$tmp/names"
	while read -r name; do
		grep -q -e "^  .*$name\( \|$\)" "$tmp/verb" || fail "help $verb has no $name"
	done <"$tmp/names"
done
topics=$(awk -F '\t' '$1 == "topic" { print $2 }' "$tmp/table")
for topic in $topics; do
	"$ftx_program" help "$topic" >"$tmp/topic"
	fits 26 "$tmp/topic"
done
# All exit codes, with their last column.
"$ftx_program" help exit-codes >"$tmp/codes"
check_eq "$(awk '$1 ~ /^[0-9]+$/ && NF > 1 { print $1 }' "$tmp/codes" | xargs)" \
	'0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15' 'the codes of help exit-codes'
for row in '3  yes ' '2  no ' '10  later ' '15  look ' '1  perhaps '; do
	grep -q "^ *$row" "$tmp/codes" || fail "help exit-codes has no row '$row'"
done

# letters(command, what): those that end so; all of the alphabet, in both cases
letters()
{
	for letter in a b c d e f g h i j k l m n o p q r s t u v w x y z \
		A B C D E F G H I J K L M N O P Q R S T U V W X Y Z; do
		code=0
		case $1 in
		put) "$ftx_program" --retry-for 0 -i "$tmp/id" put "$tmp/f" "$url" -$letter >"$tmp/out" 2>&1 || code=$? ;;
		get) "$ftx_program" --retry-for 0 -i "$tmp/id" get "$url/f" "$tmp/new" -$letter >"$tmp/out" 2>&1 || code=$? ;;
		esac
		case $code:$(cat "$tmp/out") in
		9:*) echo "taken $letter" ;;
		0:'ftx '[0-9]*) echo "version $letter" ;;
		2:*'needs a value'*) echo "value $letter" ;;
		2:*'not an option here'*) echo "hint $letter" ;;
		2:*'not for this command'*) echo "other $letter" ;;
		2:*'unknown option'*) echo "unknown $letter" ;;
		*) echo "$code $letter" ;;
		esac
	done | sort | awk '$1 != was { printf "%s%s", was == "" ? "" : "\n", was = $1 } { printf " %s", $2 } END { print "" }'
}

# What the product says of them.  Of put alone: -L.  -f and -s are letters of other commands.
check_eq "$(letters put)" 'hint C D F J P R W b e g h o
other f s
taken A H L S T X a c l n p q r t u v x z
unknown B E G I K M N O Q U Y Z d k m w y
value i j
version V' 'the letters of put'
check_eq "$(letters get)" 'hint C D F J P R W b e g h o
other L f s
taken A H S T X a c l n p q r t u v x z
unknown B E G I K M N O Q U Y Z d k m w y
value i j
version V' 'the letters of get'

# What is so anyway is taken: verify compares all of a tree, by content.
code=0
"$ftx_program" --retry-for 0 -i "$tmp/id" verify -arc --checksum "$tmp/f" "$url" 2>"$tmp/err" || code=$?
check_eq "$code" 9 'exit code of verify -arc'

# wrong(ftx argument...): a usage error, stderr in $tmp/err
wrong()
{
	code=0
	"$ftx_program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
	check_eq "$code" 2 "ftx $*"
}

# suggests(text, ftx argument...): a usage error, one line, with it
suggests()
{
	text=$1
	shift
	wrong "$@"
	grep -qF -e "$text" "$tmp/err" || fail "ftx $*: nothing like '$text' in: $(cat "$tmp/err")"
	check_eq "$(wc -l <"$tmp/err")" 1 "lines for ftx $*"
}

# suggests_nothing(ftx argument...)
suggests_nothing()
{
	wrong "$@"
	if grep -q 'did you mean' "$tmp/err"; then fail "ftx $* suggests: $(cat "$tmp/err")"; fi
}

for pair in putt:put gte:get l:ls lss:ls stta:stat mkdri:mkdir verfy:verify digset:digest kegen:keygen jion:join hots:host cofnig:config pin:ping; do
	suggests "did you mean ${pair#*:}?" "${pair%%:*}"
done
suggests 'put uploads and get downloads' cp a b
suggests 'ftx rm' delete nas:s/a
suggests 'listed by ftx ls' nas:share
suggests_nothing frobnicate
suggests_nothing ''
suggests 'did you mean exit-codes?' help exit-code
suggests 'did you mean put?' help pt
for pair in exlude:exclude exclued:exclude no-snyc:no-sync bw-limit:bwlimit checksums:checksum dryrun:dry-run; do
	suggests "did you mean --${pair#*:}?" put "--${pair%%:*}" "$tmp/f" "$url"
	suggests "did you mean --${pair#*:}? (ftx help put)" "--${pair%%:*}=3" put "$tmp/f" "$url"
done
suggests '--delete, --delete-excluded, --delete-empty' put --de "$tmp/f" "$url"
suggests 'did you mean -z?' put -Z "$tmp/f" "$url"
suggests 'ftx help ls' ls --exclude x "$url"
suggests_nothing put --frobnicate "$tmp/f" "$url"
suggests_nothing put "--$(printf '%0300d' 0)" "$tmp/f" "$url"
# What fingers type that know rsync, scp and ls: the usage error has the right form.
suggests 'ftx get nas:s/f .' get nas:s/f
suggests 'ftx put - nas:s/f' put nas:s/f
suggests 'ftx get downloads' put nas:s/f .
suggests 'the last argument of put is remote, HOST:SHARE/PATH (ftx help paths)' put "$tmp/f" s/f
suggests 'ftx put uploads' get "$tmp/f" nas:s/f
suggests "'$tmp/f': all but the last argument of get are remote, HOST:SHARE/PATH (ftx help paths)" get nas:s/f "$tmp/f" .
suggests "'b': the second argument of verify is remote" verify nas:s/b b
suggests 'with -s it is a symbolic link' ln a nas:s/b
suggests "'b': the new name is remote too, HOST:SHARE/PATH" mv nas:s/a b
suggests 'ftx ls [OPTION]... REMOTE... (ftx help paths)' ls
suggests 'standard input is -' put /dev/stdin nas:s/a
suggests 'standard output is -' get nas:s/a /dev/stdout
suggests '--port 2222' put -p 2222 "$tmp/f" "$url"
suggests 'ftx ls nas:' ls nas
suggests 'ftx df nas:' df nas
suggests 'ftx stat' ls -lh nas:
wrong ls -la nas
grep -q 'ftx ls nas:' "$tmp/err" || fail "-a of ls: $(cat "$tmp/err")"
# Not what is refused anyway, nor what is another command's.
suggests_nothing put --symbolc "$tmp/f" "$url"
