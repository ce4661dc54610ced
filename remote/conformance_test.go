package remote

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// reacher is what every way to a host is.
type reacher interface {
	Transport
	Connector
}

// reachers are all ways to a host but local, which has no server to fail.
var reachers = []struct {
	name string
	open func(*site) reacher
}{
	{TransportNative, func(s *site) reacher { return s.native() }},
	{TransportOpenSSH, func(s *site) reacher { return s.openssh() }},
}

// The same script is the same result, however its host is reached. What
// programs are spoken with is in TestEveryWayToAHost.
func TestEveryTransportRunsScriptsAlike(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	d := site.startSSHD("MaxStartups 1000\nBanner " + writeFile(t, site.dir+"/banner", "authorized use only\n") + "\n")
	site.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	small := Limits{Stdout: 64 << 10, Drain: 64 << 10}
	for _, c := range []struct {
		name, text     string
		limits         Limits
		stdout, stderr string
		status         int
		reason, hint   string // of an error in phase script; "" for none
		kind           Kind
	}{
		{name: "success", text: "echo one; echo '== end =='\n", stdout: "one\n" + endMark},
		{name: "another status", text: "echo '== end =='; exit 7\n", stdout: endMark, status: 7},
		{name: "status 255, which is ssh's own", text: "echo '== end =='; exit 255\n", stdout: endMark, status: 255},
		{name: "words on stderr", text: "echo two >&2; echo '== end =='\n", stdout: endMark, stderr: "two\n"},
		{name: "bytes as they are", text: "printf '~.\\r\\n\\001\\377\\000x\\n'; echo '== end =='\n", stdout: "~.\r\n\x01\xff\x00x\n" + endMark},
		{name: "no terminal", text: "test -t 0 || test -t 1 || echo none; echo '== end =='\n", stdout: "none\n" + endMark},
		{name: "no agent and no display", text: "echo \"$SSH_AUTH_SOCK$DISPLAY\"; echo '== end =='\n", stdout: "\n" + endMark},
		{name: "a long script", text: strings.Repeat("# a comment that fills the script up to its limit\n", 3000) + "echo '== end =='\n", stdout: endMark},
		{name: "something left running", text: "sleep 20 & echo '== end =='; exit 6\n", stdout: endMark, status: 6},
		{name: "no end mark", text: "echo only this\n", reason: `status 0 and not all of the answer: "only this"`, hint: "forced command"},
		{name: "killed in the middle", text: "echo begin; kill -9 $$\n", stdout: "begin\n", reason: "killed by signal"},
		{name: "hangs", text: "echo begin; exec sleep 100\n", limits: Limits{Script: time.Second}, stdout: "begin\n",
			reason: "did not come to its end within 1s", hint: "overloaded", kind: KindTimeout},
		{name: "floods", text: "while :; do echo 0123456789012345678901234567890123456789; done\n", limits: small, reason: "the host printed without end"},
		{name: "floods stderr", text: "while :; do echo 0123456789012345678901234567890123456789 >&2; done\n", limits: small, reason: "the host printed without end"},
		{name: "1 GB without a newline", text: "head -c 1000000000 /dev/zero; echo '== end =='\n", limits: small, reason: "the host printed without end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check := func(t *testing.T, res Result) {
				if c.reason == "" {
					if res.Err != nil || string(res.Stdout) != c.stdout || string(res.Stderr) != c.stderr || res.ExitStatus != c.status {
						t.Errorf("%q, %q, %d, %v; want %q, %q, %d", res.Stdout, res.Stderr, res.ExitStatus, res.Err, c.stdout, c.stderr, c.status)
					}
					if res.Timing.Script <= 0 {
						t.Error("it took no time")
					}
					return
				}
				e := failure(t, res)
				if e.Phase != PhaseScript || e.Kind != c.kind {
					t.Errorf("%v, kind %q; want phase script, kind %q", e, e.Kind, c.kind)
				}
				contains(t, "reason", e.Reason, c.reason)
				contains(t, "hint", e.Hint, c.hint)
				if c.stdout != "" && string(res.Stdout) != c.stdout {
					t.Errorf("stdout %q, want %q", res.Stdout, c.stdout)
				}
				if kept := c.limits.Stdout; kept > 0 && (len(res.Stdout) > kept || len(res.Stderr) > 64<<10) {
					t.Errorf("%d and %d bytes kept", len(res.Stdout), len(res.Stderr))
				}
			}
			for _, r := range reachers {
				t.Run(r.name, func(t *testing.T) {
					s := *site
					s.t, s.opts.Limits = t, c.limits
					res := r.open(&s).Run(t.Context(), d.host(), script(c.text))
					check(t, res)
					if res.Address != "127.0.0.1" || res.Port != d.port || res.User != d.user {
						t.Errorf("%s@%s:%d, want %s@127.0.0.1:%d", res.User, res.Address, res.Port, d.user, d.port)
					}
				})
			}
			t.Run("local", func(t *testing.T) {
				if c.name == "no agent and no display" {
					return // they are the caller's own
				}
				check(t, (&Local{Limits: c.limits}).Run(t.Context(), inventory.Host{Local: true}, script(c.text)))
			})
		})
	}
}

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

// Login shells of every kind, and sudo, are the same for every transport.
func TestEveryTransportMeetsShellsAndSudoAlike(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	site.opts.Limits.Script = 10 * time.Second
	h := site.startSudoHost(t)
	for _, r := range reachers {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, user := range []string{"free", "fishfree", "cshfree", "dashfree", "noisyfree"} {
				t.Run("script for "+user, func(t *testing.T) {
					t.Parallel()
					s := *site
					s.t = t
					res := r.open(&s).Run(t.Context(), h.as(user), script("echo hello; echo '== end =='\n"))
					if res.Err != nil || !strings.HasSuffix(string(res.Stdout), "hello\n"+endMark) {
						t.Errorf("%q, %v", res.Stdout, res.Err)
					}
				})
			}
			for _, c := range []struct {
				user   string
				ask    func() ([]byte, error)
				reason string // "" for root
			}{
				{"free", nil, ""},
				{"fishfree", nil, ""},
				{"cshpass", answering(h.password, new(atomic.Int32)), ""},
				{"noisypass", answering(h.password, new(atomic.Int32)), ""},
				{"pass", nil, "nobody to ask"},
				{"dashpass", answering("Bad-"+h.password, new(atomic.Int32)), "did not take the password"},
				{"onlyls", answering(h.password, new(atomic.Int32)), "not allowed to execute"},
			} {
				t.Run("sudo for "+c.user, func(t *testing.T) {
					t.Parallel()
					s := *site
					s.t, s.opts.AskSudo = t, c.ask
					talk, err := connect(t, r.open(&s), h.as(c.user)).Start(t.Context(), Program{Text: []byte(asRoot), End: "== end ==", Root: true})
					if c.reason != "" {
						e := asError(t, err)
						if e.Phase != PhaseSudo {
							t.Errorf("%v, want phase sudo", e)
						}
						contains(t, "reason", e.Reason, c.reason)
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if res := talk.Wait(t.Context()); res.Err != nil || string(res.Stdout) != "0\nroot=[]\n"+endMark {
						t.Errorf("%q, %v", res.Stdout, res.Err)
					}
				})
			}
		})
	}
}

// Many hosts at once are many results; a host that is not there costs only
// itself.
func TestEveryTransportReachesManyHostsAtOnce(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	d := site.startSSHD("MaxStartups 1000\n")
	site.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	for _, r := range reachers {
		t.Run(r.name, func(t *testing.T) {
			s := *site
			s.t, s.opts.Limits = t, Limits{InFlight: 12}
			var hosts []inventory.Host
			for i := range 24 {
				h := d.host()
				h.Name, h.Address = fmt.Sprintf("tm%d", i), "127.0.0.1"
				if i%8 == 0 {
					h.Port = 1
				}
				hosts = append(hosts, h)
			}
			var seen []int
			runner := &Runner{Transport: r.open(&s), Limits: s.opts.Limits}
			for res := range runner.Run(t.Context(), hosts, script("echo '== end =='\n")) {
				seen = append(seen, res.Index)
				if lost := res.Err != nil; lost != (res.Index%8 == 0) {
					t.Errorf("host %d: %v", res.Index, res.Err)
				}
			}
			slices.Sort(seen)
			if len(slices.Compact(seen)) != len(hosts) {
				t.Errorf("results of %v", seen)
			}
		})
	}
}

// Whenever a run is cancelled, it comes back at once, as itself or canceled.
func TestEveryTransportIsCancelledAtAnyMoment(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	d := site.startSSHD("MaxStartups 1000\n")
	site.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	for _, r := range reachers {
		t.Run(r.name, func(t *testing.T) {
			s := *site
			s.t = t
			transport := r.open(&s)
			for after := time.Duration(0); after < 300*time.Millisecond; after += 15 * time.Millisecond {
				ctx, cancel := context.WithCancel(t.Context())
				stop := time.AfterFunc(after, cancel)
				res := transport.Run(ctx, d.host(), script("echo '== end =='\n"))
				stop.Stop()
				cancel()
				if res.Err == nil {
					continue
				}
				if e := failure(t, res); e.Phase != PhaseDeadline || e.Kind != KindCanceled {
					t.Errorf("after %v: %+v, want canceled", after, e)
				}
			}
		})
	}
}
