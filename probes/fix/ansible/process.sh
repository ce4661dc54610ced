# sh -c THIS sh PID STARTED ITEM SOFT HARD [GIVEN] raises a limit of a process,
# or gives it back where it is still what was GIVEN, SOFT:HARD. A process that is gone, or another one by
# now, is left alone. It prints "changed" if it changed it.
set -eu
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
pid=$1 started=$2 item=$3 soft=$4 hard=$5 given=${6-}
same() {
	# Field 22, counted behind the name, which may hold blanks and brackets.
	stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
	[ "$(printf '%s\n' "${stat##*") "}" | cut -d ' ' -f 20)" = "$started" ]
}
case $item in
nofile) head='Max open files' ;;
as) head='Max address space' ;;
nproc) head='Max processes' ;;
*) exit 1 ;;
esac
higher() {
	if [ "$1" = unlimited ] || [ "$2" = unlimited ]; then
		echo unlimited
	elif [ "$1" -gt "$2" ]; then
		echo "$1"
	else
		echo "$2"
	fi
}
same || {
	echo "the process is gone"
	exit 0
}
# shellcheck disable=SC2046 # words
set -- $(sed -n "s/^$head  *\([^ ]*\)  *\([^ ]*\) .*/\1 \2/p" "/proc/$pid/limits")
if [ -n "$given" ]; then
	[ "$1:$2" = "$given" ] || {
		echo "it is $1:$2, which was not given: left as it is"
		exit 0
	}
else
	soft=$(higher "$soft" "$1")
	hard=$(higher "$hard" "$2")
fi
[ "$soft:$hard" != "$1:$2" ] || exit 0
same
prlimit --pid "$pid" "--$item=$soft:$hard"
echo changed
