# The directories that TaskManagers write: mounts, free blocks and inodes,
# owners and modes, whether the TaskManager's user can write there.
#
# Recorded answers (files in .tmdoctor of a directory that stands for a host):
#   statfs  lines of stat -f -c "%T %S %b %f %a %c %d %n": TYPE BLOCKSIZE
#           BLOCKS FREE AVAIL FILES FILESFREE PATH; the line of a mount point
#           answers for what lies below it
#   ls      lines of ls -ldn; "ls: cannot access 'PATH': No such file or
#           directory" for what is not there. Without it the tree itself is
#           looked at, where owners are those of the tree
#   test_w  yes PATH or no PATH: can the TaskManager's user write there (make
#           it, if it is absent)
#   quota   lines of quota -w: DEVICE BLOCKS QUOTA LIMIT [GRACE] FILES ...

disk_early() {
	for pid in $tms; do
		[ -r "$root/proc/$pid/status" ] || continue
		line=''
		while read -r key value rest; do
			case $key in
			Gid:) line=$value ;;
			Groups:) line="$line $value $rest" && break ;;
			esac
		done <"$root/proc/$pid/status"
		[ -z "$line" ] || fact "disk.$pid.groups" "$line"
	done
}

# disk_real PATH sets $real: the path with its links followed, as far as it
# exists. It only asks for links, so that it does not touch what is mounted
# at the end.
disk_real() {
	real='' rest=$1 links=0
	while [ -n "$rest" ]; do
		part=${rest%%/*}
		case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
		case $part in
		"" | .) continue ;;
		..) real=${real%/*} && continue ;;
		esac
		disk_hung "$real/$part" && real=$real/$part${rest:+/$rest} && return
		if [ -h "$root$real/$part" ] && [ "$links" -lt 8 ] && link_target "$root$real/$part"; then
			links=$((links + 1))
			case $target in /*) real='' ;; esac
			rest=$target/$rest
			continue
		fi
		real=$real/$part
	done
	[ -n "$real" ] || real=/
}

# disk_hung PATH: it lies on a mount that did not answer.
disk_hung() {
	[ -n "$hung" ] || return 1
	for point in $hung; do
		case $1/ in "$point"/*) return 0 ;; esac
	done
	return 1
}

# disk_mounts NAME FILE: the lines of a mountinfo on whose mount points our
# paths lie, and all whose mount point is written with escapes.
disk_mounts() {
	while read -r line; do
		# shellcheck disable=SC2086 # words
		disk_words $line
		case $mount_point in
		/ | *\\*) ;;
		*) case $needles in *":$mount_point/"*) ;; *) continue ;; esac ;;
		esac
		fact "$1" "$line"
	done <"$root$2"
}
disk_words() { mount_point=$5; }

# disk_network: a network or FUSE mount below one of our paths is touched once,
# under a limit, before anything else there is. Where a stat of an earlier
# audit still waits for it, it is not touched at all.
disk_network() {
	while read -r line; do
		case $line in
		*" - nfs"* | *" - cifs "* | *" - smb"* | *" - fuse"* | *" - ceph "* | *" - gluster"* | *" - lustre "* | *" - 9p "* | *" - afs "* | *" - beegfs"* | *" - gpfs "*) ;;
		*) continue ;;
		esac
		# shellcheck disable=SC2086 # words
		disk_words $line
		case $mount_point in *\\*) continue ;; esac
		case $needles in *":$mount_point/"*) ;; *) continue ;; esac
		if disk_waits "$mount_point"; then
			status=124
		else
			live_limit=3 live statfs stat -f "$mount_point" >/dev/null
			status=$?
		fi
		if [ "$status" = 124 ]; then
			fact disk.hanging "$mount_point"
			hung=$hung${hung:+$nl}$mount_point
		fi
	done </proc/self/mountinfo
}
disk_waits() {
	set +f
	waits=$(grep -l "^[0-9]* (stat) D " /proc/[0-9]*/stat 2>/dev/null)
	set -f
	for file in $waits; do
		arguments=''
		read -r arguments <"${file%stat}cmdline"
		case $arguments in *"$1") return 0 ;; esac
	done 2>/dev/null
	return 1
}

# disk_look ROLE PATH: what kind it is, and what to ask about it.
disk_look() {
	fact disk.path "$1"
	path=${1#* }
	disk_real "$path"
	[ "$real" = "$path" ] || fact disk.link "$path -> $real"
	needles=$needles$real/:
	disk_hung "$real" && return
	case $1 in [cs]*point" "*) kept=$kept${kept:+$nl}.$real ;; esac
	near=$real
	while [ -n "$near" ] && [ ! -e "$root$near" ]; do near=${near%/*}; done
	if [ "$near" != "$real" ] && [ "$real" != / ]; then
		# Only what a directory that may be searched does not have is absent.
		if [ -x "$root$near/" ]; then fact disk.kind "absent $real"; else fact disk.kind "hidden $real"; fi
	elif [ -d "$root$real" ]; then
		fact disk.kind "directory $real"
	else
		fact disk.kind "other $real"
	fi
	case $nl$spaces$nl in *"$nl${near:-/}$nl"*) ;; *) spaces=$spaces${spaces:+$nl}${near:-/} ;; esac
	while :; do
		case $nl$all$nl in *"$nl.$near$nl"*) break ;; esac
		all=$all${all:+$nl}.$near
		[ -n "$near" ] || break
		near=${near%/*}
	done
	if [ -z "$tms" ] && [ -z "$root" ] && [ "$flink_user" = "$login_user" ]; then disk_own; fi
}

# disk_own tries for a TaskManager that would be started as the login user.
disk_own() {
	near=$real
	while [ -n "$near" ] && [ ! -e "$near" ]; do near=${near%/*}; done
	if [ "$login_uid" = 0 ]; then
		return
	elif [ -w "${near:-/}" ] && [ -x "${near:-/}" ]; then
		fact disk.own_write "yes $path"
	else
		fact disk.own_write "no $path"
	fi
}

disk_section() {
	needles=: hung='' spaces='' all='' kept=''
	IFS=$nl
	set -f
	for line in $state_paths; do needles=$needles${line#* }/:; done
	unset IFS
	[ -n "$root" ] || [ ! -r /proc/self/mountinfo ] || disk_network
	IFS=$nl
	n=0
	for line in $state_paths; do
		n=$((n + 1))
		[ "$n" -le 64 ] || break
		disk_look "$line"
	done
	unset IFS
	mounts=/proc/self/mountinfo
	[ -r "$root$mounts" ] || mounts=/proc/1/mountinfo
	if [ -r "$root$mounts" ]; then disk_mounts disk.mount "$mounts"; else unread disk.mount /proc/self/mountinfo; fi
	for pid in $tms; do
		[ ! -r "$root/proc/$pid/mountinfo" ] || disk_mounts "disk.$pid.mount" "/proc/$pid/mountinfo"
	done
	disk_ask
	[ -z "$kept" ] || disk_kept | each state.kept
	set +f
	disk_cleaners
	[ -z "$root" ] || [ -n "$tms" ] || live test_w test | each disk.own_write
}

# disk_kept: ls of the checkpoints and savepoints that are whole, the newest
# first. Each is a _metadata; the files of a job are not looked at.
disk_kept() {
	cd "$root/" || exit
	IFS=$nl
	set --
	for line in $kept; do
		set +f
		set -- "$@" "$line"/*/chk-*/_metadata "$line"/savepoint-*/_metadata
	done
	# shellcheck disable=SC2012 # the times are what is asked
	ls -ldnt "$@" 2>/dev/null | head -n 20
}

# disk_ask: owners and modes, and statfs, with one command each.
disk_ask() {
	if [ -n "$root" ] && [ -f "$root/.tmdoctor/ls" ]; then
		fact disk.ls_from recorded
		live ls ls | each disk.ls
	elif [ -n "$all" ]; then
		IFS=$nl
		# shellcheck disable=SC2086 # lines
		set -- $all
		unset IFS
		(cd "$root/" && ls -ldn "$@" 2>/dev/null) | each disk.ls
	fi
	IFS=$nl
	# shellcheck disable=SC2086 # lines
	set -- $spaces
	unset IFS
	if [ -n "$root" ] && [ ! -f "$root/.tmdoctor/statfs" ]; then
		unknown disk.statfs "needs a live kernel"
	elif [ -n "$root" ] || command -v stat >/dev/null; then
		live statfs stat -f -c "%T %S %b %f %a %c %d %n" "$@" | each disk.statfs
	else
		unknown disk.statfs "no stat command"
	fi
	# busybox's ls, a link, does not mark ACLs.
	if [ -n "$root" ] || [ ! -h "$(command -v ls)" ]; then fact disk.acls shown; fi
}

disk_cleaners() {
	for file in "$root"/etc/tmpfiles.d/*.conf "$root"/run/tmpfiles.d/*.conf; do
		[ -e "$file" ] || [ -h "$file" ] || continue
		fact disk.tmpfiles_file "${file#"$root"}"
	done
	(
		cd "$root/" || exit
		grep -sE "^[xX][^[:blank:]]*[[:blank:]]+[^[:blank:]]|^[dDeqQvC][^[:blank:]]*([[:blank:]]+[^[:blank:]]+){4}[[:blank:]]+[~0-9aAbBcCmM]" \
			./etc/tmpfiles.d/*.conf ./run/tmpfiles.d/*.conf ./usr/lib/tmpfiles.d/*.conf /dev/null
	) | each disk.tmpfiles
	for file in /etc/cron.daily/tmpreaper /etc/cron.daily/tmpwatch; do
		[ ! -e "$root$file" ] || fact disk.cleaner "$file"
	done
}
#: as the TaskManager's user
# test -w in the mount namespace of the process. It asks faccessat, which
# knows read-only file systems and ACLs, but for the test of busybox: its no
# is not believed. Root may write anywhere and asks as the user instead.
disk_owner() {
	if [ -n "$root" ]; then
		if [ -f "$root/.tmdoctor/test_w" ]; then
			live test_w test | each "disk.$1.write"
		else
			unknown "disk.$1.write" "needs a live kernel"
		fi
		live quota quota | each "disk.$1.quota"
		return 0
	fi
	# At the margin: lines of a text lose their indentation on the way.
	disk_code="disk_try() {
near=\$2
while [ -n \"\$near\" ] && [ ! -e \"\$1\$near\" ]; do near=\${near%/*}; done
if [ -w \"\$1\$near/\" ] && [ -x \"\$1\$near/\" ]; then echo \"yes \$2\"
elif [ -n \"\$3\" ]; then echo \"unsure \$2\"
else echo \"no \$2\"; fi
}
"
	disk_busybox=""
	case $(ls -l "/proc/$$/exe" 2>/dev/null) in *busybox*) disk_busybox=1 ;; esac
	set -f
	IFS=$nl
	# shellcheck disable=SC3067 # a shell without -O takes the other way
	if [ -O "/proc/$1/status" ]; then
		eval "$disk_code"
		if [ -d "/proc/$1/root/" ]; then
			for line in $state_paths; do disk_try "/proc/$1/root" "${line#* }" "$disk_busybox"; done | each "disk.$1.write"
		else
			unknown "disk.$1.write" "/proc/$1/root cannot be entered"
		fi
		command -v quota >/dev/null && live quota quota -lw 2>/dev/null | each "disk.$1.quota"
	else
		tm_uid "$1"
		user_name "$uid"
		IFS=$nl
		# shellcheck disable=SC2086 # lines
		set -- "$1" $state_paths
		unset IFS
		disk_pid=$1
		shift
		set -- /bin/sh -c "${disk_code}at=\$1 busybox=\$2
shift 2
for line do disk_try \"\$at\" \"\${line#* }\" \"\$busybox\"; done" sh "/proc/$disk_pid/root" "$disk_busybox" "$@"
		if [ -n "$user" ]; then
			live test_w runuser -u "$user" -- "$@" 2>/dev/null | each "disk.$disk_pid.write"
		else
			# A container has users that the host has no name for.
			disk_ids "$disk_pid"
			live test_w setpriv --reuid "$uid" --regid "$gid" --groups "$groups" -- "$@" 2>/dev/null | each "disk.$disk_pid.write"
		fi
		command -v quota >/dev/null && live quota quota -lwu "${user:-$uid}" 2>/dev/null | each "disk.$disk_pid.quota"
		set -- "$disk_pid"
		IFS=$nl
	fi
	# What is mounted for the process alone only it can be asked about.
	# shellcheck disable=SC3013 # a shell without -ef asks once more than needed
	if ! [ "/proc/$1/ns/mnt" -ef /proc/self/ns/mnt ] 2>/dev/null; then
		disk_pid=$1
		set --
		for line in $state_paths; do
			near=${line#* }
			while [ -n "$near" ] && [ ! -e "/proc/$disk_pid/root$near" ]; do near=${near%/*}; done
			case "$* " in *"/root$near/ "*) ;; *) set -- "$@" "/proc/$disk_pid/root$near/" ;; esac
		done
		unset IFS
		live statfs stat -f -c "%T %S %b %f %a %c %d %n" "$@" | while IFS= read -r line; do
			near=${line#*"/proc/$disk_pid/root"}
			near=${near%/}
			fact "disk.$disk_pid.statfs" "${line%%" /proc/"*} ${near:-/}"
		done
	fi
	set +f
	unset IFS
}
# disk_ids PID sets $gid and $groups, with commas.
disk_ids() {
	gid="" groups=""
	while read -r key value rest; do
		case $key in
		Gid:) gid=$value groups=$value ;;
		Groups:)
			for value in $value $rest; do groups=$groups,$value; done
			return
			;;
		esac
	done <"/proc/$1/status"
}
