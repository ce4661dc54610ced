#!/run/lab/sh
# Stands in for /bin/sh on a host where fix is disturbed. It is the host's own
# shell, but a program that root runs from standard input gets one line more, at
# the top of the function through which each change goes: before operation N,
# what the test left in /run/fault/N is run. All else is as it was sent.
if [ "$*" = -s ] && [ -d /run/fault/on ] && [ "$(id -u)" = 0 ]; then
	pipe=/run/fault/on/$$
	mkfifo "$pipe"
	exec 3<&0
	# shellcheck disable=SC2016 # for the program
	/run/lab/sed -u '/^op() {$/a\
	printf "%s\\n" "$((op_number + 1)) $*" >>/run/fault/log; [ ! -e "/run/fault/$((op_number + 1))" ] || . "/run/fault/$((op_number + 1))"' \
		<&3 3<&- >"$pipe" 2>/dev/null &
	exec 3<&-
	exec /run/lab/sh -s <"$pipe"
fi
exec /run/lab/sh "$@"
