package remote

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// sudoHost is a host with real sshd, sudo and PAM, in namespaces of its own.
type sudoHost struct {
	t        *testing.T
	dir      string
	port     int
	pid      int // of its first process, seen from here
	password string
}

// sudoUsers are the users of testdata/sudo/host.sh and their login shells.
var sudoUsers = map[string]string{
	"free": "/bin/bash", "fishfree": "/usr/bin/fish", "cshfree": "/usr/bin/tcsh", "dashfree": "/bin/dash", "noisyfree": "/bin/bash",
	"usepty": "/bin/bash", "onlysh": "/bin/bash", "requiretty": "/bin/bash", "onlyls": "/bin/bash", "nobodys": "/bin/bash",
	"pass": "/bin/bash", "fishpass": "/usr/bin/fish", "cshpass": "/usr/bin/tcsh", "dashpass": "/bin/dash", "noisypass": "/bin/bash",
	"lecture": "/bin/bash", "onetry": "/bin/bash", "other": "/bin/bash", "otherpty": "/bin/bash",
	"second": "/bin/bash", "passprompt": "/bin/bash", "override": "/bin/bash", "iolog": "/bin/bash",
}

// startSudoHost starts one that knows the site's key and stops it with the test.
func (s *site) startSudoHost(t *testing.T, env ...string) *sudoHost {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	if os.Geteuid() != 0 {
		missing("needs root, for namespaces")
	}
	for _, tool := range []string{"unshare", "nsenter", "mount", "sudo", "useradd", "chpasswd", "faillock", "fish", "tcsh", "/usr/sbin/sshd"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing("needs %s", tool)
		}
	}
	dir, err := os.MkdirTemp("/tmp", "tmdsudo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &sudoHost{t: t, dir: dir, password: "Right-" + strings.Repeat("x", 8) + " '\"$HOME\\ ü"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, h.port, _ = cutPort(l.Addr().String())
	l.Close()
	var users strings.Builder
	for user, shell := range sudoUsers {
		fmt.Fprintf(&users, "%s %s\n", user, shell)
	}
	writeFile(t, filepath.Join(dir, "users"), users.String())
	key := writeFile(t, filepath.Join(dir, "key.pub"), authorizedLine(s))
	script, err := filepath.Abs("testdata/sudo/host.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc", "/bin/sh", script)
	cmd.Env = append(os.Environ(), append(env, "LAB="+dir, "KEY="+key, "PASSWORD="+h.password, fmt.Sprintf("PORT=%d", h.port))...)
	var said bytes.Buffer
	cmd.Stderr, cmd.Stdout = &said, &said
	cmd.WaitDelay = time.Second
	// A test that is interrupted cleans up nothing: the host ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.port)); err == nil {
			c.Close()
			break
		}
		if time.Now().After(end) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("no sshd: %s %s", &said, readIf(filepath.Join(dir, "sshd.log")))
		}
	}
	children := strings.Fields(readIf(fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid)))
	if len(children) != 1 {
		t.Fatalf("children of unshare: %v", children)
	}
	h.pid, _ = strconv.Atoi(children[0])
	f := strings.Fields(readIf(filepath.Join(dir, "hostkey.pub")))
	s.knowLine("%s %s %s", bracketed("127.0.0.1", h.port), f[0], f[1])
	return h
}

func (h *sudoHost) as(user string) inventory.Host {
	return inventory.Host{Name: user, Address: "127.0.0.1", Port: h.port, User: user}
}

// inside runs a command on the host as root.
func (h *sudoHost) inside(args ...string) string {
	h.t.Helper()
	out, err := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(h.pid), "-m", "-p", "-u", "--"}, args...)...).CombinedOutput()
	if err != nil {
		h.t.Errorf("%v: %v: %s", args, err, out)
	}
	return string(out)
}

// failures is how many failed attempts PAM has counted for a user.
func (h *sudoHost) failures(user string) int {
	h.t.Helper()
	return strings.Count(h.inside("faillock", "--user", user), "\n") - 2
}

// sudoWays are ways to root on one host with real sshd, sudo and PAM.
func sudoWays(t *testing.T) []way {
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		return nil
	}
	site := newSite(t)
	h := site.startSudoHost(t)
	as := func(user string) func(*testing.T, Limits) (Connector, inventory.Host) {
		return func(t *testing.T, limits Limits) (Connector, inventory.Host) {
			s := *site
			s.t, s.opts.Limits = t, limits
			s.opts.AskSudo = func() ([]byte, error) { return []byte(h.password), nil }
			return s.native(), h.as(user)
		}
	}
	return []way{
		{"native, sudo without a password", "", true, as("noisyfree")},
		{"native, sudo with a password", "", true, as("fishpass")},
		{"native, sudo with a password and a terminal of its own", "", true, as("otherpty")},
		{"openssh, sudo with a password", "", true, func(t *testing.T, limits Limits) (Connector, inventory.Host) {
			s := *site
			s.t, s.opts.Limits = t, limits
			s.opts.AskSudo = func() ([]byte, error) { return []byte(h.password), nil }
			return s.openssh(), h.as("cshpass")
		}},
	}
}
