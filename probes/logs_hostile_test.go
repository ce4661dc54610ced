//go:build unix

package probes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

const (
	hostileLogs = "/opt/flink/log/"
	hostileLog  = hostileLogs + "flink-flink-taskexecutor-0-tm17.log"
	// A failure as Flink logs it, which has to be found whatever is around it.
	hostileStack = `2026-11-24 10:41:02,300 WARN  org.apache.flink.runtime.taskmanager.Task                    [] - window (2/4)#0 (91c0a) switched from INITIALIZING to FAILED with failure cause:
java.lang.Exception: Exception while creating StreamOperatorStateContext.
	at org.apache.flink.streaming.runtime.tasks.StreamTask.invoke(StreamTask.java:917) ~[flink-dist-1.19.1.jar:1.19.1]
	... 12 more
Caused by: org.rocksdb.RocksDBException: While opendir: /srv/rocks/db: Too many open files
	at org.rocksdb.RocksDB.open(Native Method) ~[flink-dist-1.19.1.jar:1.19.1]
	... 13 more
`
	hostileHead  = "2026-11-24 10:41:02,300 WARN  org.apache.flink.runtime.taskmanager.Task [] - x switched from RUNNING to FAILED\n"
	hostileFound = "org.rocksdb.RocksDBException: While opendir: /srv/rocks/db: Too many open files in org.rocksdb.RocksDB.open"
)

// hostileJSON is the failure in a JSON layout, its outer exception of that text.
func hostileJSON(outer string) string {
	line, err := json.Marshal(map[string]string{"@timestamp": "2026-11-24T10:41:02Z", "log.level": "WARN", "log.logger": "org.apache.flink.runtime.taskmanager.Task",
		"message": "x switched from RUNNING to FAILED", "stack_trace": "java.lang.Exception: " + outer + "\n" + hostileStack[strings.Index(hostileStack, "Caused by"):]})
	if err != nil {
		panic(err)
	}
	return string(line) + "\n"
}

// write makes a file of a host.
func write(t *testing.T, root, name string, fill func(f *os.File) error) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func text(s string) func(*os.File) error {
	return func(f *os.File) error { _, err := f.WriteString(s); return err }
}

// must ends a test whose host cannot be made.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// TestHostileLogs: whatever lies where logs are, what is looked for is found,
// nothing else leaves the host, and it ends. Found are the innermost
// exceptions, as "TEXT in FRAME"; secret is what must not leave.
func TestHostileLogs(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	rows := []struct {
		name   string
		make   func(t *testing.T, root string)
		found  []string
		unread bool // a log is there of which nothing is known
	}{
		{"10 GB of nothing", func(t *testing.T, root string) {
			write(t, root, hostileLog, func(f *os.File) error {
				if err := f.Truncate(10 << 30); err != nil {
					return err
				}
				_, err := f.WriteAt([]byte("\n"+hostileStack), 10<<30)
				return err
			})
		}, []string{hostileFound}, false},
		{"100 MB without a newline", func(t *testing.T, root string) {
			write(t, root, hostileLog, func(f *os.File) error {
				block := bytes.Repeat([]byte("WARN at "), 1<<17)
				for range 100 {
					if _, err := f.Write(block); err != nil {
						return err
					}
				}
				_, err := f.WriteString("\n" + hostileStack)
				return err
			})
		}, []string{hostileFound}, false},
		{"NUL, colours, returns and what is no text", func(t *testing.T, root string) {
			s := strings.NewReplacer("WARN ", "\x1b[33mWARN \x1b[m", "org.apache.flink.runtime.taskmanager.Task ", "\x1b[36morg.apache.flink.runtime.taskmanager.Task\x1b[0m ", "\n", "\r\n").Replace(hostileStack)
			write(t, root, hostileLog, text("\x00\x00\xff\xfe\xc3\n"+s+"\x00\x80\x80\n\x1b]0;title\x07\x1b[2J\n"))
		}, []string{hostileFound}, false},
		{"a stack below a line of the job", func(t *testing.T, root string) {
			write(t, root, hostileLog, text("2026-11-24 10:41:02,300 ERROR com.example.Enrich [] - password "+secret+"\nlast words of "+secret+"\n  and more\n"+
				strings.SplitN(hostileStack, "\n", 2)[1]+"java.lang.IllegalStateException: card "+secret+"\n"+
				"2026-11-24 10:41:03,300 WARN  com.example.Enrich [] - x switched from RUNNING to FAILED org.apache.flink.Task "+secret+"\n"+
				"java.io.IOException: "+secret+"\n"))
		}, nil, false},
		{"an info of Flink with a stack", func(t *testing.T, root string) {
			write(t, root, hostileLog, text("2026-11-24 10:41:02,300 INFO  org.apache.flink.runtime.Some [] - user "+secret+"\n"+strings.SplitN(hostileStack, "\n", 2)[1]))
		}, []string{hostileFound}, false},
		{"secrets in a line of Flink", func(t *testing.T, root string) {
			write(t, root, hostileLog, text(strings.Replace(hostileStack, "While opendir", "s3://key:"+secret+"@bucket fs.s3a.secret.key="+secret+", signature=x"+strings.ToUpper(secret)+" While opendir", 1)))
		}, []string{"org.rocksdb.RocksDBException: s3://bucket fs.s3a.secret.key=(withheld), signature=(withheld) While opendir: /srv/rocks/db: Too many open files in org.rocksdb.RocksDB.open"}, false},
		{"secrets in other forms", func(t *testing.T, root string) {
			write(t, root, hostileLog, text(hostileHead+"java.lang.Exception: pass="+secret+" pwd: "+secret+` DB_PASSWORD="a \" `+secret+`" token='a `+secret+`' --password `+secret+` "apiKey": "`+secret+`" Authorization: Basic `+secret+"\n"+
				"Caused by: java.io.IOException: passed: 3 of "+strings.Repeat("y", 440)+" mongodb://flink:"+secret+strings.Repeat("z", 600)+"@db\n"))
		}, []string{"java.io.IOException: passed: 3 of " + strings.Repeat("y", 440) + " mongodb:// in "}, false},
		{"secrets in a JSON layout", func(t *testing.T, root string) {
			// The pieces in which a line travels end at 480 bytes and so on.
			for i := range 60 {
				write(t, root, fmt.Sprintf("%sflink-flink-taskexecutor-%d-tm17.log", hostileLogs, i%3), text(hostileJSON(strings.Repeat("y", 200+i)+` {"password":"`+secret+`","a\"b":1} secret.key="a `+secret+`" outer token=\"`+secret+`\" here`)))
			}
			write(t, root, hostileLog, text(hostileJSON(`outer {"password":"`+secret+`"} token=\"`+secret+`\" token="`+secret+`" here`)))
		}, []string{hostileFound, hostileFound, hostileFound}, false},
		{"an entry without an end", func(t *testing.T, root string) {
			write(t, root, hostileLog, text("2026-11-24 10:41:00,000 ERROR org.apache.flink.X [] - x\n"+strings.Repeat("Caused by: a.bException\n", 80000)+hostileStack))
		}, []string{"a.bException:  in ", hostileFound}, false},
		{"frames without an end in a JSON layout", func(t *testing.T, root string) {
			line := `{"log.level":"ERROR","log.logger":"org.apache.flink.x","message":"` + strings.Repeat(`,{"class":`, 1600) + "\n"
			write(t, root, hostileLog, text(strings.Repeat(line, 120)+hostileStack))
		}, []string{hostileFound}, false},
		{"a line that patterns take long for", func(t *testing.T, root string) {
			write(t, root, hostileLog, text("2026-11-26 02:00:00 "+strings.Repeat("WARN ", 400000)+"\n"+hostileStack))
			write(t, root, hostileLogs+"job_1_op_1_db_LOG", text(strings.Repeat("[ERROR", 330000)+"\n"))
		}, []string{hostileFound}, false},
		{"crashes that patterns take long for", func(t *testing.T, root string) {
			write(t, root, hostileLog, text(hostileStack))
			for i, word := range []string{"max_map_count", "-Dlog.file", "0123456789abcdef"} {
				write(t, root, fmt.Sprintf("%shs_err_pid%d.log", hostileLogs, i+1), text("# A fatal error has been detected\nCommand Line: "+strings.Repeat(word, 2<<20/len(word))+"\n"+
					strings.Repeat(word, 2<<20/len(word))+"\njava_command: org.apache.flink.runtime.taskexecutor.TaskManagerRunner -D s3.secret-key="+secret+"\n"))
			}
		}, []string{hostileFound}, false},
		{"a pipe, a directory, a device", func(t *testing.T, root string) {
			write(t, root, hostileLog, text(hostileStack))
			must(t, syscall.Mkfifo(root+hostileLogs+"pipe-taskmanager.log", 0o644))
			must(t, os.Mkdir(root+hostileLogs+"dir-taskmanager.log", 0o755))
			write(t, root, hostileLogs+"dir-taskmanager.log/x-taskmanager.log", text(secret))
			must(t, os.Symlink("/dev/zero", root+hostileLogs+"zero-taskmanager.log"))
			must(t, os.Symlink("loop-taskmanager.log", root+hostileLogs+"loop-taskmanager.log"))
		}, []string{hostileFound}, false},
		{"a link to what another user may not see", func(t *testing.T, root string) {
			if os.Getuid() != 0 {
				must(t, errors.New("only root gives files away"))
			}
			write(t, root, hostileLog, text(hostileStack))
			write(t, root, "/root/secret", text(strings.ReplaceAll(hostileStack, "/srv/rocks/db", secret)))
			for _, name := range []string{"x-taskmanager.log", "x-taskmanager.out", "hs_err_pid7.log", "x_LOG"} {
				must(t, os.Symlink("../../../root/secret", root+hostileLogs+name))
				must(t, os.Lchown(root+hostileLogs+name, 1002, 1002))
			}
		}, []string{hostileFound}, true},
		{"names", func(t *testing.T, root string) {
			write(t, root, hostileLog, text(hostileStack))
			for _, name := range []string{"a\n-rw-r--r-- 1 0 0 99 Nov 24 01:00 .taskmanager.log", "a b'\"$(touch x)`;*taskmanager.log", "-rf taskmanager.log", "taskmanager\t\\.log", "\xff\x1b[2Jtaskmanager.log"} {
				write(t, root, hostileLogs+name, text("2026-11-24 10:41:02,300 INFO  com.example.X [] - "+secret+"\n"))
			}
			for i := range 3000 {
				write(t, root, fmt.Sprintf("%sjob%d_db_LOG.old.%d", hostileLogs, i, i), text(secret))
			}
		}, []string{hostileFound}, false},
	}
	small := []string{"env", "PATH=" + busyboxTools(t) + ":" + os.Getenv("PATH"), "busybox", "ash"}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write(t, root, "/opt/flink/bin/taskmanager.sh", text(""))
			row.make(t, root)
			first := ""
			for _, shell := range append(shells[:len(shells):len(shells)], small) {
				if _, err := exec.LookPath(shell[0]); err != nil {
					continue
				}
				facts, size, took := timed(t, shell, root, secret)
				for tries := 0; took >= logBudget && tries < 3; tries++ { // given up, on a machine that is busy
					facts, size, took = timed(t, shell, root, secret)
				}
				logs := asJSON(t, facts.Logs)
				if first == "" {
					first = logs
				}
				// ls of busybox shows odd names, and files of one moment, otherwise.
				if d := cmp.Diff(first, logs); d != "" && shell[0] != "env" {
					t.Errorf("the facts differ between %s and %s (-+):\n%s", shells[0], shell, d)
				}
				var found []string
				for _, e := range facts.Logs.Entries {
					found = append(found, e.Innermost().Class+": "+e.Innermost().Message+" in "+e.Innermost().Frame)
				}
				if got, want := strings.Join(found, "\n"), strings.Join(row.found, "\n"); got != want {
					t.Errorf("%s: found\n%s\nwant\n%s", shell[0], got, want)
				}
				if facts.Logs.Read.IsKnown() == row.unread {
					t.Errorf("%s: Read = %+v, want it unknown: %v", shell[0], facts.Logs.Read, row.unread)
				}
				t.Logf("%s: %s: %d bytes in %s", row.name, shell[0], size, took)
			}
		})
	}
}

// logBudget is how long the script reads one log; see logs.sh.
const logBudget = 4 * time.Second

// timed runs the script over a root, and tells how much it said of the logs and
// how long its section took.
func timed(t *testing.T, shell []string, root, secret string) (*probes.Facts, int, time.Duration) {
	t.Helper()
	script := probes.NewScript("c0ffee")
	began := time.Now()
	stdout, _ := run(t, shell, script.For(probes.HostSettings{Root: root}))
	stdout = bytes.ReplaceAll(stdout, []byte{0}, nil) // signs of life
	took := time.Since(began)
	if bytes.Contains(stdout, []byte(secret)) {
		i := bytes.Index(stdout, []byte(secret))
		t.Errorf("%s: a secret left the host: %q", shell[0], stdout[max(0, i-200):min(len(stdout), i+20)])
	}
	facts, err := probes.ParseFacts(stdout, script.Nonce())
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for line := range bytes.Lines(stdout) {
		if bytes.HasPrefix(line, []byte("=logs.")) {
			size += len(line)
			if len(line) > 600 {
				t.Errorf("%s: a line of %d bytes", shell[0], len(line))
			}
		}
	}
	return facts, size, took.Round(time.Millisecond)
}

// What leaves a host is bounded, however much its logs have to say.
func TestMostThatLogsMaySay(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "/opt/flink/bin/taskmanager.sh", text(""))
	var b strings.Builder
	for i := range 6000 {
		word := strings.NewReplacer("0", "g", "1", "h", "2", "i", "3", "j", "4", "k", "5", "l", "6", "m", "7", "n", "8", "o", "9", "p").Replace(fmt.Sprint(i))
		fmt.Fprintf(&b, "2026-11-24 10:41:02,300 WARN  org.apache.flink.X [] - %s %s\n", word, strings.Repeat("y", 600))
	}
	for _, dir := range []string{"/opt/flink/log", "/opt/flink-1/log", "/opt/flink-2/log"} {
		write(t, root, filepath.Dir(dir)+"/bin/taskmanager.sh", text(""))
		for i := range 12 {
			write(t, root, fmt.Sprintf("%s/flink-a-taskexecutor-%d-tm.log", dir, i), text(b.String()))
			write(t, root, fmt.Sprintf("%s/flink-a-taskexecutor-%d-tm.out", dir, i), text(b.String()))
			write(t, root, fmt.Sprintf("%s/flink-a-jobmanager-%d-tm.log", dir, i), text(b.String()))
		}
	}
	for _, shell := range shells {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		facts, size, took := timed(t, shell, root, "nothing")
		if size > 1200000 {
			t.Errorf("%s: %d bytes, want at most 1,200,000", shell[0], size)
		}
		if facts.Logs.Read.IsKnown() {
			t.Errorf("%s: all was read, want that not all was", shell[0])
		}
		t.Logf("%s: %d bytes in %s", shell[0], size, took)
	}
}

// A log that is rewritten while it is read gives lines, not a failure.
func TestLogIsRewrittenWhileItIsRead(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "/opt/flink/bin/taskmanager.sh", text(""))
	write(t, root, hostileLog, text(hostileStack))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		f, err := os.OpenFile(root+hostileLog, os.O_RDWR, 0)
		if err != nil {
			return
		}
		defer f.Close()
		for {
			select {
			case <-stop:
				return
			default:
			}
			f.Truncate(0)
			f.Seek(0, io.SeekStart)
			for range 50 {
				f.WriteString(hostileStack)
			}
		}
	}()
	for _, shell := range shells {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		facts, size, took := timed(t, shell, root, "nothing")
		if len(facts.Logs.Entries) > 8 {
			t.Errorf("%s: %d entries of one failure", shell[0], len(facts.Logs.Entries))
		}
		t.Logf("%s: %d bytes in %s", shell[0], size, took)
	}
	close(stop)
	<-done
}
