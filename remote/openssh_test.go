package remote

import (
	"fmt"
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

// knownSSHD is a server that the site may log in to.
func (s *site) knownSSHD(config string) *sshd {
	s.t.Helper()
	d := s.startSSHD(config)
	s.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	return d
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
		"ControlPath " + s.dir + "/%C", fmt.Sprintf("LocalForward 127.0.0.1:%d 127.0.0.1:1", d.port), "ExitOnForwardFailure yes", "LogLevel QUIET", "BatchMode no",
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
	writeFile(t, s.opts.ConfigFile, readIf(s.opts.ConfigFile)+"Host behind\nHostKeyAlias [127.0.0.1]:"+fmt.Sprint(d.port)+"\nHost of-ssh-config\nHostName 127.0.0.1\nPort "+
		fmt.Sprint(d.port)+"\nUser "+d.user+"\nProxyJump hop1,hop2\n")
	o := s.openssh()
	if res := o.Run(t.Context(), inventory.Host{Name: "of-ssh-config"}, script("echo '== end =='\n")); res.Err != nil {
		t.Error(res.Err)
	}
	h := inventory.Host{Name: "behind", Jump: "hop1,hop2"}
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
		{demo.DripVersion, PhaseHandshake}, {demo.EndlessPreVersion, PhaseHandshake}, {demo.Throttled, PhaseHandshake}, {demo.ResetAccept, PhaseHandshake},
		{demo.CloseVersion, PhaseHandshake}, {demo.CloseKex, PhaseAuth}, {demo.LegacyAlgorithms, PhaseHandshake}, {demo.EndlessBanners, PhaseAuth},
		{demo.NoAuthReply, PhaseAuth}, {demo.ChannelFlood, PhaseSession}, {demo.NoLogin, PhaseScript}, {demo.Hang, PhaseScript}, {demo.Flood, PhaseScript},
		{demo.FloodBytes, PhaseScript}, {demo.DripOutput, PhaseScript}, {demo.FloodStderr, PhaseScript}, {demo.BigLine, PhaseScript},
		{demo.CloseAuth, PhaseSession}, {demo.NoSessions, PhaseSession}, {demo.NoChannelReply, PhaseSession}, {demo.NoExecReply, PhaseSession},
		{demo.ExecRefused, PhaseSession},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.opts.Limits = Limits{Handshake: 2 * time.Second, Script: 2 * time.Second, Stdout: 64 << 10, Drain: 64 << 10}
			h, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: c.fault}})
			e := failure(t, s.openssh().Run(t.Context(), h, script("echo '== end =='\n")))
			if e.Phase != c.phase {
				t.Errorf("%v, want phase %s", e, c.phase)
			}
			t.Logf("%v (hint: %s)", e, e.Hint)
		})
	}
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

// What a Match exec leaves running does not make the configuration a wrong one.
func TestOpenSSHSettingsDoNotWaitForWhatIsLeftRunning(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", "Match exec \"sleep 0.5 & true\"\nUser someone\n")
	got, err := s.openssh().Resolve(inventory.Host{Name: "tm1"})
	if err != nil || got.User != "someone" {
		t.Errorf("user %q, %v; want someone", got.User, err)
	}
}

// Settings are whole or an error: ssh that holds its output back, or dies in
// the middle, gives none that would do for another host.
func TestOpenSSHSettingsAreWholeOrNone(t *testing.T) {
	real := need(t, "ssh")
	for _, c := range []struct{ name, answer, reason string }{
		{"something holds its output", "sleep 1.5 & exec %s \"$@\"", ""},
		{"nothing", "exit 0", "does not say where the host is"},
		{"cut off", "echo hostname tm1; echo port 22; kill -9 $$", "ssh does not take its configuration"},
		{"without a user", "echo hostname tm1; echo port 22", "as whom to log in"},
	} {
		dir := t.TempDir()
		answer := strings.ReplaceAll(c.answer, "%s", real)
		writeFile(t, dir+"/ssh", "#!/bin/sh\n[ \"$1\" != -V ] || exec "+real+" -V\n"+answer+"\n")
		if err := os.Chmod(dir+"/ssh", 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":/usr/bin:/bin")
		s := newSite(t)
		o, err := NewOpenSSH(s.opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { o.Close() })
		got, err := o.Resolve(inventory.Host{Name: "tm1", User: "someone"})
		if c.reason == "" {
			if err != nil || got.User != "someone" || got.Address != "tm1" {
				t.Errorf("%s: %+v, %v", c.name, got, err)
			}
			continue
		}
		if e := asError(t, err); e.Phase != PhaseConfig || !strings.Contains(e.Reason, c.reason) || e.Hint == "" {
			t.Errorf("%s: %v, want %q", c.name, e, c.reason)
		}
	}
}
