# threads: the limits on threads and what is used of them.

threads_section() {
	# The kernel's bounds. cat and not read: several shells read only the first
	# digit of a number in /proc/sys.
	for th_k in threads-max pid_max; do
		th_n=threads.threads_max
		[ "$th_k" = pid_max ] && th_n=threads.pid_max
		if th_v=$(cat "$root/proc/sys/kernel/$th_k" 2>/dev/null) && [ -n "$th_v" ]; then
			fact "$th_n" "$th_v"
		else
			unknown "$th_n" "/proc/sys/kernel/$th_k cannot be read"
		fi
	done
	# All threads of the host: the number behind the slash.
	th_v=
	[ -r "$root/proc/loadavg" ] && read -r th_a th_b th_c th_v th_d <"$root/proc/loadavg"
	case $th_v in
	*/[0-9]*) fact threads.total "${th_v#*/}" ;;
	*) unknown threads.total "/proc/loadavg cannot be read" ;;
	esac
	th_u=" "
	for th_p in $tms; do
		th_groups "$th_p"
		tm_uid "$th_p"
		case $th_u in *" $uid "*) continue ;; esac
		th_u="$th_u$uid "
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
	th_k=$1
	shift
	if [ $# -eq 0 ]; then
		unknown "threads.user.$th_k" "no process of the user can be seen"
		return 0
	fi
	cat "$@" 2>/dev/null | grep "^Threads:" | {
		th_n=0
		while read -r th_a th_b; do th_n=$((th_n + th_b)); done
		fact "threads.user.$th_k" "$th_n"
	}
}

# The control groups above a TaskManager that limit their threads.
th_groups() {
	if ! [ -r "$root/proc/$1/cgroup" ]; then
		unknown "threads.$1.pids" "/proc/$1/cgroup cannot be read"
		return 0
	fi
	while IFS= read -r th_l || [ -n "$th_l" ]; do
		th_d=/sys/fs/cgroup
		case $th_l in
		*/../*) continue ;;
		0::/*) [ -e "$root$th_d/cgroup.controllers" ] || th_d=$th_d/unified ;;
		*:pids:/* | *:pids,*:/* | *,pids:/* | *,pids,*:/*) th_d=$th_d/pids ;;
		*) continue ;;
		esac
		th_l=${th_l#*:*:}
		th_l=${th_l%/}
		while :; do
			th_f=$th_d$th_l/pids
			th_m=max
			th_n=
			[ -r "$root$th_f.max" ] && IFS= read -r th_m <"$root$th_f.max"
			[ -r "$root$th_f.current" ] && IFS= read -r th_n <"$root$th_f.current"
			if [ "$th_m" != max ] && [ -n "$th_n" ]; then
				fact "threads.$1.pids" "$th_n $th_m $th_f.max"
			fi
			[ -n "$th_l" ] || break
			th_l=${th_l%/*}
		done
	done <"$root/proc/$1/cgroup"
}
