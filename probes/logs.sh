# Logs of TaskManagers and of JobManagers on the same host, what the JVM wrote
# to .out, hs_err files, errors in RocksDB's own LOG files.

# logs_section: all that the login user may read.
logs_section() {
	logs_as=logs.host logs_n=0 logs_seen=$nl logs_uid=
	logs_dirs=$flink_log_dirs logs_errs=
	set -f
	for pid in $tms; do logs_options "$pid"; done
	IFS=$nl
	for logs_dir in $logs_dirs; do
		case $logs_seen in *"$nl$logs_dir$nl"*) continue ;; esac
		logs_seen=$logs_seen$logs_dir$nl
		logs_directory "$logs_dir"
	done
	IFS=$nl
	for logs_dir in $logs_errs $flink_homes /tmp; do logs_crashes "$logs_dir"; done
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
#: as the TaskManager's user

# What a line must have to leave the host: generated from the table of texts.
logs_pattern="@PATTERN@"

# logs_options PID adds to $logs_dirs and $logs_errs what its arguments name.
logs_options() {
	logs_list=$(tr "\000" "\n" <"$root/proc/$1/cmdline" 2>/dev/null | sed -n -e "s/^-Dlog[.]file=\//L\//p" -e "s/^-XX:ErrorFile=\(\/.*\)\/[^/]*/E\1/p")
	IFS=$nl
	for logs_dir in $logs_list; do
		case $logs_dir in
		L*)
			# The log of a running TaskManager is read, however old it is.
			logs_dir=${logs_dir#L}
			logs_dirs=$logs_dirs$nl${logs_dir%/*}
			is_regular "$logs_dir" && logs_size=$(($(wc -c <"$resolved"))) && logs_read taskmanager "$logs_dir" 2097152 300
			;;
		E*) logs_errs=$logs_errs$nl${logs_dir#E} ;;
		esac
	done
	unset IFS
}

# logs_directory DIR reads the newest logs of a directory. Only regular files
# are opened, whatever stands at the path.
logs_directory() {
	resolve "$1" && [ -d "$resolved" ] || return 0
	logs_real=$resolved
	[ -r "$logs_real" ] || fact "$logs_as.unread" "$1"
	# shellcheck disable=SC2012 # sizes, the newest first
	logs_list=$(LC_ALL=C ls -lLnt "$logs_real/" 2>/dev/null |
		sed -n "s/^-[^ ]* *[0-9]* *\([0-9]*\) *[0-9]* *\([0-9]*\) *[^ ]* *[^ ]* *[^ ]* \(.*\)/\1 \2 \3/p" | sed 2000q)
	logs_tm=0 logs_out=0 logs_jm=0 logs_db=0
	IFS=$nl
	for logs_entry in $logs_list; do
		logs_owned=${logs_entry%% *}
		logs_entry=${logs_entry#* }
		logs_size=${logs_entry%% *}
		logs_file=${logs_entry#* }
		[ "$logs_size" -gt 0 ] || continue
		case $logs_file in
		*.gz | *.zip | *.bz2 | *.xz | *.zst | *.lck | *gc.log*) ;;
		*_LOG*) [ "$((logs_db = logs_db + 1))" -gt 4 ] || logs_read rocksdb "$1/$logs_file" 131072 12 ;;
		*jobmanager*.out* | *jobmanager*.err* | *standalone*.out* | *standalone*.err*) ;;
		*jobmanager*.log* | *standalone*.log*) [ "$((logs_jm = logs_jm + 1))" -gt 3 ] || logs_read jobmanager "$1/$logs_file" 1048576 160 ;;
		*taskexecutor*.out* | *taskexecutor*.err* | *taskmanager*.out* | *taskmanager*.err*) [ "$((logs_out = logs_out + 1))" -gt 6 ] || logs_read out "$1/$logs_file" 524288 60 ;;
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
# the newest LINES that match, as NUMBER:TEXT, or NUMBER-TEXT for the first
# frame of an exception and the head of its entry without the message.
logs_read() {
	case $logs_seen in *"$nl$2$nl"*) return 0 ;; esac
	is_regular "$2" || {
		[ ! -f "$resolved" ] || fact "$logs_as.unread" "$2"
		return 0
	}
	logs_seen=$logs_seen$2$nl
	logs_n=$((logs_n + 1))
	logs_name=$logs_as.$logs_n
	fact "$logs_name" "$1 $logs_size $2"
	if [ "$logs_size" -gt "$3" ] && [ "$1" = taskmanager ]; then
		dd bs=65536 count=1 <"$resolved" 2>/dev/null | logs_filter 9 head "Maximum number of open file descriptors|Starting .*[(]Version"
	fi
	case $1 in
	rocksdb) tail -c "$3" "$resolved" | logs_filter "$4" line "[[]ERROR[]]|Corruption: " ;;
	*) tail -c "$3" "$resolved" | logs_filter "$4" line "$logs_pattern" ;;
	esac 2>/dev/null
	[ "$1" = out ] || return 0
	for logs_err in $(tail -c 65536 "$resolved" 2>/dev/null | sed -n "s/^# *\(\/.*hs_err[^ ]*[.]log\)/\1/p" | tail -n 3); do logs_crash "$logs_err"; done
}

# logs_filter LINES RECORD PATTERN: grep keeps a line before and after a match;
# of those only heads of entries and frames are wanted. A stack in a JSON
# layout gets lines of its own.
logs_filter() {
	grep -a -n -A 1 -B 1 -E "$3" | sed -e "/^--/{
x
s/.*//
x
d
}
/^[0-9]*[-:][[:space:]]*[.][.][.] /d
/deprecated configuration key/d
/^[0-9]*-/{
/^[0-9]*-[[:space:]][[:space:]]*at /!{
/^[0-9]*-[[{ ]*[0-9\"]/!d
s/ - .*/ - /
s/\"message\".*//
s/^/=$logs_name.$2 /
h
d
}
}
/^[0-9]*:[0-9[{]/{
x
s/.*//
x
/[\\\\]n[\\\\]tat /{
s/\([\\\\]n[\\\\]tat [^\\\\]*\)\([\\\\]n[\\\\]tat [^\\\\]*\)*/\1/g
s/[\\\\]n/\\
=$logs_name.$2 0:/g
s/[\\\\]t/	/g
}
}
/^[0-9]*:[a-zA-Z]/{
x
/./p
s/.*//
x
}
s/^/=$logs_name.$2 /" | cut -b 1-600 | tail -n "$1"
}

# logs_crashes DIR: the newest three hs_err files of a directory.
logs_crashes() {
	resolve "$1" && [ -d "$resolved" ] && [ -r "$resolved" ] || return 0
	logs_real=$resolved
	set +f
	set -- "$1" "$logs_real"/hs_err_pid*.log
	set -f
	[ -e "$2" ] || return 0
	logs_real=$1
	shift
	# shellcheck disable=SC2012 # names that begin with hs_err_pid
	for logs_err in $(LC_ALL=C ls -t "$@" | sed 3q); do logs_crash "$logs_real/${logs_err##*/}"; done
}

# logs_crash PATH: what an hs_err file says of limits and memory, and how many
# maps the process had. The file itself, of many MB, stays.
logs_crash() {
	is_regular "$1" || return 0
	case $logs_seen in *"$nl$1$nl"*) return 0 ;; esac
	logs_seen=$logs_seen$1$nl
	logs_n=$((logs_n + 1))
	logs_name=$logs_as.$logs_n
	fact "$logs_name" "hs_err 0 $1"
	tail -c 33554432 "$resolved" 2>/dev/null | grep -a -A 1 -E "^# +(Native memory|Out of Memory|There is insufficient|SIG|Internal Error|Problematic)|^# C +|^rlimit|max_map_count|^(MemTotal|MemAvailable|SwapFree|CommitLimit|Committed_AS|Time|java_command):|^Command Line" |
		sed -n -e "s/^Command Line:.*-Dlog[.]file=\([^ ]*\).*/log_file \1/p" -e "/^Command Line/d" -e "/^--/d" -e p | cut -b 1-300 | sed -e "s/^/=$logs_name.line /" -e 60q
	fact "$logs_name.maps" "$(tail -c 33554432 "$resolved" 2>/dev/null | sed -n "/^Dynamic libraries:/,/^VM Arguments:/p" | grep -a -c "^[0-9a-f][0-9a-f]*-[0-9a-f]* ")"
}

# logs_owner PID: through sudo only, what the login user may not read.
logs_owner() {
	[ -z "${flink_log_dirs+there}" ] || return 0
	logs_as=logs.$1 logs_n=0 logs_seen=$nl logs_dirs="" logs_errs=""
	set -f
	logs_options "$1"
	logs_file=${logs_dirs#"$nl"}
	case $logs_file in
	/*)
		# Where everybody may read all of it, the login user has done so.
		# shellcheck disable=SC2012 # its modes are wanted
		[ -z "$(LC_ALL=C ls -la "$logs_file/" 2>/dev/null | sed -n -e "/^-......[^r]/p" -e "/^d......[^r].* [.]\$/p" -e "/^d........[^xt].* [.]\$/p")" ] || logs_directory "$logs_file"
		;;
	esac
	logs_crashes "/proc/$1/cwd"
	set +f
}
