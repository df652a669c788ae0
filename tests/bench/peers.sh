# shellcheck shell=sh disable=SC2086,SC2154
# The peers.  Sourced after lib.sh; link.sh says what $here, $there and $host are.
#
#	start_PEER		starts its server in $work/servers; sets PEER_pid (0: it has none), or
#				fails with $missing set to why it cannot
#	run_PEER put|get file|tree	measures one copy: of $source to $target, which the server knows
#				as $name below $served; or of $served/source to $target
#
# $here, $there and options are lists of words; who sources this sets the rest.
# The peers run with the options that copy the same: content, for trees also modes, times, owners.

# fits(peer, content): is it worth a run?  Those that take a round trip or more for each small file
# are not across a link, nor those that copy all again where nothing has changed.
fits()
{
	case $2:$1 in
	random:tar | text:tar) return 1 ;;
	random:* | text:*) return 0 ;;
	small:cp | small:rsyncd | small:tar | small:scp | small:ftx) return 0 ;;
	same:rsyncd | same:ftx) return 0 ;;
	wan-random:http | wan-random:rsyncd | wan-random:ftx) return 0 ;;
	wan-text:http | wan-text:rsyncd | wan-text:ftx) return 0 ;;
	wan-small:rsyncd | wan-small:tar | wan-small:ftx) return 0 ;;
	wan-same:rsyncd | wan-same:ftx) return 0 ;;
	*) return 1 ;;
	esac
}

# After the end of the servers: those that were started for the last place, or could not be.
peers_forget()
{
	peers_up='' peers_down='' ssh_pid=
}

# is_up(peer): starts it where it has not been tried; says once why it cannot.
is_up()
{
	case " $peers_up " in *" $1 "*) return 0 ;; esac
	case " $peers_down " in *" $1 "*) return 1 ;; esac
	missing=
	if "start_$1"; then
		peers_up="$peers_up $1"
		return 0
	fi
	peers_down="$peers_down $1"
	echo "without $1: $missing" >&2
	return 1
}

# listens(port, log)
listens()
{
	$here "$meter" await "$host" "$1" && return 0
	missing="it did not start: $(tail -n 1 "$2")"
	return 1
}

start_cp()
{
	cp_pid=0
}

run_cp()
{
	from=$source
	[ "$1" = put ] || from=$served/source
	if [ "$2" = tree ]; then
		measure "$cp_pid" cp -a "$from" "$target"
	else
		measure "$cp_pid" cp "$from" "$target"
	fi
}

start_http()
{
	if ! have nginx || ! have curl; then
		missing="nginx or curl is not here"
		return 1
	fi
	http_port=$($there "$meter" port "$host")
	mkdir "$work/servers/nginx"
	{
		[ "$(id -u)" -ne 0 ] || echo "user root;"
		cat <<-END
			daemon off;
			pid $work/servers/nginx/pid;
			error_log $work/servers/nginx/log;
			events { }
			http {
				access_log off;
				sendfile on;
				client_body_temp_path $work/servers/nginx/body;
				proxy_temp_path $work/servers/nginx/proxy;
				fastcgi_temp_path $work/servers/nginx/fastcgi;
				uwsgi_temp_path $work/servers/nginx/uwsgi;
				scgi_temp_path $work/servers/nginx/scgi;
				server {
					listen $host:$http_port;
					root $served;
					client_max_body_size 0;
					location / { dav_methods PUT; }
				}
			}
		END
	} >"$work/servers/nginx/conf"
	$there nginx -e "$work/servers/nginx/log" -p "$work/servers/nginx" -c "$work/servers/nginx/conf" >"$work/servers/nginx/out" 2>&1 &
	http_pid=$!
	started="$started $http_pid"
	listens "$http_port" "$work/servers/nginx/log"
}

run_http()
{
	if [ "$1" = put ]; then
		measure "$http_pid" $here curl -sfT "$source" "http://$host:$http_port/$name"
	else
		measure "$http_pid" $here curl -sfo "$target" "http://$host:$http_port/source"
	fi
}

start_rsyncd()
{
	if ! have rsync; then
		missing="rsync is not here"
		return 1
	fi
	rsyncd_port=$($there "$meter" port "$host")
	cat >"$work/servers/rsyncd.conf" <<-END
		use chroot = no
		log file = $work/servers/rsyncd.log
		lock file = $work/servers/rsyncd.lock
		[bench]
		path = $served
		read only = no
	END
	# Who is not root cannot change users, nor need to.
	[ "$(id -u)" -ne 0 ] || printf 'uid = 0\ngid = 0\n' >>"$work/servers/rsyncd.conf"
	$there rsync --daemon --no-detach --address=$host --port="$rsyncd_port" \
		--config="$work/servers/rsyncd.conf" >"$work/servers/rsyncd.out" 2>&1 &
	rsyncd_pid=$!
	started="$started $rsyncd_pid"
	listens "$rsyncd_port" "$work/servers/rsyncd.out"
}

run_rsyncd()
{
	rsync_url=rsync://$host:$rsyncd_port/bench
	case $1:$2 in
	put:file) set -- -t "$source" "$rsync_url/$name" ;;
	put:tree) set -- -a "$source/" "$rsync_url/$name/" ;;
	get:file) set -- -t "$rsync_url/source" "$target" ;;
	get:tree) set -- -a "$rsync_url/source/" "$target/" ;;
	esac
	measure "$rsyncd_pid" $here rsync "$@"
}

# One daemon for sftp, scp and tar; AES-128-GCM is the fastest of its ciphers where the processor has AES.
start_ssh()
{
	if ! have sshd || ! have ssh-keygen; then
		missing="sshd is not here"
		return 1
	fi
	[ -z "${ssh_pid-}" ] || return 0
	ssh_port=$($there "$meter" port "$host")
	mkdir "$work/servers/ssh"
	ssh-keygen -q -t ed25519 -N '' -f "$work/servers/ssh/host"
	ssh-keygen -q -t ed25519 -N '' -f "$work/servers/ssh/user"
	echo "[$host]:$ssh_port $(cut -d' ' -f1,2 "$work/servers/ssh/host.pub")" >"$work/servers/ssh/known"
	cat >"$work/servers/ssh/sshd_config" <<-END
		ListenAddress $host:$ssh_port
		HostKey $work/servers/ssh/host
		AuthorizedKeysFile $work/servers/ssh/user.pub
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin prohibit-password
		StrictModes no
		UsePAM no
		PidFile none
		Subsystem sftp internal-sftp
	END
	cat >"$work/servers/ssh/config" <<-END
		Host bench
		HostName $host
		Port $ssh_port
		Ciphers aes128-gcm@openssh.com
		User $(id -un)
		IdentityFile $work/servers/ssh/user
		IdentitiesOnly yes
		UserKnownHostsFile $work/servers/ssh/known
		GlobalKnownHostsFile none
		StrictHostKeyChecking yes
		BatchMode yes
	END
	# As root sshd wants a directory that a machine without the service lacks: it gets a /run
	# of its own, where that is allowed.
	set -- "$(command -v sshd)" -D -e -f "$work/servers/ssh/sshd_config"
	if [ "$(id -u)" -eq 0 ] && [ ! -d /run/sshd ]; then
		# shellcheck disable=SC2016 # for the inner shell
		set -- unshare -m sh -c 'mount -t tmpfs none /run && mkdir /run/sshd && exec "$@"' sh "$@"
	fi
	$there "$@" >"$work/servers/ssh/log" 2>&1 &
	ssh_pid=$!
	started="$started $ssh_pid"
	listens "$ssh_port" "$work/servers/ssh/log"
}

start_sftp()
{
	if ! have sftp; then
		missing="sftp is not here"
		return 1
	fi
	start_ssh
}

run_sftp()
{
	if [ "$1" = put ]; then
		echo "put $source $target" >"$work/servers/ssh/batch"
	else
		echo "get $served/source $target" >"$work/servers/ssh/batch"
	fi
	measure "$ssh_pid" $here sftp -q -F "$work/servers/ssh/config" -b "$work/servers/ssh/batch" bench
}

start_scp()
{
	if ! have scp; then
		missing="scp is not here"
		return 1
	fi
	start_ssh
}

run_scp()
{
	options=-q
	[ "$2" = file ] || options=-qrp
	set -- "$1" scp $options -F "$work/servers/ssh/config"
	if [ "$1" = put ]; then
		shift
		measure "$ssh_pid" $here "$@" "$source" "bench:$target"
	else
		shift
		measure "$ssh_pid" $here "$@" "bench:$served/source" "$target"
	fi
}

start_tar()
{
	if ! have ssh || ! have tar; then
		missing="ssh or tar is not here"
		return 1
	fi
	start_ssh
}

run_tar()
{
	if [ "$1" = put ]; then
		set -- "tar -C '$source' -cf - . | ssh -F '$work/servers/ssh/config' bench \
			'mkdir $target && tar -C $target -xpf -'"
	else
		set -- "mkdir '$target' && ssh -F '$work/servers/ssh/config' bench \
			'tar -C $served/source -cf - .' | tar -C '$target' -xpf -"
	fi
	measure "$ssh_pid" $here sh -c "$1"
}

start_ftx()
{
	if [ ! -x "$build/ftx" ] || [ ! -x "$build/ftxd" ]; then
		missing="$build has no ftx and ftxd"
		return 1
	fi
	mkdir "$work/servers/ftx"
	"$build/ftx" keygen -o "$work/servers/ftx/key" >"$work/servers/ftx/public"
	$there "$build/ftxd" serve "$served" --listen $host:0 --state "$work/servers/ftx/state" \
		--key "$work/servers/ftx/server-key" --client "$(cat "$work/servers/ftx/public")" \
		>"$work/servers/ftx/address" 2>"$work/servers/ftx/log" &
	ftx_pid=$!
	started="$started $ftx_pid"
	tries=0
	until grep -qs '^ftx://' "$work/servers/ftx/address"; do
		if ended "$ftx_pid" || [ $tries -ge 200 ]; then
			missing="ftxd did not start: $(tail -n 1 "$work/servers/ftx/log")"
			return 1
		fi
		sleep 0.05
		tries=$((tries + 1))
	done
	ftx_url=$(head -n 1 "$work/servers/ftx/address")
}

run_ftx()
{
	exact=
	[ "$2" = file ] || exact=-T
	if [ "$1" = put ]; then
		set -- put $exact "$source" "$ftx_url/$name"
	else
		set -- get $exact "$ftx_url/source" "$target"
	fi
	measure "$ftx_pid" $here "$build/ftx" -q -i "$work/servers/ftx/key" "$@"
}
