# restore: all as it was before a run, from what the host kept of it. It may be
# begun again wherever it was cut short.

# restore makes files and values old again; $stuck names what could not be.
restore() {
	stuck=
	restore_reason=$reason
	run_state "$kept_run"
	[ "$state" = applying ] || set_state applying || note "the state of the run could not be written: $reason"
	reason=$restore_reason
	each_line restore_line || stuck="$stuck $manifest (damaged)"
	each_line clean
	each_line unmake
	if [ -n "$stuck" ]; then
		reason="${reason:+$reason; }not restored:$stuck"
		return 1
	fi
	set_state rolled-back || note "the state of the run could not be written: $op_error"
	reason=$restore_reason
}
restore_line() {
	case $m_kind in
	file) restore_file || stuck="$stuck $m_path (${restore_why:-${op_error:-it failed}})" ;;
	live) restore_live || stuck="$stuck $m_b${op_error:+ ($op_error)}" ;;
	reload) reload_units || stuck="$stuck units (daemon-reload)" ;;
	restart)
		! restarted "$m_path" || restart_unit "$m_path" || stuck="$stuck $m_path"
		;;
	esac
	return 0
}

# restarted UNIT is true if the run restarted it, or was about to.
restarted() {
	while read -r restarted_unit <&5; do
		[ "$restarted_unit" != "$1" ] || return 0
	done 2>/dev/null 5<"$kept_dir/restarted"
	return 1
}

restore_file() {
	restore_why='' op_error=''
	hash_of "$at"
	case $hash in
	"$before") return 0 ;;
	"$after") ;;
	*)
		if unplaced; then
			note "$m_path was edited by another before it was replaced: left as it is"
			return 0
		fi
		restore_why="edited since: left as it is"
		[ -n "$force" ] && [ ! -d "$at" ] || return 1
		restore_why=
		;;
	esac
	restore_from=$hash
	if [ -z "$before" ]; then
		op take_away || return 1
	elif [ -f "$old" ] && [ -z "$force" ]; then
		# The very file it was, with all that belongs to it; also what somebody
		# wrote into it while it was replaced.
		op put_back "$old" || return 1
	else
		op rm -f "$new"
		op copy "$backup" "$new" && op durable "$new" || return 1
		hash_of "$new"
		restore_why="its backup is damaged"
		[ "$hash" = "$before" ] || return 1
		restore_why=
		op put_back "$new" || return 1
	fi
	restore_why="is back, and may not be on the disk"
	op durable_dir "$root$at_dir" || return 1
	hash_of "$at"
	restore_why="edited while it was replaced: left as it is"
	[ "$hash" = "$before" ]
}

# unplaced is true where the new file is still beside its place: it was never put
# there, so what is there is another's, and a run has nothing to undo.
unplaced() {
	[ -n "$before" ] || return 1
	unplaced_hash=$hash
	unplaced_status=1
	for unplaced_file in "$new" "$swap"; do
		hash_of "$unplaced_file"
		[ "$hash" != "$after" ] || unplaced_status=0
	done
	hash=$unplaced_hash
	return "$unplaced_status"
}

# put_back FILE and take_away look once more before they change anything.
put_back() { place "$1" "$restore_from"; }
take_away() {
	still "$restore_from" && mv -f "$at" "$swap" || return 1
	hash_of "$swap"
	[ "$hash" != "$restore_from" ] || {
		rm -f "$swap"
		return
	}
	ln "$swap" "$at" && rm -f "$swap"
	edited_now
}

# restore_live gives a value back only where it is still what the run gave.
restore_live() {
	op_error=
	if ! value; then
		op_error=$why
		[ -n "$gone" ] && note "$m_b: $why"
		return
	fi
	[ "$now" != "$m_e" ] || return 0
	if [ "$now" != "$m_f" ]; then
		note "$m_b is $now, which this run did not give: left as it is"
		return 0
	fi
	op give "$m_e" || return 1
	value && [ "$now" = "$m_e" ]
}

# copy FROM TO copies a file with all that belongs to it, as far as the tools
# of the host can: an access list by itself where cp(1) is not the one of GNU.
copy() {
	cp -a "$1" "$2" 2>/dev/null || cp -p "$1" "$2" || return 1
	if command -v setfacl >/dev/null 2>&1 && command -v getfacl >/dev/null 2>&1; then
		copy_list=$(getfacl -c -n "$1" 2>/dev/null) || return 0
		[ "$(getfacl -c -n "$2" 2>/dev/null)" = "$copy_list" ] ||
			print_line "$copy_list" | setfacl --set-file=- "$2"
	fi
	return 0
}
