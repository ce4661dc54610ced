# flink: every TaskManager process, what it was started with, and the
# installations, configuration and logs of Flink on this host. Only what is on
# the lists below leaves the host: arguments and configuration hold secrets.

# flink_scan finds the java processes without starting one.
flink_scan() {
	javas='' tms='' tm_users='' f_owner_uid=''
	flink_homes='' flink_log_dirs='' state_paths='' sshd_pid=''
	for f_f in "$root"/proc/[0-9]*/comm; do
		f_comm=
		read -r f_comm <"$f_f"
		case $f_comm in
		java*)
			f_f=${f_f%/comm}
			javas="$javas ${f_f##*/}"
			;;
		sshd)
			f_f=${f_f%/comm}
			f_parent "$f_f"
			case $f_ppid in [01]) sshd_pid=${f_f##*/} ;; esac
			;;
		esac
	done 2>/dev/null
}

# f_parent DIR sets $f_ppid to the parent of a process. Its name may have
# blanks and brackets.
f_parent() {
	f_l=
	read -r f_l <"$1/stat"
	f_l=${f_l##*") "}
	f_l=${f_l#* }
	f_ppid=${f_l%% *}
}

# f_class WORD: 0 is a TaskManager, 1 a JobManager, 2 neither.
f_class() {
	case $1 in org.apache.flink.*) ;; *) return 2 ;; esac
	case ${1#org.apache.flink.} in
	runtime.taskexecutor.TaskManagerRunner | yarn.YarnTaskExecutorRunner | mesos.entrypoint.MesosTaskExecutorRunner) return 0 ;;
	kubernetes.taskmanager.KubernetesTask*Runner | runtime.taskmanager.TaskManager | yarn.YarnTaskManager) return 0 ;;
	*.entrypoint.*ClusterEntry[Pp]oint | runtime.jobmanager.JobManager) return 1 ;;
	esac
	return 2
}

# f_option WORD: the JVM options that are told.
f_option() {
	case $1 in
	-Xm[xs]* | -Xss* | -Djava.io.tmpdir=* | -XX:[+-]Use* | -XX:[+-]MaxFDLimit | -XX:[+-]*OnOutOfMemoryError | -XX:[+-]AlwaysPreTouch) return 0 ;;
	-XX:[+-]ZGenerational | -XX:ErrorFile=* | -XX:HeapDumpPath=* | -XX:NativeMemoryTracking=* | -XX:Max*=* | -XX:Initial*=*) return 0 ;;
	-XX:ReservedCodeCacheSize=* | -XX:CompressedClassSpaceSize=* | -XX:ThreadStackSize=* | -XX:ActiveProcessorCount=*) return 0 ;;
	esac
	return 1
}

# f_key KEY: the configuration keys that are told.
f_key() {
	case $1 in
	*password* | *secret* | *token* | *credential* | *access-key* | *access.key* | *acl*) return 1 ;;
	state.* | savepoints.state.* | execution.checkpointing.* | execution.state-recovery.* | io.tmp.dirs | process.*working-dir) return 0 ;;
	taskmanager.* | jobmanager.rpc.* | jobmanager.bind-host | jobmanager.web.port | rest.*port | rest.*address | blob.server.port) return 0 ;;
	high-availability | high-availability.* | recovery.mode | metrics.internal.query-service.port) return 0 ;;
	env.java.home | env.log.* | env.pid.dir | env.stdout-err.* | restart-strategy | restart-strategy.type | parallelism.default) return 0 ;;
	esac
	return 1
}

# f_value VALUE sets $f_told to what is told of it: no user and
# password of an address.
f_value() {
	case $1 in
	*://*@*) f_told="(withheld)" ;;
	*) f_told=$1 ;;
	esac
}

# f_args PID... prints what the arguments of each process tell, as lines
# "WORD PID TEXT". tr turns the zero bytes between arguments into newlines.
f_args() {
	f_count=0
	IFS=$nl
	set -f
	for f_pid in "$@"; do
		say "at $f_pid"
		f_list=$(tr "\000\n" "\n?" 2>/dev/null <"$root/proc/$f_pid/cmdline")
		# shellcheck disable=SC2086 # an argument a line
		f_one $f_list
		[ "$f_count" -lt 64 ] || {
			fact flink.more 1
			break
		}
	done
	say "all 0"
}

# f_one ARG... is one process.
f_one() {
	case ${1-} in
	java | */java) ;;
	*) return 0 ;;
	esac
	f_kind=2
	for f_a in "$@"; do
		f_class "$f_a"
		f_kind=$?
		[ "$f_kind" = 2 ] || break
	done
	case $f_kind in
	1) fact flink.jobmanager "$f_pid" ;;
	0)
		say "tm $f_pid"
		say "java $f_pid $1"
		fact "flink.$f_pid.class" "$f_a"
		;;
	esac
	[ "$f_kind" = 0 ] || return 0
	f_count=$((f_count + 1))
	f_behind=
	f_last=
	for f_a in "$@"; do
		if [ -n "$f_behind" ]; then
			f_argument
		else
			f_jvm
		fi
		f_last=$f_a
	done
}

# f_jvm is an argument before the main class.
f_jvm() {
	if f_class "$f_a"; then
		f_behind=1
		return 0
	fi
	case $f_last in
	-cp | -classpath | --class-path)
		case $f_a in
		*/lib/flink-dist*.jar*)
			f_jar=${f_a#*/lib/flink-dist}
			f_v=${f_a%%/lib/flink-dist*}
			f_both home "${f_v##*:}"
			fact "flink.$f_pid.dist" "${f_jar%%.jar*}"
			;;
		esac
		;;
	esac
	case $f_a in
	-Dlog.file=*) f_both log_file "${f_a#*=}" ;;
	*) ! f_option "$f_a" || fact "flink.$f_pid.option" "$f_a" ;;
	esac
	case $f_a in -Djava.io.tmpdir=*) say "dynamic ${f_a#-D}" ;; esac
}

# f_argument is one behind it.
f_argument() {
	case $f_last in
	--configDir | -c) f_both config_dir "$f_a" ;;
	-D) f_setting "$f_a" ;;
	*) case $f_a in -D?*=*) f_setting "${f_a#-D}" ;; esac ;;
	esac
}
f_setting() {
	f_k=${1%%=*}
	f_key "$f_k" || return 0
	f_value "${1#*=}"
	f_both dynamic "$f_k=$f_told"
}

# f_fact NAME VALUE is how the program writes a fact of the process $f_pid.
f_fact() { fact flink."$f_pid.$1" "$2"; }

# f_both WORD TEXT: a fact of the process that flink_prepare needs too.
f_both() {
	fact "flink.$f_pid.$1" "$2"
	say "$1 $2"
}

# flink_prepare runs in the main shell and sets what the other probes start
# from. Whatever may hang is behind a guard, and its text comes through a pipe
# that the hanging process does not hold.
flink_prepare() {
	f_searched=
	f_todo=$javas
	f_round=0
	[ -n "$f_todo" ] || f_searched=1
	while [ -n "$f_todo" ] && [ "$f_round" -lt 3 ]; do
		f_round=$((f_round + 1))
		# shellcheck disable=SC2086 # numbers
		f_found=$(guard 3 f_args $f_todo)
		f_take
		[ -z "$f_searched" ] || break
		# A process whose arguments cannot be read to their end is left out.
		case " $f_todo " in
		*" $f_at "*) f_todo=${f_todo#*"$f_at"} ;;
		*) f_todo= ;;
		esac
		f_hung="${f_hung-} $f_at"
	done
	f_users
	f_given=$flink_homes
	flink_homes=
	f_found=$(guard 5 f_relay)
	f_take
	f_settle
}

# f_take reads what f_args and f_paths found: records to pass on, and words
# for the variables that the other probes start from.
f_take() {
	f_at=
	IFS=$nl
	set -f
	for f_l in $f_found; do
		f_v=${f_l#* }
		case $f_l in
		[=?@%\|\$\\-]*) say "$f_l" ;;
		"at "*) f_at=$f_v ;;
		"all "*) f_searched=1 ;;
		"tm "*) tms="$tms${tms:+ }$f_v" ;;
		"java "*) eval "tm_java_${f_v%% *}=\${f_v#* }" ;;
		"log_file "*) f_logs="${f_logs-}$f_v$nl" ;;
		"config_dir "*) f_confs="${f_confs-}$f_v$nl" ;;
		"dynamic "*) f_dynamic="${f_dynamic-}$f_v$nl" ;;
		"owner "*) f_owner_uid=$f_v ;;
		"home "*) flink_homes="$flink_homes${flink_homes:+$nl}$f_v" ;;
		"logs "*) flink_log_dirs="$flink_log_dirs${flink_log_dirs:+$nl}$f_v" ;;
		*" /"*) f_state "$f_l" ;;
		esac
	done
	set +f
	unset IFS
}

# flink_without_fork takes the place of flink_prepare where no process can be
# started. A shell reads the arguments without the zero bytes between them.
flink_without_fork() {
	f_hung=" all: the host refuses to start processes"
	for f_pid in $javas; do
		f_l=
		{ IFS= read -r f_l <"$root/proc/$f_pid/cmdline"; } 2>/dev/null
		case $f_l in
		*org.apache.flink.runtime.taskexecutor.TaskManagerRunner* | *org.apache.flink.yarn.YarnTaskExecutorRunner* | *.KubernetesTaskExecutorRunner*)
			tms="$tms${tms:+ }$f_pid"
			fact "flink.$f_pid.class" "not known"
			;;
		esac
	done
	f_users
}

# f_users reads the status of each TaskManager and finds its user.
f_users() {
	for f_pid in $tms; do
		uid='' f_ppid='' f_w=''
		while read -r f_k f_v f_l; do
			case $f_k in
			PPid:) f_ppid=$f_v ;;
			Uid:) uid=$f_v ;;
			Threads: | VmPeak: | VmSize: | VmRSS: | NSpid:) fact "flink.$f_pid.${f_k%:}" "$f_v $f_l" ;;
			esac
		done <"$root/proc/$f_pid/status"
		case $uid in
		"" | *[!0-9]*)
			unread "flink.$f_pid.uid" "/proc/$f_pid/status"
			continue
			;;
		esac
		eval "tm_uid_$f_pid=$uid"
		fact "flink.$f_pid.uid" "$uid"
		user_name "$uid"
		[ -z "$user" ] || fact "flink.$f_pid.user" "$user"
		user=${user:-#$uid}
		case " $tm_users " in
		*" $user "*) ;;
		*) tm_users="$tm_users${tm_users:+ }$user" ;;
		esac
		# The parents, the closest first.
		f_k=0
		while [ "$f_k" -lt 9 ] && read -r f_w <"$root/proc/$f_ppid/comm"; do
			f_k=$((f_k + 1))
			fact "flink.$f_pid.parent" "$f_ppid $f_w"
			f_parent "$root/proc/$f_ppid"
		done
	done 2>/dev/null
}

# tm_uid PID sets $uid.
tm_uid() { eval "uid=\${tm_uid_$1-}"; }

# flink_early is what /proc tells everybody of each TaskManager.
flink_early() {
	if [ -n "${f_hung-}" ]; then
		unknown flink.searched "the arguments of a process cannot be read:$f_hung"
	elif [ ! -d "$root/proc" ] || [ -z "$root" ] && [ ! -r /proc/1/comm ]; then
		unknown flink.searched "/proc does not show the processes of other users (hidepid)"
	else
		fact flink.searched yes
	fi
	for f_pid in $tms; do
		f_proc="$root/proc/$f_pid"
		while read -r f_l; do
			fact "flink.$f_pid.limit" "$f_l"
		done <"$f_proc/limits"
		while read -r f_l; do
			fact "flink.$f_pid.cgroup" "$f_l"
			case $f_l in
			0::*/session-*.scope | *:name=systemd:*/session-*.scope)
				f_l=${f_l##*/session-}
				while IFS="=" read -r f_k f_v; do
					case $f_k in UID | SERVICE) fact "flink.$f_pid.session" "$f_k $f_v" ;; esac
				done <"$root/run/systemd/sessions/${f_l%.scope}"
				;;
			esac
		done <"$f_proc/cgroup"
		f_l=
		read -r f_l <"$f_proc/stat"
		f_l=${f_l##*") "}
		set -f
		# shellcheck disable=SC2086 # numbers
		set -- $f_l
		set +f
		[ $# -lt 20 ] || fact "flink.$f_pid.start_ticks" "${20}"
	done 2>/dev/null
}

# f_relay passes on what f_paths prints: where a file system hangs, the
# shell that touched it holds only the inner pipe.
f_relay() {
	f_paths | while IFS= read -r f_l; do
		say "$f_l"
	done
}

# f_paths finds installations, configuration, logs and pid files, and
# prints records and lines for f_take_paths.
f_paths() {
	user_uid "${flink_user:-${tm_users%% *}}"
	f_seen=$nl
	IFS=$nl
	set -f
	for f_d in $f_given; do f_home_dir "$f_d" sure; done
	set +f
	unset IFS
	[ -z "$flink_home" ] || f_home_dir "$flink_home" sure
	for f_d in "$root"/opt/flink* "$root"/usr/local/flink* "$root"/usr/share/flink* "$root"/usr/lib/flink* "$root${uid_home:-/nowhere}"/flink*; do
		f_home_dir "${f_d#"$root"}" guess
	done
	user_uid "$login_user"
	for f_d in "$root${uid_home:-/nowhere}"/flink*; do
		f_home_dir "${f_d#"$root"}" guess
	done
	IFS=$nl
	set -f
	for f_d in ${f_confs-}; do f_conf_dir "$f_d"; done
	for f_d in ${f_logs-}; do f_log_dir "${f_d%/*}"; done
	set +f
	unset IFS
	f_log_dir /var/log/flink
	f_log_owner
	for f_d in "$root"/tmp/flink-*.pid; do
		f_pid_file "${f_d#"$root"}"
	done
}

# f_once WORD PATH prints it unless it was printed.
f_once() {
	case $f_seen in *"$nl$1 $2$nl"*) return 1 ;; esac
	f_seen="$f_seen$1 $2$nl"
	say "$1 $2"
}

# f_home_dir DIR: an installation, its version, configuration and logs.
f_home_dir() {
	case $1 in /?*) ;; *) return 0 ;; esac
	resolve "$1" && [ -d "$resolved" ] || return 0
	f_real "$1"
	f_jar=
	for f_f in "$resolved"/lib/flink-dist*.jar; do
		[ ! -e "$f_f" ] || f_jar=${f_f##*/flink-dist}
	done
	[ "$2" = sure ] || [ -n "$f_jar" ] || [ -f "$resolved/bin/taskmanager.sh" ] ||
		[ -f "$resolved/conf/flink-conf.yaml" ] || [ -f "$resolved/conf/config.yaml" ] || return 0
	f_once home "$f_path" || return 0
	fact flink.home "$f_path"
	[ -z "$f_jar" ] || say "=flink.dist $f_path ${f_jar%.jar}"
	f_base=$f_path
	f_conf_dir "$f_base/conf"
	f_log_dir "$f_base/log"
}

# f_real PATH sets $f_path to the path behind links, as the host
# sees it; $resolved is where it can be opened.
f_real() {
	f_path=$1
	if [ -n "$root" ]; then
		f_path=${resolved#"$root"}
	elif [ -h "$1" ]; then
		f_path=$(cd -P -- "$1" 2>/dev/null && pwd -P) || f_path=$1
		resolved=$f_path
	fi
}

f_log_dir() {
	case $1 in /?*) ;; *) return 0 ;; esac
	resolve "$1" && [ -d "$resolved" ] || return 0
	f_real "$1"
	f_once logs "$f_path" || return 0
	fact flink.log_dir "$f_path"
	say "log $f_path"
}

# f_log_owner: whose the newest TaskManager log is.
f_log_owner() {
	[ -z "$tms" ] || return 0
	set --
	IFS=$nl
	for f_d in ${f_seen}; do
		case $f_d in
		"logs "*)
			for f_f in "$root${f_d#logs }"/flink-*-taskexecutor-*.log*; do
				[ ! -f "$f_f" ] || set -- "$@" "$f_f"
			done
			;;
		esac
	done
	unset IFS
	[ $# -gt 0 ] && [ $# -lt 500 ] || return 0
	live log_owner ls -ldnt -- "$@" | while read -r f_k f_v f_l f_f; do
		say "owner $f_l"
		cat >/dev/null
	done
}

# f_pid_file PATH is what flink-daemon.sh left there: a pid a line.
f_pid_file() {
	case $1 in *-taskexecutor*.pid) ;; *) return 0 ;; esac
	is_regular "$1" || return 0
	f_v=
	for f_l in $(dd bs=4096 count=1 2>/dev/null <"$resolved"); do
		case $f_l in
		*[!0-9]*) ;;
		*) f_v="$f_v $f_l" ;;
		esac
	done
	say "=flink.pid_file $1$f_v"
}

# f_conf_dir DIR: Flink 2 reads only config.yaml; before that
# flink-conf.yaml wins where it exists.
f_conf_dir() {
	case $1 in /?*) ;; *) return 0 ;; esac
	resolve "$1" && [ -d "$resolved" ] || return 0
	f_real "$1"
	f_once confdir "$f_path" >/dev/null || return 0
	f_c=$f_path
	for f_f in flink-conf.yaml config.yaml; do
		is_regular "$f_c/$f_f" || {
			[ ! -e "$root$f_c/$f_f" ] || say "@u - - - - $f_c/$f_f"
			continue
		}
		say "%f - - - - $f_c/$f_f"
		dd bs=65536 count=1 2>/dev/null <"$resolved" | f_lines "$f_f"
		say "\$0"
		say "=flink.config $f_c/$f_f"
	done
}

# f_lines NAME prints a configuration file with every line that is not on
# the list left empty, so that line numbers stay, and the paths in it.
f_lines() {
	c_depth=0
	c_prefix_0=
	while IFS= read -r c_line || [ -n "$c_line" ]; do
		c_out=
		c_state=
		case $c_line in
		*[!\ ]*)
			c_lead=${c_line%%[! ]*}
			c_body=${c_line#"$c_lead"}
			case $c_body in
			"#"* | "---"* | "...") ;;
			*) if [ "$1" = config.yaml ]; then c_nested; else c_flat; fi ;;
			esac
			;;
		esac
		say "|$c_out"
		[ -z "$c_state" ] || say "$c_state"
	done
}

# c_flat is a line as Flink's own parser before 1.19 reads it: # begins a
# comment anywhere, the first ": " divides.
c_flat() {
	c_body=${c_body%%"#"*}
	case $c_body in
	*": "*) ;;
	*) return 0 ;;
	esac
	c_key=${c_body%%": "*}
	c_value=${c_body#*": "}
	c_tell "$c_key"
}

# c_nested is a line of YAML: keys nested by indentation, flat, or mixed.
# Lines that only open a level are told where they are plain names.
c_nested() {
	c_n=${#c_lead}
	case $c_body in
	"- "*)
		while [ "$c_depth" -gt 0 ]; do
			eval "c_i=\$c_indent_$c_depth"
			[ "$c_i" -gt "$c_n" ] || break
			c_depth=$((c_depth - 1))
		done
		eval "c_prefix=\$c_prefix_$c_depth"
		c_value=${c_body#- }
		f_key "${c_prefix#.}" || return 0
		c_plain
		f_value "$c_value"
		c_out="$c_lead- $f_told"
		c_role "${c_prefix#.}"
		return 0
		;;
	esac
	while [ "$c_depth" -gt 0 ]; do
		eval "c_i=\$c_indent_$c_depth"
		[ "$c_i" -ge "$c_n" ] || break
		c_depth=$((c_depth - 1))
	done
	case $c_body in
	*": "*)
		c_key=${c_body%%": "*}
		c_value=${c_body#*": "}
		;;
	*:)
		c_key=${c_body%:}
		c_value=
		;;
	*) return 0 ;;
	esac
	case $c_key in *[!A-Za-z0-9._-]*) return 0 ;; esac
	eval "c_prefix=\$c_prefix_$c_depth"
	c_plain
	case $c_value in
	"")
		c_depth=$((c_depth + 1))
		eval "c_indent_$c_depth=\$c_n c_prefix_$c_depth=\$c_prefix.\$c_key"
		c_out="$c_lead$c_key:"
		;;
	*) c_tell "${c_prefix#.}${c_prefix:+.}$c_key" ;;
	esac
}

# c_plain takes the comment off $c_value. In quotes # is a character.
c_plain() {
	c_value=${c_value#"${c_value%%[! ]*}"}
	case $c_value in
	\"*)
		c_v=${c_value#\"}
		c_value="\"${c_v%%\"*}\""
		;;
	"$sq"*)
		c_v=${c_value#"$sq"}
		c_value="$sq${c_v%%"$sq"*}$sq"
		;;
	"#"*) c_value= ;;
	*) c_value=${c_value%%" #"*} ;;
	esac
}

# c_tell KEY prints the line if the key is on the list.
c_tell() {
	f_key "$1" || return 0
	f_value "$c_value"
	c_out="$c_lead$c_key: $f_told"
	c_role "$1"
}

# c_role KEY says what a value that names directories is for. Sets
# $c_state to lines "ROLE PATH".
c_role() {
	f_role "$1"
	[ -n "$role" ] || return 0
	# What an argument sets, the file does not.
	case $nl${f_dynamic-} in *"$nl$1="*) return 0 ;; esac
	f_dirs "$c_value"
	unset IFS
	c_state=$f_states
}

# f_role KEY sets $role.
f_role() {
	case $1 in
	state.backend.rocksdb.localdir | state.backend.forst.local-dir) role=localdir ;;
	io.tmp.dirs | taskmanager.tmp.dirs | java.io.tmpdir) role=tmp ;;
	process.working-dir | process.taskmanager.working-dir) role=work ;;
	execution.checkpointing.local-backup.dirs | taskmanager.state.local.root-dirs) role=localstate ;;
	execution.checkpointing.dir | state.checkpoints.dir | state.backend.fs.checkpointdir | state.backend.forst.primary-dir) role=checkpoint ;;
	execution.checkpointing.savepoint-dir | state.savepoints.dir | savepoints.state.backend.fs.dir) role=savepoint ;;
	env.log.dir) role=log ;;
	*) role= ;;
	esac
}

# f_dirs VALUE sets $f_states to lines "ROLE PATH". Separators are , and : and
# in YAML brackets and quotes; a path may be written file:PATH, and one of
# another scheme is none of ours.
f_dirs() {
	f_states='' f_prev=''
	IFS=",:[]\"$sq"
	for f_dir in $1; do
		f_dir=${f_dir#"${f_dir%%[! ]*}"}
		f_dir=${f_dir%"${f_dir##*[! ]}"}
		case $f_prev$f_dir in
		file//*) f_dir=${f_dir#"${f_dir%%[!/]*}"} && f_dir=/$f_dir ;;
		esac
		case $f_prev$f_dir in
		/[!/]* | file/*) f_states="$f_states${f_states:+$nl}$role $f_dir" ;;
		esac
		f_prev=
		case $f_dir in "" | /*) ;; *) f_prev=$f_dir ;; esac
	done
	IFS=$nl
}

# f_settle adds what arguments and the inventory say of directories.
f_settle() {
	IFS=$nl
	set -f
	for f_l in ${f_dynamic-}; do
		f_role "${f_l%%=*}"
		[ -n "$role" ] || continue
		f_dirs "${f_l#*=}"
		for f_dir in $f_states; do f_state "$f_dir"; done
	done
	IFS=,
	for f_l in $state_dirs; do f_state "inventory $f_l"; done
	set +f
	unset IFS
	f_state "tmp /tmp"
	session_flink_user
}

# f_state "ROLE PATH" adds a line to $state_paths, each once.
f_state() {
	case $nl$state_paths$nl in
	*"$nl$1$nl"*) ;;
	*) case $1 in
		*" /"*)
			state_paths="$state_paths${state_paths:+$nl}$1"
			fact flink.state_path "$1"
			;;
		esac ;;
	esac
}

# session_flink_user says whom TaskManagers run as here, and how we know.
session_flink_user() {
	user=
	if [ -n "$flink_user" ]; then
		fact session.flink_user_from inventory
	elif [ -n "$tms" ]; then
		flink_user=${tm_users%% *}
		fact session.flink_user_from "running TaskManager"
	else
		[ -z "$f_owner_uid" ] || user_name "$f_owner_uid"
		if [ -n "$user" ]; then
			flink_user=$user
			fact session.flink_user_from "newest log"
		elif [ -n "$login_user" ]; then
			flink_user=$login_user
			fact session.flink_user_from "login user"
		fi
	fi
	tell session.flink_user "$flink_user" "no TaskManager, no log, no name of the login user"
}

#: as the TaskManager's user
# Where the process stands, which is where hs_err files land, and what its
# standard output is. One ls, because POSIX has no readlink.
flink_owner() {
	f_p=$root/proc/$1
	if [ -n "$root" ]; then
		for f_k in cwd fd/1; do
			if [ -h "$f_p/$f_k" ] && link_target "$f_p/$f_k"; then
				f_target "$1" "$f_k" "$target"
			fi
		done
		return 0
	fi
	# shellcheck disable=SC2012 # ls is what POSIX has
	ls -ld -- "$f_p/cwd" "$f_p/fd/1" 2>/dev/null | while IFS= read -r f_l; do
		case $f_l in
		*"$f_p/cwd -> "*) f_target "$1" cwd "${f_l#*"$f_p/cwd -> "}" ;;
		*"$f_p/fd/1 -> "*) f_target "$1" fd/1 "${f_l#*"$f_p/fd/1 -> "}" ;;
		esac
	done
}
f_target() {
	case $2 in
	cwd) fact "flink.$1.cwd" "$3" ;;
	*) fact "flink.$1.stdout" "$3" ;;
	esac
}
