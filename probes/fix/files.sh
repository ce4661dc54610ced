# Files: what stands at a path, what keeps it from being changed, and how it is
# told.

# durable FILE does not return before the file is on the disk; durable_dir the
# same for the names in a directory. An old sync(1) writes out everything, also
# what hangs: it has a time limit. What failed is not tried by other means: the
# kernel tells of a lost write once, and calls the next fsync(2) a success.
durable() {
	case $(dd --help 2>&1) in
	*fsync*)
		dd if=/dev/null of="$1" conv=notrunc,fsync 2>/dev/null || {
			say "not written to the disk" >&2
			return 1
		}
		return
		;;
	esac
	if command -v fsync >/dev/null 2>&1; then
		fsync "$1"
	else
		limit 20 sync "$1"
	fi
}
durable_dir() {
	if command -v fsync >/dev/null 2>&1; then
		fsync "$1"
	else
		limit 20 sync "$1"
	fi
}

# hash_of FILE sets $hash: "" is absent, "?" is not a file that can be read.
hash_of() {
	hash=
	[ -e "$1" ] || [ -h "$1" ] || return 0
	hash='?'
	[ -f "$1" ] && [ ! -h "$1" ] || return 0
	hash_line=$(sha256sum <"$1" 2>/dev/null)
	hash_line=${hash_line%% *}
	[ "${#hash_line}" != 64 ] || hash=$hash_line
}

# stat_of FILE sets $mode (0644), $owner (UID:GID), $links and $size.
stat_of() {
	mode='?' owner='?' links=0 size=0
	stat_line=$(stat -c '%a %u:%g %h %s' "$1" 2>/dev/null) || return 1
	# shellcheck disable=SC2086 # words
	set -- $stat_line
	[ "$#" = 4 ] || return 1
	mode=$1 owner=$2 links=$3 size=$4
	while [ "${#mode}" -lt 4 ]; do mode=0$mode; done
}

# still HASH is true if that is still what is at $at.
still() {
	hash_of "$at"
	[ "$hash" = "$1" ] || edited_now
}
edited_now() {
	say "it was edited just now" >&2
	return 1
}

# place FILE HASH puts a file to $at in one step, if what is there has the hash.
# What comes there between that look and that step is lost only where mv(1)
# cannot exchange two files (coreutils before 9.5, busybox).
place() {
	still "$2" || return 1
	case $(mv --help 2>&1) in
	*--exchange*) ;;
	*)
		mv -f "$1" "$at"
		return
		;;
	esac
	hash_of "$1"
	place_hash=$hash
	mv -f "$1" "$swap" || return 1
	if ! mv --exchange -T "$swap" "$at" 2>/dev/null; then # not on this file system
		mv -f "$swap" "$1" && still "$2" && mv -f "$1" "$at"
		return
	fi
	hash_of "$swap"
	if [ "$hash" = "$2" ]; then
		rm -f "$swap"
		return
	fi
	if mv --exchange -T "$swap" "$at"; then
		# What comes back may be one more edit: then it stays where it is.
		hash_of "$swap"
		[ "$hash" != "$place_hash" ] || mv -f "$swap" "$1"
	fi
	edited_now
}

# resolve PATH follows links, below the root, and sets $real to the path
# without any; 1: absent, and $dir is its directory, or "" if that is absent as
# well; 2: it cannot be told, and $why says why.
resolve() {
	real='' dir='' why=''
	resolve_rest=$1
	resolve_links=0
	while [ -n "$resolve_rest" ]; do
		resolve_part=${resolve_rest%%/*}
		case $resolve_rest in
		*/*) resolve_rest=${resolve_rest#*/} ;;
		*) resolve_rest= ;;
		esac
		case $resolve_part in
		"" | .) continue ;;
		..)
			real=${real%/*}
			continue
			;;
		esac
		if [ -h "$root$real/$resolve_part" ]; then
			resolve_links=$((resolve_links + 1))
			why="too many links"
			[ "$resolve_links" -le 16 ] || return 2
			why="a link that cannot be read"
			resolve_to=$(readlink "$root$real/$resolve_part") || return 2
			why=
			case $resolve_to in /*) real= ;; esac
			resolve_rest=$resolve_to/$resolve_rest
			continue
		fi
		if [ ! -e "$root$real/$resolve_part" ]; then
			why="its directory may not be searched"
			[ ! -d "$root$real/" ] || [ -x "$root$real/" ] || return 2
			why=
			case $resolve_rest in *[!/]*) ;; *) dir=${real:-/} ;; esac
			return 1
		fi
		real=$real/$resolve_part
	done
	dir=${real%/*}
	dir=${dir:-/}
	return 0
}

# mount_of DIR sets $mount_type, and $mount_ro to 1 if its file system is
# mounted read-only; "" where mounts are not known.
mount_of() {
	mount_type='' mount_ro='' mount_best=0
	while read -r mi_id mi_parent mi_dev mi_top mi_at mi_options mi_rest; do
		# Not as one pattern: bash forgets the slash behind an empty word.
		mi_below=${mi_at%/}/
		case ${1%/}/ in
		"$mi_below"*) [ "${#mi_at}" -ge "$mount_best" ] || continue ;;
		*) continue ;;
		esac
		mount_best=${#mi_at}
		mi_rest=${mi_rest#*"- "}
		mount_type=${mi_rest%% *}
		mount_ro=
		case ,$mi_options,/,${mi_rest##* }, in *,ro,*) mount_ro=1 ;; esac
	done 2>/dev/null <"$root/proc/self/mountinfo"
	return 0
}

# room DIR sets $room_kib and $room_inodes to what is free, "" if not known.
room() {
	room_kib=$(df -P -k "$1" 2>/dev/null | last_free)
	room_inodes=$(df -P -i "$1" 2>/dev/null | last_free)
}
last_free() {
	last=
	while read -r last_line; do last=$last_line; done
	# shellcheck disable=SC2086 # words
	set -- $last
	# Names of devices may hold blanks: what comes before NN% is the number.
	while [ "$#" -gt 2 ]; do
		case $3 in
		*% | -)
			# A file system without a number of inodes shows 0 of 0.
			[ "$1$2" = 00 ] || say "$2"
			return 0
			;;
		esac
		shift
	done
}

# obstacle FILE DIR sets $why to what keeps the file, or a new one in the
# directory, from being replaced; both are real paths. "" for nothing known.
obstacle() {
	why=
	mount_of "$2"
	case $mount_type in
	overlay | overlayfs | aufs | unionfs) why="on an overlay file system: what is written there does not outlast it" ;;
	tmpfs | ramfs) why="in memory ($mount_type), not on a disk" ;;
	nfs* | cifs | smb* | 9p | ceph | fuse.* | fuse | glusterfs | lustre | afs | virtiofs) why="on a file system of type $mount_type, which is not a local disk" ;;
	esac
	[ -z "$mount_ro" ] || why="on a file system that is mounted read-only"
	[ -z "$why" ] || return 0
	for obstacle_at in "$1" "$2"; do
		[ -e "$root$obstacle_at" ] || continue
		obstacle_bits=$(lsattr -d "$root$obstacle_at" 2>/dev/null)
		case ${obstacle_bits%% *} in
		*i*) why="immutable (chattr +i $obstacle_at)" ;;
		*a*) why="append-only (chattr +a $obstacle_at)" ;;
		esac
		[ -z "$why" ] || return 0
	done
	room "$root$2"
	case $room_kib in
	"" | *[!0-9]*) ;;
	*) [ "${#room_kib}" -gt 6 ] || [ "$room_kib" -ge 64 ] || why="on a file system that is full ($room_kib KiB left)" ;;
	esac
	case $room_inodes in
	0 | 1 | 2) why="on a file system that has no inodes left" ;;
	esac
}

# show KEY FILE MAX prints a file raw, between its size and its hash with the
# nonce: that is how its end is known, whatever is in it. All files together are
# at most 3 MiB: an answer of more than 4 MiB is cut.
show_left=3145728
show() {
	hash_of "$2"
	stat_of "$2"
	if [ "${#size}" -gt 7 ] || [ "$size" -gt "$3" ] || [ "$size" -gt "$show_left" ]; then
		say "$1 -1"
		print_line "${nl}tmdoctor:hash:$nonce $hash" 2>/dev/null
		return 0
	fi
	show_left=$((show_left - size))
	say "$1 $size"
	[ -z "$hash" ] || cat "$2" 2>/dev/null
	print_line "${nl}tmdoctor:hash:$nonce $hash" 2>/dev/null
}
