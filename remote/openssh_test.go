package remote

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// openssh is a transport through ssh(1) that is closed with the test.
func (s *site) openssh() *OpenSSH {
	s.t.Helper()
	need(s.t, "ssh")
	o, err := NewOpenSSH(s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { o.Close() })
	return o
}

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

// knownSSHD is a server that the site may log in to.
func (s *site) knownSSHD(config string) *sshd {
	s.t.Helper()
	d := s.startSSHD(config)
	s.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	return d
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
	hasty := s.openssh()
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
		{"a script that hangs", func(ctx context.Context, _ func()) Result { return o.Run(ctx, d.host(), script("exec sleep 1000\n")) }, true},
		{"cancelled before", func(ctx context.Context, cancel func()) Result { cancel(); return o.Run(ctx, d.host(), ok) }, true},
		{"through a jump host that hangs", func(ctx context.Context, _ func()) Result {
			h := d.host()
			h.Jump = fmt.Sprintf("127.0.0.1:%d", quiet)
			return hasty.Run(ctx, h, ok)
		}, true},
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

// A ControlMaster of the user's is borrowed by a script, which needs no new
// login, and never by a connection, which is to show that one works.
func TestOpenSSHBorrowsAMaster(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.knownSSHD("")
	dir, err := os.MkdirTemp("/tmp", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := dir + "/master"
	master := exec.Command("ssh", "-F", "none", "-o", "UserKnownHostsFile="+s.opts.KnownHosts[0], "-i", s.opts.Identity[0],
		"-N", "-M", "-S", socket, "-p", fmt.Sprint(d.port), "-l", d.user, "127.0.0.1")
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Process.Kill(); master.Wait() })
	for range 400 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	writeKey(t, s.dir+"/other", "")
	s.opts.Identity = []string{s.dir + "/other"} // which the server does not take
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", "ControlPath "+dir+"/master\n")
	o := s.openssh()
	if res := o.Run(t.Context(), d.host(), script("echo '== end =='\n")); res.Err != nil {
		t.Error(res.Err)
	}
	if _, err := o.Connect(t.Context(), d.host()); asError(t, err).Phase != PhaseAuth {
		t.Errorf("Connect: %v, want a login of its own, that is refused", err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	if res := o.Run(t.Context(), d.host(), script("echo '== end =='\n")); failure(t, res).Phase != PhaseAuth {
		t.Errorf("%v, want that a socket for everybody is left alone", res.Err)
	}
}

// Names that ssh could take for an option start nothing.
func TestOpenSSHTakesNamesForNoOptions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	touched := s.dir + "/touched"
	evil := "-oProxyCommand=touch " + touched
	for _, h := range []inventory.Host{
		{Name: evil}, {Name: "h", Address: evil}, {Name: "h", User: "-l"}, {Name: "h", Jump: evil}, {Name: "h", Jump: "a," + evil}, {Name: "h", Jump: "u@" + evil},
		{Name: "u@h"}, {Name: "ssh://h"},
	} {
		o := s.openssh()
		if e := failure(t, o.Run(t.Context(), h, script(""))); e.Phase != PhaseConfig {
			t.Errorf("%+v: %v, want phase config", h, e)
		}
		if _, err := o.Resolve(h); err == nil {
			t.Errorf("%+v is resolved", h)
		}
	}
	if readIf(touched) != "" {
		t.Error("it was run")
	}
	if _, err := os.Stat(touched); err == nil {
		t.Error("it was run")
	}
}

// What ssh_config says may not weaken what must not be.
func TestOpenSSHOverrulesSSHConfig(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.knownSSHD("")
	marker := s.dir + "/local"
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", strings.Join([]string{
		"Host alias", "HostName 127.0.0.1", "ForwardAgent yes", "ForwardX11 yes", "RequestTTY force", "EscapeChar ~", "PermitLocalCommand yes",
		"LocalCommand touch " + marker, "RemoteCommand false", "ForkAfterAuthentication yes", "ControlMaster auto", "ControlPersist yes",
		"ControlPath " + s.dir + "/%C", "LocalForward 127.0.0.1:1 127.0.0.1:1", "ExitOnForwardFailure yes", "LogLevel QUIET", "BatchMode no",
	}, "\n")+"\n")
	h := d.host()
	h.Name = "alias"
	res := s.openssh().Run(t.Context(), h, script("test -t 1 || echo \"[$SSH_AUTH_SOCK$DISPLAY]\"; echo '== end =='\n"))
	if res.Err != nil || string(res.Stdout) != "[]\n"+endMark {
		t.Errorf("%q, %v", res.Stdout, res.Err)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("LocalCommand was run")
	}
	if left, _ := filepath.Glob(s.dir + "/*[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// A ProxyCommand, which native refuses, is honoured.
func TestOpenSSHHonoursAProxyCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.knownSSHD("")
	nc := fmt.Sprintf("ssh -F none -o UserKnownHostsFile=%s -i %s -p %d -l %s -W 127.0.0.1:%d 127.0.0.1", s.opts.KnownHosts[0], s.opts.Identity[0], d.port, d.user, d.port)
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", "Host behind\nHostName 127.0.0.1\nProxyCommand "+nc+"\nHost nowhere\nProxyCommand sh -c 'echo no way there >&2; exit 1'\n")
	h := d.host()
	h.Name = "behind"
	if res := s.openssh().Run(t.Context(), h, script("echo '== end =='\n")); res.Err != nil {
		t.Error(res.Err)
	}
	h.Name = "nowhere"
	e := failure(t, s.openssh().Run(t.Context(), h, script("")))
	if e.Phase != PhaseJump {
		t.Errorf("%v, want phase jump", e)
	}
	contains(t, "reason", e.Reason, `it says "no way there"`)
}

// Jump hosts of the inventory are reached with the options of the caller, those
// before the last as ssh_config says.
func TestOpenSSHThroughTwoJumpHosts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.knownSSHD("")
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", fmt.Sprintf("Host hop* behind\nHostName 127.0.0.1\nPort %d\nUser %s\nUserKnownHostsFile %s\nIdentityFile %s\n",
		d.port, d.user, s.opts.KnownHosts[0], s.opts.Identity[0]))
	h := inventory.Host{Name: "behind", Jump: "hop1,hop2"}
	o := s.openssh()
	if res := o.Run(t.Context(), h, script("echo '== end =='\n")); res.Err != nil {
		t.Error(res.Err)
	}
	settings, err := o.Resolve(h)
	if err != nil || settings.HostPort() != fmt.Sprintf("127.0.0.1:%d", d.port) || settings.User != d.user || len(settings.Jumps) != 2 {
		t.Errorf("%+v, %v", settings, err)
	}
}

// Servers that lie and flood cost themselves alone, through ssh too.
func TestOpenSSHAgainstHostileServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault demo.Fault
		phase Phase
	}{
		{demo.CloseAccept, PhaseHandshake}, {demo.Silent, PhaseHandshake}, {demo.OtherHostKey, PhaseHostKey},
		{demo.CloseAuth, PhaseSession}, {demo.NoSessions, PhaseSession}, {demo.NoChannelReply, PhaseSession}, {demo.NoExecReply, PhaseSession},
		{demo.ExecRefused, PhaseSession},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.opts.Limits = Limits{Handshake: 2 * time.Second, Script: 2 * time.Second}
			h, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: c.fault}})
			e := failure(t, s.openssh().Run(t.Context(), h, script("echo '== end =='\n")))
			if e.Phase != c.phase {
				t.Errorf("%v, want phase %s", e, c.phase)
			}
		})
	}
	t.Run("endless words before the version", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.opts.Limits = Limits{Handshake: 5 * time.Second}
		port := listener(t, func(c net.Conn) {
			for {
				if _, err := c.Write([]byte(strings.Repeat("x", 200) + "\r\n")); err != nil {
					return
				}
			}
		})
		if e := failure(t, s.openssh().Run(t.Context(), inventory.Host{Name: "127.0.0.1", Port: port}, script(""))); e.Phase != PhaseHandshake {
			t.Errorf("%v, want phase handshake", e)
		}
	})
}

// Without ssh(1), or with another program by its name, it says what to do.
func TestOpenSSHIsMissing(t *testing.T) {
	for _, c := range []struct{ text, reason string }{
		{"", "there is no ssh(1) in PATH"},
		{"#!/bin/sh\necho Dropbear v2022.83 >&2\n", `is not OpenSSH's: it says "Dropbear v2022.83"`},
		{"#!/bin/sh\necho OpenSSH_6.6.1p1, OpenSSL 1.0.1 >&2\n", "7.4 is the oldest"},
	} {
		dir := t.TempDir()
		if c.text != "" {
			writeFile(t, dir+"/ssh", c.text)
			if err := os.Chmod(dir+"/ssh", 0o755); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", dir)
		_, err := NewOpenSSH(Options{})
		e := asError(t, err)
		if e.Phase != PhaseConfig {
			t.Errorf("%v, want phase config", e)
		}
		contains(t, "reason", e.Reason, c.reason)
		contains(t, "hint", e.Hint, "install OpenSSH's client")
	}
}
