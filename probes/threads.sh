# threads: the limits on threads and what is used of them.

threads_section() {
	# The kernel's bounds. cat and not read: several shells read only the first
	# digit of a number in /proc/sys.
	for threads_k in threads-max pid_max; do
		threads_n=threads.threads_max
		[ "$threads_k" = pid_max ] && threads_n=threads.pid_max
		if threads_v=$(cat "$root/proc/sys/kernel/$threads_k" 2>/dev/null) && [ -n "$threads_v" ]; then
			fact "$threads_n" "$threads_v"
		else
			unknown "$threads_n" "/proc/sys/kernel/$threads_k cannot be read"
		fi
	done
	# All threads of the host: the number behind the slash.
	threads_v=
	[ -r "$root/proc/loadavg" ] && read -r threads_a threads_b threads_c threads_v threads_d <"$root/proc/loadavg"
	case $threads_v in
	*/[0-9]*) fact threads.total "${threads_v#*/}" ;;
	*) unknown threads.total "/proc/loadavg cannot be read" ;;
	esac
	threads_u=" "
	for threads_p in $tms; do
		threads_groups "$threads_p"
		tm_uid "$threads_p"
		case $threads_u in *" $uid "*) continue ;; esac
		threads_u="$threads_u$uid "
		[ -n "$uid" ] && threads_user "$uid"
	done
	return 0
}

# The threads of all processes of a user: RLIMIT_NPROC counts them together.
# grep reads each status once, however many processes there are; only those of
# the user are read again.
threads_user() {
	cd "$root/proc" || return 0
	set -f
	# shellcheck disable=SC2046 # names without blanks
	set -- "$1" $(set +f && grep -l "^Uid:[[:blank:]]*$1[[:blank:]]" [0-9]*/status 2>/dev/null)
	set +f
	threads_k=$1
	shift
	if [ $# -eq 0 ]; then
		unknown "threads.user.$threads_k" "no process of the user can be seen"
		return 0
	fi
	cat "$@" 2>/dev/null | grep "^Threads:" | {
		threads_n=0
		while read -r threads_a threads_b; do threads_n=$((threads_n + threads_b)); done
		fact "threads.user.$threads_k" "$threads_n"
	}
}

# The control groups above a TaskManager that limit their threads.
threads_groups() {
	if ! [ -r "$root/proc/$1/cgroup" ]; then
		unknown "threads.$1.pids" "/proc/$1/cgroup cannot be read"
		return 0
	fi
	while IFS= read -r threads_l || [ -n "$threads_l" ]; do
		threads_d=/sys/fs/cgroup
		case $threads_l in
		*/../*) continue ;;
		0::/*) [ -e "$root$threads_d/cgroup.controllers" ] || threads_d=$threads_d/unified ;;
		*:pids:/* | *:pids,*:/* | *,pids:/* | *,pids,*:/*) threads_d=$threads_d/pids ;;
		*) continue ;;
		esac
		threads_l=${threads_l#*:*:}
		threads_l=${threads_l%/}
		while :; do
			threads_f=$threads_d$threads_l/pids
			threads_m=max
			threads_n=
			[ -r "$root$threads_f.max" ] && IFS= read -r threads_m <"$root$threads_f.max"
			[ -r "$root$threads_f.current" ] && IFS= read -r threads_n <"$root$threads_f.current"
			if [ "$threads_m" != max ] && [ -n "$threads_n" ]; then
				fact "threads.$1.pids" "$threads_n $threads_m $threads_f.max"
			fi
			[ -n "$threads_l" ] || break
			threads_l=${threads_l%/*}
		done
	done <"$root/proc/$1/cgroup"
}
