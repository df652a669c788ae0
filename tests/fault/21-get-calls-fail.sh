#!/bin/sh
# T41: EIO, ENOSPC, EDQUOT and EROFS at every call on files of a client that receives.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/inject.sh"
mkdir "$tmp/back"
start_server
sweep fail "$EIO":1 get_over "$tmp/back/f"
sweep fail "$ENOSPC:10 $EDQUOT:10 $EROFS:6" get_over "$tmp/back/f"
check_clean "$tmp/back"
