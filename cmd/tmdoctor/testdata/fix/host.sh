#!/bin/sh
# Turns a fresh mount, pid, uts and network namespace into a host that fix can
# work on: a real sshd, sudo and PAM, and a TaskManager to look after.
# Environment: LAB (the lab's directory), NAME, KEY (the operator's public key
# file), and of this host:
#   LOWER    the root file system, "" for this machine's own
#   SUDO     how op becomes root: all, rules (RULES holds the lines), password,
#            denied
#   FLAVOUR  words: nologin (nobody comes in as flink), unit (systemd started
#            the TaskManager), bash, ash (what /bin/sh is), busybox, toybox
#            (whose tools there are), fault (see sh.sh)
#   PREPARE  shell commands that give the host its own files
#
# Its root is an overlay in memory. /etc and /var/lib are an ext4 file system of
# the host's own, because a change in an overlay is gone with it and fix does
# not make one. vm.max_map_count and fs.nr_open are plain files: what is written
# to them changes nothing of this machine.
set -eu
up=$LAB/$NAME
mkdir -p "$up/root" "$up/disk"
mount -t tmpfs tmpfs "$up/root"
mkdir "$up/root/upper" "$up/root/work" "$up/root/new"
mount -t overlay overlay -o "lowerdir=${LOWER:-/},upperdir=$up/root/upper,workdir=$up/root/work" "$up/root/new"
truncate -s 24M "$up/image"
mkfs.ext4 -q -F -m 0 -N 4096 "$up/image"
mount -o loop "$up/image" "$up/disk"
cp -a "${LOWER:-}/etc" "$up/disk/etc"
mkdir "$up/disk/lib" "$up/disk/lib/dpkg" "$up/disk/lib/misc" "$up/disk/lib/sudo"
cd "$up/root/new"
for dir in proc sys dev; do
	mount --rbind "/$dir" "$dir"
done
mount --bind "$up/disk/lib/dpkg" "$up/disk/lib/dpkg"
mount --bind "${LOWER:-}/var/lib/dpkg" "$up/disk/lib/dpkg"
mount --bind "$up/disk/etc" etc
mount --rbind "$up/disk/lib" var/lib
mount -t tmpfs tmpfs tmp
chmod 1777 tmp
mkdir -p "./$LAB"
mount --bind "$LAB" "./$LAB"
mount -t tmpfs tmpfs run
rm -f .dockerenv
mkdir .before
pivot_root . .before
umount -l /.before
rmdir /.before
cd /

# Process 1 of a host with systemd has its name; nothing of systemd runs here.
printf systemd >/proc/self/comm
mkdir -p /run/sshd /run/systemd/system /run/systemd/sessions /run/lab "$up/tmp"
hostname "$NAME"
printf '%s\n' "$NAME" >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$NAME" >/etc/hosts
printf '65530\n' >/run/lab/max_map_count
printf '1048576\n' >/run/lab/nr_open
mount --bind /run/lab/max_map_count /proc/sys/vm/max_map_count
mount --bind /run/lab/nr_open /proc/sys/fs/nr_open

# Users. The password of op is "let me", which is asked for by sudo alone.
printf 'flink:x:7001:7001::/home/flink:/bin/bash\nop:x:7002:7002::/home/op:/bin/bash\n' >>/etc/passwd
printf 'flink:x:7001:\nop:x:7002:\n' >>/etc/group
# shellcheck disable=SC2016 # a hash
printf 'flink:*:19000:0:99999:7:::\nop:%s:19000:0:99999:7:::\n' \
	'$6$tmdoctor$Zqqw5.oZBnYD5zp6ABUU2GGzE6Aioq4kIQ09Mhd20wM5HIqp/floxOo4sOiGmdRyCl48Yv34XBj/0Jx5EByVJ1' >>/etc/shadow
for user in op flink; do
	mkdir -p "/home/$user/.ssh"
	cp "$KEY" "/home/$user/.ssh/authorized_keys"
	chmod 700 "/home/$user/.ssh"
	chown -R "$user:$user" "/home/$user"
done
case " ${FLAVOUR:-} " in *" nologin "*) rm /home/flink/.ssh/authorized_keys ;; esac
rm -f /etc/sudoers.d/*
case ${SUDO:-all} in
all) printf 'op ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/op ;;
rules) printf '%s\n' "$RULES" >/etc/sudoers.d/op ;;
password) printf 'op ALL=(ALL) ALL\n' >/etc/sudoers.d/op ;;
esac
chmod 440 /etc/sudoers.d/* 2>/dev/null || :

# Debian's own configuration of sshd, with PAM.
cp /usr/share/openssh/sshd_config /etc/ssh/sshd_config
rm -f /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/*
for type in rsa ecdsa ed25519; do
	cp "$LAB/hostkey_$type" "/etc/ssh/ssh_host_${type}_key"
	cp "$LAB/hostkey_$type.pub" "/etc/ssh/ssh_host_${type}_key.pub"
	chmod 600 "/etc/ssh/ssh_host_${type}_key"
done

# What a distribution's defaults are like.
printf 'flink soft nofile 1024\nflink hard nofile 4096\n' >>/etc/security/limits.conf

# The TaskManager: a process with the right arguments that waits for nothing.
mkdir -p /opt/flink/conf /opt/flink/lib /opt/flink/log /opt/flink/bin /opt/jdk/bin
: >/opt/flink/lib/flink-dist-1.20.3.jar
cp /bin/dash /opt/jdk/bin/java
mkfifo /opt/flink/log/wait
# shellcheck disable=SC2016 # read by the shell that waits
printf '%s\n' 'exec 3<>/opt/flink/log/wait' 'echo $$ >/opt/flink/log/ready' 'read -r x <&3' >/opt/flink/bin/wait
cat >/opt/flink/conf/config.yaml <<-'CONF'
	jobmanager:
	  rpc:
	    address: localhost
	state.backend.type: rocksdb
CONF
chown -R flink:flink /opt/flink/log

sh=dash
for word in ${FLAVOUR:-}; do
	case $word in
	bash) sh=bash ;;
	ash) sh=busybox ;;
	busybox | toybox)
		for tool in $(command "$word" --list 2>/dev/null || command "$word"); do
			case $tool in
			su | sh | ash | login | passwd | "$word" | *[!a-z0-9]*) ;;
			*) ln -sf "$(command -v "$word")" "/usr/local/bin/$tool" ;;
			esac
		done
		;;
	esac
done
eval "${PREPARE:-}"

# What started it is gone, as after start-cluster.sh.
su -s /bin/sh flink -c '/opt/jdk/bin/java /opt/flink/bin/wait -Xmx64m \
	-Dlog.file=/opt/flink/log/flink-flink-taskexecutor-0.log -classpath /opt/flink/lib/flink-dist-1.20.3.jar \
	org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir /opt/flink/conf &' </dev/null >/dev/null 2>&1
tries=0
until [ -s /opt/flink/log/ready ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ] || { echo "the TaskManager does not start" >&2; exit 1; }
	sleep 0.1
done
read -r pid </opt/flink/log/ready
# Where systemd runs, it keeps a process in a group that tells its start.
case " ${FLAVOUR:-} " in
*" unit "*) printf '0::/system.slice/flink-taskmanager.service\n' >/run/lab/cgroup ;;
*)
	printf '0::/user.slice/user-7001.slice/session-3.scope\n' >/run/lab/cgroup
	printf 'UID=7001\nSERVICE=sshd\n' >/run/systemd/sessions/3
	;;
esac
mount --bind /run/lab/cgroup "/proc/$pid/cgroup"

case " ${FLAVOUR:-} " in
*" fault "*)
	mkdir /run/fault
	cp "$(command -v "$sh")" /run/lab/sh
	cp "$(command -v sed)" /run/lab/sed
	cp "$LAB/sh.sh" /usr/bin/.sh.lab
	chmod 755 /usr/bin/.sh.lab
	mv /usr/bin/.sh.lab /usr/bin/sh
	;;
*) ln -sfn "$(command -v "$sh")" /usr/bin/sh ;;
esac
printf 'up\n' >"$up/up"
/usr/sbin/sshd -D -e 2>"$up/sshd.log" &
# Process 1 buries the dead of its host for as long as it lives.
while :; do
	wait || :
	sleep 1
done
