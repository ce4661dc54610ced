# The lock: one program at a time changes a host. It is a link to words, because
# a link comes into being whole: no lock is ever without its holder.

# live_process PID START is true if that very process is there, whatever the
# root is: the lock is held by a shell of this machine.
live_process() {
	live_stat=
	{ read -r live_stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086 # words
	set -- "$2" ${live_stat##*") "}
	[ "$#" -ge 21 ] || return 1
	live_start=$1
	shift 20
	[ "$live_start" = "$1" ]
}

# lock_holder LINK sets $holder to who holds it, in words, and is true if that
# process lives.
lock_holder() {
	holder='' holder_text=$(readlink "$1" 2>/dev/null) || return 1
	holder_boot=
	{ read -r holder_boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
	IFS=:
	# shellcheck disable=SC2086 # fields
	set -- $holder_text
	unset IFS
	[ "$#" -ge 6 ] || return 1
	holder="run $5 of $6 since $4 (process $1)"
	[ "$3" = "$holder_boot" ] && live_process "$1" "$2"
}

# me sets $me to what names this process among all of all times.
me() {
	me_boot='' me_stat=''
	{ read -r me_boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
	{ read -r me_stat <"/proc/$$/stat"; } 2>/dev/null
	# shellcheck disable=SC2086 # words
	set -- ${me_stat##*") "}
	[ "$#" -ge 20 ] || return 1
	shift 19
	me=$$:$1:$me_boot:$(date -u +%Y%m%dT%H%M%SZ):$run:$who
}

# take LINK DEPTH takes a lock. A lock whose holder is gone is replaced, and
# whoever does that holds the lock LINK.x meanwhile: two that find the same
# stale lock cannot both replace it. 1: another holds it, $holder.
take() {
	take_try=0
	while [ "$take_try" -lt 5 ]; do
		take_try=$((take_try + 1))
		op ln -s "$me" "$1" && return 0
		take_seen=$(readlink "$1" 2>/dev/null) || continue
		lock_holder "$1" && return 1
		[ "$2" -gt 0 ] || return 1
		take "$1.x" "$(($2 - 1))" || return 1
		take_seen=$(readlink "$1" 2>/dev/null)
		if [ -n "$take_seen" ] && ! lock_holder "$1"; then
			note "a stale lock was taken over: ${holder:-$take_seen}"
			op ln -s "$me" "$1.$$" && op mv -f "$1.$$" "$1"
			take_status=$?
			op rm -f "$1.x" "$1.$$"
			return "$take_status"
		fi
		op rm -f "$1.x"
	done
	holder=${holder:-"someone who cannot be named: ${op_error:-no link can be made}"}
	return 1
}

# ours DIR is true for a directory into which nobody else can write. One below a
# directory that stands for a host belongs to whoever runs this.
ours() {
	stat_of "$1" || return 1
	case $mode in *[2367]? | *[2367]) return 1 ;; esac
	[ "${owner%%:*}" = "$(id -u)" ]
}

locked=
lock() {
	me || fail "this process cannot be named: /proc is not there" || return 1
	for lock_dir in "$root/var" "$root/var/lib" "$home" "$home/runs"; do
		[ -d "$lock_dir" ] || op mkdir -m 0755 "$lock_dir"
		[ -d "$lock_dir" ] || fail "$lock_dir: ${op_error:-not a directory}" || return 1
	done
	if [ -h "$home" ] || [ -h "$home/runs" ]; then
		fail "$home is a link" || return 1
	fi
	for lock_dir in "$home" "$home/runs"; do
		ours "$lock_dir" || fail "$lock_dir has mode $mode and owner $owner: others could write what a run is undone from" || return 1
	done
	take "$home/lock" 3 || fail "locked by $holder" || return 1
	locked=1
}

# unlock gives the lock back, and takes away what was only made for it.
unlock() {
	[ -n "$locked" ] || return 0
	locked=
	[ "$(readlink "$home/lock")" != "$me" ] || op rm -f "$home/lock"
	op rmdir "$home/runs" && op rmdir "$home"
	return 0
}
