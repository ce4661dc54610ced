# Memory of the host, of the TaskManagers' cgroups, and the kernel log.
#
# Recorded answers (files in .tmdoctor of a directory that stands for a host):
#   dmesg    as dmesg prints it: [  792.877275] text
#   journal  as journalctl -k -o short-iso prints it

# Builtins only: these must be told even where no process can be started.
memory_early() {
	# memory.meminfo KEY KIB: all keys that a judge or a cause reads.
	if [ -r "$root/proc/meminfo" ]; then
		while read -r key value _; do
			case $key in
			MemTotal: | MemFree: | MemAvailable: | Buffers: | Cached: | SwapTotal: | SwapFree: | Shmem: | \
				Dirty: | Writeback: | Slab: | PageTables: | Mlocked: | CommitLimit: | Committed_AS: | HugePages_Total: | Hugepagesize:)
				fact memory.meminfo "${key%:} $value"
				;;
			esac
		done <"$root/proc/meminfo"
	else
		unread memory.meminfo /proc/meminfo
	fi
	# memory.oom_kill N: kills since boot, of the host and of all cgroups
	# (Linux 4.13); absent on older kernels.
	if [ -r "$root/proc/vmstat" ]; then
		memory_kills=''
		while read -r key value; do
			case $key in oom_kill) memory_kills=$value ;; esac
		done <"$root/proc/vmstat"
		if [ -n "$memory_kills" ]; then fact memory.oom_kill "$memory_kills"; else absent memory.oom_kill; fi
	else
		unread memory.oom_kill /proc/vmstat
	fi
	# memory.psi and memory.psi_io LINE: some and full. The file is there and
	# refuses to be read where the kernel was started with psi=0.
	for name in memory.psi memory.psi_io; do
		file=$root/proc/pressure/memory
		[ "$name" = memory.psi ] || file=$root/proc/pressure/io
		if [ -e "$file" ]; then
			while read -r line; do fact "$name" "$line"; done 2>/dev/null <"$file"
		else
			absent "$name"
		fi
	done
	# memory.btime SECONDS: when the kernel was started, to date dmesg.
	if [ -r "$root/proc/stat" ]; then
		while read -r key value _; do
			case $key in btime) fact memory.btime "$value" && break ;; esac
		done <"$root/proc/stat"
	fi
}

# memory_levels PID: the files of the process's memory cgroup and of all its
# parents, as words in $files: a parent's limit may be the one that binds.
memory_levels() {
	files='' path='' base=''
	while read -r line; do
		case $line in
		*:memory:* | *:memory,*:* | *,memory:* | *,memory,*)
			path=${line#*:} path=${path#*:} base=/sys/fs/cgroup/memory
			break
			;;
		0::*) path=${line#0::} base=/sys/fs/cgroup ;;
		esac
	done <"$root/proc/$1/cgroup"
	# A path above our own cgroup namespace, or one that is no single word.
	case $path in '' | *..* | *[!A-Za-z0-9_.:@/\\-]*) return 1 ;; esac
	if [ "$base" = /sys/fs/cgroup ] && [ -d "$root/sys/fs/cgroup/unified" ]; then base=/sys/fs/cgroup/unified; fi
	depth=0
	while [ "$depth" -lt 16 ]; do
		for name in memory.max memory.high memory.current memory.swap.max memory.events \
			memory.limit_in_bytes memory.usage_in_bytes memory.oom_control memory.failcnt; do
			file=$root$base${path%/}/$name
			[ -r "$file" ] && files="$files $base${path%/}/$name"
		done
		case $path in / | '') break ;; esac
		path=${path%/*} depth=$((depth + 1))
	done
	[ -n "$files" ]
}

memory_section() {
	# memory.sys FILE:VALUE, one process for all.
	(
		cd "$root/proc/sys" 2>/dev/null || exit
		grep -s "" vm/overcommit_memory vm/overcommit_ratio vm/overcommit_kbytes vm/swappiness vm/panic_on_oom \
			vm/oom_kill_allocating_task vm/admin_reserve_kbytes kernel/dmesg_restrict /dev/null
	) | each memory.sys
	# memory.PID.cgroup FILE:LINE
	for pid in $tms; do
		if [ ! -r "$root/proc/$pid/cgroup" ]; then
			unread "memory.$pid.cgroup" "/proc/$pid/cgroup"
		elif memory_levels "$pid"; then
			(
				cd "$root/" || exit
				# shellcheck disable=SC2086 # words without blanks, each without its first /
				set -- $files
				for f do
					shift
					set -- "$@" "${f#/}"
				done
				grep -s "" "$@" /dev/null
			) | each "memory.$pid.cgroup"
		else
			absent "memory.$pid.cgroup"
		fi
	done
	memory_kernel
}

# What leaves the host of a kernel log: kills, failing disks and file systems,
# refused forks, fs.file-max. "Linux version" shows that it reaches to the boot.
memory_pattern='oom-kill:|Kill(ed)? process [0-9]+ \(|Task in .* killed as a result of limit|Linux version [0-9]|I/O error|critical [a-z]+ error|EXT[234]-fs (error|critical|\()|XFS \(.*(rror|hut|orrupt|ount)|BTRFS.*(error|critical|forced)|Aborting journal|JBD2: .* on |fork rejected by pids|Hardware Error|EDAC .*[CU]E |file-max limit|blocked for more than|nfs: server .* not responding|librocksdbjni|java\[[0-9]+\]: segfault|due to memory pressure|killed by the OOM killer|result .oom-kill|sending SIG(TERM|KILL) to process'

# memory_root NAME PATH ARG...: as root where that is allowed, else as the login
# user, wherever it lies.
memory_root() {
	raised "$@" && return
	kernel_name=$1 kernel_cmd=${2##*/}
	shift 2
	live "$kernel_name" "$kernel_cmd" "$@"
}

# memory_asked SOURCE NAME CMD...: asks one source. Its matching lines, the
# newest 200, become facts NAME, and memory.kernel_source says that it
# answered. 0: a victim is named, or the kernel counted none; 1: none is named;
# 2: it gave no answer.
memory_asked() {
	source=$1 asked_name=$2
	shift 2
	{
		"$@"
		printf "\n=%s\n" "$?"
	} | memory_filter | memory_lines
}

# memory_filter passes on what matches. journalctl without permission may
# answer "-- No entries --" with status 0: that is no answer.
memory_filter() {
	IFS= read -r first
	case $first in "" | "-- No entries"* | "No journal"* | Hint:*) return ;; esac
	{
		say "$first"
		cat
	} | grep -a -E "$memory_pattern|^=[0-9]+\$" 2>/dev/null | tail -n 201
}

memory_lines() {
	victim=1 answered=2
	while IFS= read -r text; do
		case $text in
		=0) fact memory.kernel_source "$source" && answered=$victim ;;
		=[0-9]*) ;;
		*)
			fact "$asked_name" "$text"
			case $text in *oom-kill:constraint* | *"Kill process "[0-9]* | *"Killed process "[0-9]*) victim=0 ;; esac
			;;
		esac
	done
	[ "$answered" = 1 ] && [ "$memory_kills" = 0 ] && answered=0
	return "$answered"
}

# The kernel log: dmesg, else the journal, else what a syslog daemon kept. The
# next one is asked where one is refused, or where the kernel counted kills
# and the one before no longer names a victim.
memory_kernel() {
	memory_asked dmesg memory.dmesg memory_root dmesg /usr/bin/dmesg
	asked=$? told=$?
	[ "$asked" = 0 ] && return
	memory_asked "journalctl -k" memory.journal memory_root journal /usr/bin/journalctl -k -b --no-pager -o short-iso -n 5000
	asked=$?
	[ "$asked" = 2 ] || told=1
	[ "$asked" = 0 ] && return
	for name in kern.log messages syslog; do
		for path in "/var/log/$name.1" "/var/log/$name"; do
			is_regular "$path" || continue
			memory_asked "$path" "memory.log.$path" tail -c 8388608 "$resolved"
			told=1
		done
		# The three hold the same kernel records.
		is_regular "/var/log/${path##*/}" && break
	done
	[ "$told" = 2 ] && unknown memory.kernel_source "dmesg and journalctl -k: not permitted or not there; no file of a syslog daemon can be read"
}
