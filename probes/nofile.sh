# nofile: what a TaskManager may open and has open, and all that decides what
# the next one may open. A section runs in a subshell: its variables are its
# own.

# What the session of this audit got from the files that are judged here.
nofile_early() {
	limit_row "$root/proc/self/limits" "Max open files"
	[ -n "$limit_v" ] && fact nofile.session "$login_uid $limit_v"
}

# A row of three words of a file like /proc/PID/limits: sets $limit_v to "SOFT
# HARD", or to nothing.
limit_row() {
	limit_v=
	[ -r "$1" ] || return 0
	while read -r limit_a limit_b limit_c limit_s limit_h limit_d; do
		case "$limit_a $limit_b $limit_c" in
		"$2") limit_v="$limit_s $limit_h" ;;
		esac
	done <"$1"
}

nofile_section() {
	# The kernel's bounds; file-nr is the files in use, a zero, and file-max.
	set -f
	# shellcheck disable=SC2046 # numbers
	set -- $(cat "$root/proc/sys/fs/nr_open" "$root/proc/sys/fs/file-nr" 2>/dev/null)
	set +f
	[ $# -eq 1 ] || [ $# -eq 4 ] || set -- "" "$@"
	if [ -n "$1" ]; then fact nofile.nr_open "$1"; else unread nofile.nr_open /proc/sys/fs/nr_open; fi
	if [ $# -eq 4 ]; then
		fact nofile.file_used "$2"
		fact nofile.file_max "$4"
	else
		unread nofile.file_used /proc/sys/fs/file-nr
		unread nofile.file_max /proc/sys/fs/file-nr
	fi
	# What pam_limits reads, vendors' directories too, and whether it is asked.
	emit_max=524288
	emit_file /etc/security/limits.conf
	for d in /etc/security /usr/etc/security /usr/share/security; do
		[ -d "$root$d/limits.d" ] && emit_glob "$d/limits.d" "*.conf"
		[ "$d" != /etc/security ] && [ -e "$root$d/limits.conf" ] && emit_file "$d/limits.conf"
	done
	emit_only=nf_session
	for d in /etc/pam.d /usr/lib/pam.d /usr/etc/pam.d /usr/share/pam.d; do emit_glob "$d" "*"; done
	emit_only=
	# What a session starts with.
	emit_file /proc/1/limits
	if [ -n "$sshd_pid" ]; then
		fact nofile.sshd_pid "$sshd_pid"
		emit_file "/proc/$sshd_pid/limits"
	fi
	{ live packages dpkg-query -W libpam-modules procps systemd || live packages rpm -q pam procps-ng systemd; } 2>/dev/null | each nofile.package
	nf_sshd
	nf_users
	nf_new_session
	nf_units
	emit_modes nofile.ls
	return 0
}

#: as the TaskManager's user
# The open files of one TaskManager, and what a session of its user gets. No
# fork: a shell lists the directory itself.
nofile_owner() {
	p=$1
	set -- "$root/proc/$p/fd"/*
	if [ "$1" = "$root/proc/$p/fd/*" ]; then
		unread "nofile.$p.descriptors" "/proc/$p/fd"
	else
		fact "nofile.$p.descriptors" "$#"
	fi
	session_limit nofile "$p" "Max open files"
}

# A row of what this session got, and whose session it is: that of another user
# says nothing about the TaskManager.
session_limit() {
	session_u=
	session_v=
	[ -r "$root/proc/self/status" ] && while read -r session_a session_b session_c; do
		case $session_a in Uid:) session_u=$session_b ;; esac
	done <"$root/proc/self/status"
	[ -r "$root/proc/self/limits" ] && while read -r session_a session_b session_c session_s session_h session_d; do
		case "$session_a $session_b $session_c" in
		"$3") session_v="$session_s $session_h" ;;
		esac
	done <"$root/proc/self/limits"
	[ -n "$session_u" ] && [ -n "$session_v" ] && fact "$1.$2.session" "$session_u $session_v"
	return 0
}
