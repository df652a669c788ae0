#!/bin/sh
# T41: EIO, ENOSPC, EDQUOT and EROFS at every call on files of a put's session.
. "$(dirname "$0")/../lib/e2e.sh"
. "$(dirname "$0")/../lib/inject.sh"
server_env=$preload start_server
sweep fail "$EIO":1 put_over "$share/f"
sweep fail "$ENOSPC:10 $EDQUOT:10 $EROFS:6" put_over "$share/f"
check_clean
