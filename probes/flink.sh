# flink: every TaskManager process, what it was started with, and the
# installations, configuration and logs of Flink on this host. Only what is on
# the lists below leaves the host: arguments and configuration hold secrets.

# flink_scan finds the java processes without starting one.
flink_scan() {
	javas=
	tms=
	tm_users=
	for flink_f in "$root"/proc/[0-9]*/comm; do
		flink_comm=
		read -r flink_comm <"$flink_f"
		case $flink_comm in
		java*)
			flink_f=${flink_f%/comm}
			javas="$javas ${flink_f##*/}"
			;;
		esac
	done 2>/dev/null
}

# flink_class WORD: 0 is a TaskManager, 1 a JobManager, 2 neither.
flink_class() {
	case $1 in
	org.apache.flink.runtime.taskexecutor.TaskManagerRunner) return 0 ;;
	org.apache.flink.yarn.YarnTaskExecutorRunner) return 0 ;;
	org.apache.flink.kubernetes.taskmanager.KubernetesTaskExecutorRunner) return 0 ;;
	org.apache.flink.kubernetes.taskmanager.KubernetesTaskManagerRunner) return 0 ;;
	org.apache.flink.mesos.entrypoint.MesosTaskExecutorRunner) return 0 ;;
	org.apache.flink.runtime.taskmanager.TaskManager) return 0 ;;
	org.apache.flink.yarn.YarnTaskManager) return 0 ;;
	org.apache.flink.runtime.entrypoint.Standalone*ClusterEntrypoint) return 1 ;;
	org.apache.flink.container.entrypoint.Standalone*ClusterEntry[Pp]oint) return 1 ;;
	org.apache.flink.kubernetes.entrypoint.Kubernetes*ClusterEntrypoint) return 1 ;;
	org.apache.flink.yarn.entrypoint.Yarn*ClusterEntrypoint) return 1 ;;
	org.apache.flink.runtime.jobmanager.JobManager) return 1 ;;
	esac
	return 2
}

# flink_option WORD: the JVM options that are told.
flink_option() {
	case $1 in
	-Xm[xs]* | -Xss* | -Djava.io.tmpdir=*) return 0 ;;
	-XX:[+-]Use*GC | -XX:[+-]MaxFDLimit | -XX:[+-]*OnOutOfMemoryError | -XX:[+-]AlwaysPreTouch | -XX:[+-]ZGenerational) return 0 ;;
	-XX:[+-]UseLargePages | -XX:[+-]UseTransparentHugePages | -XX:[+-]UseContainerSupport) return 0 ;;
	-XX:ErrorFile=* | -XX:HeapDumpPath=* | -XX:NativeMemoryTracking=*) return 0 ;;
	-XX:Max*=* | -XX:InitialHeapSize=* | -XX:InitialRAMPercentage=* | -XX:ReservedCodeCacheSize=*) return 0 ;;
	-XX:CompressedClassSpaceSize=* | -XX:ThreadStackSize=* | -XX:ActiveProcessorCount=*) return 0 ;;
	esac
	return 1
}

# flink_key KEY: the configuration keys that are told.
flink_key() {
	case $1 in
	*password* | *secret* | *token* | *credential* | *access-key* | *access.key*) return 1 ;;
	state.backend | state.backend.type | state.backend.rocksdb.* | state.backend.forst.* | state.backend.local-recovery) return 0 ;;
	state.backend.incremental | state.backend.fs.* | state.checkpoints.* | state.savepoints.dir | state.checkpoint-storage) return 0 ;;
	savepoints.state.backend.fs.dir | state.storage.fs.memory-threshold) return 0 ;;
	execution.checkpointing.* | execution.state-recovery.* | io.tmp.dirs) return 0 ;;
	process.working-dir | process.taskmanager.working-dir | process.jobmanager.working-dir) return 0 ;;
	taskmanager.tmp.dirs | taskmanager.state.local.root-dirs | taskmanager.resource-id | taskmanager.numberOfTaskSlots) return 0 ;;
	taskmanager.memory.* | taskmanager.heap.* | taskmanager.host | taskmanager.bind-host | taskmanager.rpc.* | taskmanager.data.*) return 0 ;;
	taskmanager.registration.timeout | taskmanager.maxRegistrationDuration | taskmanager.cpu.cores) return 0 ;;
	jobmanager.rpc.address | jobmanager.rpc.port | jobmanager.bind-host | jobmanager.web.port) return 0 ;;
	rest.address | rest.port | rest.bind-port | rest.bind-address) return 0 ;;
	blob.server.port | metrics.internal.query-service.port) return 0 ;;
	high-availability | high-availability.type | high-availability.mode | high-availability.storageDir | high-availability.jobmanager.port) return 0 ;;
	high-availability.zookeeper.quorum | recovery.mode) return 0 ;;
	env.java.home | env.log.dir | env.log.max | env.pid.dir | env.stdout-err.redirect-to-file) return 0 ;;
	restart-strategy | restart-strategy.type | parallelism.default) return 0 ;;
	esac
	return 1
}

# flink_value VALUE sets $flink_told to what is told of it: no user and
# password of an address.
flink_value() {
	case $1 in
	*://*@*) flink_told="(withheld)" ;;
	*) flink_told=$1 ;;
	esac
}

# flink_args PID... prints what the arguments of each process tell, as lines
# "WORD PID TEXT". tr turns the zero bytes between arguments into newlines.
flink_args() {
	flink_count=0
	IFS=$nl
	set -f
	for flink_pid in "$@"; do
		say "at $flink_pid"
		flink_list=$(tr "\000\n" "\n?" <"$root/proc/$flink_pid/cmdline" 2>/dev/null)
		flink_one $flink_list
		[ "$flink_count" -lt 64 ] || {
			say "more $flink_pid"
			return 0
		}
	done
	say "all 0"
}

# flink_one ARG... is one process.
flink_one() {
	case ${1-} in
	java | */java) ;;
	*) return 0 ;;
	esac
	flink_kind=2
	for flink_a in "$@"; do
		flink_class "$flink_a"
		flink_kind=$?
		[ "$flink_kind" = 2 ] || break
	done
	case $flink_kind in
	0) say "tm $flink_pid $flink_a" ;;
	1) say "jm $flink_pid $flink_a" ;;
	2) return 0 ;;
	esac
	[ "$flink_kind" = 0 ] || return 0
	flink_count=$((flink_count + 1))
	say "java $flink_pid $1"
	flink_behind=
	flink_last=
	for flink_a in "$@"; do
		if [ -n "$flink_behind" ]; then
			flink_argument
		else
			flink_jvm
		fi
		flink_last=$flink_a
	done
}

# flink_jvm is an argument before the main class.
flink_jvm() {
	if flink_class "$flink_a"; then
		flink_behind=1
		return 0
	fi
	case $flink_last in
	-cp | -classpath | --class-path)
		case $flink_a in
		*/lib/flink-dist*.jar*)
			flink_jar=${flink_a#*/lib/flink-dist}
			flink_home=${flink_a%%/lib/flink-dist*}
			say "home $flink_pid ${flink_home##*:}"
			say "dist $flink_pid ${flink_jar%%.jar*}"
			;;
		esac
		;;
	esac
	case $flink_a in
	-Dlog.file=*) say "log $flink_pid ${flink_a#*=}" ;;
	*) ! flink_option "$flink_a" || say "option $flink_pid $flink_a" ;;
	esac
}

# flink_argument is one behind it.
flink_argument() {
	case $flink_last in
	--configDir | -c) say "conf $flink_pid $flink_a" ;;
	-D) flink_setting "$flink_a" ;;
	*) case $flink_a in -D?*=*) flink_setting "${flink_a#-D}" ;; esac ;;
	esac
}
flink_setting() {
	flink_k=${1%%=*}
	flink_key "$flink_k" || return 0
	flink_v=${1#*=}
	case $flink_v in \"*\") flink_v=${flink_v#?} && flink_v=${flink_v%?} ;; esac
	flink_value "$flink_v"
	say "dynamic $flink_pid $flink_k=$flink_told"
}

# flink_prepare runs in the main shell and sets what the other probes start
# from. Whatever may hang is behind a guard, and its text comes through a pipe
# that the hanging process does not hold.
flink_prepare() {
	flink_searched=
	flink_todo=$javas
	flink_round=0
	[ -n "$flink_todo" ] || flink_searched=1
	while [ -n "$flink_todo" ] && [ "$flink_round" -lt 3 ]; do
		flink_round=$((flink_round + 1))
		# shellcheck disable=SC2086 # numbers
		flink_found=$(guard 3 flink_args $flink_todo)
		flink_take
		[ -z "$flink_searched" ] || break
		# A process whose arguments cannot be read to their end is left out.
		case " $flink_todo " in
		*" $flink_at "*) flink_todo=${flink_todo#*"$flink_at"} ;;
		*) flink_todo= ;;
		esac
		flink_hung="${flink_hung-} $flink_at"
	done
	flink_users
	flink_found=$(guard 5 flink_relay)
	flink_take_paths
}

# flink_take reads what flink_args found.
flink_take() {
	flink_at=
	IFS=$nl
	set -f
	for flink_l in $flink_found; do
		flink_w=${flink_l%% *}
		flink_l=${flink_l#* }
		flink_pid=${flink_l%% *}
		flink_l=${flink_l#* }
		case $flink_w in
		at) flink_at=$flink_pid ;;
		all) flink_searched=1 ;;
		more)
			flink_searched=1
			fact flink.more "$flink_pid"
			;;
		jm) fact flink.jobmanager "$flink_pid" ;;
		java) eval "tm_java_$flink_pid=\$flink_l" ;;
		tm)
			tms="$tms${tms:+ }$flink_pid"
			fact "flink.$flink_pid.class" "$flink_l"
			;;
		log)
			fact "flink.$flink_pid.log_file" "$flink_l"
			flink_logs="${flink_logs-}$flink_l$nl"
			;;
		conf)
			fact "flink.$flink_pid.config_dir" "$flink_l"
			flink_confs="${flink_confs-}$flink_l$nl"
			;;
		home)
			fact "flink.$flink_pid.home" "$flink_l"
			flink_homes="${flink_homes-}$flink_l$nl"
			;;
		dynamic)
			fact "flink.$flink_pid.dynamic" "$flink_l"
			flink_dynamic="${flink_dynamic-}$flink_l$nl"
			;;
		option)
			fact "flink.$flink_pid.option" "$flink_l"
			case $flink_l in -Djava.io.tmpdir=*) flink_dynamic="${flink_dynamic-}${flink_l#-D}$nl" ;; esac
			;;
		*) fact "flink.$flink_pid.$flink_w" "$flink_l" ;;
		esac
	done
	set +f
	unset IFS
}

# flink_without_fork takes the place of flink_prepare where no process can be
# started. A shell reads the arguments without the zero bytes between them.
flink_without_fork() {
	flink_hung=" all: the host refuses to start processes"
	for flink_pid in $javas; do
		flink_l=
		{ IFS= read -r flink_l <"$root/proc/$flink_pid/cmdline"; } 2>/dev/null
		for flink_a in org.apache.flink.runtime.taskexecutor.TaskManagerRunner org.apache.flink.yarn.YarnTaskExecutorRunner \
			org.apache.flink.kubernetes.taskmanager.KubernetesTaskExecutorRunner; do
			case $flink_l in
			*"$flink_a"*)
				tms="$tms${tms:+ }$flink_pid"
				fact "flink.$flink_pid.class" "$flink_a"
				break
				;;
			esac
		done
	done
	flink_users
}

# flink_users finds the user of each TaskManager.
flink_users() {
	for flink_pid in $tms; do
		uid=
		flink_ppid=
		while read -r flink_k flink_v flink_l; do
			case $flink_k in
			PPid:) flink_ppid=$flink_v ;;
			Uid:)
				uid=$flink_v
				break
				;;
			esac
		done <"$root/proc/$flink_pid/status"
		case $uid in
		"" | *[!0-9]*)
			unknown "flink.$flink_pid.uid" "/proc/$flink_pid/status cannot be read"
			continue
			;;
		esac
		eval "tm_uid_$flink_pid=$uid"
		fact "flink.$flink_pid.uid" "$uid"
		user_name "$uid"
		[ -z "$user" ] || fact "flink.$flink_pid.user" "$user"
		user=${user:-#$uid}
		case " $tm_users " in
		*" $user "*) ;;
		*) tm_users="$tm_users${tm_users:+ }$user" ;;
		esac
		flink_l=
		read -r flink_l <"$root/proc/$flink_ppid/comm"
		[ -z "$flink_ppid" ] || fact "flink.$flink_pid.parent" "$flink_ppid $flink_l"
	done 2>/dev/null
}

# tm_uid PID sets $uid.
tm_uid() { eval "uid=\${tm_uid_$1-}"; }

# flink_early is what /proc tells everybody of each TaskManager.
flink_early() {
	if [ -n "${flink_hung-}" ]; then
		unknown flink.searched "the arguments of a process cannot be read:$flink_hung"
	elif [ ! -d "$root/proc" ] || [ -z "$root" ] && [ ! -r /proc/1/comm ]; then
		unknown flink.searched "/proc does not show the processes of other users (hidepid)"
	else
		fact flink.searched yes
	fi
	for flink_pid in $tms; do
		flink_proc="$root/proc/$flink_pid"
		while read -r flink_k flink_v flink_l; do
			case $flink_k in
			Threads:) fact "flink.$flink_pid.threads" "$flink_v" ;;
			VmPeak:) fact "flink.$flink_pid.vm_peak" "$flink_v" ;;
			VmSize:) fact "flink.$flink_pid.vm_size" "$flink_v" ;;
			VmRSS:) fact "flink.$flink_pid.vm_rss" "$flink_v" ;;
			NSpid:) fact "flink.$flink_pid.nspid" "$flink_v $flink_l" ;;
			esac
		done <"$flink_proc/status"
		while read -r flink_l; do
			flink_limit "$flink_l"
		done <"$flink_proc/limits"
		while read -r flink_l; do
			fact "flink.$flink_pid.cgroup" "$flink_l"
		done <"$flink_proc/cgroup"
		flink_l=
		read -r flink_l <"$flink_proc/stat"
		flink_l=${flink_l##*") "}
		set -f
		# shellcheck disable=SC2086 # numbers
		set -- $flink_l
		set +f
		[ $# -lt 20 ] || fact "flink.$flink_pid.start_ticks" "${20}"
	done 2>/dev/null
}

# flink_limit ROW of /proc/PID/limits, by its item of limits.conf.
flink_limit() {
	case $1 in
	"Max open files "*) flink_k=nofile flink_l=${1#Max open files} ;;
	"Max processes "*) flink_k=nproc flink_l=${1#Max processes} ;;
	"Max address space "*) flink_k=as flink_l=${1#Max address space} ;;
	"Max resident set "*) flink_k=rss flink_l=${1#Max resident set} ;;
	"Max locked memory "*) flink_k=memlock flink_l=${1#Max locked memory} ;;
	"Max core file size "*) flink_k=core flink_l=${1#Max core file size} ;;
	"Max stack size "*) flink_k=stack flink_l=${1#Max stack size} ;;
	"Max data size "*) flink_k=data flink_l=${1#Max data size} ;;
	"Max file size "*) flink_k=fsize flink_l=${1#Max file size} ;;
	"Max file locks "*) flink_k=locks flink_l=${1#Max file locks} ;;
	*) return 0 ;;
	esac
	# shellcheck disable=SC2086 # words
	set -- $flink_l
	fact "flink.$flink_pid.limit" "$flink_k ${1-} ${2-}"
}

# flink_relay passes on what flink_paths prints: where a file system hangs, the
# shell that touched it holds only the inner pipe.
flink_relay() {
	flink_paths | while IFS= read -r flink_l; do
		say "$flink_l"
	done
}

# flink_paths finds installations, configuration, logs and pid files, and
# prints records and lines for flink_take_paths.
flink_paths() {
	user_uid "${flink_user:-${tm_users%% *}}"
	flink_seen=$nl
	IFS=$nl
	set -f
	for flink_d in ${flink_homes-}; do flink_home_dir "$flink_d" sure; done
	set +f
	unset IFS
	[ -z "$flink_home" ] || flink_home_dir "$flink_home" sure
	for flink_d in "$root"/opt/flink* "$root"/usr/local/flink* "$root"/usr/share/flink* "$root"/usr/lib/flink* "$root${uid_home:-/nowhere}"/flink*; do
		flink_home_dir "${flink_d#"$root"}" guess
	done
	user_uid "$login_user"
	for flink_d in "$root${uid_home:-/nowhere}"/flink*; do
		flink_home_dir "${flink_d#"$root"}" guess
	done
	IFS=$nl
	set -f
	for flink_d in ${flink_confs-}; do flink_conf_dir "$flink_d"; done
	for flink_d in ${flink_logs-}; do flink_log_dir "${flink_d%/*}"; done
	set +f
	unset IFS
	flink_log_dir /var/log/flink
	flink_log_owner
	for flink_d in "$root"/tmp/flink-*.pid; do
		flink_pid_file "${flink_d#"$root"}"
	done
}

# flink_once WORD PATH prints it unless it was printed.
flink_once() {
	case $flink_seen in *"$nl$1 $2$nl"*) return 1 ;; esac
	flink_seen="$flink_seen$1 $2$nl"
	say "$1 $2"
}

# flink_home_dir DIR: an installation, its version, configuration and logs.
flink_home_dir() {
	case $1 in /?*) ;; *) return 0 ;; esac
	resolve "$1" && [ -d "$resolved" ] || return 0
	flink_real "$1"
	flink_jar=
	for flink_f in "$resolved"/lib/flink-dist*.jar; do
		[ ! -e "$flink_f" ] || flink_jar=${flink_f##*/flink-dist}
	done
	[ "$2" = sure ] || [ -n "$flink_jar" ] || [ -f "$resolved/bin/taskmanager.sh" ] ||
		[ -f "$resolved/conf/flink-conf.yaml" ] || [ -f "$resolved/conf/config.yaml" ] || return 0
	flink_once home "$flink_path" || return 0
	[ -z "$flink_jar" ] || say "=flink.dist $flink_path ${flink_jar%.jar}"
	[ "$flink_path" = "$1" ] || say "=flink.link $1 $flink_path"
	flink_base=$flink_path
	flink_conf_dir "$flink_base/conf"
	flink_log_dir "$flink_base/log"
}

# flink_real PATH sets $flink_path to the path behind links, as the host
# sees it; $resolved is where it can be opened.
flink_real() {
	flink_path=$1
	if [ -n "$root" ]; then
		flink_path=${resolved#"$root"}
	elif [ -h "$1" ]; then
		flink_path=$(cd -P -- "$1" 2>/dev/null && pwd -P) || flink_path=$1
		resolved=$flink_path
	fi
}

flink_log_dir() {
	case $1 in /?*) ;; *) return 0 ;; esac
	resolve "$1" && [ -d "$resolved" ] || return 0
	flink_real "$1"
	flink_once logs "$flink_path" || return 0
	say "state log $flink_path"
}

# flink_log_owner: whose the newest TaskManager log is.
flink_log_owner() {
	[ -z "$tms" ] || return 0
	set --
	IFS=$nl
	for flink_d in ${flink_seen}; do
		case $flink_d in
		"logs "*)
			for flink_f in "$root${flink_d#logs }"/flink-*-taskexecutor-*.log*; do
				[ ! -f "$flink_f" ] || set -- "$@" "$flink_f"
			done
			;;
		esac
	done
	unset IFS
	[ $# -gt 0 ] && [ $# -lt 500 ] || return 0
	live log_owner ls -ldnt -- "$@" | while read -r flink_k flink_v flink_l flink_f; do
		say "owner $flink_l"
		cat >/dev/null
	done
}

# flink_pid_file PATH is what flink-daemon.sh left there: a pid a line.
flink_pid_file() {
	case $1 in *-taskexecutor*.pid) ;; *) return 0 ;; esac
	is_regular "$1" || return 0
	flink_v=
	for flink_l in $(dd bs=4096 count=1 <"$resolved" 2>/dev/null); do
		case $flink_l in
		*[!0-9]*) ;;
		*) flink_v="$flink_v $flink_l" ;;
		esac
	done
	say "=flink.pid_file $1$flink_v"
}

# flink_conf_dir DIR: Flink 2 reads only config.yaml; before that
# flink-conf.yaml wins where it exists.
flink_conf_dir() {
	case $1 in /?*) ;; *) return 0 ;; esac
	resolve "$1" && [ -d "$resolved" ] || return 0
	flink_real "$1"
	flink_once confdir "$flink_path" >/dev/null || return 0
	flink_c=$flink_path
	for flink_f in flink-conf.yaml config.yaml; do
		is_regular "$flink_c/$flink_f" || {
			[ ! -e "$root$flink_c/$flink_f" ] || say "@u - - - - $flink_c/$flink_f"
			continue
		}
		say "@f - - - - $flink_c/$flink_f"
		dd bs=65536 count=1 <"$resolved" 2>/dev/null | flink_lines "$flink_f"
		say "\$0"
		say "=flink.config $flink_c/$flink_f"
	done
}

# flink_lines NAME prints a configuration file with every line that is not on
# the list left empty, so that line numbers stay, and the paths in it.
flink_lines() {
	conf_depth=0
	conf_prefix_0=
	while IFS= read -r conf_line || [ -n "$conf_line" ]; do
		conf_out=
		conf_state=
		case $conf_line in
		*[!\ ]*)
			conf_lead=${conf_line%%[! ]*}
			conf_body=${conf_line#"$conf_lead"}
			case $conf_body in
			"#"* | "---"* | "...") ;;
			*) if [ "$1" = config.yaml ]; then conf_nested; else conf_flat; fi ;;
			esac
			;;
		esac
		say "|$conf_out"
		[ -z "$conf_state" ] || say "$conf_state"
	done
}

# conf_flat is a line as Flink's own parser before 1.19 reads it: # begins a
# comment anywhere, the first ": " divides.
conf_flat() {
	conf_body=${conf_body%%"#"*}
	case $conf_body in
	*": "*) ;;
	*) return 0 ;;
	esac
	conf_key=${conf_body%%": "*}
	conf_value=${conf_body#*": "}
	conf_tell "$conf_key"
}

# conf_nested is a line of YAML: keys nested by indentation, flat, or mixed.
# Lines that only open a level are told where they are plain names.
conf_nested() {
	conf_n=${#conf_lead}
	case $conf_body in
	"- "*)
		while [ "$conf_depth" -gt 0 ]; do
			eval "conf_i=\$conf_indent_$conf_depth"
			[ "$conf_i" -gt "$conf_n" ] || break
			conf_depth=$((conf_depth - 1))
		done
		eval "conf_prefix=\$conf_prefix_$conf_depth"
		conf_value=${conf_body#- }
		flink_key "${conf_prefix#.}" || return 0
		conf_plain
		flink_value "$conf_value"
		conf_out="$conf_lead- $flink_told"
		conf_role "${conf_prefix#.}"
		return 0
		;;
	esac
	while [ "$conf_depth" -gt 0 ]; do
		eval "conf_i=\$conf_indent_$conf_depth"
		[ "$conf_i" -ge "$conf_n" ] || break
		conf_depth=$((conf_depth - 1))
	done
	case $conf_body in
	*": "*)
		conf_key=${conf_body%%": "*}
		conf_value=${conf_body#*": "}
		;;
	*:)
		conf_key=${conf_body%:}
		conf_value=
		;;
	*) return 0 ;;
	esac
	case $conf_key in \"*\" | "$sq"*"$sq") conf_key=${conf_key#?} && conf_key=${conf_key%?} ;; esac
	case $conf_key in *[!A-Za-z0-9._-]*) return 0 ;; esac
	eval "conf_prefix=\$conf_prefix_$conf_depth"
	conf_plain
	case $conf_value in
	"")
		conf_depth=$((conf_depth + 1))
		eval "conf_indent_$conf_depth=\$conf_n conf_prefix_$conf_depth=\$conf_prefix.\$conf_key"
		conf_out="$conf_lead$conf_key:"
		;;
	*) conf_tell "${conf_prefix#.}${conf_prefix:+.}$conf_key" ;;
	esac
}

# conf_plain takes the comment off $conf_value. In quotes # is a character.
conf_plain() {
	conf_value=${conf_value#"${conf_value%%[! ]*}"}
	case $conf_value in
	\"*)
		conf_v=${conf_value#\"}
		conf_value="\"${conf_v%%\"*}\""
		;;
	"$sq"*)
		conf_v=${conf_value#"$sq"}
		conf_value="$sq${conf_v%%"$sq"*}$sq"
		;;
	"#"*) conf_value= ;;
	*) conf_value=${conf_value%%" #"*} ;;
	esac
}

# conf_tell KEY prints the line if the key is on the list.
conf_tell() {
	flink_key "$1" || return 0
	flink_value "$conf_value"
	conf_out="$conf_lead$conf_key: $flink_told"
	conf_role "$1"
}

# conf_role KEY says what a value that names directories is for. Sets
# $conf_state to lines "ROLE PATH".
conf_role() {
	flink_role "$1"
	[ -n "$role" ] || return 0
	# What an argument sets, the file does not.
	case $nl${flink_dynamic-} in *"$nl$1="*) return 0 ;; esac
	conf_v=$conf_value
	case $conf_v in
	\"*\" | "$sq"*"$sq" | \[*\])
		conf_v=${conf_v#?}
		conf_v=${conf_v%?}
		;;
	esac
	flink_dirs "$conf_v"
	conf_state=$flink_states
}

# flink_role KEY sets $role.
flink_role() {
	case $1 in
	state.backend.rocksdb.localdir | state.backend.forst.local-dir) role=localdir ;;
	io.tmp.dirs | taskmanager.tmp.dirs | java.io.tmpdir) role=tmp ;;
	process.working-dir | process.taskmanager.working-dir) role=work ;;
	execution.checkpointing.local-backup.dirs | taskmanager.state.local.root-dirs) role=localstate ;;
	execution.checkpointing.dir | state.checkpoints.dir | state.backend.fs.checkpointdir) role=checkpoint ;;
	execution.checkpointing.savepoint-dir | state.savepoints.dir | savepoints.state.backend.fs.dir) role=savepoint ;;
	env.log.dir) role=log ;;
	*) role= ;;
	esac
}

# flink_dirs VALUE sets $flink_states to lines "ROLE PATH". Separators are ,
# and : and a path may be written file:PATH.
flink_dirs() {
	flink_states=
	flink_rest=$1,
	while [ -n "$flink_rest" ]; do
		flink_v=${flink_rest%%,*}
		flink_rest=${flink_rest#*,}
		flink_v=${flink_v#"${flink_v%%[! ]*}"}
		flink_v=${flink_v%"${flink_v##*[! ]}"}
		case $flink_v in
		\"*\" | "$sq"*"$sq")
			flink_v=${flink_v#?}
			flink_v=${flink_v%?}
			;;
		esac
		case $flink_v in file:*) flink_v=${flink_v#file:} ;; *://*) continue ;; esac
		case $flink_v in ///*) flink_v=${flink_v#//} ;; esac
		while :; do
			flink_dir=${flink_v%%:*}
			case $flink_dir in
			/*) flink_states="$flink_states${flink_states:+$nl}$role $flink_dir" ;;
			esac
			case $flink_v in *:*) flink_v=${flink_v#*:} ;; *) break ;; esac
			flink_v=${flink_v#file}
		done
	done
}

# flink_take_paths reads what flink_paths found: what begins with the mark of
# a record is one. Sets $flink_homes, $flink_log_dirs and $state_paths.
flink_take_paths() {
	flink_homes=
	flink_log_dirs=
	state_paths=
	flink_owner_uid=
	IFS=$nl
	set -f
	for flink_l in $flink_found; do
		case $flink_l in
		"home "*)
			flink_homes="$flink_homes${flink_homes:+$nl}${flink_l#* }"
			fact flink.home "${flink_l#* }"
			;;
		"logs "*)
			flink_log_dirs="$flink_log_dirs${flink_log_dirs:+$nl}${flink_l#* }"
			fact flink.log_dir "${flink_l#* }"
			;;
		"state "*) flink_state "${flink_l#* }" ;;
		"owner "*) flink_owner_uid=${flink_l#* } ;;
		[=?@\|\$\\]* | -*) say "$flink_l" ;;
		*\ /*) flink_state "$flink_l" ;;
		esac
	done
	for flink_l in ${flink_dynamic-}; do
		flink_role "${flink_l%%=*}"
		[ -n "$role" ] || continue
		flink_dirs "${flink_l#*=}"
		for flink_dir in $flink_states; do flink_state "$flink_dir"; done
	done
	IFS=,
	for flink_l in $state_dirs; do flink_state "inventory $flink_l"; done
	set +f
	unset IFS
	flink_state "tmp /tmp"
	session_flink_user
}

# flink_state "ROLE PATH" adds a line to $state_paths, each once.
flink_state() {
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
		[ -z "$flink_owner_uid" ] || user_name "$flink_owner_uid"
		if [ -n "$user" ]; then
			flink_user=$user
			fact session.flink_user_from "newest log"
		elif [ -n "$login_user" ]; then
			flink_user=$login_user
			fact session.flink_user_from "login user"
		fi
	fi
	if [ -n "$flink_user" ]; then fact session.flink_user "$flink_user"; else unknown session.flink_user "no TaskManager, no log, no name of the login user"; fi
}

#: as the TaskManager's user
# Where the process stands, which is where hs_err files land, and what its
# standard output is. One ls, because POSIX has no readlink.
flink_owner() {
	flink_p=$root/proc/$1
	if [ -n "$root" ]; then
		for flink_k in cwd fd/1; do
			if [ -h "$flink_p/$flink_k" ] && link_target "$flink_p/$flink_k"; then
				flink_target "$1" "$flink_k" "$target"
			fi
		done
		return 0
	fi
	ls -ld -- "$flink_p/cwd" "$flink_p/fd/1" 2>/dev/null | while IFS= read -r flink_l; do
		case $flink_l in
		*"$flink_p/cwd -> "*) flink_target "$1" cwd "${flink_l#*"$flink_p/cwd -> "}" ;;
		*"$flink_p/fd/1 -> "*) flink_target "$1" fd/1 "${flink_l#*"$flink_p/fd/1 -> "}" ;;
		esac
	done
}
flink_target() {
	case $2 in
	cwd) fact "flink.$1.cwd" "$3" ;;
	*) fact "flink.$1.stdout" "$3" ;;
	esac
}
