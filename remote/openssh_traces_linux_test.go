package remote

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// traces is what ssh leaves while it is at work: a private directory, and
// processes that name it.
type traces struct {
	t   *testing.T
	dir string
	fds int
}

// watchTraces has directories made in a place of their own. It is not for
// parallel tests.
func watchTraces(t *testing.T) *traces {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	tr := &traces{t: t, dir: dir}
	tr.fds = tr.descriptors()
	return tr
}

func (tr *traces) descriptors() int {
	all, _ := os.ReadDir("/proc/self/fd")
	return len(all)
}

func (tr *traces) processes() (all []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if text := readIf(f); strings.Contains(text, tr.dir+"/") {
			all = append(all, strings.ReplaceAll(text, "\x00", " "))
		}
	}
	return all
}

// none fails the test unless all is gone soon: the kernel takes a moment to
// take a killed process away.
func (tr *traces) none() {
	tr.t.Helper()
	var left string
	for range 200 {
		dirs, _ := os.ReadDir(tr.dir)
		left = fmt.Sprintf("directories %v, processes %q, %d descriptors more", dirs, tr.processes(), tr.descriptors()-tr.fds)
		if len(dirs) == 0 && len(tr.processes()) == 0 && tr.descriptors() <= tr.fds {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	tr.t.Error("left behind: " + left)
}

// Nothing is left behind on any way out: success, failure, deadline, cancel, a
// connection that its owner forgot.
func TestOpenSSHLeavesNothingBehind(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	d := s.knownSSHD("MaxStartups 1000\n")
	quiet := listener(t, silent)
	tr := watchTraces(t)
	s.opts.Limits = Limits{Connect: 5 * time.Second, Handshake: 2 * time.Second, Script: time.Second}
	o := s.openssh()
	s.opts.Limits.Connect, s.opts.Limits.Handshake = 200*time.Millisecond, 300*time.Millisecond
	s.opts.Limits.Host = time.Second
	hasty := s.openssh()
	s.opts.ConfigFile = writeFile(t, s.dir+"/hangs", "Match exec \"sleep 1000; : "+tr.dir+"/\"\n")
	stalled := s.openssh()
	ok := script("echo '== end =='\n")
	silentHost := inventory.Host{Name: "127.0.0.1", Port: quiet}
	for _, c := range []struct {
		name string
		run  func(ctx context.Context, cancel func()) Result
		lost bool
	}{
		{"success", func(ctx context.Context, _ func()) Result { return o.Run(ctx, d.host(), ok) }, false},
		{"refused port", func(ctx context.Context, _ func()) Result {
			return o.Run(ctx, inventory.Host{Name: "127.0.0.1", Port: 1}, ok)
		}, true},
		{"a server that hangs", func(ctx context.Context, _ func()) Result { return o.Run(ctx, silentHost, ok) }, true},
		{"a script that hangs", func(ctx context.Context, _ func()) Result { return o.Run(ctx, d.host(), script(hangs)) }, true},
		{"cancelled before", func(ctx context.Context, cancel func()) Result { cancel(); return o.Run(ctx, d.host(), ok) }, true},
		{"through a jump host that hangs", func(ctx context.Context, _ func()) Result {
			h := d.host()
			h.Jump = fmt.Sprintf("127.0.0.1:%d", quiet)
			return hasty.Run(ctx, h, ok)
		}, true},
		{"an ssh_config that hangs", func(ctx context.Context, _ func()) Result { return stalled.Run(ctx, d.host(), ok) }, true},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if res := c.run(ctx, cancel); (res.Err != nil) != c.lost {
			t.Errorf("%s: %v", c.name, res.Err)
		}
		cancel()
		tr.none()
	}
	conn, err := o.Connect(t.Context(), d.host())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Alive(t.Context()); err != nil {
		t.Error(err)
	}
	talk := start(t, way{}, conn, "main() { echo ask; read -r line; }\nmain\n")
	if dirs, _ := os.ReadDir(tr.dir); len(dirs) != 1 {
		t.Fatalf("%v, want one directory", dirs)
	} else if info, _ := dirs[0].Info(); info.Mode().Perm() != 0o700 {
		t.Errorf("directory %v, want 0700", info.Mode())
	}
	o.Close()
	if _, err := talk.Until(t.Context(), "never"); asError(t, err).Phase != PhaseScript {
		t.Errorf("%v, want phase script", err)
	}
	if err := conn.Alive(t.Context()); err == nil {
		t.Error("alive")
	}
	tr.none()
}

// A path that is too long for a socket is not used, however long TMPDIR is.
func TestOpenSSHKeepsSocketsShort(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	s := newSite(t)
	d := s.knownSSHD("")
	if res := s.openssh().Run(t.Context(), d.host(), script("echo '== end =='\n")); res.Err != nil {
		t.Error(res.Err)
	}
}

// An ssh whose tmdoctor was killed ends, and takes its directory with it.
func TestOpenSSHEndsWithItsOwner(t *testing.T) {
	if os.Getenv("OPENSSH_OWNER") != "" {
		t.Skip("is the owner")
	}
	s := newSite(t)
	d := s.knownSSHD("")
	tr := watchTraces(t)
	owner := exec.Command(os.Args[0], "-test.run=^TestOwnerOfAnSSH$")
	owner.Env = append(os.Environ(), "OPENSSH_OWNER=yes", fmt.Sprintf("OWNED_PORT=%d", d.port), "OWNED_DIR="+s.dir, "OWNED_USER="+d.user)
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 9)
	if _, err := out.Read(b); err != nil || string(b) != "connected" {
		t.Fatalf("%q, %v", b, err)
	}
	if len(tr.processes()) == 0 {
		t.Error("no process names the directory")
	}
	owner.Process.Kill()
	owner.Wait()
	tr.fds = tr.descriptors()
	tr.none()
}

// TestOwnerOfAnSSH is the process that TestOpenSSHEndsWithItsOwner kills.
func TestOwnerOfAnSSH(t *testing.T) {
	if os.Getenv("OPENSSH_OWNER") == "" {
		t.Skip("is run by TestOpenSSHEndsWithItsOwner")
	}
	dir := os.Getenv("OWNED_DIR")
	s := &site{t: t, dir: dir, opts: Options{ConfigFile: "none", KnownHosts: []string{dir + "/known_hosts"}, Identity: []string{dir + "/key"}}}
	_, port, _ := cutPort(":" + os.Getenv("OWNED_PORT"))
	if _, err := s.openssh().Connect(t.Context(), inventory.Host{Name: "127.0.0.1", Port: port, User: os.Getenv("OWNED_USER")}); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("connected")
	select {}
}
