#!/bin/sh
# flink.sh [DIR]: put two releases of Flink below DIR, by default
# $TMDOCTOR_FLINK, in which the tests look, or the directory of make flink. One
# that is there and whole stays; to have it anew, delete it. Needs python3 with
# pip, which knows where packages come from.
#
# A distribution is two packages of Flink's own: apache-flink has the scripts
# and the configuration, apache-flink-libraries the jars.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-${TMDOCTOR_FLINK:-${XDG_CACHE_HOME:-$HOME/.cache}/tmdoctor/flink}}

for tool in python3 tar flock; do
	command -v "$tool" >/dev/null || { echo "flink.sh: $tool is not installed" >&2; exit 1; }
done
python3 -m pip --version >/dev/null || { echo "flink.sh: python3 has no pip" >&2; exit 1; }

# unpack FROM TO: what a JobManager and a TaskManager need, no more.
unpack() {
	mkdir "$2" "$2/wheel"
	tar -xzf "$1"/apache[_-]flink[_-]libraries-*.tar.gz -C "$2" --strip-components=2 --no-same-owner \
		--wildcards '*/deps/lib/flink-dist*' '*/deps/lib/log4j*' '*/deps/bin/*'
	python3 -m zipfile -e "$1"/apache_flink-*.whl "$2/wheel"
	mv "$2"/wheel/pyflink/conf "$2"/conf
	mv "$2"/wheel/pyflink/bin/*.sh "$2"/wheel/pyflink/bin/flink "$2"/bin/
	chmod +x "$2"/bin/*.sh "$2"/bin/flink
	rm -rf "$2/wheel"
}

# get VERSION. The name of a release appears when it is complete and not
# before; who comes second waits at the lock and finds it there. What is
# downloaded is what the hashes name.
get() {
	home=$dir/flink-$1 half=$dir/half-made-$1
	exec 9>"$dir/lock-$1"
	flock 9
	if [ -d "$home" ]; then
		echo "flink $1: $home is there"
		return 0
	fi
	rm -rf "$half"
	mkdir "$half"
	began=$(date +%s)
	# The platform is that of the package's file name: scripts and jars are
	# the same for all.
	if ! python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
		--only-binary apache-flink --no-binary apache-flink-libraries \
		--python-version 3.10 --platform manylinux2014_x86_64 \
		-r "$here/$1.txt" -d "$half/packages" 9>&- >"$dir/log-$1" 2>&1; then
		tail -n 20 "$dir/log-$1" >&2
		echo "flink.sh: Flink $1 could not be downloaded" >&2
		return 1
	fi
	unpack "$half/packages" "$half/home"
	mv "$half/home" "$home"
	rm -rf "$half"
	echo "flink $1: $home made in $(($(date +%s) - began)) s, $(du -sm "$home" | cut -f1) MB"
}

mkdir -p "$dir"
pids=
for list in "$here"/[0-9]*.txt; do
	get "$(basename "$list" .txt)" &
	pids="$pids $!"
done
status=0
for pid in $pids; do
	wait "$pid" || status=1
done
exit "$status"
