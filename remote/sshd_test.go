package remote

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// sshd is a real OpenSSH server on loopback, run by the caller.
type sshd struct {
	port int
	user string
	keys map[string]string // public host keys, by type
	log  string
}

// startSSHD starts one that knows the site's key, and stops it with the test.
func (s *site) startSSHD(extra string) *sshd {
	t := s.t
	t.Helper()
	if _, err := os.Stat("/usr/sbin/sshd"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("/usr/sbin/sshd is missing, and in CI nothing is skipped")
		}
		t.Skip("/usr/sbin/sshd is missing")
	}
	keygen := need(t, "ssh-keygen")
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd run by root insists on it
			t.Skip(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d := &sshd{user: me.Username, keys: map[string]string{}, log: filepath.Join(dir, "log")}
	var config strings.Builder
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		path := filepath.Join(dir, "host_"+kind)
		if out, err := exec.Command(keygen, "-q", "-t", kind, "-N", "", "-f", path).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
		text, err := os.ReadFile(path + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		f := strings.Fields(string(text))
		d.keys[kind] = f[0] + " " + f[1]
		fmt.Fprintf(&config, "HostKey %s\n", path)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, d.port, _ = cutPort(l.Addr().String())
	l.Close()
	authorized := writeFile(t, filepath.Join(dir, "authorized"), string(ssh.MarshalAuthorizedKey(s.key.PublicKey())))
	fmt.Fprintf(&config, "ListenAddress 127.0.0.1:%d\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nAuthorizedKeysFile %s\nSetEnv HOME=%s\n%s",
		d.port, authorized, dir, extra) // what the user's own .bashrc does is not tested
	path := writeFile(t, filepath.Join(dir, "sshd_config"), config.String())
	cmd := exec.Command("/usr/sbin/sshd", "-D", "-f", path, "-E", d.log)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 200 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.port)); err == nil {
			c.Close()
			return d
		}
		time.Sleep(25 * time.Millisecond)
	}
	text, _ := os.ReadFile(d.log)
	t.Fatalf("sshd does not listen: %s", text)
	return nil
}

func (d *sshd) host() inventory.Host {
	return inventory.Host{Name: "127.0.0.1", Port: d.port, User: d.user}
}

func (s *site) knowLine(format string, args ...any) {
	s.t.Helper()
	if _, err := appendLine(s.opts.KnownHosts[0], math.MaxInt64, fmt.Sprintf(format, args...)+"\n", nil); err != nil {
		s.t.Fatal(err)
	}
}

func TestARealServer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.startSSHD("")
	name := bracketed("127.0.0.1", d.port)

	for kind, key := range d.keys {
		t.Run("known by its "+kind+" key only", func(t *testing.T) {
			s := *s
			s.t = t
			s.opts.KnownHosts = []string{filepath.Join(t.TempDir(), "kh")}
			s.knowLine("%s %s", name, key)
			res := s.native().Run(t.Context(), d.host(), script("echo hello; echo '== end =='; exit 7\n"))
			if res.Err != nil || string(res.Stdout) != "hello\n"+endMark || res.ExitStatus != 7 {
				t.Errorf("%q, status %d, %v; want hello, 7, nil", res.Stdout, res.ExitStatus, res.Err)
			}
		})
	}
	t.Run("hashed by ssh-keygen", func(t *testing.T) {
		s := *s
		s.t = t
		s.opts.KnownHosts = []string{filepath.Join(t.TempDir(), "kh")}
		s.knowLine("%s %s", name, d.keys["ecdsa"])
		if out, err := exec.Command("ssh-keygen", "-H", "-f", s.opts.KnownHosts[0]).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen -H: %v: %s", err, out)
		}
		text, _ := os.ReadFile(s.opts.KnownHosts[0])
		if bytes.Contains(text, []byte("127.0.0.1")) {
			t.Fatalf("not hashed: %s", text)
		}
		if res := s.native().Run(t.Context(), d.host(), script("echo '== end =='\n")); res.Err != nil {
			t.Error(res.Err)
		}
	})
	s.knowLine("%s %s", name, d.keys["ed25519"])
	t.Run("3 MB of output", func(t *testing.T) {
		res := s.native().Run(t.Context(), d.host(), script("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo '== end =='\n"))
		if res.Err != nil || len(res.Stdout) != 3000001+len(endMark) {
			t.Errorf("%d bytes, %v", len(res.Stdout), res.Err)
		}
	})
	t.Run("a script of 64 KiB and more", func(t *testing.T) {
		text := strings.Repeat("# a comment that fills the script up to its limit\n", 3000) + "echo '== end =='\n"
		if res := s.native().Run(t.Context(), d.host(), script(text)); res.Err != nil {
			t.Error(res.Err)
		}
	})
	t.Run("through itself as jump host", func(t *testing.T) {
		h := d.host()
		h.Name, h.Address = "behind", "localhost"
		h.Jump = fmt.Sprintf("%s@127.0.0.1:%d", d.user, d.port)
		s.knowLine("%s %s", bracketed("localhost", d.port), d.keys["ed25519"])
		n := s.native()
		for range 3 {
			if res := n.Run(t.Context(), h, script("echo '== end =='\n")); res.Err != nil {
				t.Error(res.Err)
			}
		}
	})
	t.Run("something left running holds the channel open", func(t *testing.T) {
		start := time.Now()
		res := s.native().Run(t.Context(), d.host(), script("sleep 20 & echo '== end =='\n"))
		if res.Err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("%v after %v, want no error at once", res.Err, time.Since(start))
		}
	})
	t.Run("killed in the middle", func(t *testing.T) {
		e := failure(t, s.native().Run(t.Context(), d.host(), script("echo begin; kill -9 $$\n")))
		if e.Phase != PhaseScript {
			t.Errorf("phase %s, want script", e.Phase)
		}
		contains(t, "reason", e.Reason, "killed by signal KILL")
	})
	t.Run("another key is refused by name", func(t *testing.T) {
		s := *s
		s.t = t
		writeKey(t, s.dir+"/other", "")
		s.opts.Identity = []string{s.dir + "/other"}
		e := failure(t, s.native().Run(t.Context(), d.host(), script("")))
		if e.Phase != PhaseAuth {
			t.Errorf("phase %s, want auth", e.Phase)
		}
		contains(t, "reason", e.Reason, "server refused "+s.dir+"/other as "+d.user)
	})
}

func TestARealServerThatStandsInTheWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, config string
		phase        Phase
		reason, hint string
	}{
		{"forced command", "ForceCommand echo only this\n", PhaseScript, `status 0 and not all of the answer: "only this"`, "forced command"},
		{"sftp only", "Subsystem sftp internal-sftp\nForceCommand internal-sftp\n", PhaseScript, "This service allows sftp connections only", "forces sftp"},
		{"no sessions", "MaxSessions 0\n", PhaseSession, "refused a session", "MaxSessions"},
		{"no keys", "PubkeyAuthentication no\n", PhaseAuth, "server takes no keys", "PubkeyAuthentication yes"},
		{"old key exchange", "KexAlgorithms diffie-hellman-group14-sha1\n", PhaseHandshake, "the server offers only diffie-hellman-group14-sha1", "update"},
		{"banner", "Banner BANNER\nAllowUsers nobody-else\n", PhaseAuth, `; it says "authorized use only"`, "ssh -v"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			banner := writeFile(t, s.dir+"/banner", "authorized use only\n")
			d := s.startSSHD(strings.ReplaceAll(c.config, "BANNER", banner))
			s.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
			s.opts.Limits.Script = 5 * time.Second
			e := failure(t, s.native().Run(t.Context(), d.host(), script("echo '== end =='\n")))
			if e.Phase != c.phase {
				t.Errorf("phase %s, want %s: %s", e.Phase, c.phase, e.Reason)
			}
			contains(t, "reason", e.Reason, c.reason)
			contains(t, "hint", e.Hint, c.hint)
		})
	}
}
