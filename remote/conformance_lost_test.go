package remote

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// listener is a server on loopback that is none for SSH.
func listener(t *testing.T, serve func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	_, port, _ := cutPort(l.Addr().String())
	return port
}

// silent says nothing until the other end goes.
func silent(c net.Conn) { io.Copy(io.Discard, c) }

// A host that is lost is lost in the same phase, and for the same kind of
// reason, however it was tried.
func TestEveryTransportLosesHostsAlike(t *testing.T) {
	t.Parallel()
	base := newSite(t)
	banner := writeFile(t, base.dir+"/banner", "authorized use only\n")
	servers := map[string]*sshd{} // by their configuration
	const noise = "ForceCommand echo noise; echo noise >&2; eval \"$SSH_ORIGINAL_COMMAND\"\n"
	for _, c := range []struct {
		name, config string
		prepare      func(t *testing.T, s *site, d *sshd, h *inventory.Host)
		phase        Phase // "" for a host that is reached
		kind         Kind
		reason       []string
	}{
		{"reached, with noise of a login script", noise, nil, "", "", nil},
		{"refused port", "", func(t *testing.T, _ *site, _ *sshd, h *inventory.Host) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			_, h.Port, _ = cutPort(l.Addr().String())
			l.Close()
		}, PhaseConnect, "", []string{"connection to 127.0.0.1:", "refused"}},
		{"unknown name", "", func(_ *testing.T, _ *site, _ *sshd, h *inventory.Host) {
			h.Address = "no-such-host.invalid"
		}, PhaseResolve, "", []string{"no-such-host.invalid"}},
		{"nobody speaks", "", func(t *testing.T, s *site, _ *sshd, h *inventory.Host) {
			h.Port = listener(t, silent)
			s.opts.Limits.Handshake = time.Second
		}, PhaseHandshake, KindTimeout, []string{"within 1s"}},
		{"no SSH server", "", func(t *testing.T, _ *site, _ *sshd, h *inventory.Host) {
			h.Port = listener(t, func(c net.Conn) { io.WriteString(c, "220 mail ready\r\n") })
		}, PhaseHandshake, "", nil},
		{"unknown host key", "", func(t *testing.T, s *site, _ *sshd, _ *inventory.Host) {
			s.opts.KnownHosts = []string{writeFile(t, s.dir+"/none", "")}
		}, PhaseHostKey, KindUnknownKey, []string{"host key ", " SHA256:", "of [127.0.0.1]:", "is not in known_hosts"}},
		{"unknown host key, and ssh_config would ask", "", func(t *testing.T, s *site, _ *sshd, _ *inventory.Host) {
			s.opts.KnownHosts = []string{writeFile(t, s.dir+"/none", "")}
			s.opts.ConfigFile = writeFile(t, s.dir+"/config", "StrictHostKeyChecking ask\nBatchMode no\n")
		}, PhaseHostKey, KindUnknownKey, nil},
		{"unknown host key, accepted", "", func(t *testing.T, s *site, d *sshd, _ *inventory.Host) {
			s.opts.KnownHosts, s.opts.AcceptNew = []string{filepath.Join(s.dir, "new known hosts")}, true
		}, "", "", nil},
		{"changed host key", "", changedHostKey, PhaseHostKey, KindChangedKey, []string{"host key changed: got ", "/changed:1"}},
		{"changed host key, new ones accepted", "", func(t *testing.T, s *site, d *sshd, h *inventory.Host) {
			changedHostKey(t, s, d, h)
			s.opts.AcceptNew = true
		}, PhaseHostKey, KindChangedKey, nil},
		{"changed host key, and ssh_config says no", "", func(t *testing.T, s *site, d *sshd, h *inventory.Host) {
			changedHostKey(t, s, d, h)
			s.opts.ConfigFile = writeFile(t, s.dir+"/config", "StrictHostKeyChecking no\n")
		}, PhaseHostKey, KindChangedKey, nil},
		{"revoked host key", "", func(t *testing.T, s *site, d *sshd, _ *inventory.Host) {
			s.opts.KnownHosts = []string{writeFile(t, s.dir+"/revoked", "@revoked * "+d.keys["ed25519"]+"\n"+bracketed("127.0.0.1", d.port)+" "+d.keys["ed25519"]+"\n")}
		}, PhaseHostKey, KindRevokedKey, nil},
		{"wrong key", "", func(t *testing.T, s *site, _ *sshd, _ *inventory.Host) {
			writeKey(t, s.dir+"/other", "")
			s.opts.Identity = []string{s.dir + "/other"}
		}, PhaseAuth, "", []string{"server refused ", "/other as "}},
		{"wrong key, and a banner", "Banner BANNER\n", func(t *testing.T, s *site, _ *sshd, _ *inventory.Host) {
			writeKey(t, s.dir+"/other", "")
			s.opts.Identity = []string{s.dir + "/other"}
		}, PhaseAuth, "", []string{`; it says "authorized use only"`}},
		{"a key with a passphrase and nobody to ask", "", func(t *testing.T, s *site, _ *sshd, _ *inventory.Host) {
			writeKey(t, s.dir+"/locked", "secret")
			s.opts.Identity = []string{s.dir + "/locked"}
		}, PhaseAuth, "", nil},
		{"no keys taken", "PubkeyAuthentication no\n", nil, PhaseAuth, "", nil},
		{"no common algorithm", "KexAlgorithms diffie-hellman-group14-sha1\n", func(t *testing.T, s *site, _ *sshd, _ *inventory.Host) {
			s.opts.ConfigFile = writeFile(t, s.dir+"/config", "KexAlgorithms curve25519-sha256\n")
		}, PhaseHandshake, "", nil},
		{"no sessions", "MaxSessions 0\n", nil, PhaseSession, "", []string{"refused a session"}},
		{"forced command", "ForceCommand echo only this\n", nil, PhaseScript, "", []string{`"only this"`}},
		{"a user that is not there", "", func(_ *testing.T, _ *site, _ *sshd, h *inventory.Host) { h.User = "no-such-user" }, PhaseAuth, "", []string{" as no-such-user"}},
		{"through itself as jump host", "", func(_ *testing.T, s *site, d *sshd, h *inventory.Host) {
			h.Name, h.Address, h.Jump = "behind", "localhost", fmt.Sprintf("%s@127.0.0.1:%d", d.user, d.port)
			s.knowLine("%s %s", bracketed("localhost", d.port), d.keys["ed25519"])
		}, "", "", nil},
		{"a jump host with an unknown key", "", func(t *testing.T, s *site, d *sshd, h *inventory.Host) {
			h.Name, h.Address, h.Jump = "behind", "127.0.0.1", fmt.Sprintf("%s@localhost:%d", d.user, d.port)
		}, PhaseJump, KindUnknownKey, nil},
		{"an ssh_config that ssh refuses", "", func(t *testing.T, s *site, _ *sshd, _ *inventory.Host) {
			s.opts.ConfigFile = writeFile(t, s.dir+"/config", "Host *\nPort no-number\n")
		}, PhaseConfig, "", []string{"/config"}},
	} {
		d := servers[c.config]
		if d == nil {
			d = base.startSSHD(strings.ReplaceAll(c.config, "BANNER", banner))
			servers[c.config] = d
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range reachers {
				t.Run(r.name, func(t *testing.T) {
					site := *base
					s := &site
					s.t, s.dir = t, t.TempDir()
					s.opts.KnownHosts = []string{s.dir + "/known_hosts"}
					s.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
					h := d.host()
					if c.prepare != nil {
						c.prepare(t, s, d, &h)
					}
					if c.name == "an ssh_config that ssh refuses" && r.name == TransportNative {
						h.Port = 0 // else it is not looked at
					}
					transport := r.open(s)
					res := transport.Run(t.Context(), h, script("echo hello; echo '== end =='\n"))
					conn, connectErr := transport.Connect(t.Context(), h)
					if connectErr == nil {
						defer conn.Close()
					}
					if c.phase == "" {
						if res.Err != nil || !strings.HasSuffix(string(res.Stdout), "hello\n"+endMark) || connectErr != nil {
							t.Errorf("%q, %v, %v; want hello", res.Stdout, res.Err, connectErr)
						}
						return
					}
					e := failure(t, res)
					t.Logf("%v (hint: %s)", e, e.Hint)
					if e.Phase != c.phase || e.Kind != c.kind {
						t.Errorf("%v, kind %q; want phase %s, kind %q", e, e.Kind, c.phase, c.kind)
					}
					contains(t, "reason", e.Reason, c.reason...)
					if e.Hint == "" && e.Phase != PhaseConfig { // FILE:LINE is enough
						t.Error("no hint")
					}
					if c.phase == PhaseSession || c.phase == PhaseScript {
						return // the login succeeds
					}
					if f := asError(t, connectErr); f.Phase != e.Phase || f.Kind != e.Kind {
						t.Errorf("Connect: %v, want as Run", f)
					}
				})
			}
		})
	}
}

// changedHostKey makes the host known by the key of another.
func changedHostKey(t *testing.T, s *site, d *sshd, _ *inventory.Host) {
	other := writeKey(t, s.dir+"/other_host", "")
	s.opts.KnownHosts = []string{s.dir + "/changed"}
	s.knowAs(bracketed("127.0.0.1", d.port), other.PublicKey())
}
