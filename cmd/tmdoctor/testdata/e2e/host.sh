#!/bin/sh
# Turns a fresh mount, pid, uts and network namespace into a host with sshd.
# Environment: LAB (the lab's directory), NAME, KEY (the operator's public key
# file), OP_SHELL, FLAVOUR (words: noisy, noprocps, sudo, sudo-denied, hidden),
# PREPARE (shell that runs here as root before sshd does).
# Its root is an overlay in memory, without the mark of a container that this
# machine may have: whatever it changes goes with the namespace.
set -eu
up=$LAB/$NAME
mkdir -p "$up/root"
mount -t tmpfs tmpfs "$up/root"
mkdir "$up/root/upper" "$up/root/work" "$up/root/new"
mount -t overlay overlay -o "lowerdir=/,upperdir=$up/root/upper,workdir=$up/root/work" "$up/root/new"
cd "$up/root/new"
for dir in proc sys dev; do
	mount --rbind "/$dir" "$dir"
done
mount --bind /tmp tmp # the lab's directory is there
rm -f .dockerenv
mkdir .before
pivot_root . .before
umount -l /.before
rmdir /.before
cd /
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd "$up/tmp"
chmod 1777 "$up/tmp"
hostname "$NAME"
printf '%s\n' "$NAME" >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$NAME" >/etc/hosts

printf 'flink:x:7001:7001::/home/flink:/bin/bash\nop:x:7002:7002::/home/op:%s\n' "${OP_SHELL:-/bin/bash}" >>/etc/passwd
printf 'flink:x:7001:\nop:x:7002:\n' >>/etc/group
printf 'flink:*:19000:0:99999:7:::\nop:*:19000:0:99999:7:::\n' >>/etc/shadow
for user in op flink; do
	mkdir -p "/home/$user/.ssh"
	cp "$KEY" "/home/$user/.ssh/authorized_keys"
	chmod 700 "/home/$user/.ssh"
	chown -R "$user:$user" "/home/$user"
	chmod 755 "/home/$user"
done

# Debian's own configuration, with PAM.
cp /usr/share/openssh/sshd_config /etc/ssh/sshd_config
rm -f /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/*
for type in rsa ecdsa ed25519; do
	cp "$LAB/hostkey_$type" "/etc/ssh/ssh_host_${type}_key"
	cp "$LAB/hostkey_$type.pub" "/etc/ssh/ssh_host_${type}_key.pub"
	chmod 600 "/etc/ssh/ssh_host_${type}_key"
done

mkdir -p /opt/flink/conf /opt/flink/lib /opt/flink/log /opt/flink/bin
: >/opt/flink/lib/flink-dist-1.20.3.jar
cat >/opt/flink/conf/config.yaml <<-'CONF'
	jobmanager:
	  rpc:
	    address: localhost
	    port: 6123
	state.backend.type: rocksdb
	s3.secret-key: do-not-tell-anyone
CONF
chown -R flink:flink /opt/flink/log

for word in ${FLAVOUR:-}; do
	case $word in
	noisy)
		printf 'echo "Welcome to %s!"\nprintf "no newline at the end"\n' "$NAME" >/home/op/.bashrc
		printf 'A message of the day\n' >/etc/motd
		;;
	noprocps) rm -f /usr/bin/ps /usr/bin/free /usr/bin/pgrep /usr/bin/top /usr/sbin/sysctl /usr/bin/awk /usr/bin/mawk /usr/bin/perl /usr/bin/python3 ;;
	sudo) printf 'op ALL=(flink) NOPASSWD: /bin/sh -s\n' >/etc/sudoers.d/op; chmod 440 /etc/sudoers.d/op ;;
	esac
done
# sshd_config is what has to stand before all else in sshd's configuration.
sshd_config() { printf '%s\n' "$@" >>/etc/ssh/sshd_config.d/lab.conf; }
eval "${PREPARE:-}"
printf 'up\n' >"$up/up"
exec /usr/sbin/sshd -D -e 2>"$up/sshd.log"
