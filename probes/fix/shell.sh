# What the program prints is for tmdoctor: the words for a person.
tmdoctor_words() {
	outcome='' reason='' ended=''
	while IFS= read -r line; do
		case $line in
		"tmdoctor:outcome:$tmdoctor_nonce "*) outcome=${line##* } ;;
		"tmdoctor:end:$tmdoctor_nonce") ended=1 ;;
		"why "*) reason=${line#why } ;;
		"note "*) printf 'note: %s\n' "${line#note }" ;;
		"file "*)
			# file STATE HASH PATH
			line=${line#file }
			state=${line%% *}
			line=${line#* }
			printf '%s: %s\n' "${line#* }" "$state"
			;;
		"live "*)
			# live KIND SETTING PID STARTED BEFORE AFTER NOW
			# shellcheck disable=SC2086 # words
			set -- $line
			[ "$2" = sysctl ] || set -- "$1" "$2" "$3 of process $4" "$4" "$5" "$6" "$7" "$8"
			printf '%s: now %s, planned %s -> %s\n' "$3" "$8" "$6" "$7"
			;;
		esac
	done
	case $tmdoctor_do:$outcome:$ended in
	rollback:rolled-back:1) printf 'undone: all is as it was before\n' ;;
	*:kept:1) printf 'applied\n' ;;
	*:untouched:1) printf 'nothing was changed: %s\n' "$reason" ;;
	*:rolled-back:1) printf 'all is as it was: %s\n' "$reason" ;;
	*:stuck:1) printf 'NEITHER applied NOR as it was, see above: %s\n' "$reason" ;;
	*) printf 'the program has no end: run this script with undo, and all is as it was\n' ;;
	esac
	case $tmdoctor_do:$outcome:$ended in
	apply:kept:1 | rollback:rolled-back:1) ;;
	*) return 1 ;;
	esac
}

# The status of a pipe is that of its last command; that command here makes
# harmless to a terminal what the others say, and keeps the status in fd 5.
tmdoctor_main() {
	# An interrupt between two operations would help nobody.
	trap '' HUP INT QUIT
	set -f
	printf 'this is %s; the plan is for %s\n' "$(uname -n)" "$tmdoctor_host"
	status=$({
		{
			tmdoctor_program </dev/null 5>&- 6>&- | tmdoctor_words
			printf '%s' "$?" >&5
		} | LC_ALL=C tr -c '\n -~' '?' >&6
	} 5>&1)
	return "${status:-1}"
}
case $#:${1-} in
0:) tmdoctor_do=apply ;;
1:undo) tmdoctor_do=rollback ;;
*)
	printf 'usage: sh FILE [undo]\n' >&2
	exit 64
	;;
esac
{ tmdoctor_main; } 6>&1
