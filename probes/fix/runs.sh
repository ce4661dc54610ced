# What a host keeps of runs, and the lock.

# run_state RUN sets $state to how far a run is here, "" if it is not known. A
# run that has no state yet has changed nothing; where its word was lost, the
# files say whether it has.
run_state() {
	state=
	[ -d "$home/runs/$1" ] || return 0
	{ read -r state <"$home/runs/$1/state"; } 2>/dev/null
	case $state in staged | applying | applied | kept | rolled-back) return 0 ;; esac
	state=staged
	[ -e "$home/runs/$1/who" ] || return 0
	state_run=${kept_run-} state_reason=$reason
	this_run "$1"
	each_line old_line || state=applying
	this_run "$state_run"
	reason=$state_reason
}

# old_line is false for what the run may have changed: also where somebody edited
# it since.
old_line() {
	case $m_kind in
	file)
		hash_of "$at"
		[ "$hash" = "$before" ] || unplaced
		;;
	live)
		value
		[ "$now" != "$m_f" ]
		;;
	esac
}

# unfinished sets $unfinished to the last run, by its name, that was begun here
# and neither kept nor rolled back; "" for none.
unfinished() {
	unfinished=
	set +f
	for unfinished_dir in "$home"/runs/*; do
		[ -d "$unfinished_dir" ] || continue
		run_state "${unfinished_dir##*/}"
		case $state in
		staged | applying | applied) unfinished=${unfinished_dir##*/} ;;
		esac
	done
	set -f
}

# this_run sets the names of what is kept of run RUN.
this_run() {
	run_dir=$home/runs/$1
	kept_dir=$run_dir/kept
	manifest=$kept_dir/manifest
	kept_run=$1
}

# set_state WORD does not return before it is on the disk.
set_state() {
	must write_line "$1" "$run_dir/state.new" &&
		must durable "$run_dir/state.new" &&
		must mv -f "$run_dir/state.new" "$run_dir/state" &&
		must durable_dir "$run_dir"
}
write_line() {
	print_line "$1" >"$2" || unwritten || return 1
	chmod 0644 "$2"
}

# unwritten says why a printf failed: some shells do not.
unwritten() {
	say "not written whole: the file system may be full" >&2
	return 1
}

# each_line FUNCTION calls a function for each line of the manifest until one
# fails. A line is one of
#
#	file N BEFORE AFTER MODE OWNER MAKEDIR PATH
#	live sysctl SETTING - - BEFORE AFTER PATH
#	live process SETTING PID STARTED BEFORE AFTER -
#	reload - - - - - - -
#	restart - - - - - - UNIT
#	end SHA256
#
# with $m_kind, $m_a to $m_f and $m_path; "-" is a hash of nothing, or nothing. The
# last line has the hash of those before it. It is false as well, at last, where
# that is another or is missing.
each_line() {
	each_text='' each_end=
	if [ -r "$manifest" ]; then
		while read -r m_kind m_a m_b m_c m_d m_e m_f m_path <&4; do
			case $m_kind in
			file) this_file ;;
			live | reload | restart) ;;
			*)
				[ "$m_kind" != end ] || each_end=$m_a
				break
				;;
			esac
			each_text="$each_text$m_kind $m_a $m_b $m_c $m_d $m_e $m_f $m_path$nl"
			"$1" || return 1
		done 4<"$manifest"
	fi
	[ -n "$each_end" ] && [ "$each_whole" = "$each_end$each_text" ] && return 0
	each_hash=$(printf '%s' "$each_text" | sha256sum)
	[ "${each_hash%% *}" = "$each_end" ] || fail "$manifest is damaged: what the run changed is not known whole" || return 1
	each_whole=$each_end$each_text
}
each_whole=

# this_file sets what belongs to the file of a line.
this_file() {
	before=$m_b after=$m_c
	[ "$before" != - ] || before=
	at=$root$m_path
	at_dir=${m_path%/*}
	at_dir=${at_dir:-/}
	backup=$kept_dir/$m_a
	new=$root${at_dir%/}/.tmdoctor.$kept_run.$m_a.tmp
	old=$root${at_dir%/}/.tmdoctor.$kept_run.$m_a.old
	swap=$root${at_dir%/}/.tmdoctor.$kept_run.$m_a.swap
}

# inode FILE prints what tells a file from every other, whatever its names.
inode() { stat -c '%d:%i' "$1" 2>/dev/null || print_line "$1"; }

# clean takes away what lies beside a file while a run is under way, but never
# the only copy of what somebody wrote.
clean() {
	[ "$m_kind" = file ] || return 0
	for clean_file in "$old" "$swap"; do
		[ -e "$clean_file" ] || continue
		hash_of "$clean_file"
		if [ "$hash" = "$before" ] || [ "$hash" = "$after" ] || [ "$(inode "$clean_file")" = "$(inode "$at")" ]; then
			op rm -f "$clean_file" || note "$clean_file is left behind: $op_error"
		else
			note "$clean_file is left behind: somebody wrote it while $m_path was replaced, or after"
		fi
	done
	[ ! -e "$new" ] || op rm -f "$new" || note "$new is left behind: $op_error"
	return 0
}

# sweep does for earlier runs that are settled what their end could not: the
# program was killed just then, or the file system let nothing be removed.
sweep() {
	set +f
	for sweep_dir in "$home"/runs/*; do
		set -f
		run_state "${sweep_dir##*/}"
		case $state in kept | rolled-back) ;; *) continue ;; esac
		this_run "${sweep_dir##*/}"
		[ "$kept_run" = "$run" ] || each_line clean
	done
	set -f
	this_run "$run"
	reason=
}

# unmake takes a directory away that was made for a file, if nothing else came
# into it.
unmake() {
	[ "$m_kind" = file ] && [ "$m_f" = 1 ] && [ -d "$root$at_dir" ] || return 0
	op rmdir "$root$at_dir" || {
		note "$at_dir is left behind: $op_error"
		return 0
	}
	op durable_dir "$root${at_dir%/*}/"
	return 0
}

# forget takes away all that is kept of a run.
forget() { op rm -rf "$home/runs/$1"; }

# forget_old keeps the last 20 runs that are settled, by their names.
forget_old() {
	old_settled=
	old_count=0
	set +f
	for old_dir in "$home"/runs/*; do
		run_state "${old_dir##*/}"
		case $state in
		kept | rolled-back)
			old_settled="$old_settled ${old_dir##*/}"
			old_count=$((old_count + 1))
			;;
		esac
	done
	set -f
	for old_run in $old_settled; do
		[ "$old_count" -gt 20 ] || break
		[ "$old_run" = "$kept_run" ] || forget "$old_run"
		old_count=$((old_count - 1))
	done
}

# read_back is false if a file or a value is not what it was to become.
read_back() { each_line read_back_line; }
read_back_line() {
	case $m_kind in
	file)
		hash_of "$at"
		[ "$hash" = "$after" ] || fail "$m_path is not what was written"
		;;
	live)
		value || fail "$m_b: $why" || return 1
		if above "${m_f%:*}" "${now%:*}" || above "${m_f#*:}" "${now#*:}"; then
			fail "$m_b is $now, want $m_f"
		fi
		;;
	esac
}

# answer OUTCOME is the end of a program that changes a host: what its files and
# values are like now, and how it came out.
answer() {
	answer_reason=$reason
	[ ! -f "$manifest" ] || each_line tell_line
	reason=$answer_reason
	say "tmdoctor:outcome:$nonce $1"
	[ -z "$reason" ] || tell why "$reason"
}
tell_line() {
	case $m_kind in
	file)
		hash_of "$at"
		case $hash in
		"$after") tell_state=new ;;
		"$before") tell_state=old ;;
		'?') tell_state=unreadable ;;
		*) tell_state=edited ;;
		esac
		say "file $tell_state ${hash:--} $m_path"
		;;
	live)
		value
		say "live $m_a $m_b $m_c $m_d $m_e $m_f ${now:--}"
		[ -n "$now" ] || tell why "$why"
		;;
	esac
	return 0
}
