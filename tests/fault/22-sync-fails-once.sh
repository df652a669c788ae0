#!/bin/sh
# T44: a sync that failed is never tried again: what was written is not trusted any more.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/inject.sh"
mkdir "$tmp/back"
least=3

# A failed sync leaves no partial behind, so the next run sends everything anew.
nothing_kept()
{
	[ "$1" -eq 0 ] || check_clean "$kept_in"
}
after_fault=nothing_kept

server_env=$preload start_server
kept_in=$share
sweep sync "$EIO":1 put_over "$share/f"
sweep sync "$ENOSPC":10 put_over "$share/f"
kept_in=$tmp/back
sweep sync "$EIO":1 get_over "$tmp/back/f"
