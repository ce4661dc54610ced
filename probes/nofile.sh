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
	for d in /etc/pam.d /usr/lib/pam.d; do
		if [ "$d" = /etc/pam.d ] || [ -d "$root$d" ]; then emit_glob "$d" "*"; fi
	done
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

# nf_session empties $emit_line unless it is about sessions, or may go on in the
# next line.
nf_session() {
	case $emit_line in
	*\\) ;;
	"#"*) emit_line="#" ;;
	*[Ss]ession* | *SESSION* | *@include*) ;;
	*) emit_line= ;;
	esac
}

# sshd's configuration: only the lines that decide whether PAM is used.
nf_sshd() {
	set --
	for f in /etc/ssh/sshd_config "$root"/etc/ssh/sshd_config.d/*.conf; do
		f=${f#"$root"}
		[ -e "$root$f" ] || continue
		if is_regular "$f"; then
			set -- "$@" "$resolved"
		else
			unread nofile.sshd "$f"
		fi
	done
	[ $# -gt 0 ] || return 0
	grep -n -i -e "^[[:blank:]]*UsePAM" -e "^[[:blank:]]*Include" -e "^[[:blank:]]*Match" "$@" /dev/null 2>/dev/null | each nofile.sshd
}

# The users of TaskManagers, or the one who would run one: who they are to PAM,
# and the start files of their login shells, of which only lines with ulimit
# leave the host.
nf_users() {
	set --
	for f in /etc/profile "$root"/etc/profile.d/*.sh /etc/bash.bashrc /etc/bashrc; do
		f=${f#"$root"}
		is_regular "$f" && set -- "$@" "$resolved"
	done
	u=" "
	homes=
	for l in ${tms:-none}; do
		if [ "$l" = none ]; then
			user_uid "${flink_user:-$login_user}"
			user=${flink_user:-$login_user}
		else
			tm_uid "$l"
			user_name "$uid"
		fi
		user=${user:-$uid}
		case $u in *" $user "*) continue ;; esac
		u="$u$user "
		nf_account
		case $uid_home in /?*) homes="$homes$uid_home$nl" ;; *) continue ;; esac
		if [ -d "$root$uid_home" ] && ! [ -x "$root$uid_home" ]; then
			unknown nofile.shell "$uid_home cannot be entered"
			continue
		fi
		for f in "$uid_home"/.bash_profile "$uid_home"/.bash_login "$uid_home"/.profile "$uid_home"/.bashrc; do
			is_regular "$f" && set -- "$@" "$resolved"
		done
	done
	[ $# -gt 0 ] || return 0
	grep -n "ulimit" "$@" /dev/null 2>/dev/null | each nofile.shell
}

# The groups of $user: id asks every source of users that the host has. A
# directory that stands for a host has its own files.
nf_account() {
	case $user in "" | -* | *[!A-Za-z0-9._@-]*) return 0 ;; esac
	v=$(live "id_$user" id "$user" 2>/dev/null)
	if [ -n "$v" ]; then
		fact nofile.account "$user $v"
	elif [ -n "$root" ] && [ -n "$uid" ]; then
		fact nofile.account "$user uid=$uid gid=$user_g"
		grep -e "[:,]$user\$" -e "[:,]$user," -e ":$user_g:" "$root/etc/group" 2>/dev/null | each nofile.group
	fi
}

# What a new session of the TaskManager's user gets, where this audit is not
# one and no owner part tells: root may ask su; a host without a TaskManager
# is asked by sudo.
nf_new_session() {
	u=
	for l in $tm_users; do u=${u:-$l}; done
	u=${u:-$flink_user}
	case $u in "" | "$login_user" | "#"* | -*) return 0 ;; esac
	user_uid "$u"
	[ -n "$uid" ] || return 0
	v=
	if [ -n "$root" ]; then
		v=$(live session true)
	elif [ "$login_uid" = 0 ]; then
		v=$(live session su -s /bin/sh -c "cat /proc/self/limits" "$u" 2>/dev/null)
	elif [ -n "$sudo" ] && [ -z "$tms" ] && may_sudo "$u"; then
		v=$(live session nf_by_sudo "$u" 2>/dev/null)
	fi
	say "$v" | while read -r limit_a limit_b limit_c limit_s limit_h limit_d; do
		case "$limit_a $limit_b $limit_c" in
		"Max open files") fact nofile.flink_session "$uid $limit_s $limit_h" ;;
		"Max address space") fact address-space.flink_session "$uid $limit_s $limit_h" ;;
		esac
	done
}
nf_by_sudo() { say "cat /proc/self/limits" | sudo -n -u "$1" /bin/sh -s; }

# The systemd units that TaskManagers run in; where none runs, those whose
# name says that they start one.
nf_units() {
	u=" "
	w=
	for l in $tms; do
		nf_cgroup "$root/proc/$l/cgroup"
	done
	if [ -z "$tms" ]; then
		for f in "$root"/etc/systemd/system/*.service "$root"/usr/lib/systemd/system/*.service; do
			case ${f##*/} in
			*[Jj]ob[Mm]anager* | *job-manager*) ;;
			*[Ff]link*.service | *[Tt]ask[Mm]anager*.service | *task-manager*.service) nf_add "${f##*/}" ;;
			esac
		done
	fi
	nf_unit_files
	set -f
	# shellcheck disable=SC2086 # names without blanks
	set -- $u
	set +f
	[ $# -gt 0 ] || return 0
	for l; do fact nofile.unit_name "$l"; done
	l=$(live unit systemctl show -p Id -p LimitNOFILE -p LimitNOFILESoft -p LimitNPROC -p LimitNPROCSoft -p LimitAS \
		-p LimitASSoft -p TasksMax -p MemoryMax -p NeedDaemonReload -p FragmentPath -p DropInPaths -- "$@")
	case $? in
	0) printf '%s\n' "$l" | each nofile.unit ;;
	124) unknown nofile.unit "systemctl did not answer" ;;
	125) unknown nofile.unit "needs a live kernel" ;;
	127) unknown nofile.unit "systemctl is not there" ;;
	*) unknown nofile.unit "systemctl show gave an error" ;;
	esac
}

# The unit of a cgroup file, if it is one that starts TaskManagers: not that of
# a login. A user's own go to $w.
nf_cgroup() {
	[ -r "$1" ] || return 0
	while IFS= read -r p || [ -n "$p" ]; do
		case $p in
		0::/* | *:name=systemd:/*) ;;
		*) continue ;;
		esac
		f=$p
		p=${p#*:*:}
		while [ -n "$p" ]; do
			case $p in *.service) break ;; esac
			p=${p%/*}
		done
		p=${p##*/}
		case $f in
		*/user@*)
			case $p in
			*[!A-Za-z0-9:_.@\\-]* | -* | user@*) ;;
			*) w="$w $p" ;;
			esac
			continue
			;;
		esac
		case $p in
		"" | ssh.service | sshd.service | ssh@*.service | cron.service | crond.service | docker.service | containerd.service | crio.service | kubelet.service) ;;
		*) nf_add "$p" ;;
		esac
	done <"$1"
}

# Each unit once; a name with anything but what systemd allows is none.
nf_add() {
	case $1 in *[!A-Za-z0-9:_.@\\-]* | -*) return 0 ;; esac
	case $u in *" $1 "*) ;; *) u="$u$1 " ;; esac
}

# Unit files, drop-ins and the manager's own configuration, also of the units
# that open sessions: which there are, masks included, and their lines about
# limits. The others may be secret.
nf_unit_files() {
	names=
	for l in $u service ssh.service sshd.service cron.service crond.service user@.service; do nf_names "$l"; done
	emit_only=nf_keep
	for d in /etc/systemd /run/systemd /usr/local/lib/systemd /usr/lib/systemd /lib/systemd; do
		[ "$d" = /lib/systemd ] && [ -h "$root/lib" ] && continue
		for l in system.conf user.conf; do nf_unit_file "$d/$l"; done
		for f in $names; do
			for l in system system.control transient; do nf_unit_file "$d/$l/$f"; done
		done
		for f in $w; do nf_unit_file "$d/user/$f"; done
	done
	IFS=$nl
	for d in $homes; do
		unset IFS
		for f in $w; do nf_unit_file "$d/.config/systemd/user/$f"; done
	done
	unset IFS
	emit_only=
}

# nf_names UNIT adds to $names what may have a file or drop-ins for it: itself,
# its template, its prefixes that end in a dash.
nf_names() {
	case "$names " in *" $1 "*) return 0 ;; esac
	names="$names $1"
	case $1 in
	*@*)
		[ "$1" = "${1%%@*}@.service" ] || nf_names "${1%%@*}@.service"
		p=${1%%@*}
		v=@${1#*@}
		;;
	*)
		p=${1%.service}
		v=.service
		;;
	esac
	while :; do
		case $p in
		?*-*) p=${p%-*} ;;
		*) break ;;
		esac
		names="$names $p-$v"
	done
}

# A file of systemd, if there is one, and its drop-ins.
nf_unit_file() {
	if [ -e "$root$1" ] || [ -h "$root$1" ]; then emit_file "$1"; fi
	[ -d "$root$1.d" ] || return 0
	[ -r "$root$1.d" ] || say "@u - - - - $1.d"
	for p in "$root$1.d"/*.conf; do
		if [ -e "$p" ] || [ -h "$p" ]; then emit_file "${p#"$root"}"; fi
	done
}

# nf_keep empties $emit_line unless it is about limits or a header. What stays
# of the others is that one is a comment or goes on in the next line.
nf_keep() {
	p=${emit_line#"${emit_line%%[! 	]*}"}
	case $p in
	"#"* | ";"*) emit_line="#" ;;
	"["* | Limit[A-Z]*=* | DefaultLimit[A-Z]*=* | TasksMax* | DefaultTasksMax* | MemoryMax* | User=* | PAMName*) ;;
	Exec*ulimit\ -*)
		p=${p#*ulimit}
		emit_line="ExecStart=ulimit${p%%[!A-Za-z0-9\$ -]*}"
		;;
	*\\) emit_line="-\\" ;;
	*) emit_line= ;;
	esac
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
