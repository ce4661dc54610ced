# inspect: what a host is like, as root sees it. Nothing is written.

inspect() {
	say "tmdoctor:begin:$nonce"
	if ! ready; then
		tell blocked "$reason"
	else
		no_place
		[ -z "$why" ] || tell blocked "no place for backups: /var/lib is $why"
	fi
	if ! lacking; then
		query
		lock_holder "$home/lock" && tell lock "$holder"
		unfinished
		[ -z "$unfinished" ] || tell_run unfinished "$unfinished"
		[ -z "$run" ] || tell_run asked "$run"
	fi
	say "tmdoctor:end:$nonce"
}

# no_place sets $why to what keeps backups from being kept.
no_place() {
	no_place_at=/var/lib/tmdoctor
	while ! resolve "$no_place_at"; do
		[ -z "$why$dir" ] || break
		no_place_at=${no_place_at%/*}
	done
	obstacle "" "${real:-$dir}"
	return 0
}

# look PATH tells of a file all that a plan for it must know.
look() {
	say "file $1"
	resolve "$1"
	case $? in
	2)
		say "kind u"
		tell obstacle "$why"
		return 0
		;;
	1)
		if [ -h "$root$1" ]; then
			say "kind x"
			return 0
		fi
		say "kind a"
		[ -z "$dir" ] || say "dir $dir"
		;;
	*)
		say "real $real"
		say "dir $dir"
		look_at "$1"
		;;
	esac
	look_dir=$dir
	# Where the directory is missing, it is made in the one above.
	while [ -z "$look_dir" ]; do
		look_above=${1%/*}
		if resolve "${look_above:-/}"; then look_dir=${real:-/}; else look_dir=$dir; fi
		set -- "$look_above"
	done
	obstacle "$real" "$look_dir"
	[ -z "$why" ] || tell obstacle "$why"
}
look_at() {
	if [ -d "$root$real" ]; then
		say "kind d"
	elif [ ! -f "$root$real" ]; then
		say "kind o"
	elif [ ! -r "$root$real" ]; then
		say "kind u"
	else
		if [ -h "$root$1" ]; then say "kind l"; else say "kind f"; fi
		show content "$root$real" 1048576
	fi
	stat_of "$root$real" && say "stat $mode $owner $links"
}

# look_sysctl KEY PATH.
look_sysctl() {
	if look_value=$(cat "$root/proc/sys/$2" 2>/dev/null) && [ -n "$look_value" ]; then
		tell sysctl "$1 $look_value"
	else
		tell no-sysctl "$1 /proc/sys/$2 cannot be read"
	fi
}

# look_process PID.
look_process() {
	say "process $1"
	started "$1" && say "started $started"
	while read -r look_line; do
		case $look_line in "Max "*) tell limit "$look_line" ;; esac
	done 2>/dev/null <"$root/proc/$1/limits"
	[ -d "$root/proc/$1" ] || say gone
}

# look_session USER opens a session as a login would, through PAM.
look_session() {
	say "session $1"
	look_text=
	if [ -n "$root" ]; then
		say "by su"
		look_text=$(cat "$root/.tmdoctor/session_$1" 2>/dev/null) || {
			tell failed "needs a live kernel"
			return 0
		}
		look_status=0
	elif command -v su >/dev/null 2>&1; then
		say "by su"
		look_text=$(limit 15 su -s /bin/sh "$1" -c 'exec cat /proc/self/limits' 2>&1)
		look_status=$?
	elif command -v runuser >/dev/null 2>&1; then
		say "by runuser"
		look_text=$(limit 15 runuser -s /bin/sh "$1" -c 'exec cat /proc/self/limits' 2>&1)
		look_status=$?
	else
		tell failed "this host has neither su nor runuser"
		return 0
	fi
	case $look_text in
	*"Max open files "*) look_text_limits ;;
	*) [ "$look_status" != 0 ] || look_status=1 ;;
	esac
	case $look_status in
	0) ;;
	124) tell failed "gave up after 15 s" ;;
	*)
		tell failed "it ended with $look_status: $look_text"
		;;
	esac
}
look_text_limits() {
	IFS=$nl
	for look_line in $look_text; do
		case $look_line in "Max "*) tell limit "$look_line" ;; esac
	done
	unset IFS
}

# look_unit UNIT.
look_unit() {
	say "unit $1"
	if [ -n "$root" ]; then
		look_text=$(cat "$root/.tmdoctor/systemctl_show_$1" 2>/dev/null) || {
			tell failed "needs a live kernel"
			return 0
		}
	elif ! command -v systemctl >/dev/null 2>&1; then
		tell failed "this host has no systemctl"
		return 0
	else
		look_text=$(limit 15 systemctl show -p ActiveState,SubState,NeedDaemonReload -- "$1" 2>&1) || {
			tell failed "systemctl: $look_text"
			return 0
		}
	fi
	IFS=$nl
	for look_line in $look_text; do
		tell property "$look_line"
	done
	unset IFS
}

# tell_run WHICH RUN tells of a run what the host kept, and what its files are
# like now.
tell_run() {
	run_state "$2"
	[ -n "$state" ] || return 0
	say "run $1 $2"
	say "run-state $state"
	who_line=
	{ read -r who_line <"$home/runs/$2/who"; } 2>/dev/null
	tell run-who "$who_line"
	this_run "$2"
	each_line tell_kept || say run-cut
	return 0
}
tell_kept() {
	say "line $m_kind $m_a $m_b $m_c $m_d $m_e $m_f $m_path"
	[ "$m_kind" = file ] || return 0
	show "before $m_a" "$backup" 262144
	if [ -f "$at" ] && [ ! -h "$at" ]; then
		show "now $m_a" "$at" 262144
	else
		hash_of "$at"
		say "now $m_a -1"
		print_line "${nl}tmdoctor:hash:$nonce $hash"
	fi
	return 0
}
