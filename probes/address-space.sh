# address-space: what a new session may reserve. The limits and sizes of the
# TaskManagers, the units and the limits files are collected by flink and
# nofile.

address_space_early() {
	limit_row "$root/proc/self/limits" "Max address space"
	[ -n "$limit_v" ] && fact address-space.session "$login_uid $limit_v"
}

#: as the TaskManager's user
address_space_owner() {
	session_limit address-space "$1" "Max address space"
}
