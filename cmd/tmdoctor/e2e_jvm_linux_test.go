package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// javaSpec is a stand-in TaskManager.
type javaSpec struct {
	maps, files int
	limits      []string // of prlimit: --nofile=4096:4096
	index       int
}

// taskManager starts a stand-in TaskManager on a host and returns its pid, as
// the test sees it and as the host sees it.
func (l *lab) taskManager(h *labHost, spec javaSpec) (outside, inside int) {
	l.t.Helper()
	require(l.t, "java", "javac")
	classes := l.path("classes")
	if !l.exists("classes") {
		l.must("javac", "-d", classes, "testdata/e2e/TaskManagerRunner.java")
	}
	tmp := fmt.Sprintf("%s/%s/tmp/tm%d", l.dir, h.name, spec.index)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.Chown(tmp, 7001, 7001); err != nil {
		l.t.Fatal(err)
	}
	args := append([]string{"prlimit"}, spec.limits...)
	args = append(args, "setpriv", "--reuid", "7001", "--regid", "7001", "--clear-groups",
		"java", "-Xmx64m", "-Djava.io.tmpdir="+tmp,
		"-Dhold.maps="+strconv.Itoa(spec.maps), "-Dhold.files="+strconv.Itoa(spec.files),
		fmt.Sprintf("-Dlog.file=/opt/flink/log/flink-flink-taskexecutor-%d-%s.log", spec.index, h.name),
		"-classpath", classes, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
		"--configDir", "/opt/flink/conf", "-D", "taskmanager.numberOfTaskSlots=1", "-D", "s3.secret-key=do-not-tell-anyone")
	cmd := l.inside(h, args...)
	cmd.Dir = "/"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	l.until("the TaskManager of "+h.name, func() bool {
		_, err := os.Stat(tmp + "/ready")
		return err == nil
	}, out.String)
	outside = l.child(cmd.Process.Pid)
	return outside, l.pidInside(outside)
}

// pidInside is a process's pid in its own namespace.
func (l *lab) pidInside(outside int) int {
	l.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", outside))
	if err != nil {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			f := strings.Fields(rest)
			n, _ := strconv.Atoi(f[len(f)-1])
			return n
		}
	}
	l.t.Fatalf("no NSpid in the status of %d", outside)
	return 0
}
