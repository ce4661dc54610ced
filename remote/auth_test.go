package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// serveAgent serves a keyring on a socket and counts the connections.
func serveAgent(t testing.TB, keys ...any) (socket string, connections *atomic.Int32) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ring := agent.NewKeyring()
	for _, k := range keys {
		added, ok := k.(agent.AddedKey)
		if !ok {
			added.PrivateKey = k
		}
		if err := ring.Add(added); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	connections = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer conn.Close()
				agent.ServeAgent(ring, conn)
			}()
		}
	}()
	return filepath.Join(dir, "s"), connections
}

// agentKey makes a key as an agent takes it.
func agentKey(t testing.TB) (private any, public ssh.PublicKey) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k")
	signer := writeKey(t, path, "")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	private, err = ssh.ParseRawPrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return private, signer.PublicKey()
}

func TestKeysOfTheAgentLogIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var ring []any
	var publics []ssh.PublicKey
	for range 7 {
		k, p := agentKey(t)
		ring, publics = append(ring, k), append(publics, p)
	}
	socket, connections := serveAgent(t, ring...)
	s.opts.Identity = nil
	s.opts.Env = func(k string) string { return map[string]string{"SSH_AUTH_SOCK": socket}[k] }
	second, _ := s.host(demo.Host{AuthorizedKeys: publics[1:2]})
	third, _ := s.host(demo.Host{AuthorizedKeys: publics[2:3]})
	last, _ := s.host(demo.Host{AuthorizedKeys: publics[6:]})
	n := s.native()
	for _, h := range []inventory.Host{second, third} {
		if res := n.Run(t.Context(), h, script("")); res.Err != nil {
			t.Error(res.Err)
		}
	}
	if c := connections.Load(); c != 1 {
		t.Errorf("%d connections to the agent, want 1", c)
	}
	e := failure(t, n.Run(t.Context(), last, script("")))
	if e.Phase != PhaseAuth {
		t.Errorf("phase %s, want auth", e.Phase)
	}
	contains(t, "reason", e.Reason, "server refused agent key SHA256:", "(2 more keys not offered)")

	// Named by its public half, the seventh is offered alone.
	pub := writeFile(t, filepath.Join(s.dir, "seventh.pub"), string(ssh.MarshalAuthorizedKey(publics[6])))
	s.opts.ConfigFile = writeFile(t, filepath.Join(s.dir, "config"), "IdentitiesOnly yes\nIdentityFile "+pub+"\n")
	if res := s.native().Run(t.Context(), last, script("")); res.Err != nil {
		t.Error(res.Err)
	}
}

func TestWhyNoKeyLetsUsIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		prepare      func(t *testing.T, s *site)
		reason, hint string
	}{
		{"refused", func(t *testing.T, s *site) { writeKey(t, s.dir+"/key", "") }, "server refused DIR/key as operator", "ssh -v -p "},
		{"readable by others", func(t *testing.T, s *site) { os.Chmod(s.dir+"/key", 0o644) }, "no key to offer as operator; DIR/key permissions 0644 are too open", "chmod 600 DIR/key"},
		{"missing", func(t *testing.T, s *site) { os.Remove(s.dir + "/key") }, "no key to offer as operator; DIR/key no such file or directory", "--identity FILE"},
		{"no key at all", func(t *testing.T, s *site) { writeFile(t, s.dir+"/key", "nonsense") }, "DIR/key is not a private key that can be read", "--identity FILE"},
		{"passphrase and nobody to ask", func(t *testing.T, s *site) { writeKey(t, s.dir+"/key", "secret") }, "DIR/key has a passphrase", "ssh-add DIR/key"},
		{"wrong passphrase", func(t *testing.T, s *site) {
			writeKey(t, s.dir+"/key", "secret")
			s.opts.AskPassphrase = func(string) ([]byte, error) { return []byte("wrong"), nil }
		}, "DIR/key has a passphrase, and what was typed is not it", "--identity FILE"},
		{"nobody answers", func(t *testing.T, s *site) {
			writeKey(t, s.dir+"/key", "secret")
			s.opts.AskPassphrase = func(string) ([]byte, error) { return nil, errors.New("no terminal") }
		}, "DIR/key has a passphrase: no terminal", "--identity FILE"},
		{"agent is gone", func(t *testing.T, s *site) {
			s.opts.Identity, s.opts.Env = nil, func(string) string { return "/nonexistent/agent" }
		}, "ssh-agent at /nonexistent/agent", "--identity FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			h, _ := s.host(demo.Host{})
			c.prepare(t, s)
			e := failure(t, s.native().Run(t.Context(), h, script("")))
			if e.Phase != PhaseAuth {
				t.Errorf("phase %s, want auth", e.Phase)
			}
			contains(t, "reason", e.Reason, strings.ReplaceAll(c.reason, "DIR", s.dir))
			contains(t, "hint", e.Hint, strings.ReplaceAll(c.hint, "DIR", s.dir))
		})
	}
}

func TestAPassphraseIsAskedForOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.key = writeKey(t, s.dir+"/key", "secret")
	var asked atomic.Int32
	s.opts.AskPassphrase = func(path string) ([]byte, error) {
		if path != s.dir+"/key" {
			t.Errorf("asked for %s", path)
		}
		asked.Add(1)
		return []byte("secret"), nil
	}
	h, _ := s.host(demo.Host{})
	n := s.native()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if res := n.Run(t.Context(), h, script("")); res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want once", asked.Load())
	}
}

func TestADefaultKeyWithPassphraseIsLeftAloneIfOthersExist(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opts.Identity = nil
	os.Mkdir(s.dir+"/.ssh", 0o700)
	s.key = writeKey(t, s.dir+"/.ssh/id_ed25519", "")
	writeKey(t, s.dir+"/.ssh/id_rsa", "secret")
	s.opts.AskPassphrase = func(path string) ([]byte, error) { t.Errorf("asked for %s", path); return nil, io.EOF }
	h, _ := s.host(demo.Host{})
	if res := s.native().Run(t.Context(), h, script("")); res.Err != nil {
		t.Error(res.Err)
	}
}

func TestUnknownKeysAreRecordedOnRequestOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	server := s.listen(demo.Host{})
	e := failure(t, s.native().Run(t.Context(), at(server), script("")))
	if e.Phase != PhaseHostKey || e.Kind != KindUnknownKey {
		t.Fatalf("error = %+v, want an unknown host key", e)
	}
	if _, err := os.Stat(s.opts.KnownHosts[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("known_hosts was written without being asked: %v", err)
	}
	s.opts.AcceptNew = true
	n := s.native()
	res := n.Run(t.Context(), at(server), script(""))
	if res.Err != nil || len(res.Warnings) != 1 {
		t.Fatalf("err %v, warnings %q, want the key recorded", res.Err, res.Warnings)
	}
	contains(t, "warning", res.Warnings[0], "recorded host key ssh-ed25519 SHA256:")
	if res := n.Run(t.Context(), at(server), script("")); res.Err != nil || len(res.Warnings) != 0 {
		t.Errorf("second time: %v, %q, want it known", res.Err, res.Warnings)
	}
	st, err := os.Stat(s.opts.KnownHosts[0])
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("known_hosts: %v, %v, want mode 0600", st.Mode(), err)
	}
	s.opts.AcceptNew = false
	if res := s.native().Run(t.Context(), at(server), script("")); res.Err != nil {
		t.Errorf("next run: %v", res.Err)
	}
}

func TestAChangedKeyIsNeverRecorded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opts.AcceptNew = true
	h, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: demo.OtherHostKey}})
	before, _ := os.ReadFile(s.opts.KnownHosts[0])
	e := failure(t, s.native().Run(t.Context(), h, script("")))
	if e.Phase != PhaseHostKey || e.Kind != KindChangedKey {
		t.Errorf("error = %+v, want a changed host key", e)
	}
	if after, _ := os.ReadFile(s.opts.KnownHosts[0]); string(after) != string(before) {
		t.Errorf("known_hosts changed to %q", after)
	}
}

func TestOnlyWhatIsTransientIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		behave      demo.Behaviour
		ok          bool
		connections int
	}{
		{"throttled twice", demo.Behaviour{Throttle: 2}, true, 3},
		{"throttled for ever", demo.Behaviour{Fault: demo.Throttled}, false, 3},
		{"closed at once", demo.Behaviour{Fault: demo.CloseAccept}, false, 3},
		{"changed key", demo.Behaviour{Fault: demo.OtherHostKey}, false, 1},
		{"closed after login", demo.Behaviour{Fault: demo.CloseAuth}, false, 1},
		{"closed after exec", demo.Behaviour{Fault: demo.CloseExec}, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			h, server := s.host(demo.Host{Behave: c.behave})
			res := s.native().Run(t.Context(), h, script(""))
			if (res.Err == nil) != c.ok || server.Stats().Connections != c.connections {
				t.Errorf("%v after %d connections, want ok %v after %d", res.Err, server.Stats().Connections, c.ok, c.connections)
			}
		})
	}
}

func TestTheEndOfTheRunIsNotTheHostsFault(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: demo.Hang}})
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	go func() { <-started; cancel() }()
	n := s.native()
	close(started)
	if e := failure(t, n.Run(ctx, h, script(""))); e.Phase != PhaseDeadline || e.Kind != KindCanceled {
		t.Errorf("error = %+v, want phase deadline, canceled", e)
	}
}
