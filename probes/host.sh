# host: what this host is: system, kernel, C library, clock, memory settings,
# Java.

host_early() {
	# The kernel: "Linux version RELEASE (...)".
	host_v=
	{ read -r host_a host_b host_v host_c <"$root/proc/version"; } 2>/dev/null
	tell host.kernel "$host_v" "/proc/version cannot be read"
	# The first process, and marks of a container.
	host_v=
	{ read -r host_v <"$root/proc/1/comm"; } 2>/dev/null
	tell host.init "$host_v" "/proc/1/comm cannot be read"
	for host_v in /.dockerenv /run/.containerenv /run/systemd/container; do
		[ ! -e "$root$host_v" ] || fact host.container "$host_v"
	done
	if [ -e "$root/sys/fs/cgroup/cgroup.controllers" ]; then
		fact host.cgroup 2
	elif [ -d "$root/sys/fs/cgroup/memory" ]; then
		fact host.cgroup 1
	elif [ -d "$root/sys/fs/cgroup/unified" ]; then
		fact host.cgroup 1
	else
		unknown host.cgroup "/sys/fs/cgroup does not tell"
	fi
	# Runs of fix that changed this host, or did not end here.
	for host_v in "$root"/var/lib/tmdoctor/runs/*/state; do
		host_a=
		{ read -r host_a <"$host_v"; } 2>/dev/null
		host_v=${host_v%/*}
		case $host_a in
		"" | rolled-back) ;;
		*) fact host.fix_run "${host_v##*/} $host_a" ;;
		esac
	done
	# Of the choices of transparent huge pages the one in brackets counts.
	for host_a in enabled defrag; do
		host_v=
		{ read -r host_v <"$root/sys/kernel/mm/transparent_hugepage/$host_a"; } 2>/dev/null
		case $host_v in
		*"["*"]"*)
			host_v=${host_v#*"["}
			fact "host.thp_$host_a" "${host_v%%"]"*}"
			;;
		*) unread "host.thp_$host_a" "/sys/kernel/mm/transparent_hugepage/$host_a" ;;
		esac
	done
}

host_section() {
	# The clock, and beside it the time since the boot: both at one moment.
	host_v=$(live date date "+%Y-%m-%d %H:%M:%S %z")
	case $? in
	0) fact host.date "$host_v" ;;
	125) unknown host.date "needs a live kernel" ;;
	*) unknown host.date "date does not tell" ;;
	esac
	host_v=
	{ read -r host_v host_a <"$root/proc/uptime"; } 2>/dev/null
	tell host.uptime "$host_v" "/proc/uptime cannot be read"
	host_v=$(cat "$root/proc/sys/vm/swappiness" 2>/dev/null)
	tell host.swappiness "$host_v" "/proc/sys/vm/swappiness cannot be read"
	host_v=$(live uname uname -m)
	tell host.machine "$host_v" "needs a live kernel"
	host_v=$(live libc getconf GNU_LIBC_VERSION)
	if [ -n "$host_v" ]; then
		fact host.libc "$host_v"
	else
		for host_a in "$root"/lib/ld-musl-*.so.1; do
			[ ! -e "$host_a" ] || host_v=musl
		done
		if [ -n "$host_v" ]; then fact host.libc musl; else unknown host.libc "getconf does not tell"; fi
	fi
	emit_file /etc/os-release
	for host_p in $tms; do host_java "$host_p"; done
}

# host_java PID: the version beside the binary that runs, without starting it.
host_java() {
	eval "host_v=\${tm_java_$1-}"
	case $host_v in
	/*/bin/java) host_v=${host_v%/bin/java} ;;
	*)
		unknown "host.$1.java" "the path of java is not in the arguments"
		return 0
		;;
	esac
	host_v=${host_v%/jre}
	is_regular "$host_v/release" || {
		unread "host.$1.java" "$host_v/release"
		return 0
	}
	while read -r host_a; do
		case $host_a in
		JAVA_VERSION=*)
			host_a=${host_a#*=\"}
			fact "host.$1.java" "${host_a%%\"*}"
			return 0
			;;
		esac
	done <"$resolved"
	unknown "host.$1.java" "$host_v/release does not tell"
}
