# The words that all programs here are written in. What a host keeps of runs:
#
#   /var/lib/tmdoctor/lock             link to PID:START:BOOT:SINCE:RUN:WHO
#   /var/lib/tmdoctor/runs/RUN/state   a word, for everybody to read
#   /var/lib/tmdoctor/runs/RUN/who     USER@MACHINE, for everybody to read
#   /var/lib/tmdoctor/runs/RUN/kept/   for root: manifest, and a backup N a file
#
# and, beside each file while a run is under way, names that end in neither
# .conf nor anything else that is read there:
#
#   .tmdoctor.RUN.N.tmp                what it will be
#   .tmdoctor.RUN.N.old                what it was: the same file, by a hard link
#   .tmdoctor.RUN.N.swap               either, in the instant of the replacement
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
export LC_ALL PATH
unset IFS
set -f
umask 077
root=${root-}
home=$root/var/lib/tmdoctor
nl="
"
reason=
op_number=0
op_error=

# say LINE prints a line, with its own newlines as blanks. mksh has no builtin
# printf.
if [ -n "${KSH_VERSION-}" ] && PATH=/nonexistent print -r -- >/dev/null 2>&1; then
	eval 'print_line() { print -r -- "$1"; }'
	eval 'cut_text() { text=${1:0:400}; }'
else
	print_line() { printf '%s\n' "$1"; }
	cut_text() { text=$(printf '%.400s' "$1"); }
fi
say() {
	said=$1
	while :; do
		case $said in
		*"$nl"*) said="${said%%"$nl"*} ${said#*"$nl"}" ;;
		*) break ;;
		esac
	done
	print_line "$said" 2>/dev/null
}

# tell WORD TEXT prints a record whose text may come from anywhere.
tell() {
	text=$2
	[ "${#2}" -le 400 ] || cut_text "$2"
	say "$1 $text"
}
note() { tell note "$1"; }

# fail WHY sets $reason, the first time only, and is false.
fail() {
	[ -n "$reason" ] || reason=$1
	return 1
}

# op CMD... is the only way in which anything is changed: each operation is a
# step that is told before it begins. $op_error is what it complained about.
op() {
	op_number=$((op_number + 1))
	tell step "$*"
	op_error=$("$@" 2>&1 >/dev/null </dev/null)
}

# must CMD... is op, and a failure is the reason why all stops.
must() {
	op "$@" && return 0
	fail "$1: ${op_error:-it failed}"
}

# deaf keeps a program from ending in the middle where its connection ends: it
# ends at its own end, or goes back. SIGTERM, which a host that shuts down sends,
# ends a wait, and counts as a failure of what was waited for.
deaf() {
	trap '' PIPE HUP INT QUIT
	trap : TERM
}

# end_tree PID ends a process and all below it: a parent is stopped before its
# children are looked for, so that none escapes.
end_tree() {
	tree_todo=$1
	tree_all=
	set +f
	while [ -n "$tree_todo" ]; do
		tree_next=
		for tree_pid in $tree_todo; do
			kill -s STOP "$tree_pid" 2>/dev/null || continue
			tree_all="$tree_all $tree_pid"
			for tree_stat in /proc/[0-9]*/stat; do
				tree_line=
				{ read -r tree_line <"$tree_stat"; } 2>/dev/null
				tree_rest=${tree_line##*") "}
				tree_rest=${tree_rest#* }
				[ "${tree_rest%% *}" != "$tree_pid" ] || tree_next="$tree_next ${tree_line%% *}"
			done
		done
		tree_todo=$tree_next
	done
	set -f
	for tree_pid in $tree_all; do
		kill -s KILL "$tree_pid" 2>/dev/null
	done
}

# limit SECONDS CMD... runs what may hang for at most that long. 124: gave up.
# Its clock is killed, not asked to end: a signal that comes before a shell
# has set its traps is lost in some. A sleep of a second is all that is left.
limit() {
	limit_seconds=$1
	shift
	("$@") </dev/null &
	limit_child=$!
	(
		limit_left=$limit_seconds
		while [ "$limit_left" -gt 0 ] && kill -0 "$$" 2>/dev/null; do
			sleep 1 || exit 0
			limit_left=$((limit_left - 1))
		done
		end_tree "$limit_child"
		exit 124
	) </dev/null >/dev/null 2>&1 &
	limit_clock=$!
	wait "$limit_child" 2>/dev/null
	limit_status=$?
	[ "$limit_status" != 143 ] || kill -s KILL "$limit_child" 2>/dev/null
	# Who was killed was killed by the clock, which then ends with its own word:
	# it is not cut short.
	[ "$limit_status" != 137 ] || ! kill -0 "$limit_clock" 2>/dev/null || sleep 1
	kill -s KILL "$limit_clock" 2>/dev/null
	wait "$limit_clock" 2>/dev/null
	[ "$?" != 124 ] || return 124
	return "$limit_status"
}

# lacking sets $missing to the tools that are not there.
lacking() {
	missing=
	for tool in cat chmod chown cp date df ln ls mkdir mv readlink rm rmdir sha256sum sleep stat; do
		command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
	done
	missing=${missing# }
	[ -n "$missing" ]
}

# ready is false, with a reason, where nothing can be changed at all.
ready() {
	if lacking; then
		fail "this host has no $missing"
	elif [ -z "$root" ] && [ "$(id -u 2>/dev/null)" != 0 ]; then
		fail "not root"
	fi
}
