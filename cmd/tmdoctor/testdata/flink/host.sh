#!/bin/sh
# Makes a host of the lab one with Flink: run inside its namespaces, as root.
# Environment: LAB (the lab's directory), FLINK (a release of flink.sh), JAR
# (the job), CONF (lines of configuration), FAULT (what is wrong, if anything).
set -eu

# A host has a /tmp of its own; the lab's directory stays in sight there.
mkdir /mnt/lab
mount --bind "$LAB" /mnt/lab
mount -t tmpfs tmpfs /tmp
mkdir -p "$LAB"
mount --move /mnt/lab "$LAB"

# The jars are those of the cache, the rest is this host's.
rm -rf /opt/flink
mkdir -p /opt/flink/lib /opt/flink/log /opt/flink/jars/flink-web-upload
cp "$JAR" /opt/flink/jars/flink-web-upload/job.jar
cp -r "$FLINK/bin" "$FLINK/conf" /opt/flink/
mount --bind -o ro "$FLINK/lib" /opt/flink/lib

# Every host has the checkpoints, as if they were on NFS.
mkdir -p /srv/checkpoints /data/tmp /data/rocksdb
mount --bind "$LAB/checkpoints" /srv/checkpoints
chown -R flink:flink /opt/flink/log /opt/flink/jars /data/tmp /data/rocksdb

# Of the configuration that comes with Flink the JVM options are kept. What
# starts a JVM sooner on a slow core comes on top of them.
options=$(sed -n 's/^ *all: //p' /opt/flink/conf/config.yaml)
printf '%s\n' "$CONF" "env.java.opts.all: $options -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote" >/opt/flink/conf/config.yaml

case $FAULT in
open-files) printf 'flink - nofile 70\n' >/etc/security/limits.d/flink.conf ;;
noexec) mount -t tmpfs -o noexec,uid=7001,gid=7001 tmpfs /data/tmp ;;
inodes)
	mount -t tmpfs -o nr_inodes=20,uid=7001,gid=7001 tmpfs /data/rocksdb
	n=0
	while touch "/data/rocksdb/$n" 2>/dev/null; do n=$((n + 1)); done
	;;
full)
	mount -t tmpfs -o size=8m,uid=7001,gid=7001 tmpfs /data/rocksdb
	dd if=/dev/zero of=/data/rocksdb/old-core bs=64k 2>/dev/null || :
	;;
read-only)
	mount -t tmpfs -o uid=7001,gid=7001 tmpfs /data/rocksdb
	mount -o remount,ro /data/rocksdb
	;;
permissions) chown root:root /data/rocksdb ;;
esac
