# threads: the limits on threads and what is used of them.

threads_section() {
	# The kernel's bounds. cat and not read: several shells read only the first
	# digit of a number in /proc/sys.
	for k in threads-max pid_max; do
		n=threads.threads_max
		[ "$k" = pid_max ] && n=threads.pid_max
		if v=$(cat "$root/proc/sys/kernel/$k" 2>/dev/null) && [ -n "$v" ]; then
			fact "$n" "$v"
		else
			unread "$n" "/proc/sys/kernel/$k"
		fi
	done
	# All threads of the host: the number behind the slash.
	v=
	[ -r "$root/proc/loadavg" ] && read -r a b c v d <"$root/proc/loadavg"
	case $v in
	*/[0-9]*) fact threads.total "${v#*/}" ;;
	*) unread threads.total /proc/loadavg ;;
	esac
	u=" "
	for p in $tms; do
		th_groups "$p"
		tm_uid "$p"
		case $u in *" $uid "*) continue ;; esac
		u="$u$uid "
		[ -n "$uid" ] && th_user "$uid"
	done
	return 0
}

# The threads of all processes of a user: RLIMIT_NPROC counts them together.
# grep reads each status once, however many processes there are; only those of
# the user are read again.
th_user() {
	cd "$root/proc" || return 0
	set -f
	# shellcheck disable=SC2046 # names without blanks
	set -- "$1" $(set +f && grep -l "^Uid:[[:blank:]]*$1[[:blank:]]" [0-9]*/status 2>/dev/null)
	set +f
	k=$1
	shift
	if [ $# -eq 0 ]; then
		unknown "threads.user.$k" "no process of the user can be seen"
		return 0
	fi
	cat "$@" 2>/dev/null | grep "^Threads:" | {
		n=0
		while read -r a b; do n=$((n + b)); done
		fact "threads.user.$k" "$n"
	}
}

# The control groups above a TaskManager that limit their threads.
th_groups() {
	if ! [ -r "$root/proc/$1/cgroup" ]; then
		unread "threads.$1.pids" "/proc/$1/cgroup"
		return 0
	fi
	while IFS= read -r l || [ -n "$l" ]; do
		d=/sys/fs/cgroup
		case $l in
		*/../*) continue ;;
		0::/*) [ -e "$root$d/cgroup.controllers" ] || d=$d/unified ;;
		*:pids:/* | *:pids,*:/* | *,pids:/* | *,pids,*:/*) d=$d/pids ;;
		*) continue ;;
		esac
		l=${l#*:*:}
		l=${l%/}
		while :; do
			f=$d$l/pids
			m=max
			n=
			[ -r "$root$f.max" ] && IFS= read -r m <"$root$f.max"
			[ -r "$root$f.current" ] && IFS= read -r n <"$root$f.current"
			if [ "$m" != max ] && [ -n "$n" ]; then
				k=
				[ -r "$root$f.events" ] && IFS= read -r k <"$root$f.events"
				fact "threads.$1.pids" "$n $m $f.max"
				case $k in "max "[1-9]*) fact "threads.$1.refused" "${k#max } $f.events" ;; esac
			fi
			[ -n "$l" ] || break
			l=${l%/*}
		done
	done <"$root/proc/$1/cgroup"
}
