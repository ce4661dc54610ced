# The systemd units of TaskManagers, their files and what systemd says of them.
# What it prints is shared by the probes of limits.

# The systemd units that TaskManagers run in, and those whose name says that they
# start one.
nf_units() {
	u=" "
	w=
	for l in $tms; do
		nf_cgroup "$root/proc/$l/cgroup"
	done
	for f in "$root"/etc/systemd/system/*.service "$root"/usr/lib/systemd/system/*.service; do
		case ${f##*/} in
		*[Jj]ob[Mm]anager* | *job-manager* | *istory* | *xporter* | *@.service) ;;
		*[Ff]link*.service | *[Tt]ask[Mm]anager*.service | *task-manager*.service) nf_add "${f##*/}" ;;
		esac
	done
	nf_unit_files
	set -f
	# shellcheck disable=SC2086 # names without blanks
	set -- $u
	set +f
	[ $# -gt 0 ] || return 0
	for l; do
		fact nofile.unit_name "$l"
		[ -h "$root/etc/systemd/system/multi-user.target.wants/$l" ] && fact nofile.unit_wanted "$l"
	done
	l=$(live unit systemctl show -p Id,LimitNOFILE,LimitNOFILESoft,LimitNPROC,LimitNPROCSoft,LimitAS,LimitASSoft,TasksMax,MemoryMax \
		-p NeedDaemonReload,FragmentPath,DropInPaths,UnitFileState,Result,ExecMainStatus -- "$@")
	case $? in
	0) printf '%s\n' "$l" | each nofile.unit ;;
	124) unknown nofile.unit "systemctl did not answer" ;;
	125) unknown nofile.unit "needs a live kernel" ;;
	127) unknown nofile.unit "systemctl is not there" ;;
	*) unknown nofile.unit "systemctl show gave an error" ;;
	esac
}

# The unit of a cgroup file, if it is one that starts TaskManagers: not that of
# a login. A user's own go to $w. Slices limit tasks as well.
nf_cgroup() {
	[ -r "$1" ] || return 0
	while IFS= read -r p || [ -n "$p" ]; do
		case $p in
		0::/* | *:name=systemd:/*) ;;
		*) continue ;;
		esac
		f=$p
		p=${p#*:*:}
		d=$p
		while [ -n "$d" ]; do
			case $d in *.slice) nf_add "${d##*/}" ;; esac
			d=${d%/*}
		done
		while [ -n "$p" ]; do
			case $p in *.service) break ;; esac
			p=${p%/*}
		done
		p=${p##*/}
		case $f in
		*/user@*)
			case $p in
			*[!A-Za-z0-9:_.@\\-]* | -* | user@*) ;;
			*) case "$w " in *" $p "*) ;; *) w="$w $p" ;; esac ;;
			esac
			continue
			;;
		esac
		case $p in
		"" | ssh.service | sshd.service | ssh@*.service | cron.service | crond.service | docker.service | containerd.service | crio.service | kubelet.service) ;;
		*) nf_add "$p" ;;
		esac
	done <"$1"
}

# Each unit once; a name with anything but what systemd allows is none.
nf_add() {
	case $1 in *[!A-Za-z0-9:_.@\\-]* | -*) return 0 ;; esac
	case $u in *" $1 "*) ;; *) u="$u$1 " ;; esac
}

# Unit files, drop-ins and the manager's own configuration, also of the units
# that open sessions: which there are, masks included, and their lines about
# limits. The others may be secret.
nf_unit_files() {
	names=
	for l in $u service ssh.service sshd.service cron.service crond.service user@.service; do nf_names "$l"; done
	emit_only=nf_keep
	for d in /etc/systemd /run/systemd /usr/local/lib/systemd /usr/lib/systemd /lib/systemd \
		/etc/xdg/systemd /usr/local/share/systemd /usr/share/systemd; do
		[ "$d" = /lib/systemd ] && [ -h "$root/lib" ] && continue
		for l in system.conf user.conf; do nf_unit_file "$d/$l"; done
		for f in $names; do
			for l in system system.control transient; do nf_unit_file "$d/$l/$f"; done
		done
		for f in $w; do nf_unit_file "$d/user/$f"; done
	done
	[ -n "$w" ] || homes=
	IFS=$nl
	for d in $homes; do
		unset IFS
		nf_unit_file "$d/.config/systemd/user.conf"
		for l in .config/systemd/user.control .config/systemd/user .local/share/systemd/user; do
			l=$d/$l
			for p in "$d" "${l%/systemd/*}" "${l%/*}" "$l"; do
				# What it hides may be a drop-in.
				[ -d "$root$p" ] && ! [ -x "$root$p" ] && say "@u - - - - $l" && break
			done
			for f in $w; do nf_unit_file "$l/$f"; done
		done
	done
	unset IFS
	emit_only=
}

# nf_names UNIT adds to $names what may have a file or drop-ins for it: itself,
# its template, its prefixes that end in a dash.
nf_names() {
	case "$names " in *" $1 "*) return 0 ;; esac
	names="$names $1"
	case $1 in
	*@*)
		[ "$1" = "${1%%@*}@.service" ] || nf_names "${1%%@*}@.service"
		p=${1%%@*}
		v=@${1#*@}
		;;
	*)
		p=${1%.*}
		v=.${1##*.}
		;;
	esac
	while :; do
		case $p in
		?*-*) p=${p%-*} ;;
		*) break ;;
		esac
		names="$names $p-$v"
	done
}

# A file of systemd, if there is one, and its drop-ins.
nf_unit_file() {
	if [ -e "$root$1" ] || [ -h "$root$1" ]; then emit_file "$1"; fi
	[ -d "$root$1.d" ] || return 0
	[ -r "$root$1.d" ] || say "@u - - - - $1.d"
	for p in "$root$1.d"/*.conf; do
		if [ -e "$p" ] || [ -h "$p" ]; then emit_file "${p#"$root"}"; fi
	done
}

# nf_keep empties $emit_line unless it is about limits or a header. What stays
# of the others is that one is a comment, calls ulimit or prlimit, changes the
# user, or goes on in the next line.
nf_keep() {
	p=${emit_line#"${emit_line%%[! 	]*}"}
	case $p in
	"#"* | ";"*) emit_line="#" ;;
	"["* | Limit[A-Z]*=* | DefaultLimit[A-Z]*=* | TasksMax* | DefaultTasksMax* | MemoryMax* | User=* | PAMName* | .include*) ;;
	*ulimit*)
		nf_ulimit "$p"
		emit_line="ExecStart=$told"
		;;
	*prlimit*) emit_line="ExecStart=ulimit -n \$x;ulimit -v \$x;ulimit -u \$x" ;;
	Exec*su\ * | Exec*sudo\ * | Exec*runuser\ *) emit_line="ExecStart=su" ;;
	*\\) emit_line="-\\" ;;
	*) emit_line= ;;
	esac
}
