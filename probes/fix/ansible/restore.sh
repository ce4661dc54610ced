# sh -c THIS sh PATH BEFORE AFTER BACKUP undoes what wrote a file, unless
# somebody edited it since.
set -eu
LC_ALL=C
export LC_ALL
hash() { sha256sum <"$1" | cut -c 1-64; }
path=$1 before=$2 after=$3 backup=$4
dir=${path%/*}
new=$dir/.tmdoctor.ansible.tmp
[ "$(hash "$path")" = "$after" ] || {
	echo "the file was edited since: its old bytes are in $backup" >&2
	exit 1
}
if [ "$before" = absent ]; then
	rm -f "$path"
	[ ! -e "$backup.dir" ] || {
		rmdir "$dir"
		rm -f "$backup.dir"
	}
else
	cp -a "$backup" "$new"
	dd if=/dev/null of="$new" conv=notrunc,fsync 2>/dev/null
	mv -f "$new" "$path"
fi
