# apply: a plan, file by file and value by value, with the way back open until
# the verdict.

apply() {
	say "tmdoctor:begin:$nonce"
	deaf
	this_run "$run"
	begun=
	if ! prepare; then
		back_out
		outcome=untouched
	elif ! change || ! read_back || ! set_state applied; then
		undo
	elif [ -z "$wait" ]; then
		keep
	else
		each_line tell_line
		say "tmdoctor:applied:$nonce"
		limit "$patience" verdict >/dev/null 2>&1
		case $? in
		10) keep ;;
		11) fail "told to go back" || undo ;;
		124) fail "no verdict came in $patience s" || undo ;;
		*) fail "the connection ended without a verdict" || undo ;;
		esac
	fi
	answer "$outcome"
	unlock
	say "tmdoctor:end:$nonce"
	[ "$outcome" = kept ]
}

verdict() {
	IFS= read -r verdict_line <&3 || exit 12
	case $verdict_line in
	"keep $nonce") exit 10 ;;
	"back $nonce") exit 11 ;;
	*) exit 12 ;;
	esac
}

# prepare is all that can go wrong before the first change: it is false with a
# reason.
prepare() {
	[ -z "$refused" ] || fail "$refused" || return 1
	ready && lock && no_other_run && sweep || return 1
	begun=1
	note_copy
	must mkdir -m 0755 "$run_dir" && must mkdir -m 0700 "$kept_dir" &&
		must write_manifest && must durable "$manifest" || return 1
	each_line compare || return 1
	must write_line "$who" "$run_dir/who" && set_state staged &&
		must durable_dir "$home/runs" && each_line stage && each_line sync_dirs && must durable_dir "$kept_dir"
}

# note_copy: a person should know where a copy may lack something. A directory
# that stands for a host belongs to whoever runs this.
note_copy() {
	as_user=
	[ "$(id -u)" = 0 ] || as_user=1
	command -v setfacl >/dev/null 2>&1 && return 0
	case $(cp --version 2>/dev/null) in
	*GNU*) ;;
	*) note "cp and setfacl of this host do not keep access lists and extended attributes" ;;
	esac
}
write_manifest() { content_manifest >"$manifest" || unwritten; }

# no_other_run is false if a run is unfinished here. One that changed nothing yet
# and whose program is gone is cleaned away.
no_other_run() {
	while unfinished && [ -n "$unfinished" ]; do
		run_state "$unfinished"
		[ "$state" = staged ] || fail "run $unfinished is $state here and not finished: resume it or roll it back first" || return 1
		this_run "$unfinished"
		note "run $unfinished had changed nothing here yet: cleaned away"
		if [ -f "$run_dir/state" ]; then
			each_line clean
			each_line unmake
		fi
		forget "$unfinished" || fail "$run_dir: $op_error" || return 1
	done
	this_run "$run"
	[ -d "$run_dir" ] || return 0
	run_state "$run"
	[ "$state" = rolled-back ] || fail "run $run is $state here already" || return 1
	forget "$run" || fail "$run_dir: $op_error"
}

# back_out leaves nothing behind of what has changed nothing.
back_out() {
	[ -n "$begun" ] || return 0
	if [ -f "$run_dir/state" ]; then
		each_line clean
		each_line unmake
	fi
	[ ! -f "$manifest" ] || each_line tell_line
	forget "$run"
}

# compare is false if the host is not what the plan was made for.
compare() {
	case $m_kind in
	file) compare_file ;;
	live) compare_live ;;
	*)
		[ -n "$root" ] || command -v systemctl >/dev/null 2>&1 || fail "this host has no systemctl"
		;;
	esac
}
compare_file() {
	resolve "$m_path"
	case $?:$real in
	2:*) fail "$m_path: $why" || return 1 ;;
	1:*)
		[ ! -h "$at" ] || fail "$m_path is a link, or below one" || return 1
		[ -z "$before" ] || fail "$m_path is gone since it was read" || return 1
		compare_new || return 1
		;;
	*)
		[ "$real" = "$m_path" ] || fail "$m_path is a link, or below one" || return 1
		[ -n "$before" ] || fail "$m_path has appeared since it was looked for" || return 1
		[ -f "$at" ] || fail "$m_path is not a regular file" || return 1
		hash_of "$at"
		[ "$hash" = "$before" ] || fail "$m_path has changed since it was read" || return 1
		stat_of "$at"
		[ "$mode $owner" = "$m_d $m_e" ] || fail "$m_path has mode $mode and owner $owner, and had $m_d and $m_e when it was read" || return 1
		obstacle "$m_path" "$at_dir"
		[ -z "$why" ] || fail "$m_path is $why" || return 1
		;;
	esac
}

# compare_new is for a file that is absent: its directory, or where the plan
# makes that, the one above, must be there and have no link in it.
compare_new() {
	compare_dir=$at_dir
	if [ "$m_f" = 1 ]; then
		[ -z "$dir" ] || fail "$at_dir has appeared since it was looked for" || return 1
		compare_dir=${at_dir%/*}
		compare_dir=${compare_dir:-/}
	fi
	resolve "$compare_dir" && [ -d "$root$real" ] || fail "$compare_dir is not there" || return 1
	[ "${real:-/}" = "$compare_dir" ] || fail "$compare_dir is a link, or below one" || return 1
	obstacle "" "$compare_dir"
	[ -z "$why" ] || fail "$compare_dir is $why"
}
compare_live() {
	if [ "$m_a" = process ]; then
		[ -z "$root" ] || fail "the limits of a running process: needs a live kernel" || return 1
		command -v prlimit >/dev/null 2>&1 || fail "this host has no prlimit" || return 1
	fi
	value || fail "$m_b: $why" || return 1
	[ "$now" = "$m_e" ] || fail "$m_b is $now, and was $m_e when it was read"
}

# stage does for a file whatever can fail: the backup, a second name for what is
# there, the new file beside it with all that belongs to the old one.
stage() {
	[ "$m_kind" = file ] || return 0
	op rm -f "$new"
	if [ -z "$before" ]; then
		[ "$m_f" != 1 ] || [ -d "$root$at_dir" ] || make_dir || return 1
		must write content "$new" && must chmod "$m_d" "$new" || return 1
		[ -n "$as_user" ] || must chown "$m_e" "$new" || return 1
	else
		must copy "$at" "$backup" && must durable "$backup" || return 1
		hash_of "$backup"
		[ "$hash" = "$before" ] || fail "$m_path changed while it was copied" || return 1
		op ln "$at" "$old" || fail "$m_path cannot be linked to, so it may be immutable: $op_error" || return 1
		must copy "$at" "$new" && must write content "$new" || return 1
	fi
	label
	must durable "$new" || return 1
	hash_of "$new"
	[ "$hash" = "$after" ] || fail "the new $m_path is not what was written to it" || return 1
	stat_of "$new"
	[ -z "$as_user" ] || [ -n "$before" ] || owner=$m_e
	[ "$mode $owner" = "$m_d $m_e" ] || fail "the new $m_path has mode $mode and owner $owner: want $m_d and $m_e"
}
write() { "content_$m_a" >"$2" || unwritten; }
append_line() { print_line "$1" >>"$2" || unwritten; }
make_dir() {
	must mkdir -m 0755 "$root$at_dir" && must durable_dir "$root${at_dir%/*}/"
}

# label gives the new file the SELinux label of the old one, or the one of its
# place.
label() {
	[ -z "$root" ] && [ -e /sys/fs/selinux/enforce ] || return 0
	if [ -n "$before" ]; then
		op chcon --reference="$at" "$new" || note "$m_path: no SELinux label: $op_error"
	elif op_line=$(matchpathcon -n "$m_path" 2>/dev/null); then
		op chcon "$op_line" "$new" || note "$m_path: no SELinux label: $op_error"
	fi
	return 0
}
sync_dirs() {
	[ "$m_kind" != file ] || must durable_dir "$root$at_dir"
}

# change is false with a reason if anything fails after the first change.
change() {
	set_state applying && each_line change_line
}
change_line() {
	case $m_kind in
	file) change_file ;;
	live) change_live ;;
	reload) reload_units ;;
	restart) must append_line "$m_path" "$kept_dir/restarted" && restart_unit "$m_path" ;;
	esac
}
change_file() {
	op replace || fail "$m_path: ${op_error:-not replaced}" || return 1
	must durable_dir "$root$at_dir" || return 1
	[ -n "$before" ] || return 0
	# Who wrote into the file at this very moment wrote into the old one.
	hash_of "$old"
	[ "$hash" = "$before" ] || fail "$m_path was edited while it was replaced"
}

# replace looks once more, then puts the new file into the place of the old one
# in one step. A new name must not be there yet: a link can be made only then.
replace() {
	if [ -z "$before" ]; then
		ln "$new" "$at" && rm -f "$new"
		return
	fi
	place "$new" "$before"
}

# change_live never lowers: what is higher by now stays.
change_live() {
	value || fail "$m_b: $why" || return 1
	want=$m_f
	if [ "$m_a" = sysctl ]; then
		above "$want" "$now" || return 0
	else
		soft=${want%:*} hard=${want#*:}
		above "$soft" "${now%:*}" || soft=${now%:*}
		above "$hard" "${now#*:}" || hard=${now#*:}
		want=$soft:$hard
		[ "$want" != "$now" ] || return 0
	fi
	op give "$want" || fail "$m_b: ${op_error:-not changed}" || return 1
	value
	[ "$now" = "$want" ] || fail "$m_b is ${now:-unknown} after $want was given"
}

keep() {
	outcome=kept
	if set_state kept; then
		each_line clean
		forget_old
	else
		undo
	fi
}
undo() {
	if restore; then outcome=rolled-back; else outcome=stuck; fi
}
