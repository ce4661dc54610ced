# sh -c THIS sh PATH BEFORE AFTER MODE OWNER BACKUP, with the new bytes in
# base64 on standard input. BEFORE and AFTER are SHA-256, BEFORE of a new file
# is "absent". It prints "changed" if it changed the file.
set -eu
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
umask 077
hash() {
	if [ -f "$1" ] && [ ! -h "$1" ]; then
		sha256sum <"$1" | cut -c 1-64
	elif [ -e "$1" ] || [ -h "$1" ]; then
		echo "not a file"
	else
		echo absent
	fi
}
path=$1 before=$2 after=$3 mode=$4 owner=$5 backup=$6
dir=${path%/*}
new=$dir/.tmdoctor.ansible.tmp
now=$(hash "$path")
# Ansible fails where nobody reads what it writes.
[ "$now" != "$after" ] || {
	cat >/dev/null
	exit 0
}
stop() {
	cat >/dev/null
	echo "$1" >&2
	exit 1
}
[ "$now" = "$before" ] || stop "the file has changed since it was planned"
(umask 022 && mkdir -p "${backup%/*}")
chmod 0700 "${backup%/*}"
trap 'rm -f "$new"' EXIT
rm -f "$new"
if [ "$before" = absent ]; then
	[ -d "$dir" ] || {
		mkdir -m 0755 "$dir"
		: >"$backup.dir"
	}
	base64 -d >"$new"
	chown "$owner" "$new"
	chmod "$mode" "$new"
else
	# cp -a keeps owner, mode, ACL and SELinux label.
	cp -a "$path" "$backup"
	[ "$(hash "$backup")" = "$before" ] || stop "the file changed while it was copied"
	cp -a "$path" "$new"
	base64 -d >"$new"
fi
[ "$(hash "$new")" = "$after" ] || stop "what was written is not what was sent"
dd if=/dev/null of="$new" conv=notrunc,fsync 2>/dev/null
[ "$(hash "$path")" = "$now" ] || stop "the file was edited just now"
mv -f "$new" "$path"
[ "$before" != absent ] || ! command -v restorecon >/dev/null || restorecon "$path" || :
sync "$dir" || :
[ "$(hash "$path")" = "$after" ] || stop "the file is not what was written"
echo changed
