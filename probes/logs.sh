# Logs of TaskManagers and of JobManagers on the same host, what the JVM wrote
# to .out, hs_err files, errors in RocksDB's own LOG files.

# logs_section: all that the login user may read.
logs_section() {
	logs_as=logs.host logs_uid=
	logs_begin 1000000 || return 0
	for pid in $tms; do
		tm_uid "$pid"
		logs_options "$pid"
	done
	logs_dirs=$logs_dirs$nl$flink_log_dirs
	logs_elsewhere
	logs_containers
	IFS=$nl
	for logs_dir in $logs_dirs; do
		! logs_new "$logs_dir" || logs_directory "$logs_dir"
	done
	logs_unmoved
	IFS=$nl
	for logs_dir in $logs_errs; do logs_crashes "${logs_dir%/*}" "${logs_dir##*/}"; done
	for logs_dir in $flink_homes /tmp; do logs_crashes "$logs_dir"; done
	unset IFS
	for pid in $tms; do
		logs_crashes "/proc/$pid/cwd"
		tm_uid "$pid"
		logs_home "$uid"
	done
	logs_home "$logs_uid"
	logs_home "$login_uid"
	set +f
	fact logs.read "$logs_n"
}

# logs_home UID: hs_err files in that user's home directory, where a JVM that
# was started over ssh leaves them.
logs_home() {
	uid_home=
	[ -z "$1" ] || user_name "$1"
	[ -z "$uid_home" ] || logs_crashes "$uid_home"
}

# logs_elsewhere adds to $logs_dirs where a TaskManager that is gone may have
# written: what the configuration says, and FLINK_LOG_DIR of units and start files.
logs_elsewhere() {
	IFS=$nl
	for line in $state_paths; do
		case $line in "log "*) logs_dirs=$logs_dirs$nl${line#log } ;; esac
	done
	set +f
	set --
	cd "$root/etc" 2>/dev/null && for logs_file in environment profile profile.d/*.sh default/*link* sysconfig/*link* \
		systemd/system/*link*.service systemd/system/*ask*anager*.service systemd/system/*link*.d/*.conf; do
		# A pipe would never end.
		[ ! -f "$logs_file" ] || set -- "$@" "$logs_file"
	done
	set -f
	logs_dirs=$logs_dirs$nl$(grep -hs FLINK_LOG_DIR "$@" /dev/null | sed -n "s/.*FLINK_LOG_DIR=[\"$sq]*\(\/[^ \"$sq;]*\).*/\1/p" | sed 9q)
}

# logs_containers adds the log directories of YARN's newest containers, beside
# those of running TaskManagers and where YARN usually keeps them.
logs_containers() {
	logs_list=
	for logs_dir in $logs_dirs; do
		case $logs_dir in */application_*/container_*) logs_list=$logs_list$nl${logs_dir%/application_*} ;; esac
	done
	for logs_file in /etc/hadoop/conf /opt/hadoop/etc/hadoop; do
		is_regular "$logs_file/yarn-site.xml" && logs_list=$logs_list$nl$(sed -n "/yarn.nodemanager.log-dirs</,/<.property>/s/.*<value>\(.*\)<.value>.*/\1/p" "$resolved" | tr , "\n")
	done
	for logs_dir in $logs_list /var/log/hadoop-yarn/containers /opt/hadoop/logs/userlogs; do
		for logs_file in $(logs_newest "$logs_dir" application_ 2); do
			for logs_entry in $(logs_newest "$logs_dir/$logs_file" container_ 3); do
				logs_dirs=$logs_dirs$nl$logs_dir/$logs_file/$logs_entry
			done
		done
	done
}

# logs_newest DIR PREFIX N prints the names of the newest N of what begins with
# PREFIX.
logs_newest() {
	resolve "$1" && [ -d "$resolved" ] || return 0
	# shellcheck disable=SC2012 # the newest first
	ls -t "$resolved/" 2>/dev/null | sed -n "/^$2[A-Za-z0-9_]*\$/p" | sed "$3q"
}

# logs_unmoved: where RocksDB's own log was not moved to the log directory it is
# in the directory of each instance.
logs_unmoved() {
	logs_list=
	IFS=$nl
	set +f
	for line in $state_paths; do
		line=${line#* }
		for logs_file in "$root$line"/job_*_op_*/db/LOG "$root$line"/tm_*/tmp/job_*_op_*/db/LOG "$root$line"/tmp/job_*_op_*/db/LOG; do
			[ ! -f "$logs_file" ] || logs_list=$logs_list$nl$logs_file
		done
	done
	set -f
	[ -n "$logs_list" ] || return 0
	# shellcheck disable=SC2012,SC2086 # the newest, a path a line
	for logs_file in $(ls -td $logs_list 2>/dev/null | sed 4q); do
		logs_size=$(logs_stat L "$logs_file")
		logs_size=${logs_size#* }
		logs_read rocksdb "${logs_file#"$root"}" 131072 12
	done
}
#: as the TaskManager's user

# What a line must have to leave the host, and what becomes of it: generated
# from the table of texts, and logs.awk.
logs_flink="@FLINK@"
logs_known="@KNOWN@"
logs_heads="@HEADS@"
logs_awk="@FILTER@"

# logs_begin ROOM: nothing was read yet, and at most ROOM bytes will be told.
logs_begin() {
	logs_n=0 logs_seen=$nl logs_dirs="" logs_errs="" logs_room=$1
	for logs_file in awk cut grep sed tail tr; do
		command -v "$logs_file" >/dev/null || {
			unknown logs.read "no $logs_file command"
			return 1
		}
	done
	set -f
}

# logs_unread PATH: it is there, and nothing is known of it.
logs_unread() { fact "$logs_as.unread" "$1"; }

# logs_new PATH is true once for each path.
logs_new() {
	case $logs_seen in *"$nl$1$nl"*) return 1 ;; esac
	logs_seen=$logs_seen$1$nl
}

# logs_stat HOW PATH prints "UID SIZE"; HOW is L for behind a link.
# shellcheck disable=SC2012 # owner and size are wanted
logs_stat() { LC_ALL=C ls -ldn"$1" -- "$2" 2>/dev/null | sed -n "s/^[^ ]* *[0-9]* *\([0-9]*\) *[0-9]* *\([0-9]*\) .*/\1 \2/p" | sed 1q; }

# logs_options PID adds to $logs_dirs and $logs_errs what its arguments name. The
# log of a running TaskManager is read, however old it is: if it is a file of
# the user of the process, whatever the arguments say.
logs_options() {
	logs_list=$(tr "\000" "\n" <"$root/proc/$1/cmdline" 2>/dev/null | sed -n -e "s/^-Dlog[.]file=\//L\//p" -e "s/^-XX:ErrorFile=\//E\//p")
	IFS=$nl
	for logs_dir in $logs_list; do
		case $logs_dir in
		L*)
			logs_dir=${logs_dir#L}
			logs_dirs=$logs_dirs$nl${logs_dir%/*}
			is_regular "$logs_dir" || continue
			logs_size=$(logs_stat L "$resolved")
			case $root${logs_size%% *} in
			"$uid" | /*)
				logs_size=${logs_size#* }
				logs_read taskmanager "$logs_dir" 2097152 300
				;;
			*) logs_unread "$logs_dir" ;;
			esac
			;;
		E*[?*[]*) ;;
		E*)
			logs_dir=${logs_dir#E}
			case $logs_dir in *%p*) logs_dir="${logs_dir%%%p*}*${logs_dir#*%p}" ;; esac
			logs_errs=$logs_errs$nl$logs_dir
			;;
		esac
	done
	unset IFS
}

# logs_list DIR prints "UID SIZE NAME" of what looks like logs, the newest
# first. Globs and not all of a directory, which may hold a million others.
logs_list() {
	set +f
	cd "$1/" 2>/dev/null || return 0
	set -- ./*taskexecutor* ./*taskmanager* ./*jobmanager* ./*standalone* ./prelaunch.err*
	[ $# -lt 2000 ] || {
		logs_unread "$logs_real"
		set -- ./*taskexecutor*.log
	}
	[ $# -gt 2000 ] || logs_ls "$@"
	set -- ./*_LOG*
	[ $# -gt 8000 ] || logs_ls "$@" | sed 4q
}
# shellcheck disable=SC2012 # sizes, the newest first
logs_ls() { LC_ALL=C ls -ldLnt -- "$@" 2>/dev/null | sed -n "s/^-[^ ]* *[0-9]* *\([0-9]*\) *[0-9]* *\([0-9]*\) *[^ ]* *[^ ]* *[^ ]* [.]\/\(.*\)/\1 \2 \3/p"; }

# logs_directory DIR reads the newest logs of a directory. Only regular files
# are opened, whatever stands at the path.
logs_directory() {
	resolve "$1" && [ -d "$resolved" ] || return 0
	logs_real=$resolved
	[ -r "$logs_real" ] || logs_unread "$1"
	logs_tm=0 logs_out=0 logs_jm=0
	IFS=$nl
	for logs_entry in $(logs_list "$logs_real"); do
		case $logs_entry in =*) say "$logs_entry" && continue ;; esac
		logs_owned=${logs_entry%% *}
		logs_entry=${logs_entry#* }
		logs_size=${logs_entry%% *}
		logs_file=${logs_entry#* }
		case $logs_seen in *"$nl$1/$logs_file$nl"*) continue ;; esac
		[ "$logs_size" != 0 ] || continue
		case $logs_file in
		*.gz | *.zip | *.bz2 | *.xz | *.zst | *.lck | *gc.log*) ;;
		*_LOG*) logs_read rocksdb "$1/$logs_file" 131072 12 ;;
		*jobmanager*.out* | *jobmanager*.err* | *standalone*.out* | *standalone*.err*) ;;
		*jobmanager*.log* | *standalone*.log*) [ "$((logs_jm = logs_jm + 1))" -gt 3 ] || logs_read jobmanager "$1/$logs_file" 1048576 160 ;;
		*taskexecutor*.out* | *taskexecutor*.err* | *taskmanager*.out* | *taskmanager*.err* | prelaunch.err*)
			[ "$((logs_out = logs_out + 1))" -gt 6 ] || logs_read out "$1/$logs_file" 524288 60
			;;
		*taskexecutor*.log* | *taskmanager*.log*)
			logs_uid=$logs_owned
			logs_tm=$((logs_tm + 1))
			if [ "$logs_tm" -le 3 ]; then
				logs_read taskmanager "$1/$logs_file" 2097152 300
			elif [ "$logs_tm" -le 8 ]; then
				logs_read taskmanager "$1/$logs_file" 524288 120
			fi
			;;
		esac
	done
	unset IFS
	logs_crashes "$1"
}

# logs_read KIND PATH BYTES LINES: facts of one file and, of its last BYTES,
# the newest LINES that match, as NUMBER:TEXT. A link is followed if root made
# it, or the owner of the file: whoever may write in a directory could else show
# us what we may read and he may not.
logs_read() {
	logs_new "$2" || return 0
	if ! is_regular "$2"; then
		[ ! -f "$resolved" ] || logs_unread "$2"
		return 0
	fi
	if [ "$logs_room" -le 0 ]; then
		logs_unread "$2"
		return 0
	fi
	if [ -h "$root$2" ]; then
		logs_owned=$(logs_stat L "$resolved")
		case $(logs_stat "" "$root$2") in
		"0 "* | "${logs_owned%% *} "*) ;;
		*)
			logs_unread "$2"
			return 0
			;;
		esac
	fi
	logs_n=$((logs_n + 1))
	logs_name=$logs_as.$logs_n
	fact "$logs_name" "$1 $logs_size $2"
	fact "$logs_name.tail" "$3"
	logs_text=$(guard 4 logs_lines "$@")
	case $logs_text in
	*"$nl~end") ;;
	*) logs_unread "$2" ;;
	esac
	logs_text=${logs_text%"$nl~end"}
	[ -z "$logs_text" ] || say "$logs_text"
	logs_room=$((logs_room - ${#logs_text}))
	[ "$1" = out ] || return 0
	for logs_err in $(tail -c 65536 "$resolved" 2>/dev/null | cut -b 1-1000 | sed -n "s/^# *\(\/.*hs_err[^ ]*[.]log\)/\1/p" | tail -n 3); do logs_crash "$logs_err"; done
}

# logs_lines is what logs_read prints of the text, and a line that says that
# this is all. A line before a match is needed to tell whose it is.
logs_lines() {
	case $1 in
	rocksdb) tail -c "$3" "$resolved" | logs_plain line "[[]ERROR[]]|Corruption: " "$4" ;;
	out) tail -c "$3" "$resolved" | logs_bounded | grep -a -n -A 1 -E "^[{]|$logs_heads|$logs_known" | awk -v "name==$logs_name.line " -v out=1 "$logs_awk" | tail -n "$4" ;;
	*)
		# A size may have more digits than the numbers of a shell.
		if [ "$1" = taskmanager ] && { [ "${#logs_size}" -gt 9 ] || [ "$logs_size" -gt "$3" ]; }; then
			dd bs=65536 count=1 <"$resolved" | logs_plain head "Maximum number of open file descriptors|Starting .*[(]Version" 9
		fi
		[ -n "$root" ] || logs_clock
		tail -c "$3" "$resolved" | logs_bounded | grep -a -n -B 1 -E "^[^0-9[]|$logs_heads|$logs_known" | awk -v "name==$logs_name.line " "$logs_awk" | tail -n "$4"
		;;
	esac 2>/dev/null
	say "$nl~end"
}

# logs_bounded is text whose lines no pattern takes long for.
logs_bounded() { tr -d "\000\033\r" | cut -b 1-16384; }

# logs_plain RECORD PATTERN LINES.
logs_plain() { logs_bounded | grep -a -n -E "$2" | sed "s/^/=$logs_name.$1 /" | cut -b 1-540 | tail -n "$3"; }

# logs_clock: when the file was written last, and what its own last time is.
# Together they tell how far the clock of the log is from that of the host.
logs_clock() {
	logs_time=$(stat -c %Y "$resolved") && fact "$logs_name.last" "$logs_time $(tail -c 4096 "$resolved" | awk "match(\$0, /^[[]?[0-9][0-9]+[-\/.][0-9T:., \/-]*[0-9]/) { t = substr(\$0, 1, RLENGTH) } END { print t }")"
}

# logs_crashes DIR [PATTERN]: the newest three hs_err files of a directory.
logs_crashes() {
	resolve "$1" && [ -d "$resolved" ] && [ -r "$resolved" ] || return 0
	logs_real=$resolved
	logs_file=${2-}
	logs_file=${logs_file:-hs_err_pid*.log}
	set +f
	IFS=""
	# shellcheck disable=SC2086 # a pattern
	set -- "$1" "$logs_real"/$logs_file
	set -f
	IFS=$nl
	logs_real=$1
	shift
	[ -e "$1" ] && [ $# -lt 5000 ] || return 0
	# shellcheck disable=SC2012 # names that begin with hs_err_pid
	for logs_err in $(LC_ALL=C ls -td -- "$@" | sed 3q); do logs_crash "$logs_real/${logs_err##*/}"; done
}

# logs_crash PATH: what an hs_err file says of limits and memory, and how many
# maps the process had. The file itself, of many MB, stays. A JVM makes no links.
logs_crash() {
	[ ! -h "$root$1" ] && is_regular "$1" || return 0
	logs_new "$1" || return 0
	[ "$(dd bs=4096 count=1 <"$resolved" 2>/dev/null | grep -a -c -E "^# (A fatal error|There is insufficient)")" -gt 0 ] || return 0
	logs_n=$((logs_n + 1))
	logs_name=$logs_as.$logs_n
	fact "$logs_name" "hs_err 0 $1"
	logs_text=$(guard 4 logs_crash_lines)
	case $logs_text in
	*"=$logs_name.maps "*) ;;
	*) logs_unread "$1" ;;
	esac
	[ -z "$logs_text" ] || say "$logs_text"
}
logs_crash_lines() { tail -c 33554432 "$resolved" | cut -b 1-1000 | awk -v "name==$logs_name." "@CRASH@"; }

# logs_owner PID: through sudo only, what the login user may not read.
logs_owner() {
	[ -z "${flink_log_dirs+there}" ] || return 0
	logs_as=logs.$1
	logs_begin "$((1000000 / owners_n))" || return 0
	uid=$(logs_stat "" /proc/self/status)
	uid=${uid%% *}
	logs_options "$1"
	logs_file=${logs_dirs#"$nl"}
	case $logs_file in
	/*)
		# Where everybody may read all of it, the login user has done so.
		# shellcheck disable=SC2012 # its modes are wanted
		[ -z "$(LC_ALL=C ls -la "$logs_file/" 2>/dev/null | sed -n -e "/^-......[^r]/p" -e "/^d......[^r].* [.]\$/p" -e "/^d........[^xt].* [.]\$/p")" ] || logs_directory "$logs_file"
		;;
	esac
	IFS=$nl
	for logs_dir in $logs_errs; do logs_crashes "${logs_dir%/*}" "${logs_dir##*/}"; done
	logs_crashes "/proc/$1/cwd"
	unset IFS
	set +f
}
