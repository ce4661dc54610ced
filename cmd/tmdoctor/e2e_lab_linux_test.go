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
	"sync/atomic"
	"syscall"
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
	ns    string // what the names of all its network namespaces begin with
	ctl   string // network namespace that tmdoctor runs in
	hosts map[string]*labHost
	order []string
	state string // $XDG_STATE_HOME of tmdoctor, "" for none
}

// labs counts the labs of this process.
var labs atomic.Int32

// labHost is one host of the lab.
type labHost struct {
	name    string
	address string
	behind  string
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
	script  string // in testdata, "" is e2e/host.sh
	env     []string
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
	l := &lab{t: t, dir: dir, bin: filepath.Join(dir, "tmdoctor"), ns: fmt.Sprintf("tmd%d-%d", os.Getpid(), labs.Add(1)), hosts: map[string]*labHost{}}
	l.ctl = l.ns + "c"
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

// inNet runs a command in a network namespace.
func (l *lab) inNet(netns string, args ...string) string {
	l.t.Helper()
	if args[0] == "ip" {
		return l.must("ip", append([]string{"-n", netns}, args[1:]...)...)
	}
	return l.must("ip", append([]string{"netns", "exec", netns}, args...)...)
}

// start makes a host and waits until its sshd runs.
func (l *lab) start(spec labHostSpec) *labHost {
	l.t.Helper()
	wait := l.begin(spec)
	wait()
	return l.hosts[spec.name]
}

// begin makes a host, and gives what waits until its sshd runs.
func (l *lab) begin(spec labHostSpec) (wait func()) {
	l.t.Helper()
	n := len(l.order) + 10
	h := &labHost{name: spec.name, behind: spec.behind, netns: fmt.Sprintf("%sh%d", l.ns, n)}
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

	if spec.script == "" {
		spec.script = "e2e/host.sh"
	}
	script, err := filepath.Abs(filepath.Join("testdata", spec.script))
	if err != nil {
		l.t.Fatal(err)
	}
	h.cmd = exec.Command("ip", "netns", "exec", h.netns,
		"unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc", "/bin/sh", script)
	h.cmd.Env = append(os.Environ(), "LAB="+l.dir, "NAME="+spec.name, "KEY="+l.path("key.pub"),
		"OP_SHELL="+spec.shell, "FLAVOUR="+spec.flavour)
	h.cmd.Env = append(h.cmd.Env, spec.env...)
	var stderr bytes.Buffer
	h.cmd.Stderr = &stderr
	h.cmd.WaitDelay = time.Second // what it started holds stderr open
	// A test that is interrupted cleans up nothing: the host ends with it.
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := h.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	})
	l.hosts[spec.name] = h
	l.order = append(l.order, spec.name)
	return func() {
		l.t.Helper()
		l.until("sshd of "+spec.name, func() bool {
			return l.exists(filepath.Join(spec.name, "up")) && l.listening(h) == nil
		}, func() string {
			log, _ := os.ReadFile(l.path(spec.name + "/sshd.log"))
			return stderr.String() + string(log)
		})
		h.pid = l.child(h.cmd.Process.Pid)
	}
}

// listening asks for the host's ssh banner from inside its own namespace.
func (l *lab) listening(h *labHost) error {
	out, err := exec.Command("ip", "netns", "exec", h.netns, "ssh-keyscan", "-T", "1", "-t", "ed25519", "127.0.0.1").CombinedOutput()
	if bytes.Contains(out, []byte("SSH-2.0")) {
		return nil // even if it has no key or algorithm for us
	}
	return err
}

func (l *lab) exists(name string) bool {
	_, err := os.Stat(l.path(name))
	return err == nil
}

// until waits for what the kernel and sshd do in their own time.
func (l *lab) until(what string, done func() bool, why func() string) {
	l.t.Helper()
	l.within(10*time.Second, 50*time.Millisecond, what, done, why)
}

// within asks at every step, for as long as a slow machine may need.
func (l *lab) within(limit, step time.Duration, what string, done func() bool, why func() string) {
	l.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(step) {
		if done() {
			return
		}
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

// connect writes inventory, ssh_config and known_hosts of all hosts that were
// started, and returns the known hosts but those left out.
func (l *lab) connect(leaveOut string) string {
	var inv, config, known strings.Builder
	for _, name := range l.order {
		h := l.hosts[name]
		fmt.Fprintln(&inv, name)
		fmt.Fprintf(&config, "Host %s\n\tHostName %s\n", name, h.address)
		if h.behind != "" {
			fmt.Fprintf(&config, "\tProxyJump %s\n", h.behind)
		}
		if name != leaveOut {
			fmt.Fprintf(&known, "%s %s", h.address, l.read("hostkey_ed25519.pub"))
		}
	}
	fmt.Fprintf(&config, "Host *\n\tUser op\n\tIdentityFile %s\n\tIdentitiesOnly yes\n\tUserKnownHostsFile %s\n", l.path("key"), l.path("known_hosts"))
	l.write("hosts.txt", inv.String())
	l.write("ssh_config", config.String())
	l.write("known_hosts", known.String())
	return known.String()
}

// run is tmdoctor in the control namespace, as an operator would run it.
func (l *lab) run(args ...string) (stdout, stderr string, status int) {
	l.t.Helper()
	cmd := l.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		l.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// command is tmdoctor in the control namespace. Files of the lab's directory
// "etc" stand there in place of those of the same name in /etc.
func (l *lab) command(args ...string) *exec.Cmd {
	const etc = `for f in etc/*; do [ ! -e "$f" ] || mount --bind "$f" "/$f" || exit; done; exec "$@"`
	cmd := exec.Command("ip", append([]string{"netns", "exec", l.ctl, "/bin/sh", "-c", etc, "sh", l.bin}, args...)...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "HOME="+l.dir, "XDG_STATE_HOME="+l.state, "SSH_AUTH_SOCK=", "NO_COLOR=1")
	return cmd
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

func (l *lab) read(name string) string {
	l.t.Helper()
	b, err := os.ReadFile(l.path(name))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// write writes a file of the lab.
func (l *lab) write(name, content string) {
	l.t.Helper()
	if err := os.WriteFile(l.path(name), []byte(content), 0o600); err != nil {
		l.t.Fatal(err)
	}
}
