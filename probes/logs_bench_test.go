//go:build unix

package probes_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// BenchmarkScriptLogs is the whole script on a host with ten logs of 100 MB
// each, as long-lived TaskManagers leave them: mostly INFO, warnings, a failing
// task again and again at the end. cpu-s/op counts every process that it
// started; the target is 0.5. Once with the tools of this machine, once with
// those of busybox, which some hosts have.
func BenchmarkScriptLogs(b *testing.B) {
	root := b.TempDir()
	if err := benchLogs(root); err != nil {
		b.Fatal(err)
	}
	for _, tools := range []string{"tools", "busybox"} {
		b.Run(tools, func(b *testing.B) {
			path, shell := os.Getenv("PATH"), []string{"dash"}
			if tools == "busybox" {
				bin := busyboxTools(b)
				path, shell = bin+":"+path, []string{"busybox", "ash"}
			}
			script := probes.NewScript("c0ffee").For(probes.HostSettings{Root: root})
			var cpu time.Duration
			for b.Loop() {
				cmd := exec.Command(shell[0], append(shell[1:], "-s")...)
				cmd.Env = []string{"PATH=" + path}
				cmd.Stdin = bytes.NewReader(script)
				out, err := cmd.Output()
				if err != nil {
					b.Skip(err)
				}
				if n := bytes.Count(out, []byte("Too many open files")); n < 3 {
					b.Fatalf("%d failures found in %d bytes", n, len(out))
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

// benchLogs writes the ten logs.
func benchLogs(root string) error {
	dir := filepath.Join(root, "opt/flink/log")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(root, "opt/flink/conf"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "opt/flink/conf/config.yaml"), nil, 0o644); err != nil {
		return err
	}
	loggers := []string{"org.apache.flink.runtime.taskmanager.Task", "org.apache.flink.runtime.state.heap.HeapKeyedStateBackend", "com.example.shop.Enricher",
		"org.apache.kafka.clients.consumer.internals.ConsumerCoordinator", "org.apache.flink.streaming.api.operators.AbstractStreamOperator"}
	messages := []string{"Loading JAR files for task window -> Sink: out (2/4)#0 (91c0a_90bea66de1c231edf33913ecd54406c1_1_0) [DEPLOYING].",
		"[Consumer clientId=consumer-g-3, groupId=g] Successfully committed offset %d for partition t-7", "processed %d records in 1000 ms", "Activate slot %d."}
	var block bytes.Buffer
	for i := 0; block.Len() < 4<<20; i++ {
		level := "INFO"
		if i%33 == 0 {
			level = "WARN"
		}
		at := time.Date(2026, 11, 24, 10, 0, 0, i%1000*1e6, time.UTC).Add(time.Duration(i/40) * time.Second)
		message := messages[i%7%len(messages)]
		if strings.Contains(message, "%d") {
			message = fmt.Sprintf(message, i)
		}
		fmt.Fprintf(&block, "%s %-5s %-60s [] - %s\n", at.Format("2006-01-02 15:04:05,000"), level, loggers[i%len(loggers)], message)
	}
	frames := strings.Repeat("\tat org.apache.flink.streaming.runtime.tasks.StreamTask.invoke(StreamTask.java:917) ~[flink-dist-1.19.1.jar:1.19.1]\n", 15)
	stack := strings.NewReplacer("\tat org.apache.flink.streaming.runtime.tasks.StreamTask.invoke(StreamTask.java:917) ~[flink-dist-1.19.1.jar:1.19.1]\n", frames).Replace(hostileStack)
	for i := range 10 {
		f, err := os.Create(fmt.Sprintf("%s/flink-flink-taskexecutor-%d-tm17.log", dir, i))
		if err != nil {
			return err
		}
		for range 25 {
			if _, err := f.Write(block.Bytes()); err != nil {
				return err
			}
		}
		if _, err := f.WriteString(strings.Repeat(stack, 20)); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// busyboxTools is a directory with the tools of busybox that the script uses on logs.
func busyboxTools(tb testing.TB) (dir string) {
	tb.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		lacking(tb, "busybox")
	}
	dir = tb.TempDir()
	for _, name := range []string{"awk", "cut", "dd", "grep", "head", "ls", "sed", "sort", "tail", "tr", "wc"} {
		if err := os.Symlink(busybox, filepath.Join(dir, name)); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}
