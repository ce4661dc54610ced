# What runs on the host, in order. Lines that begin with #: are replaced by a
# line for each probe.

unset IFS
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
export LC_ALL PATH
umask 077
log=/dev/null
sq="'"
prepared=
stuck=
#: names

# now sets $now to hundredths of a second since the boot.
now() {
	now=
	{ read -r now now_rest </proc/uptime; } 2>/dev/null
	case $now in
	[1-9]*.[0-9][0-9]) now=${now%.*}${now#*.} ;;
	*) now=0 ;;
	esac
}

# section NAME SECONDS FUNCTION runs what may fork. That it came to its end it
# says itself, because its status may be lost (see await).
section() {
	now
	section_start=$now
	guard "$2" section_body "$1" "$3"
	section_status=$?
	pending=${pending#"$1 "}
	case $section_status in
	0 | 151) ;;
	124) say "~tmdoctor-cut${nl}!$1 gave up after $2 s" ;;
	*) say "~tmdoctor-cut${nl}!$1 it ended early: the host may refuse to start processes" ;;
	esac
}
section_body() {
	"$2"
	unset IFS
	now
	say "]$1 $(((now - section_start) * 10))"
}

# early is all that needs no process.
early() {
	prepared=1
	:
	#: early
}

# on_exit runs where the shell gives up because it cannot fork: what needs no
# process is still said, and what is missing is named.
on_exit() {
	trap - EXIT
	beats=
	[ -n "$prepared" ] || {
		flink_without_fork
		early
	}
	for on_exit_name in $pending; do
		say "!$on_exit_name the host refuses to start processes"
	done
	[ -z "${ticker-}" ] || kill -s TERM "$ticker" 2>/dev/null
	say "tmdoctor-end $nonce"
}

# raised NAME CMD... is live as root: 126 where that is not allowed. sudo is
# asked first, because a refusal would be logged and mailed.
raised() {
	raised_name=$1
	shift
	if [ -n "$root" ] || [ "$login_uid" = 0 ]; then
		live "$raised_name" "$@"
		return
	fi
	[ -n "$sudo" ] || return 126
	live sudo sudo -n -l "$@" >/dev/null 2>&1 || return 126
	live "$raised_name" sudo -n "$@"
}

# may_sudo USER asks whether the login user may run the owner part as USER.
may_sudo() {
	if [ -z "$root" ]; then
		live sudo sudo -n -l -u "$1" /bin/sh -s >/dev/null 2>&1
		return
	fi
	[ -r "$root/.tmdoctor/sudo" ] || return 125
	while IFS= read -r may_line || [ -n "$may_line" ]; do
		[ "$may_line" != "$1 /bin/sh -s" ] || return 0
	done <"$root/.tmdoctor/sudo"
	return 1
}

# owners_all runs the owner parts, a user after the other.
owners_all() {
	owners_done=
	for owners_user in $tm_users; do
		owners_pids=
		for owners_pid in $tms; do
			tm_uid "$owners_pid"
			user_name "$uid"
			if [ "${user:-#$uid}" = "$owners_user" ]; then
				owners_pids="$owners_pids $owners_pid"
				owners_uid=$uid
			fi
		done
		owners_of "$owners_user" "$owners_uid"
	done
}

# owners_of USER UID decides who may look, and says it.
owners_of() {
	if [ "$2" = "$login_uid" ] || { [ -n "$root" ] && [ -z "$login_uid" ]; }; then
		fact session.sudo "$1 own"
	elif [ "$login_uid" = 0 ]; then
		fact session.sudo "$1 root"
	elif [ -z "$sudo" ]; then
		owners_unseen "$1" "only $1 and root may see it: run with --sudo"
		return 0
	else
		may_sudo "$1"
		case $? in
		0) fact session.sudo "$1 sudo" ;;
		124)
			owners_unseen "$1" "sudo did not answer"
			return 0
			;;
		127)
			owners_unseen "$1" "sudo is not there"
			return 0
			;;
		*)
			owners_unseen "$1" "sudo refuses it; the rule would be: ${login_user:-LOGIN} ALL=($1) NOPASSWD: /bin/sh -s"
			return 0
			;;
		esac
		if [ -z "$root" ]; then
			guard 30 owners_by_sudo "$1" || owners_unseen "$1" "the part behind sudo ended early"
			return 0
		fi
	fi
	# shellcheck disable=SC2086 # numbers
	owners $owners_pids
}

# owners_by_sudo USER sends the words and the owner parts to a shell of that
# user. It keeps its own time: nobody else may end it.
owners_by_sudo() {
	owners_paths=$state_paths
	case $owners_paths in *"$sq"*) owners_paths= ;; esac
	say "root=
log=/dev/null
state_paths=$sq$owners_paths$sq
$words
$owners
trap gone PIPE HUP TERM INT
ticker_start
beats=1
owners $owners_pids
ticker_stop" | sudo -n -u "$1" /bin/sh -s
}

# owners_unseen USER WHY: nobody may see it.
owners_unseen() {
	fact session.sudo "$1 $2"
	for owners_pid in $owners_pids; do
		for owners_name in $owned; do unknown "$owners_name.$owners_pid" "$2"; done
	done
}

trap gone PIPE HUP TERM INT
trap on_exit EXIT
beats=1
say "${nl}tmdoctor-begin $nonce 1"
for name in session $pending; do say "[$name"; done
session_early
flink_scan
ticker_start
[ -n "$root" ] || renice -n 10 -p $$ >/dev/null 2>&1
flink_prepare
early
#: sections
owners_all
[ -z "$stuck" ] || say "$stuck" | each session.stuck
trap - EXIT
ticker_stop
say "]session 0"
say "tmdoctor-end $nonce"
