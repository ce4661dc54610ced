#!/bin/sh
# roots.sh [DIR]: make root file systems of Debian 11, 12 and 13 below DIR, by
# default $TMDOCTOR_TRUTH, in which the tests look, or the directory of make
# truth. One that is there and whole stays; to have one anew, delete it. Needs
# root and debootstrap.
#
# TMDOCTOR_MIRROR names a mirror; without it apt's own mirror of Debian is
# taken, and debootstrap's default where apt has none.
set -eu

dir=${1:-${TMDOCTOR_TRUTH:-${XDG_CACHE_HOME:-$HOME/.cache}/tmdoctor/truth}}
packages=systemd,procps,openssh-server,sudo

for tool in debootstrap flock unshare; do
	command -v "$tool" >/dev/null || { echo "roots.sh: $tool is not installed" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "roots.sh: only root can make root file systems" >&2; exit 1; }

mirror=${TMDOCTOR_MIRROR:-}
if [ -z "$mirror" ] && command -v apt-get >/dev/null; then
	# Security updates have a label of their own and no base system.
	# shellcheck disable=SC2016 # apt expands it
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' |
		sed -n '1s,/$,,p')
fi

# What keeps a root small: nothing here is read by a login.
trim() {
	rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/* \
		"$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/* "$1"/var/log/*
}

# make_root VERSION SUITE. The name of a root appears when it is complete and
# not before; who comes second waits at the lock and finds it there.
make_root() {
	root=$dir/debian-$1 half=$dir/half-made-$1
	exec 9>"$dir/lock-$1"
	flock 9
	if [ "$(cat "$root/.packages" 2>/dev/null)" = "$packages" ]; then
		echo "debian $1: $root is there"
		return 0
	fi
	rm -rf --one-file-system "$half" "$root"
	began=$(date +%s)
	# Nobody needs a root to outlive a loss of power: dpkg need not wait for
	# the disk. Without a good signature of the release nothing is made. What
	# debootstrap mounts and starts ends with it, and while it runs it has the
	# lock, also where this script was killed.
	if ! DPKG_FORCE=unsafe-io unshare -m -p -f --mount-proc --kill-child \
		debootstrap --force-check-gpg --variant=minbase --include="$packages" \
		"$2" "$half" ${mirror:+"$mirror"} >"$dir/log-$1" 2>&1 </dev/null; then
		tail -n 20 "$dir/log-$1" "$half/debootstrap/debootstrap.log" >&2 || :
		echo "roots.sh: no root of debian $1 could be made" >&2
		return 1
	fi
	trim "$half"
	echo "$packages" >"$half/.packages"
	mv "$half" "$root"
	echo "debian $1: $root made in $(($(date +%s) - began)) s, $(du -sm "$root" | cut -f1) MB"
}

mkdir -p "$dir"
pids=
for release in '11 bullseye' '12 bookworm' '13 trixie'; do
	# shellcheck disable=SC2086 # two words
	make_root $release &
	pids="$pids $!"
done
status=0
for pid in $pids; do
	wait "$pid" || status=1
done
exit "$status"
