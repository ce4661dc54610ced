# session: as whom the script runs.

# session_early reads the user without a process: /proc/self is the shell
# itself. A directory that stands for a host may hold a recorded answer:
# "UID USER GID...".
session_early() {
	login_uid=
	login_user=
	login_groups=
	fact session.root "$root"
	if [ -n "$root" ]; then
		if session_line=$(live id id); then
			set -f
			# shellcheck disable=SC2086 # words
			set -- $session_line
			set +f
			login_uid=${1-}
			login_user=${2-}
			[ $# -lt 3 ] || shift 2
			login_groups=$*
		fi
	else
		session_status
		[ -z "${SSH_CONNECTION-}" ] || fact session.ssh 1
	fi
	tell session.uid "$login_uid" "needs a live kernel"
	[ -n "$login_user" ] || {
		user_name "$login_uid"
		login_user=$user
	}
	tell session.user "$login_user" "no name for it in /etc/passwd"
	tell session.groups "$login_groups" "needs a live kernel"
	if [ -n "${BASH_VERSION-}" ]; then
		fact session.shell "bash $BASH_VERSION"
	elif [ -n "${KSH_VERSION-}" ]; then
		fact session.shell "ksh $KSH_VERSION"
	else
		unknown session.shell "it does not tell"
	fi
}
session_status() {
	{
		while read -r session_key session_value session_rest; do
			case $session_key in
			Uid:) login_uid=$session_value ;;
			Gid:) login_groups=$session_value ;;
			Groups:)
				login_groups="$login_groups $session_value $session_rest"
				break
				;;
			esac
		done </proc/self/status
	} 2>/dev/null
}

# user_name UID sets $user to its name in /etc/passwd, or to nothing.
# user_uid NAME sets $uid.
user_name() {
	user=
	uid_home=
	[ -n "$1" ] && [ -r "$root/etc/passwd" ] || return 0
	while IFS=: read -r user_n user_x user_u user_g user_c user_h user_s; do
		[ "$user_u" = "$1" ] || continue
		user=$user_n
		uid_home=$user_h
		return 0
	done <"$root/etc/passwd"
}
user_uid() {
	uid=
	uid_home=
	[ -n "$1" ] && [ -r "$root/etc/passwd" ] || return 0
	while IFS=: read -r user_n user_x user_u user_g user_c user_h user_s; do
		[ "$user_n" = "$1" ] || continue
		uid=$user_u
		uid_home=$user_h
		return 0
	done <"$root/etc/passwd"
}
