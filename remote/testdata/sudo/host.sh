#!/bin/sh
# Turns a fresh mount, pid and uts namespace into a host with sshd, sudo and
# PAM, and a user for every kind of rule. Environment: LAB (its directory), PORT,
# KEY (the operator's public key file), PASSWORD (of all users), NOSUDO, SSHD
# (lines for sshd_config).
# Its root is an overlay in memory: whatever it changes goes with the namespace.
set -eu
mkdir "$LAB/root"
mount -t tmpfs -o size=256m tmpfs "$LAB/root"
mkdir "$LAB/root/upper" "$LAB/root/work" "$LAB/root/new"
mount -t overlay overlay -o "lowerdir=/,upperdir=$LAB/root/upper,workdir=$LAB/root/work" "$LAB/root/new"
cd "$LAB/root/new"
for dir in proc sys dev; do
	mount --rbind "/$dir" "$dir"
done
mount --bind /tmp tmp # the lab's directory is there
mkdir .before
pivot_root . .before
umount -l /.before
rmdir /.before
cd /
mount -t tmpfs -o size=64m tmpfs /run
mkdir -p /run/sshd /run/faillock
chmod 755 "$LAB"
hostname sudohost
printf '127.0.0.1 localhost sudohost\n' >/etc/hosts

cat >/etc/sudoers <<-'CONF'
	Defaults env_reset, secure_path="/usr/sbin:/usr/bin:/sbin:/bin"
	Defaults logfile="/var/log/sudo.log", !syslog, lecture=never
	Defaults:requiretty requiretty
	Defaults:usepty use_pty
	Defaults:lecture lecture=always
	Defaults:onetry passwd_tries=1
	Defaults:other pam_service=sudo-other
	Defaults:otherpty use_pty
	Defaults:second pam_service=sudo-second
	Defaults:passprompt passprompt="[sudo] the secret of %u: "
	Defaults:override passprompt_override
	Defaults:iolog log_input, log_output, iolog_flush, !compress_io
	root ALL=(ALL) ALL
	free,fishfree,cshfree,dashfree,noisyfree,usepty ALL=(root) NOPASSWD: ALL
	onlysh ALL=(root) NOPASSWD: /bin/sh -s
	requiretty ALL=(root) NOPASSWD: ALL
	pass,fishpass,cshpass,dashpass,noisypass,lecture,onetry,other,otherpty,second,passprompt,override,iolog ALL=(root) ALL
	onlyls ALL=(root) /bin/ls
CONF
chmod 440 /etc/sudoers
rm -f /etc/sudoers.d/*
cat >/etc/pam.d/sudo <<-'CONF'
	auth required pam_faillock.so preauth silent deny=20
	auth [success=1 default=ignore] pam_unix.so
	auth [default=die] pam_faillock.so authfail deny=20
	auth required pam_permit.so
	account required pam_unix.so
	session required pam_permit.so
CONF
cat >/etc/pam.d/sudo-other <<-'CONF'
	auth required pam_ftp.so users=nobody
	account required pam_permit.so
	session required pam_permit.so
CONF
cat >/etc/pam.d/sudo-second <<-'CONF'
	auth requisite pam_unix.so
	auth required pam_ftp.so users=nobody
	account required pam_permit.so
	session required pam_permit.so
CONF

cat >/etc/pam.d/sshd <<-'CONF'
	auth required pam_faillock.so preauth silent deny=20
	auth [success=1 default=ignore] pam_unix.so
	auth [default=die] pam_faillock.so authfail deny=20
	auth required pam_permit.so
	account required pam_unix.so
	password required pam_unix.so
	session required pam_permit.so
CONF

while read -r user shell; do
	useradd -m -s "$shell" "$user"
	printf '%s:%s\n' "$user" "$PASSWORD" >>"$LAB/passwords"
	mkdir "/home/$user/.ssh"
	cp "$KEY" "/home/$user/.ssh/authorized_keys"
	chown -R "$user" "/home/$user/.ssh"
done <"$LAB/users"
chpasswd -c SHA512 <"$LAB/passwords"
rm "$LAB/passwords"
rm -f /root/.bashrc /root/.bash_profile /root/.profile # of this machine: they may do anything
mkdir -p /root/.ssh
cp "$KEY" /root/.ssh/authorized_keys
chmod 700 /root/.ssh
for user in noisyfree noisypass; do
	printf 'echo "Welcome!"\necho "READY or not" >&2\nprintf "no newline at the end"\n' >"/home/$user/.bashrc"
done
if [ -n "${NOSUDO:-}" ]; then
	rm -f /usr/bin/sudo
fi

rm -f /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/*
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
cp /etc/ssh/ssh_host_ed25519_key.pub "$LAB/hostkey.pub"
cat >/etc/ssh/sshd_config <<-CONF
	ListenAddress 127.0.0.1:$PORT
	HostKey /etc/ssh/ssh_host_ed25519_key
	UsePAM yes
	PermitRootLogin prohibit-password
	MaxSessions 1
	AcceptEnv root LC_*
	MaxStartups 100
	${SSHD:-}
CONF
# What sshd starts has its environment for a moment, and there it would be seen.
unset PASSWORD
exec /usr/sbin/sshd -D -e 2>"$LAB/sshd.log"
