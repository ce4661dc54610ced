# sh -c THIS sh KEY WANT [undo] raises a key of /proc/sys, and lowers it only
# to undo that. It prints "changed" if it changed it.
set -eu
file=/proc/sys/$(printf '%s' "$1" | tr . /)
now=$(cat "$file")
[ "${3-}" = undo ] || [ "$now" -lt "$2" ] || exit 0
printf '%s\n' "$2" >"$file"
now=$(cat "$file")
[ "$now" = "$2" ] || {
	echo "it is $now after $2 was written" >&2
	exit 1
}
echo changed
