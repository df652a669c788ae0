#!/bin/sh
# ftxd check --unit: what the shares need beyond the installed unit.
. "$(dirname "$0")/../lib/config.sh"
state=/var/lib/ftxd

# unit(expected lines; standard input: shares)
unit()
{
	{ printf '[server]\nstate = %s\n' "$state" && cat; } >"$conf"
	ftxd 0 check --unit -c "$conf"
	check_eq "$(grep -v '^#' "$tmp/out")" "$1" 'the drop-in'
}

unit '' <<'END'
[share files]
path = /srv/ftx
[share part]
path = /srv/ftx/part
END
grep -q 'needs nothing' "$tmp/out" || fail 'nothing says that nothing is needed'
unit '[Service]
ReadWritePaths="-/srv/backups"
ReadOnlyPaths="-/srv/ftx/pub"
ReadWritePaths="-/srv/ftx2"
ReadWritePaths="-/srv/a \"b\" 100%% \\c"' <<'END'
[share backups]
path = /srv/backups
[share pub]
path = /srv/ftx/pub
read-only = yes
[share longer]
path = /srv/ftx2
[share odd]
path = /srv/a "b" 100% \c
END
state=/data/ftxd
unit '[Service]
ProtectHome=tmpfs
ReadWritePaths="-/data/ftxd"
BindPaths="-/home/me/share"
BindReadOnlyPaths="-/tmp/x"' <<'END'
[share home]
path = /home/me/share
[share tmp]
path = /tmp/x
read-only = yes
END
# Such a unit is understood.
if command -v systemd-analyze >/dev/null; then
	mkdir "$tmp/units" "$tmp/units/ftxd.service.d"
	sed 's|@SBINDIR@/ftxd|/bin/true|; /^Documentation=/d' scripts/systemd/ftxd.service.in >"$tmp/units/ftxd.service"
	sed '/^Documentation=/d' scripts/systemd/ftxd.socket >"$tmp/units/ftxd.socket"
	cp "$tmp/out" "$tmp/units/ftxd.service.d/override.conf"
	SYSTEMD_UNIT_PATH="$tmp/units:" systemd-analyze verify "$tmp/units/ftxd.service" 2>"$tmp/err" || :
	if grep -F "$tmp/units" "$tmp/err" || grep '^ftxd' "$tmp/err"; then fail 'systemd does not understand it'; fi
fi

# A wrong configuration has no drop-in.
echo 'colour = red' >>"$conf"
ftxd 14 check --unit -c "$conf"
check_eq "$(wc -c <"$tmp/out")" 0 'bytes on stdout'
says "no key 'colour'"
ftxd 2 check --units
says 'unknown option'
ftxd 2 check more
