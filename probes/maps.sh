# maps: vm.max_map_count, all that sets it at boot, and the maps of each
# TaskManager.

maps_section() {
	# The limit now. cat and not read: several shells read only the first digit
	# of a number in /proc/sys.
	if v=$(cat "$root/proc/sys/vm/max_map_count" 2>/dev/null) && [ -n "$v" ]; then
		fact maps.max_map_count "$v"
	else
		unread maps.max_map_count /proc/sys/vm/max_map_count
	fi
	# The files that set it at boot, in all directories that a loader may read:
	# one that was not read to its end leaves the value unknown.
	emit_max=524288
	for d in /etc /run /usr/local/lib /usr/lib /lib; do
		# Where /lib is a link to /usr/lib its files were read already.
		if [ "$d" = /lib ] && [ -h "$root/lib" ]; then
			fact maps.boot /lib
			continue
		fi
		[ -d "$root$d/sysctl.d" ] && emit_glob "$d/sysctl.d" "*.conf" ".*.conf"
	done
	emit_file /etc/sysctl.conf
	# Who applies them: marks of the loader, of containers and of others that
	# write sysctls.
	for f in /run/systemd/system /usr/lib/systemd/systemd-sysctl /lib/systemd/systemd-sysctl \
		/etc/runlevels/boot/sysctl /etc/init.d/procps /etc/rc.d/rc.sysinit /etc/cloud/cloud.cfg \
		/run/systemd/container /.dockerenv /run/.containerenv /etc/systemd/system/multi-user.target.wants/tuned.service \
		/etc/systemd/system/systemd-sysctl.service.d; do
		if [ -e "$root$f" ] || [ -h "$root$f" ]; then fact maps.boot "$f"; fi
	done
	l=
	[ -r "$root/proc/1/comm" ] && IFS= read -r l <"$root/proc/1/comm"
	[ -z "$l" ] || fact maps.boot "/proc/1/comm $l"
	emit_file /etc/os-release
	emit_file /etc/alpine-release
	for d in /etc /run; do
		f=$d/systemd/system/systemd-sysctl.service
		if [ -e "$root$f" ] || [ -h "$root$f" ]; then emit_file "$f"; fi
	done
	maps_cmdline
	maps_tuned
	emit_modes maps.ls
	maps_writers
	return 0
}

# Words of the kernel's command line that set a sysctl; the other words may be
# secret.
maps_cmdline() {
	l=
	if ! [ -r "$root/proc/cmdline" ]; then
		unread maps.cmdline /proc/cmdline
		return 0
	fi
	IFS= read -r l <"$root/proc/cmdline"
	set -f
	for w in $l; do
		case $w in sysctl[./]*) fact maps.cmdline "$w" ;; esac
	done
	set +f
}

# tuned writes its profile's sysctls after the files were applied: the active
# profiles and what they include.
maps_tuned() {
	[ -d "$root/etc/tuned" ] || return 0
	emit_file /etc/tuned/active_profile
	emit_file /etc/tuned/tuned-main.conf
	l=
	is_regular /etc/tuned/active_profile && IFS= read -r l <"$resolved"
	n=0
	set -f
	# shellcheck disable=SC2086 # a list of names
	set -- $l
	set +f
	while [ $# -gt 0 ] && [ "$n" -lt 8 ]; do
		p=$1
		shift
		n=$((n + 1))
		case $p in */* | .* | "") continue ;; esac
		for d in /etc/tuned/profiles /etc/tuned /usr/lib/tuned/profiles /usr/lib/tuned; do
			is_regular "$d/$p/tuned.conf" || continue
			f=$resolved
			emit_file "$d/$p/tuned.conf"
			while IFS=" =	" read -r k v; do
				case $k in include) set -- "$@" "${v%%,*}" ;; esac
			done <"$f"
			break
		done
	done
}

# Scripts of the boot that may write sysctls: only such lines leave the host.
maps_writers() {
	set --
	for f in "$root"/etc/rc.local "$root"/etc/rc.d/rc.local "$root"/etc/init.d/boot.local "$root"/etc/local.d/*.start \
		"$root"/etc/cloud/cloud.cfg "$root"/etc/cloud/cloud.cfg.d/*.cfg; do
		if is_regular "${f#"$root"}"; then
			# A script that may not be executed is not run.
			case $f in *.cfg) ;; *) [ -x "$resolved" ] || continue ;; esac
			set -- "$@" "$resolved"
		elif [ -f "$f" ]; then
			unread maps.writer "${f#"$root"}"
		fi
	done
	[ $# -gt 0 ] || return 0
	grep -n -e "sysctl" -e "/proc/sys/" "$@" /dev/null 2>/dev/null | while IFS= read -r l; do
		v=${l#*:*:}
		l=${l%"$v"}
		# Only the command that writes leaves the host.
		case $v in
		"#"*) continue ;;
		*sysctl*) v=sysctl${v#*sysctl} ;;
		*) v=${v##*[;&|]} ;;
		esac
		fact maps.writer "$l${v%%[;&|]*}"
	done
}

#: as the TaskManager's user
# The maps of one TaskManager, read once: how many, and the library of RocksDB
# among them. The vsyscall page is in the list, but the kernel does not count it.
maps_owner() {
	maps_n=0
	maps_l=
	IFS=$nl
	set -f
	# shellcheck disable=SC2013 # IFS makes it lines
	for maps_k in $(sed -n -e "/librocksdbjni/p" -e "/libforstjni/p" -e "/vsyscall/p" -e "\$=" "$root/proc/$1/maps" 2>/dev/null); do
		case $maps_k in
		*vsyscall*) maps_n=$((maps_n - 1)) ;;
		*/*) maps_l=/${maps_k#*/} ;;
		*) maps_n=$((maps_n + maps_k)) ;;
		esac
	done
	set +f
	unset IFS
	if [ "$maps_n" -gt 0 ]; then
		fact "maps.$1.count" "$maps_n"
		fact "flink.$1.rocksdb_library" "$maps_l"
	else
		unread "maps.$1.count" "/proc/$1/maps"
		unread "flink.$1.rocksdb_library" "/proc/$1/maps"
	fi
}
