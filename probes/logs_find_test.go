//go:build unix

package probes_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestLogsAreFound: by arguments, configuration, installation, start files and
// the container directories of YARN, also of TaskManagers that are gone.
func TestLogsAreFound(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	const crash = "#\n# A fatal error has been detected by the Java Runtime Environment:\n"
	files := map[string]string{ // path: kind, "" for what is not read
		"/opt/flink/log/flink-flink-taskexecutor-0-tm17.log":                                            "taskmanager",
		"/opt/flink/log/flink-flink-taskexecutor-0-tm17.log.1":                                          "taskmanager",
		"/opt/flink/log/flink-flink-taskexecutor-0-tm17.log.2.gz":                                       "",
		"/opt/flink/log/flink-flink-taskexecutor-0-tm17.out":                                            "out",
		"/opt/flink/log/flink-flink-taskexecutor-0-tm17.out.1":                                          "out",
		"/opt/flink/log/flink-flink-standalonesession-0-tm17.log":                                       "jobmanager",
		"/opt/flink/log/data_tmp_job_1_op_2_uuid_3_db_LOG":                                              "rocksdb",
		"/opt/flink/log/data_tmp_job_1_op_2_uuid_3_db_LOG.old.1795516262123456":                         "rocksdb",
		"/opt/flink/log/flink-flink-client-tm17.log":                                                    "",
		"/data/named in arguments/tm.log":                                                               "taskmanager",
		"/data/configured/flink-flink-taskexecutor-1-tm17.log":                                          "taskmanager",
		"/data/of-unit/flink-flink-taskexecutor-2-tm17.log":                                             "taskmanager",
		"/var/log/hadoop-yarn/containers/application_1_0001/container_1_0001_01_000002/taskmanager.log": "taskmanager",
		"/var/log/hadoop-yarn/containers/application_1_0001/container_1_0001_01_000002/taskmanager.err": "out",
		"/var/log/hadoop-yarn/containers/application_1_0001/container_1_0001_01_000002/prelaunch.err":   "out",
		"/y2/logs/application_1_0002/container_1_0002_01_000002/taskmanager.log":                        "taskmanager",
		"/tmp/job_1_op_2_uuid_3/db/LOG":                                                                 "rocksdb",
	}
	crashes := []string{"/opt/flink/log/hs_err_pid1.log", "/tmp/hs_err_pid2.log", "/home/flink/hs_err_pid3.log", "/var/crash/jvm4.txt"}
	for path := range files {
		write(t, root, path, text(strings.Repeat("x\n", len(path))))
	}
	for _, path := range append(slices.Clone(crashes), "/var/crash/jvm.core.txt") {
		write(t, root, path, text(crash))
	}
	write(t, root, "/var/crash/jvm5.txt", text("no crash\n"))
	write(t, root, "/opt/flink/conf/config.yaml", text("env:\n  log:\n    dir: /data/configured\n"))
	write(t, root, "/etc/systemd/system/flink-taskmanager.service", text("[Service]\nEnvironment=\"FLINK_LOG_DIR=/data/of-unit\"\n"))
	write(t, root, "/etc/hadoop/conf/yarn-site.xml", text("<property>\n  <name>yarn.nodemanager.log-dirs</name>\n  <value>/y1/logs,/y2/logs</value>\n</property>\n"))
	write(t, root, "/etc/passwd", text(fmt.Sprintf("flink:x:%d:0::/home/flink:/bin/bash\n", os.Getuid())))
	write(t, root, "/proc/4711/comm", text("java\n"))
	write(t, root, "/proc/4711/status", text(fmt.Sprintf("PPid:\t1\nUid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", os.Getuid())))
	write(t, root, "/proc/4711/cmdline", text(strings.Join([]string{"java", "-Dlog.file=/data/named in arguments/tm.log", "-XX:ErrorFile=/var/crash/jvm%p.txt", "org.apache.flink.runtime.taskexecutor.TaskManagerRunner", ""}, "\x00")))
	facts := collect(t, corpusShell(t), probes.HostSettings{Root: root})
	for path, kind := range files {
		i := slices.IndexFunc(facts.Logs.Files, func(f probes.LogFile) bool { return f.Path == path })
		switch {
		case i < 0 && kind != "":
			t.Errorf("%s was not read", path)
		case i >= 0 && facts.Logs.Files[i].Kind != kind:
			t.Errorf("%s was read as %s, want %q", path, facts.Logs.Files[i].Kind, kind)
		case i >= 0 && facts.Logs.Files[i].Size != int64(2*len(path)):
			t.Errorf("%s has %d bytes, want %d", path, facts.Logs.Files[i].Size, 2*len(path))
		}
	}
	for _, path := range crashes {
		if !slices.ContainsFunc(facts.Logs.Crashes, func(h probes.HsErr) bool { return h.Path == path }) {
			t.Errorf("%s was not read", path)
		}
	}
	for _, h := range facts.Logs.Crashes {
		if h.Path == "/var/crash/jvm5.txt" {
			t.Errorf("%s is no hs_err file", h.Path)
		}
	}
	if !facts.Logs.Read.IsKnown() {
		t.Errorf("Read = %+v, want it known", facts.Logs.Read)
	}
}

// TestFailureIsPlacedByTheIDInALog: what a REST API tells of a TaskManager that
// only its log names belongs to the host of the log, whatever the layout.
func TestFailureIsPlacedByTheIDInALog(t *testing.T) {
	t.Parallel()
	const head = "2026-11-24 10:00:00,100 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner [] - "
	const start = "Starting TaskManager with ResourceID: "
	rows := map[string]struct {
		log  string
		here bool
	}{
		"plain":              {head + start + "pod-7\n", true},
		"with a description": {head + start + "pod-7(node-3)\n", true},
		"JSON": {`{"@timestamp":"2026-11-24T10:00:00Z","log.level":"INFO","log.logger":"org.apache.flink.runtime.taskexecutor.TaskManagerRunner","message":"` +
			start + `pod-7","thread":"main"}` + "\n", true},
		"another":               {head + start + "pod-77\n", false},
		"a JobManager names it": {head + "Registering TaskManager with ResourceID pod-7 (x)\n", false},
		"the job names it":      {strings.Replace(head, "org.apache.flink", "com.example", 1) + start + "pod-7\n", false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write(t, root, "/opt/flink/bin/taskmanager.sh", text(""))
			write(t, root, hostileLog, text(head+" Starting TaskManager (Version: 1.20.3, Scala: 2.12)\n"+row.log))
			for _, shell := range shells {
				if _, err := exec.LookPath(shell[0]); err != nil {
					continue
				}
				facts, _, _ := timed(t, shell, root, "nothing")
				p := probes.Place(readCluster(t, clusterWith(exception("172.18.0.3:40001", "pod-7", tooMany, 900))), []probes.ClusterHost{{Name: "own"}})
				p.Of("own", "", facts)
				if here := len(p.Left()) == 0; here != row.here {
					t.Errorf("%s: the failure is of this host: %v, want %v; runs %+v", shell[0], here, row.here, facts.Logs.Runs)
				}
			}
		})
	}
}
