# Who opens sessions on this host, and for whom: sshd, the users of TaskManagers,
# their groups and start files. What it prints is shared by the probes of limits.

# nf_session empties $emit_line unless it is about sessions. Arguments may be
# secret: only those of pam_limits stay. That a line goes on in the next one does.
nf_session() {
	p=
	case $emit_line in *\\) p=\\ ;; esac
	case $emit_line in
	"#"*) emit_line="#$p" ;;
	*@include* | *[Ss]ession*pam_limits* | *SESSION*pam_limits*) ;;
	*[Ss]ession*.so* | *SESSION*.so*) emit_line=${emit_line%%.so*}.so$p ;;
	*[Ss]ession* | *SESSION*) ;;
	*) emit_line=${p:+x$p} ;;
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
			# It is there, also where none of its lines matters.
			fact nofile.sshd "$resolved:0:"
		else
			unread nofile.sshd "$f"
		fi
	done
	f=/etc/ssh/sshd_config.d
	[ -d "$root$f" ] && { ! [ -r "$root$f" ] || ! [ -x "$root$f" ]; } && unread nofile.sshd "$f"
	[ $# -gt 0 ] || return 0
	grep -n -i -e "^[[:blank:]]*UsePAM" -e "^[[:blank:]]*Include" -e "^[[:blank:]]*Match" "$@" /dev/null 2>/dev/null | each nofile.sshd
}

# The users of TaskManagers, or the one who would run one: who they are to PAM,
# and the start files of their login shells, of which only lines with ulimit
# leave the host.
nf_users() {
	set --
	for f in /etc/profile "$root"/etc/profile.d/*.sh /etc/bash.bashrc /etc/bashrc /etc/zshenv /etc/zsh/zshenv; do
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
		[ -z "$uid_home" ] || fact nofile.home "$user $uid_home"
		case $uid_home in /?*) homes="$homes$uid_home$nl" ;; *) continue ;; esac
		if [ -d "$root$uid_home" ] && ! [ -x "$root$uid_home" ]; then
			unknown nofile.shell "$uid_home cannot be entered"
			continue
		fi
		for f in "$uid_home"/.bash_profile "$uid_home"/.bash_login "$uid_home"/.profile "$uid_home"/.bashrc "$uid_home"/.zshenv; do
			is_regular "$f" && set -- "$@" "$resolved"
		done
	done
	[ $# -gt 0 ] || return 0
	grep -n "ulimit" "$@" /dev/null 2>/dev/null | while IFS= read -r l; do
		v=${l#*:*:}
		l=${l%"$v"}
		nf_ulimit "$v"
		case $v in "#"*) ;; *) fact nofile.shell "$l$told" ;; esac
	done
}

# nf_ulimit TEXT sets $told to what ulimit is told in a line: the rest of it may
# be secret. What cannot be told whole leaves every limit in doubt.
nf_ulimit() {
	told=ulimit${1#*ulimit}
	v=$told
	told=${told%%[!A-Za-z0-9\$\;\&\|\ 	-]*}
	case ${v#"$told"} in
	*ulimit*) told="$told;ulimit -n \$x;ulimit -v \$x;ulimit -u \$x" ;;
	esac
}

# The groups of $user: id asks every source of users that the host has. A
# directory that stands for a host has its own files. A group a record: there may
# be hundreds.
nf_account() {
	case $user in
	"" | -* | *[!A-Za-z0-9._@-]*)
		unknown nofile.account "id is not asked for a name like that"
		return 0
		;;
	esac
	v=$(live "id_$user" id "$user" 2>/dev/null)
	if [ -n "$v" ]; then
		fact nofile.account "$user ${v%% groups=*}"
		IFS=,
		set -f
		for v in ${v#* groups=}; do fact nofile.group "$user $v"; done
		set +f
		unset IFS
	elif [ -n "$root" ] && [ -n "$uid" ]; then
		fact nofile.account "$user uid=$uid gid=$user_g"
		grep -e "[:,]$user\$" -e "[:,]$user," -e ":$user_g:" "$root/etc/group" 2>/dev/null | each nofile.group_line
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
