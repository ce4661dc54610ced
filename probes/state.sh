# What TaskManagers keep below their local directories, and where they have
# files open.
#
# Recorded answers (files in .tmdoctor of a directory that stands for a host):
#   state  lines of ls -ldn of scratch directories; without it the tree itself
#          is looked at
#   du     KIB PATH
#   fds    COUNT KIND DIR, KIND sst or file: what each TaskManager has open

# state_names DIR: the scratch directories of TaskManagers in a directory.
# Nothing else there is named.
state_names() {
	for dir in "$root$1"/job_*_op_*_uuid_* "$root$1"/tm_* "$root$1"/rocksdb-lib-* "$root$1"/flink-io-* \
		"$root$1"/flink-dist-cache-* "$root$1"/flink-netty-shuffle-* "$root$1"/blobStore-* "$root$1"/localState* "$root$1"/aid_* \
		"$root$1"/tmp/job_*_op_*_uuid_*; do
		if [ ! -d "$dir" ] || [ -h "$dir" ]; then continue; fi
		case $nl$found$nl in *"$nl.${dir#"$root"}$nl"*) continue ;; esac
		[ "$count" -lt 200 ] || return
		count=$((count + 1)) found=$found${found:+$nl}.${dir#"$root"}
	done
}

state_section() {
	found='' count=0
	IFS=$nl
	for line in $state_paths; do
		unset IFS
		case $line in
		"checkpoint "* | "savepoint "* | "log "*) continue ;;
		esac
		path=${line#* }
		[ -d "$root$path" ] || continue
		if [ -r "$root$path" ] && [ -x "$root$path" ]; then
			state_names "${path%/}"
		else
			fact state.unreadable "$path"
		fi
	done
	unset IFS
	if [ -n "$root" ] && [ -f "$root/.tmdoctor/state" ]; then
		live state ls | each state.dir
	elif [ -n "$found" ]; then
		set -f
		IFS=$nl
		# shellcheck disable=SC2086 # lines
		set -- $found
		unset IFS
		(cd "$root/" && ls -ldn "$@" 2>/dev/null) | each state.dir
		set +f
	fi
	state_size
	fact state.listed yes
}

# state_size: du of all of them, in their order, as far as it comes in time.
state_size() {
	if [ -n "$root" ] && [ -f "$root/.tmdoctor/du" ]; then
		live du du | each state.du
	elif [ -n "$found" ]; then
		set -f
		IFS=$nl
		# shellcheck disable=SC2086 # lines
		set -- $found
		unset IFS
		set +f
		if [ -n "$root" ]; then
			(cd "$root/" && du -sk "$@" 2>/dev/null) | each state.du
		else
			(cd / && live_limit=4 live du du -sk "$@" 2>/dev/null) | each state.du
		fi
	fi
}
#: as the TaskManager's user
# state.PID.open COUNT KIND DIR: open files by the scratch directory that they
# lie in. One ls of all descriptors: a TaskManager may have 50,000.
state_owner() {
	if [ -n "$root" ]; then
		if [ -f "$root/.tmdoctor/fds" ]; then
			live fds ls | each "state.$1.open"
			fact "state.$1.read" yes
		else
			unknown "state.$1" "needs a live kernel"
		fi
		return 0
	fi
	if [ -r "/proc/$1/fd/" ]; then
		state_links "$1" | sort | uniq -c | each "state.$1.open"
		fact "state.$1.read" yes
	else
		unread "state.$1" "/proc/$1/fd"
	fi
}
state_links() {
	# shellcheck disable=SC2012 # find has no way to print where a link points
	ls -l "/proc/$1/fd/" 2>/dev/null | sed -n \
		-e "s/^.* -> \(\/.*\/job_[^\/]*_uuid_[^\/]*\)\/.*\.sst\$/sst \1/p" -e t \
		-e "s/^.* -> \(\/.*\/job_[^\/]*_uuid_[^\/]*\)\/.*/file \1/p" -e t \
		-e "s/^.* -> \(\/.*\/tm_[^\/]*\)\/.*/file \1/p"
}
