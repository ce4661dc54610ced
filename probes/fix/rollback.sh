# rollback and settle: the end of a run that was begun before.

rollback() {
	say "tmdoctor:begin:$nonce"
	deaf
	this_run "$run"
	outcome=untouched
	if ready && lock && sweep && known_run; then
		case $state in
		rolled-back)
			note "run $run is rolled back already"
			each_line clean
			outcome=rolled-back
			;;
		staged) unstage ;;
		*)
			edited=
			each_line unedited
			[ -z "$edited" ] || fail "$edited"
			if [ -z "$reason" ] || [ -n "$force" ]; then
				if restore; then outcome=rolled-back; else outcome=stuck; fi
			fi
			;;
		esac
	fi
	answer "$outcome"
	unlock
	say "tmdoctor:end:$nonce"
	[ "$outcome" = rolled-back ]
}
known_run() {
	[ -z "$refused" ] || fail "$refused" || return 1
	run_state "$run"
	[ -n "$state" ] || fail "this host knows nothing of run $run"
}

# unstage cleans up after a run that was cut short before its first change.
unstage() {
	if [ ! -f "$run_dir/state" ]; then
		forget "$run" || fail "$run_dir: $op_error" || return 1
	else
		each_line clean
		each_line unmake
		set_state rolled-back || return 1
	fi
	outcome=rolled-back
}

# unedited gathers in $edited what somebody edited since the run.
unedited() {
	[ "$m_kind" = file ] && [ -z "$force" ] || return 0
	hash_of "$at"
	case $hash in
	"$before") return 0 ;;
	"$after")
		stat_of "$at"
		[ "$mode $owner" = "$m_d $m_e" ] || edited="${edited:+$edited; }$m_path has mode $mode and owner $owner, and had $m_d and $m_e after run $run"
		return 0
		;;
	esac
	unplaced || edited="${edited:+$edited; }$m_path was edited since run $run"
}

settle() {
	say "tmdoctor:begin:$nonce"
	deaf
	this_run "$run"
	outcome=untouched
	if ready && lock && sweep && known_run; then
		case $state in
		kept)
			note "run $run is kept already"
			each_line clean
			outcome=kept
			;;
		applied)
			if each_line read_back_line && set_state kept; then
				each_line clean
				forget_old
				outcome=kept
			fi
			;;
		*) fail "run $run is $state here" ;;
		esac
	fi
	answer "$outcome"
	unlock
	say "tmdoctor:end:$nonce"
	[ "$outcome" = kept ]
}
