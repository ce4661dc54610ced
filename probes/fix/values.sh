# Values of the kernel and of processes.

# above A B is true if limit A is higher than B: numbers of any length, or
# unlimited. The arithmetic of mksh has 32 bits.
above() {
	[ "$1" != "$2" ] || return 1
	case $2 in unlimited) return 1 ;; esac
	case $1 in unlimited) return 0 ;; esac
	[ "${#1}" = "${#2}" ] || {
		[ "${#1}" -gt "${#2}" ]
		return
	}
	above_a=$1 above_b=$2
	while [ -n "$above_a" ]; do
		above_x=${above_a%"${above_a#?}"} above_y=${above_b%"${above_b#?}"}
		[ "$above_x" = "$above_y" ] || {
			[ "$above_x" -gt "$above_y" ]
			return
		}
		above_a=${above_a#?} above_b=${above_b#?}
	done
	return 1
}

# started PID sets $started to field 22 of its stat, "" if it is gone.
started() {
	started='' started_line=''
	{ read -r started_line <"$root/proc/$1/stat"; } 2>/dev/null
	# shellcheck disable=SC2086 # words
	set -- ${started_line##*") "}
	[ "$#" -ge 20 ] || return 1
	shift 19
	started=$1
}

# limits PID ITEM sets $limits to SOFT:HARD of a process.
limits() {
	case $2 in
	nofile) limits_head="Max open files" ;;
	as) limits_head="Max address space" ;;
	nproc) limits_head="Max processes" ;;
	*) return 1 ;;
	esac
	limits=
	while read -r limits_line; do
		case $limits_line in
		"$limits_head "*)
			# shellcheck disable=SC2086 # words
			set -- ${limits_line#"$limits_head"}
			limits=$1:$2
			;;
		esac
	done 2>/dev/null <"$root/proc/$1/limits"
	[ -n "$limits" ]
}

# value sets $now to what a live value is, "" with a reason in $why; $gone is 1 if
# that is that its process has ended.
value() {
	now='' why='' gone=''
	if [ "$m_a" = sysctl ]; then
		now=$(cat "$root/proc/sys/$m_path" 2>/dev/null) || now=
		why="/proc/sys/$m_path cannot be read"
	elif ! started "$m_c" || [ "$started" != "$m_d" ]; then
		why="process $m_c is gone" gone=1
	elif limits "$m_c" "$m_b"; then
		now=$limits
	else
		why="the limits of process $m_c cannot be read"
	fi
	case $now in *[!0-9a-z:]*) now='' why="it is not a number" ;; esac
	[ -n "$now" ]
}

# give VALUE changes a live value. A process must still be the same one.
give() {
	if [ "$m_a" = sysctl ]; then
		print_line "$1" >"$root/proc/sys/$m_path"
		return
	fi
	started "$m_c" && [ "$started" = "$m_d" ] || return 1
	limit 10 prlimit --pid "$m_c" "--$m_b=$1"
}
