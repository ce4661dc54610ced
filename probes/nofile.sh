# nofile: what a TaskManager may open and has open, and all that decides what
# the next one may open.

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
	if [ -n "$1" ]; then fact nofile.nr_open "$1"; else unknown nofile.nr_open "/proc/sys/fs/nr_open cannot be read"; fi
	if [ $# -eq 4 ]; then
		fact nofile.file_used "$2"
		fact nofile.file_max "$4"
	else
		unknown nofile.file_used "/proc/sys/fs/file-nr cannot be read"
		unknown nofile.file_max "/proc/sys/fs/file-nr cannot be read"
	fi
	# What pam_limits reads, vendors' directories too, and whether it is asked.
	emit_file /etc/security/limits.conf
	for nofile_d in /etc/security /usr/etc/security /usr/share/security; do
		[ -d "$root$nofile_d/limits.d" ] && emit_glob "$nofile_d/limits.d" "*.conf"
		[ "$nofile_d" != /etc/security ] && [ -e "$root$nofile_d/limits.conf" ] && emit_file "$nofile_d/limits.conf"
	done
	for nofile_f in sshd login su sudo sudo-i cron crond systemd-user common-session system-auth password-auth; do
		for nofile_d in /etc/pam.d /usr/lib/pam.d; do
			[ -e "$root$nofile_d/$nofile_f" ] && emit_file "$nofile_d/$nofile_f"
		done
	done
	nofile_sshd
	nofile_shell
	nofile_new_session
	nofile_units
	return 0
}

# sshd's configuration: only the lines that decide whether PAM is used.
nofile_sshd() {
	set --
	for nofile_f in /etc/ssh/sshd_config "$root"/etc/ssh/sshd_config.d/*.conf; do
		nofile_f=${nofile_f#"$root"}
		[ -e "$root$nofile_f" ] || continue
		if is_regular "$nofile_f"; then
			set -- "$@" "$resolved"
		else
			unknown nofile.sshd "$nofile_f cannot be read"
		fi
	done
	[ $# -gt 0 ] || return 0
	grep -n -i -e "^[[:blank:]]*UsePAM" -e "^[[:blank:]]*Include" -e "^[[:blank:]]*Match" "$@" /dev/null 2>/dev/null | each nofile.sshd
}

# Start files of login shells: only lines with ulimit leave the host.
nofile_shell() {
	set --
	for nofile_f in /etc/profile "$root"/etc/profile.d/*.sh /etc/bash.bashrc /etc/bashrc; do
		nofile_f=${nofile_f#"$root"}
		is_regular "$nofile_f" && set -- "$@" "$resolved"
	done
	nofile_u=" "
	for nofile_l in ${tms:-none}; do
		if [ "$nofile_l" = none ]; then
			user_uid "${flink_user:-$login_user}"
		else
			tm_uid "$nofile_l"
			user_name "$uid"
		fi
		case $nofile_u in *" $uid_home "*) continue ;; esac
		nofile_u="$nofile_u$uid_home "
		case $uid_home in /?*) ;; *) continue ;; esac
		if [ -d "$root$uid_home" ] && ! [ -x "$root$uid_home" ]; then
			unknown nofile.shell "$uid_home cannot be entered"
			continue
		fi
		for nofile_f in "$uid_home"/.bash_profile "$uid_home"/.bash_login "$uid_home"/.profile "$uid_home"/.bashrc; do
			is_regular "$nofile_f" && set -- "$@" "$resolved"
		done
	done
	[ $# -gt 0 ] || return 0
	grep -n "ulimit" "$@" /dev/null 2>/dev/null | each nofile.shell
}

# What a new session of the TaskManager's user gets, where this audit is not
# one and no owner part tells: root may ask su; a host without a TaskManager
# is asked by sudo.
nofile_new_session() {
	nofile_u=
	for nofile_l in $tm_users; do nofile_u=${nofile_u:-$nofile_l}; done
	nofile_u=${nofile_u:-$flink_user}
	case $nofile_u in "" | "$login_user" | "#"* | -*) return 0 ;; esac
	user_uid "$nofile_u"
	[ -n "$uid" ] || return 0
	nofile_v=
	if [ -n "$root" ]; then
		nofile_v=$(live session true)
	elif [ "$login_uid" = 0 ]; then
		nofile_v=$(live session su -s /bin/sh -c "cat /proc/self/limits" "$nofile_u" 2>/dev/null)
	elif [ -n "$sudo" ] && [ -z "$tms" ] && may_sudo "$nofile_u"; then
		nofile_v=$(live session nofile_by_sudo "$nofile_u" 2>/dev/null)
	fi
	say "$nofile_v" | while read -r limit_a limit_b limit_c limit_s limit_h limit_d; do
		case "$limit_a $limit_b $limit_c" in
		"Max open files") fact nofile.flink_session "$uid $limit_s $limit_h" ;;
		"Max address space") fact address-space.flink_session "$uid $limit_s $limit_h" ;;
		esac
	done
}
nofile_by_sudo() { say "cat /proc/self/limits" | sudo -n -u "$1" /bin/sh -s; }

# The systemd units that TaskManagers run in; where none runs, those whose
# name says that they start one.
nofile_units() {
	nofile_u=" "
	for nofile_l in $tms; do
		nofile_cgroup "$root/proc/$nofile_l/cgroup"
	done
	if [ -z "$tms" ]; then
		for nofile_f in "$root"/etc/systemd/system/*.service "$root"/usr/lib/systemd/system/*.service; do
			case ${nofile_f##*/} in
			*[Jj]ob[Mm]anager* | *job-manager*) ;;
			*[Ff]link*.service | *[Tt]ask[Mm]anager*.service | *task-manager*.service) nofile_add "${nofile_f##*/}" ;;
			esac
		done
	fi
	set -f
	# shellcheck disable=SC2086 # names without blanks
	set -- $nofile_u
	set +f
	[ $# -gt 0 ] || return 0
	for nofile_l; do fact nofile.unit_name "$nofile_l"; done
	nofile_l=$(live unit systemctl show -p Id -p LimitNOFILE -p LimitNOFILESoft -p LimitNPROC -p LimitNPROCSoft -p LimitAS \
		-p LimitASSoft -p TasksMax -p MemoryMax -p NeedDaemonReload -p FragmentPath -p DropInPaths -- "$@")
	case $? in
	0) printf '%s\n' "$nofile_l" | each nofile.unit ;;
	124) unknown nofile.unit "systemctl did not answer" ;;
	125) unknown nofile.unit "needs a live kernel" ;;
	127) unknown nofile.unit "systemctl is not there" ;;
	*) unknown nofile.unit "systemctl show gave an error" ;;
	esac
	nofile_unit_files "$@"
}

# The unit of a cgroup file, if it is one that starts TaskManagers: not that of
# a login, and not a user's own.
nofile_cgroup() {
	[ -r "$1" ] || return 0
	while IFS= read -r nofile_p || [ -n "$nofile_p" ]; do
		case $nofile_p in
		*/user@*) continue ;;
		0::/* | *:name=systemd:/*) nofile_p=${nofile_p#*:*:} ;;
		*) continue ;;
		esac
		while [ -n "$nofile_p" ]; do
			case $nofile_p in *.service) break ;; esac
			nofile_p=${nofile_p%/*}
		done
		case ${nofile_p##*/} in
		"" | ssh.service | sshd.service | ssh@*.service | cron.service | crond.service | docker.service | containerd.service | crio.service | kubelet.service) ;;
		*) nofile_add "${nofile_p##*/}" ;;
		esac
	done <"$1"
}

# Each unit once; a name with anything but what systemd allows is none.
nofile_add() {
	case $1 in *[!A-Za-z0-9:_.@\\-]* | -*) return 0 ;; esac
	case $nofile_u in *" $1 "*) ;; *) nofile_u="$nofile_u$1 " ;; esac
}

# Unit files, drop-ins and the manager's own configuration: which there are,
# links to nothing included, and their lines about limits.
nofile_unit_files() {
	nofile_u=" "
	for nofile_l; do
		nofile_u="$nofile_u$nofile_l $nofile_l.d "
		case $nofile_l in *@*) nofile_u="$nofile_u${nofile_l%%@*}@.service ${nofile_l%%@*}@.service.d " ;; esac
	done
	set --
	for nofile_d in /etc/systemd /run/systemd /usr/local/lib/systemd /usr/lib/systemd /lib/systemd; do
		[ "$nofile_d" = /lib/systemd ] && [ -h "$root/lib" ] && continue
		set -- "$@" "$root$nofile_d"/system.conf "$root$nofile_d"/system.conf.d/*.conf
		set -- "$@" "$root$nofile_d"/user.conf "$root$nofile_d"/user.conf.d/*.conf "$root$nofile_d"/system/service.d/*.conf
		for nofile_l in $nofile_u; do
			case $nofile_l in
			*.d) set -- "$@" "$root$nofile_d/system/$nofile_l"/*.conf ;;
			*) set -- "$@" "$root$nofile_d/system/$nofile_l" ;;
			esac
		done
	done
	nofile_n=$#
	while [ "$nofile_n" -gt 0 ]; do
		nofile_n=$((nofile_n - 1))
		nofile_f=${1#"$root"}
		shift
		if [ -e "$root$nofile_f" ] || [ -h "$root$nofile_f" ]; then fact nofile.unit_file "$nofile_f"; fi
		is_regular "$nofile_f" && set -- "$@" "$resolved"
	done
	[ $# -gt 0 ] || return 0
	grep -n -e "^[[:blank:]]*\[" -e "^[[:blank:]]*[A-Za-z]*Limit[A-Z]*[[:blank:]]*=" -e "^[[:blank:]]*[A-Za-z]*TasksMax" -e "^[[:blank:]]*MemoryMax" \
		-e "^[[:blank:]]*User[[:blank:]]*=" -e "^[[:blank:]]*PAMName" "$@" /dev/null 2>/dev/null | each nofile.unit_line
}

#: as the TaskManager's user
# The open files of one TaskManager, and what a session of its user gets. No
# fork: a shell lists the directory itself.
nofile_owner() {
	nofile_p=$1
	set -- "$root/proc/$nofile_p/fd"/*
	if [ "$1" = "$root/proc/$nofile_p/fd/*" ]; then
		unknown "nofile.$nofile_p.descriptors" "/proc/$nofile_p/fd cannot be read"
	else
		fact "nofile.$nofile_p.descriptors" "$#"
	fi
	session_limit nofile "$nofile_p" "Max open files"
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
