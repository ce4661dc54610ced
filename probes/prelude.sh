# The words a probe collects with. They are defined once, also for the shell
# of the TaskManager user behind sudo: their text travels in single quotes, so
# no single quote may stand in this file. What must not be seen goes to
# descriptor 9, and the root has a short name: the program uses both, since they
# are shorter and stand in it hundreds of times.
exec 9>"/dev/null"
r=${root-} q=${root-}/proc T=${root-}/.tmdoctor
# The reason that is given most often.
K=needs\ a\ live\ kernel

# out KIND NAME VALUE [MAX] prints one record; at most 4096 bytes of the value, or
# MAX. mksh has no builtin printf.
if [ -n "${KSH_VERSION-}" ] && PATH=/nonexistent print -r -- >/dev/null 2>&1; then
	eval "say() { print -r -- \"\$1\"; }"
	eval "out() { print -r -- \"\$1\$2 \${3:0:\${4:-4096}}\"; }"
	eval "beat() { print -n \"\\\\0\"; }"
else
	say() { printf "%s\n" "$1"; }
	out() { printf "%s%s %.${4:-4096}s\n" "$1" "$2" "$3"; }
	beat() { printf "\000"; }
fi
nl="
"

# by_line: what is expanded is divided into lines, and nothing else; by_word and whole_words:
# as usual. The program has them wherever these commands follow each other.
by_line() { set -f && IFS=$nl; }
by_word() { set +f && unset IFS; }
whole_words() { unset IFS; }

# one_line TEXT sets $line to the text with its newlines as \n: a record is
# one line, whatever a process puts into its arguments.
one_line() {
	line=$1
	while :; do
		case $line in
		*"$nl"*) line=${line%%"$nl"*}\\n${line#*"$nl"} ;;
		*) return 0 ;;
		esac
	done
}

# fact NAME VALUE..., unknown NAME WHY..., absent NAME.
fact() {
	fact_name=$1
	shift
	one_line "$*"
	out "=" "$fact_name" "$line"
}
unknown() {
	unknown_name=$1
	shift
	one_line "$*"
	out "?" "$unknown_name" "$line"
}
absent() { say "-$1"; }

# unread NAME PATH: unknown, because a file cannot be read.
unread() { unknown "$1" "$2 cannot be read"; }

# tell NAME VALUE WHY: a fact, or why there is no value.
tell() { if [ -n "$2" ]; then fact "$1" "$2"; else unknown "$1" "$3"; fi; }

# each NAME makes every line of its standard input a fact, at most 500 of at
# most 512 bytes. It ends where live gave up, because a command that hangs
# keeps the pipe open.
each() {
	each_n=0
	while IFS= read -r each_line || [ -n "$each_line" ]; do
		case $each_line in
		"?session.live."*)
			say "$each_line"
			return 0
			;;
		esac
		each_n=$((each_n + 1))
		if [ "$each_n" -gt 500 ]; then
			fact session.cut "$1"
			return 0
		fi
		out "=" "$1" "$each_line" 512
	done
}

# children PID sets $children. The file is there unless the kernel was built
# without CONFIG_PROC_CHILDREN; then the parents of all processes are read.
children() {
	children=
	if [ -r "/proc/$1/task/$1/children" ]; then
		read -r children <"/proc/$1/task/$1/children" 2>/dev/null
		return 0
	fi
	for children_stat in /proc/[0-9]*/stat; do
		children_line=
		{ read -r children_line <"$children_stat"; } 2>/dev/null
		children_rest=${children_line##*") "}
		children_rest=${children_rest#* }
		if [ "${children_rest%% *}" = "$1" ]; then
			children="$children ${children_line%% *}"
		fi
	done
}

# reap PID ends a process and all below it. A parent is stopped before its
# children are listed, so that none can escape. What sits in uninterruptible
# sleep cannot be ended: it is named. However the caller divides words, here they
# are words, and the pattern of children is one.
reap() {
	reap_ifs=${IFS-unset} reap_glob=+f
	case $- in *f*) reap_glob=-f ;; esac
	unset IFS
	set +f
	reap_todo=$1
	reap_all=
	while [ -n "$reap_todo" ]; do
		reap_next=
		for reap_pid in $reap_todo; do
			kill -s STOP "$reap_pid" 2>/dev/null || continue
			reap_all="$reap_all $reap_pid"
			children "$reap_pid"
			reap_next="$reap_next $children"
		done
		reap_todo=${reap_next%"${reap_next##*[0-9]}"}
	done
	for reap_pid in $reap_all; do
		reap_stat=
		{ read -r reap_stat <"/proc/$reap_pid/stat"; } 2>/dev/null
		case ${reap_stat##*") "} in
		"D "*) stuck="${stuck-}$reap_pid ${reap_stat%%") "*})$nl" ;;
		esac
		kill -s KILL "$reap_pid" 2>/dev/null
	done
	set "$reap_glob"
	[ "$reap_ifs" = unset ] || IFS=$reap_ifs
}

# A ticker sends SIGURG, which everybody else ignores, to our process group
# once a second. It is the only clock: whoever waits counts ticks, so there is
# no watchdog a command, and its sleep ends with it.
ticker_start() {
	(
		trap "kill -s KILL \$! 2>/dev/null; exit 0" TERM
		trap - EXIT PIPE HUP INT
		while kill -0 $$; do
			sleep 1 &
			wait $! || exit 0
			kill -s URG 0
		done
	) </dev/null >/dev/null 2>&1 &
	ticker=$!
}
ticker_stop() {
	[ -n "${ticker-}" ] || return 0
	kill -s TERM "$ticker" 2>/dev/null
	wait "$ticker" 2>/dev/null
	ticker=
}

# await PID SECONDS waits for a child; after that many ticks it ends the child
# and returns 124. Where $beats is set, each tick prints a NUL, which the
# reader drops: that is how a dead connection is noticed. 151, which is 128 and
# SIGURG, is a tick and never the status of a child. bash forgets that of one that
# ends beside a tick: then 151 is returned, and nobody knows how it ended.
await() {
	await_child=$1
	await_left=$2
	trap "await_left=\$((await_left - 1)); tick" URG
	while :; do
		wait "$1" 2>/dev/null
		await_status=$?
		[ "$await_status" = 151 ] || break
		if ! kill -0 "$1" 2>/dev/null; then
			wait "$1" 2>/dev/null
			await_status=$?
			[ "$await_status" != 127 ] || await_status=151
			break
		fi
		if [ "$await_left" -le 0 ]; then
			reap "$1"
			await_status=124
			break
		fi
	done
	await_child=
	return "$await_status"
}
beats=
await_child=
tick() {
	[ -n "$beats" ] || return 0
	beat 2>/dev/null || gone
}

# gone ends everything: nobody reads any more.
gone() {
	trap "" PIPE HUP TERM INT URG
	trap - EXIT
	beats=
	[ -z "$await_child" ] || reap "$await_child"
	ticker_stop
	exit 1
}

# guard SECONDS FUNCTION ARG... runs a function in a subshell of its own for
# at most that long. 124: gave up; else not 0: the subshell died.
guard() {
	guard_limit=$1
	shift
	(
		trap - EXIT PIPE HUP TERM INT
		beats=
		await_child=
		"$@"
		exit 0
	) 2>"${log:-/dev/null}" &
	await $! "$guard_limit"
}

# owner NAME SECONDS FUNCTION runs the part of a probe that only the
# TaskManager user may run, for the process $owners_pid.
owner() {
	guard "$2" "$3" "$owners_pid"
	owner_status=$?
	case $owner_status in 0 | 151) return 0 ;; esac
	say "~tmdoctor-cut"
	owner_why="the part that reads it ended early"
	[ "$owner_status" != 124 ] || owner_why="gave up after $2 s"
	unknown "$1.$owners_pid" "$owner_why"
}

# live NAME CMD... runs what asks the kernel or the network, not a file, for
# at most $live_limit seconds. With a root set it prints what was recorded
# there. 125: nothing recorded; 127: no such command; 124: gave up.
live() {
	live_name=$1
	shift
	if [ -n "$root" ]; then
		[ -f "$root/.tmdoctor/$live_name" ] || return 125
		while IFS= read -r live_line || [ -n "$live_line" ]; do
			say "$live_line"
		done <"$root/.tmdoctor/$live_name"
		return 0
	fi
	command -v "$1" >/dev/null 2>&1 || return 127
	"$@" </dev/null &
	await $! "${live_limit:-5}"
	live_status=$?
	# A child that cannot be ended keeps a pipe open: say that no more comes.
	if [ "$live_status" = 124 ] && [ -n "${stuck-}" ]; then
		unknown "session.live.$live_name" "gave up after ${live_limit:-5} s"
	fi
	return "$live_status"
}

# link_target LINK sets $target. POSIX has no readlink; ls prints the name as
# it was given.
link_target() {
	target=$(LC_ALL=C ls -ld -- "$1" 2>/dev/null) || return 1
	case $target in
	*"$1 -> "*) target=${target#*"$1 -> "} ;;
	*) return 1 ;;
	esac
}

# resolve PATH sets $resolved to a path that can be opened: with a root set
# one without links, below the root. 1: absent; 2: too many links.
resolve() {
	resolved=$root$1
	if [ -z "$root" ]; then
		[ -e "$resolved" ] || return 1
		return 0
	fi
	resolved=$root
	resolve_rest=$1
	resolve_links=0
	while [ -n "$resolve_rest" ]; do
		resolve_part=${resolve_rest%%/*}
		case $resolve_rest in
		*/*) resolve_rest=${resolve_rest#*/} ;;
		*) resolve_rest= ;;
		esac
		case $resolve_part in
		"" | .) continue ;;
		..)
			[ "$resolved" = "$root" ] || resolved=${resolved%/*}
			continue
			;;
		esac
		if [ -h "$resolved/$resolve_part" ]; then
			resolve_links=$((resolve_links + 1))
			[ "$resolve_links" -le 8 ] || return 2
			link_target "$resolved/$resolve_part" || return 2
			case $target in /*) resolved=$root ;; esac
			resolve_rest=$target/$resolve_rest
			continue
		fi
		resolved=$resolved/$resolve_part
		[ -e "$resolved" ] || return 1
	done
}

# is_regular PATH is true for a regular file that can be read; $resolved is
# then what to open.
is_regular() { resolve "$1" && [ -f "$resolved" ] && [ -r "$resolved" ]; }

# emit_file PATH prints a file as a record, at most $emit_max bytes of it.
# $emit_only, if set, is a function that empties $emit_line where it must not
# leave the host.
emit_list=
emit_only=
emit_file() {
	emit_kind=f
	emit_name=$1
	one_line "$1"
	# No record can have such a name: what is in its directory is not all known.
	if [ "$line" != "$1" ]; then
		fact session.cut "${1%/*}"
		return 0
	fi
	emit_list=$emit_list$nl.$1
	resolve "$1"
	emit_status=$?
	if [ -h "$root$1" ]; then
		emit_kind=l
		link_target "$root$1" && emit_name="$1 -> $target"
	fi
	if [ "$emit_status" = 2 ]; then
		emit_kind=u
		emit_name=$1
	elif [ "$emit_status" = 1 ]; then
		emit_missing "$1"
	elif [ -d "$resolved" ]; then
		emit_kind=d
		emit_name=$1
	elif [ ! -f "$resolved" ]; then
		emit_kind=o
	elif [ ! -r "$resolved" ]; then
		emit_kind=u
		emit_name=$1
	fi
	emit_at=@
	[ -z "$emit_only" ] || emit_at=%
	say "$emit_at$emit_kind - - - - $emit_name"
	case $emit_kind in f | l) emit_content ;; esac
}

# emit_missing PATH: only what the host itself calls absent is absent. Where
# a directory above may not be searched, nothing is known.
emit_missing() {
	if [ "$emit_kind" = l ]; then
		emit_kind=x
		return 0
	fi
	emit_kind=a
	emit_dir=${1%/*}
	while [ -n "$emit_dir" ]; do
		if resolve "$emit_dir"; then
			[ ! -d "$resolved" ] || [ -x "$resolved" ] || emit_kind=u
			return 0
		fi
		emit_dir=${emit_dir%/*}
	done
}

# emit_content prints the lines of $resolved. What does not lie in a
# directory of the system itself is read through dd, because one endless line
# would fill the memory of this shell. Lines are printed some at a time: each
# write becomes a packet on its way.
emit_content() {
	emit_limit=${emit_max:-65536}
	case $resolved in
	"$root"/etc/* | "$root"/usr/* | "$root"/lib/* | "$root"/run/* | "$root"/proc/* | "$root"/sys/*)
		emit_lines <"$resolved"
		;;
	*) dd bs="$((emit_limit + 1))" count=1 2>/dev/null <"$resolved" | emit_lines ;;
	esac
}
emit_lines() {
	emit_left=$emit_limit
	emit_cut=0
	emit_text=
	while IFS= read -r emit_line; do
		emit_left=$((emit_left - ${#emit_line} - 1))
		if [ "$emit_left" -lt 0 ]; then
			emit_cut=1
			emit_line=
			break
		fi
		$emit_only
		emit_text="$emit_text|$emit_line$nl"
		if [ "${#emit_text}" -gt 4000 ]; then
			say "${emit_text%"$nl"}"
			emit_text=
		fi
	done 2>/dev/null
	if [ "${#emit_line}" -gt "$emit_left" ]; then
		emit_cut=1
	elif [ -n "$emit_line" ]; then
		$emit_only
		emit_text="$emit_text|$emit_line$nl\\$nl"
	fi
	say "$emit_text\$$emit_cut"
}

# emit_modes NAME prints modes, owners and sizes of the files that this section
# printed: links as links.
emit_modes() {
	emit_name=$1
	set -f
	IFS=$nl
	# shellcheck disable=SC2086 # a path a line
	set -- $emit_list
	unset IFS
	set +f
	(cd "$root/" && ls -ldn "$@" 2>/dev/null) | each "$emit_name"
}

# emit_glob DIR PATTERN... prints a directory and its files that match.
emit_glob() {
	if ! resolve "$1" || [ ! -d "$resolved" ]; then
		emit_file "$1"
		return 0
	fi
	say "@d - - - - $1"
	glob_dir=$1
	glob_real=$resolved
	if [ ! -r "$glob_real" ] || [ ! -x "$glob_real" ]; then
		say "@u - - - - $1"
		return 0
	fi
	shift
	glob_n=0
	for glob_pattern in "$@"; do
		for glob_file in "$glob_real"/$glob_pattern; do
			[ -e "$glob_file" ] || [ -h "$glob_file" ] || continue
			glob_n=$((glob_n + 1))
			if [ "$glob_n" -gt 200 ]; then
				fact session.cut "$glob_dir"
				return 0
			fi
			emit_file "$glob_dir/${glob_file##*/}"
		done
	done
}
