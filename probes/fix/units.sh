# Units of systemd.

# reload_units and restart_unit ask systemd; a directory that stands for a
# host has none.
reload_units() {
	[ -z "$root" ] || {
		note "systemctl daemon-reload needs a live kernel: left out"
		return 0
	}
	must limit 60 systemctl daemon-reload
}
restart_unit() {
	[ -z "$root" ] || {
		note "systemctl restart needs a live kernel: left out"
		return 0
	}
	must limit 180 systemctl restart -- "$1" && healthy "$1"
}

# healthy UNIT is true once it is active with the same main process for five
# seconds in a row, within a minute.
healthy() {
	healthy_tries=0 healthy_row=0 healthy_pid=
	while [ "$healthy_tries" -lt 60 ]; do
		healthy_tries=$((healthy_tries + 1))
		healthy_text=$(limit 5 systemctl show -p ActiveState,SubState,MainPID -- "$1" 2>/dev/null)
		[ "$?" != 124 ] || healthy_tries=$((healthy_tries + 5))
		case $healthy_text in
		*ActiveState=failed*) break ;;
		*ActiveState=active*)
			healthy_now=${healthy_text#*MainPID=}
			healthy_now=${healthy_now%%"$nl"*}
			[ "$healthy_now" = "$healthy_pid" ] || healthy_row=0
			healthy_pid=$healthy_now
			healthy_row=$((healthy_row + 1))
			;;
		*) healthy_row=0 ;;
		esac
		[ "$healthy_row" -lt 6 ] || return 0
		sleep 1
	done
	healthy_text=${healthy_text#*ActiveState=}
	fail "unit $1 does not come up: ${healthy_text%%"$nl"*}"
}
