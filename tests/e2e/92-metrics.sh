#!/bin/sh
# The metrics file: whole at any moment, in Prometheus' text format, with bounded labels; a directory
# that is not there is said once and is no obstacle.
. "$(dirname "$0")/../lib/config.sh"
make_keys
mkdir "$tmp/share"
metrics=$tmp/metrics/ftxd.prom
server_lines="metrics-file = $metrics\n"
configure <<END
[share s]
path = $tmp/share
[share gone]
path = $tmp/gone
[client c]
key = $client_key
share = s=full
quota = 10M
expect-every = 1h
END
start_ftxd
wait_log 'the metrics file cannot be written error=not_found'
random_file "$tmp/f" $((2 * MIB))
expect 0 put "$tmp/f" "$base/s/f"
wait_log 'session client=c'
"$build/tests/strangers" "$port" junk 1 127.0.0.5 >"$tmp/junk"
wait_log 'handshake failed address=127.0.0.5'
wait_log 'share is offline share=gone'

# It is written at once after a reload, and again and again.  What lies in the way is no obstacle.
mkdir "$tmp/metrics"
ln -s "$tmp/f" "$metrics.new"
reload
wait_for 'the metrics' test -s "$metrics"
check_eq "$(stat -c %a "$metrics")" 644 'mode'
check_absent "$metrics.new"
check_eq "$(stat -c %s "$tmp/f")" $((2 * MIB)) 'what the link led to'

# value(metric): of the file
value()
{
	sed -n "s/^$1 //p" "$metrics"
}
check_eq "$(value 'ftxd_sessions')" 0 'sessions'
check_eq "$(value 'ftxd_client_sessions_total{client="c"}')" 1 'sessions of c'
check_ge "$(value 'ftxd_client_received_bytes_total{client="c"}')" $((2 * MIB)) 'bytes received'
check_eq "$(value 'ftxd_client_committed_total{client="c"}')" 1 'files'
check_eq "$(value 'ftxd_refused_total{reason="handshake"}')" 1 'refused handshakes'
check_eq "$(value 'ftxd_refused_total{reason="unknown-key"}')" 0 'refused keys'
check_eq "$(value 'ftxd_sessions_ended_total{reason="done"}')" 1 'sessions that ended well'
check_eq "$(value 'ftxd_client_overdue{client="c"}')" 0 'is c overdue'
check_ge "$(value 'ftxd_client_last_session_seconds{client="c"}')" 1600000000 'the last session of c'
check_eq "$(value 'ftxd_quota_bytes{client="c",share="s",subtree="\/"}')" $((10 * MIB)) 'the quota of c'
check_ge "$(value 'ftxd_start_time_seconds')" 1600000000 'the start'

# Each line is a comment or a metric with a number, and each metric has its type before it.
awk '
/^# HELP ftxd_[a-z_]+ [A-Z]/ { next }
/^# TYPE ftxd_[a-z_]+ (counter|gauge)$/ { type[$3] = $4; next }
/^ftxd_[a-z_]+({[a-z]+="[A-Za-z0-9._()~+-]+"(,[a-z]+="[^"]+")*})? [0-9]+$/ {
	name = $1
	sub(/{.*/, "", name)
	if ((name ~ /_total$/) != (type[name] == "counter"))
		print "type: " $0
	if ($1 in seen)
		print "twice: " $0
	seen[$1] = 1
	next
}
{ print "form: " $0 }' "$metrics" >"$tmp/wrong"
check_eq "$(cat "$tmp/wrong")" '' 'lines that are wrong'
grep -oE '^ftxd_[a-z_]+' "$metrics" | sort -u | while read -r name; do
	grep -q "^\.It Li $name" man/ftxd.8 || fail "$name is not in ftxd(8)"
done
sed -n 's/^\.It Li \(ftxd_[a-z_]*\).*/\1/p' man/ftxd.8 | while read -r name; do
	grep -q "^# TYPE $name " "$metrics" || fail "$name is in ftxd(8) and not in the file"
done

# The shares are known a moment later, when they have been looked at: in the next file.
shares_known()
{
	[ "$(value 'ftxd_share_online{share="s"}')" = 1 ] || { reload && false; }
}
wait_for 'the shares' shares_known
usage_known()
{
	[ -n "$(value 'ftxd_used_bytes{client="c",share="s",subtree="\/"}')" ] || { reload && false; }
}
wait_for 'the first count' usage_known
check_ge "$(value 'ftxd_used_bytes{client="c",share="s",subtree="\/"}')" $((2 * MIB)) 'bytes used'
check_eq "$(value 'ftxd_share_online{share="gone"}')" 0 'a share that is offline'
check_ge "$(value 'ftxd_share_free_bytes{share="s"}')" 1 'free space'
check_eq "$(log_lines 'the metrics file')" 1 'complaints'

# What the unit needs for a file elsewhere.
server_lines='metrics-file = /srv/metrics/ftxd.prom\ncontrol = /run/ftxd/control\nstate = /var/lib/ftxd\n'
printf '[server]\n%b[share s]\npath = /srv/ftx\n' "$server_lines" >"$conf"
ftxd 0 check --unit -c "$conf"
check_eq "$(grep -v '^#' "$tmp/out" | tr '\n' ' ')" '[Service] ReadWritePaths="-/srv/metrics" ' 'the drop-in'
