# The JobManager's address that each TaskManager uses, and whether this host
# reaches it.
#
# Recorded answers (files in .tmdoctor of a directory that stands for a host):
#   getent   for each name: host NAME, the lines of getent ahosts NAME, then
#            status N (2: there is no such name)
#   connect  HOST:PORT RESULT [TEXT], RESULT one of connected refused timed-out
#            unreachable unresolvable failed; * for HOST:PORT is any address

# jobmanager_log PATH sets $host and $port from the newest line of a log that
# names the ResourceManager: its end, else its beginning, where each
# TaskManager says it once.
jobmanager_log() {
	host='' port=''
	is_regular "$1" || return 1
	line=$({
		dd bs=262144 count=1 <"$resolved"
		printf "\n"
		tail -c 262144 "$resolved"
	} 2>/dev/null | sed -n "s/^.*ResourceManager .*tcp:\/\/flink@\([][A-Za-z0-9._:-]*\):\([0-9][0-9]*\)\/user\/[rpc\/]*resourcemanager.*/\1 \2/p" 2>/dev/null | tail -n 1)
	case $line in *" "*) host=${line% *} port=${line#* } ;; *) return 1 ;; esac
}

# jobmanager_set KEY VALUE takes one setting; the first that is seen holds.
jobmanager_set() {
	value=${2%%" #"*}
	value=${value#"${value%%[! ]*}"}
	value=${value%"${value##*[! ]}"}
	case $value in \"*\" | "$sq"*"$sq") value=${value#?} && value=${value%?} ;; esac
	case $1 in
	jobmanager.rpc.address) host=${host:-$value} ;;
	jobmanager.rpc.port) port=${port:-$value} ;;
	high-availability | high-availability.type) ha=${ha:-$value} ;;
	esac
}

# jobmanager_arguments PID: -D settings of the process beat its configuration.
# Sets $tm_log and $conf, too.
jobmanager_arguments() {
	tm_log='' conf='' host='' port='' ha='' previous=''
	arguments=$(tr "\000\n" "\n " <"$root/proc/$1/cmdline" 2>/dev/null | grep -a -E -A 1 "^(-D)?(jobmanager\.rpc\.|high-availability)|^-Dlog\.file=|^--configDir$" 2>/dev/null)
	set -f
	IFS=$nl
	for line in $arguments; do
		case $previous in --configDir) conf=$line ;; esac
		previous=$line
		case $line in
		-Dlog.file=*) tm_log=${line#*=} ;;
		-Djobmanager.rpc.* | jobmanager.rpc.* | -Dhigh-availability* | high-availability*)
			line=${line#-D}
			jobmanager_set "${line%%=*}" "${line#*=}"
			;;
		esac
	done
	unset IFS
	set +f
}

# jobmanager_file PATH reads a configuration: keys flat, or nested by
# indentation below jobmanager: and high-availability:.
jobmanager_file() {
	is_regular "$1" || return 1
	file=$1 top='' sub='' n=0
	while IFS= read -r line || [ -n "$line" ]; do
		n=$((n + 1))
		[ "$n" -le 2000 ] || break
		case $line in
		jobmanager.rpc.*": "* | high-availability*": "*) jobmanager_set "${line%%": "*}" "${line#*": "}" ;;
		jobmanager: | high-availability:) top=${line%:} sub='' ;;
		[!\ #]*) top='' ;;
		" "*)
			[ -n "$top" ] || continue
			line=${line#"${line%%[! ]*}"}
			case $line in
			"#"*) ;;
			rpc:) sub=rpc. ;;
			*:) sub='' ;;
			address:\ * | port:\ *) jobmanager_set "$top.$sub${line%%": "*}" "${line#*": "}" ;;
			*:\ *) jobmanager_set "$top.${line%%": "*}" "${line#*": "}" ;;
			esac
			;;
		esac
	done <"$resolved"
}

# jobmanager_conf DIR reads the configuration that Flink would: flink-conf.yaml
# wins where it exists, but for Flink 2, whose conf has only config.yaml.
jobmanager_conf() {
	jobmanager_file "$1/flink-conf.yaml" || jobmanager_file "$1/config.yaml"
}

# jobmanager_target PID SOURCE: one address. What is no name is not tried.
jobmanager_target() {
	case $host in "" | *[!][A-Za-z0-9._:-]* | -*) return ;; esac
	case $port in "" | *[!0-9]* | ??????*) return ;; esac
	fact jobmanager.target "$1 $host $port $2"
	case " $targets " in *" $host $port "*) ;; *) targets="$targets$host $port " ;; esac
	name=${host#[}
	case ${name%]} in
	*[!0-9.]*) case $name in *:*) ;; *) case " $names " in *" $name "*) ;; *) names="$names${names:+ }$name" ;; esac ;; esac ;;
	esac
}

# jobmanager_find PID SOURCE: from $tm_log, else what is in $host, else from the
# configuration in $conf. With high availability only a log tells.
jobmanager_find() {
	set_host=$host set_port=$port
	if [ -n "$tm_log" ] && jobmanager_log "$tm_log"; then
		jobmanager_target "$1" "$tm_log"
		return
	fi
	host=$set_host port=$set_port source=$2
	[ -n "$host" ] || source=
	if [ -n "$conf" ]; then
		jobmanager_conf "$conf" && source=${source:-$file}
	fi
	case $ha in "" | none | NONE | None) ;; *) [ -n "$set_host" ] || return ;; esac
	[ -z "$host" ] || port=${port:-6123}
	jobmanager_target "$1" "$source"
}

jobmanager_section() {
	targets=' ' names=''
	for pid in $tms; do
		jobmanager_arguments "$pid"
		jobmanager_find "$pid" "/proc/$pid/cmdline"
	done
	[ -n "$tms" ] || jobmanager_last
	jobmanager_local
	fact jobmanager.searched yes
	[ "$targets" != ' ' ] || return
	jobmanager_resolve
	jobmanager_connect
}

# jobmanager_last: a host without a TaskManager has its newest log and its
# configuration.
jobmanager_last() {
	tm_log='' conf='' host='' port='' ha='' newest=''
	set --
	IFS=$nl
	for dir in $flink_log_dirs; do
		for path in "$root$dir"/*taskexecutor*.log; do
			[ ! -f "$path" ] || set -- "$@" "$path"
		done
	done
	if [ $# -gt 1 ]; then
		# shellcheck disable=SC2012 # the names are the shell's own
		newest=$(ls -dt -- "$@" 2>/dev/null | head -n 1)
	else
		newest=${1-}
	fi
	for dir in $flink_homes; do
		[ -n "$conf" ] || [ ! -d "$root$dir/conf" ] || conf=$dir/conf
	done
	unset IFS
	[ -z "$newest" ] || tm_log=${newest#"$root"}
	jobmanager_find 0 ""
}

# jobmanager.local ADDRESS: the host's own IPv4 addresses.
jobmanager_local() {
	if [ ! -r "$root/proc/net/fib_trie" ]; then
		unread jobmanager.local /proc/net/fib_trie
		return
	fi
	n=0 last=''
	while read -r first second _; do
		n=$((n + 1))
		[ "$n" -le 3000 ] || break
		case $first in
		"|--") last=$second ;;
		/32) case $second in host) fact jobmanager.local "$last" ;; esac ;;
		esac
	done <"$root/proc/net/fib_trie"
}

jobmanager_resolve() {
	if [ -n "$root" ] && [ ! -f "$root/.tmdoctor/getent" ]; then
		unknown jobmanager.getent "needs a live kernel"
	elif [ -n "$root" ]; then
		live getent getent | each jobmanager.getent
	elif command -v getent >/dev/null; then
		# shellcheck disable=SC2086 # names
		[ -z "$names" ] || live getent jobmanager_names $names | each jobmanager.getent
	else
		unknown jobmanager.getent "no getent command"
	fi
}
jobmanager_names() {
	for name do
		printf "host %s\n" "$name"
		getent ahosts "$name" 2>/dev/null
		printf "status %s\n" "$?"
	done
}

jobmanager_connect() {
	if [ -n "$root" ]; then
		if [ -f "$root/.tmdoctor/connect" ]; then
			live connect connect | each jobmanager.connect
		else
			unknown jobmanager.connect "needs a live kernel"
		fi
		return
	fi
	tool=''
	for name in bash python3 perl busybox curl nc; do
		command -v "$name" >/dev/null && tool=$name && break
	done
	if [ -z "$tool" ]; then
		unknown jobmanager.connect "no tool to connect with: bash, python3, perl, nc or curl"
		return
	fi
	# shellcheck disable=SC2086 # pairs of words
	set -- $targets
	while [ $# -ge 2 ]; do
		name=${1#[}
		text=$(live_limit=3 live connect jobmanager_try "${name%]}" "$2" 2>&1)
		jobmanager_result "$?" "$text"
		fact jobmanager.connect "$1:$2 $result"
		shift 2
	done
}

# jobmanager_try HOST PORT: no byte is sent.
jobmanager_try() {
	case $tool in
	bash) bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" ;;
	python3) python3 -c 'import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()' "$1" "$2" ;;
	perl) perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 3) or die "$@\n"' "$1" "$2" ;;
	nc) nc -z -w 3 "$1" "$2" ;;
	busybox) busybox nc -w 3 "$1" "$2" -e true ;;
	curl) curl -v --connect-timeout 2 -m 2 -o /dev/null "telnet://$1:$2" ;;
	esac
}

# jobmanager_result STATUS TEXT sets $result.
jobmanager_result() {
	last=${2##*"$nl"}
	case $tool in curl) last='' ;; esac
	case $1:$2 in
	124:*) result="timed-out no answer in 3 s" ;;
	0:*) result=connected ;;
	# curl waits for what the other side says, after it has connected.
	*"Connected to"*) result=connected ;;
	*"nvalid option"* | *"sage:"*) result="not tried: $tool does not know how" ;;
	*"imed out"* | *"imeout"*) result="timed-out $last" ;;
	*[Rr]efused*) result="refused $last" ;;
	*"not known"* | *"resol"* | *"ad address"* | *"ad hostname"* | *"No address"*) result="unresolvable $last" ;;
	*"o route"* | *nreachable*) result="unreachable $last" ;;
	127:*) result="not tried: $tool is not there" ;;
	*) result="failed $last" ;;
	esac
}
