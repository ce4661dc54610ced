package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/report"
)

// lab is a few hosts with a real OpenSSH server each, in network, mount, pid
// and uts namespaces of their own, on one network that only they and the lab's
// control namespace share. Nothing outside the namespaces changes.
type lab struct {
	t     *testing.T
	dir   string
	bin   string
	ctl   string // network namespace that tmdoctor runs in
	hosts map[string]*labHost
	order []string
}

// labHost is one host of the lab.
type labHost struct {
	name    string
	address string
	netns   string
	pid     int // of sshd, in the test's own pid namespace
	cmd     *exec.Cmd
}

// labHostSpec says what is special about a host.
type labHostSpec struct {
	name    string
	shell   string
	flavour string
	behind  string // reachable only through this host
}

// require skips a test whose tools are missing, and fails it in CI.
func require(t *testing.T, tools ...string) {
	t.Helper()
	missing := func(what string) {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must have %s", what)
		}
		t.Skipf("needs %s", what)
	}
	if os.Geteuid() != 0 {
		missing("root, for namespaces")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(tool)
		}
	}
}

// newLab builds tmdoctor, keys and the control namespace.
func newLab(t *testing.T) *lab {
	require(t, "ip", "unshare", "nsenter", "mount", "ssh", "ssh-keygen", "prlimit", "setpriv", "/usr/sbin/sshd")
	dir, err := os.MkdirTemp("/tmp", "tmdlab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: dir, bin: filepath.Join(dir, "tmdoctor"), ctl: fmt.Sprintf("tmd%dc", os.Getpid()), hosts: map[string]*labHost{}}
	l.must("go", "build", "-o", l.bin, ".")
	for _, typ := range []string{"rsa", "ecdsa", "ed25519"} {
		l.must("ssh-keygen", "-q", "-t", typ, "-N", "", "-f", l.path("hostkey_"+typ))
	}
	l.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", l.path("key"))
	l.must("ip", "netns", "add", l.ctl)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", l.ctl).Run() })
	l.inNet(l.ctl, "ip", "link", "set", "lo", "up")
	l.inNet(l.ctl, "ip", "link", "add", "br0", "type", "bridge")
	l.inNet(l.ctl, "ip", "addr", "add", "10.77.0.1/24", "dev", "br0")
	l.inNet(l.ctl, "ip", "link", "set", "br0", "up")
	return l
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// must runs a command that has to succeed.
func (l *lab) must(name string, args ...string) string {
	l.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (l *lab) inNet(netns string, args ...string) string {
	l.t.Helper()
	return l.must("ip", append([]string{"netns", "exec", netns}, args...)...)
}

// start makes a host and waits until its sshd runs.
func (l *lab) start(spec labHostSpec) *labHost {
	l.t.Helper()
	n := len(l.order) + 10
	h := &labHost{name: spec.name, netns: fmt.Sprintf("tmd%dh%d", os.Getpid(), n)}
	l.must("ip", "netns", "add", h.netns)
	l.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", h.netns).Run() })
	l.inNet(h.netns, "ip", "link", "set", "lo", "up")
	if spec.behind == "" {
		h.address = fmt.Sprintf("10.77.0.%d", n)
		l.inNet(l.ctl, "ip", "link", "add", fmt.Sprintf("v%d", n), "type", "veth", "peer", "name", "eth0", "netns", h.netns)
		l.inNet(l.ctl, "ip", "link", "set", fmt.Sprintf("v%d", n), "master", "br0", "up")
	} else {
		h.address = "10.78.0.2"
		l.inNet(l.hosts[spec.behind].netns, "ip", "link", "add", "inner", "type", "veth", "peer", "name", "eth0", "netns", h.netns)
		l.inNet(l.hosts[spec.behind].netns, "ip", "addr", "add", "10.78.0.1/24", "dev", "inner")
		l.inNet(l.hosts[spec.behind].netns, "ip", "link", "set", "inner", "up")
	}
	l.inNet(h.netns, "ip", "addr", "add", h.address+"/24", "dev", "eth0")
	l.inNet(h.netns, "ip", "link", "set", "eth0", "up")

	script, err := filepath.Abs("testdata/e2e/host.sh")
	if err != nil {
		l.t.Fatal(err)
	}
	h.cmd = exec.Command("ip", "netns", "exec", h.netns,
		"unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc", "/bin/sh", script)
	h.cmd.Env = append(os.Environ(), "LAB="+l.dir, "NAME="+spec.name, "KEY="+l.path("key.pub"),
		"OP_SHELL="+spec.shell, "FLAVOUR="+spec.flavour)
	var stderr bytes.Buffer
	h.cmd.Stderr = &stderr
	h.cmd.WaitDelay = time.Second // what it started holds stderr open
	if err := h.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	})
	l.hosts[spec.name] = h
	l.order = append(l.order, spec.name)
	l.until("sshd of "+spec.name, func() bool {
		return l.exists(filepath.Join(spec.name, "up")) && l.listening(h) == nil
	}, func() string {
		log, _ := os.ReadFile(l.path(spec.name + "/sshd.log"))
		return stderr.String() + string(log)
	})
	h.pid = l.child(h.cmd.Process.Pid)
	return h
}

// listening asks for the host's ssh banner from inside its own namespace.
func (l *lab) listening(h *labHost) error {
	return exec.Command("ip", "netns", "exec", h.netns, "ssh-keyscan", "-T", "1", "-t", "ed25519", "127.0.0.1").Run()
}

func (l *lab) exists(name string) bool {
	_, err := os.Stat(l.path(name))
	return err == nil
}

// until waits for what the kernel and sshd do in their own time.
func (l *lab) until(what string, done func() bool, why func() string) {
	l.t.Helper()
	for range 200 {
		if done() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	l.t.Fatalf("%s did not come up: %s", what, why())
}

// child is the only child of a process.
func (l *lab) child(pid int) int {
	l.t.Helper()
	out, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		l.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.Fields(string(out))[0])
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// inside is a command that runs on a host as root.
func (l *lab) inside(h *labHost, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", strconv.Itoa(h.pid), "-m", "-p", "-n", "-u", "--"}, args...)...)
}

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

// run is tmdoctor in the control namespace, as an operator would run it.
func (l *lab) run(args ...string) (stdout, stderr string, status int) {
	l.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", l.ctl, l.bin}, args...)...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "HOME="+l.dir, "SSH_AUTH_SOCK=", "NO_COLOR=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		l.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// check is `tmdoctor check -o json` over the lab's inventory.
func (l *lab) check(args ...string) (*report.Report, string) {
	l.t.Helper()
	stdout, stderr, _ := l.run(append([]string{"check", "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"), "-o", "json"}, args...)...)
	var r report.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		l.t.Fatalf("the report is not JSON: %v\n%s\n%s", err, stdout, stderr)
	}
	return &r, stderr
}

// host is a host of a report.
func (l *lab) host(r *report.Report, name string) *report.Host {
	l.t.Helper()
	for i := range r.Hosts {
		if r.Hosts[i].Name == name {
			return &r.Hosts[i]
		}
	}
	l.t.Fatalf("the report has no host %s", name)
	return nil
}

// write writes a file of the lab.
func (l *lab) write(name, content string) {
	l.t.Helper()
	if err := os.WriteFile(l.path(name), []byte(content), 0o600); err != nil {
		l.t.Fatal(err)
	}
}
