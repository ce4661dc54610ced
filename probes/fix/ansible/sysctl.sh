# sh -c THIS sh KEY WANT [GIVEN] raises a key of /proc/sys, or gives it back
# where it is still what was GIVEN. It prints "changed" if it changed it.
set -eu
file=/proc/sys/$(printf '%s' "$1" | tr . /)
now=$(cat "$file")
if [ -n "${3-}" ]; then
	[ "$now" = "$3" ] || {
		echo "it is $now, which was not given: left as it is"
		exit 0
	}
else
	[ "$now" -lt "$2" ] || exit 0
fi
printf '%s\n' "$2" >"$file"
now=$(cat "$file")
[ "$now" = "$2" ] || {
	echo "it is $now after $2 was written" >&2
	exit 1
}
echo changed
