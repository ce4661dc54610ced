package remote

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// certLab is what the cases of host certificates are made of.
type certLab struct {
	ca, otherCA, rsaCA ssh.Signer
	caFile             string // the private key of ca
	key, other         ssh.Signer
}

func newCertLab(t testing.TB) *certLab {
	t.Helper()
	l := &certLab{}
	l.ca, l.caFile = newAuthority(t)
	l.otherCA, _ = newAuthority(t)
	l.rsaCA = writeRSAKey(t, filepath.Join(t.TempDir(), "rsa"))
	for _, k := range []*ssh.Signer{&l.key, &l.other} {
		var err error
		if *k, err = demo.NewKey(demo.Ed25519); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// fill writes keys into a line of known_hosts.
func (l *certLab) fill(text string, port int) string {
	return strings.NewReplacer("PORT", strconv.Itoa(port), "RSACA", keyText(l.rsaCA.PublicKey()), "OTHERCA", keyText(l.otherCA.PublicKey()), "CA", keyText(l.ca.PublicKey()),
		"OTHER", keyText(l.other.PublicKey()), "KEY", keyText(l.key.PublicKey())).Replace(text)
}

// sha1Signer signs with SHA-1.
func sha1Signer(t testing.TB, ca ssh.Signer) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerWithAlgorithms(ca.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// krl makes a revocation list with ssh-keygen -k of its specification.
func krl(t testing.TB, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "krl")
	if out, err := exec.Command("ssh-keygen", append([]string{"-q", "-k", "-f", path}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen -k: %v: %s", err, out)
	}
	return path
}

// certCase is one host certificate and what we know of the host.
type certCase struct {
	name    string
	known   string // known_hosts
	ca      func(l *certLab) ssh.Signer
	change  func(*ssh.Certificate)
	forge   func(*ssh.Certificate) // when it is signed
	alias   string
	revoked func(t testing.TB, l *certLab) string // a file of RevokedHostKeys
	want    Kind                                  // "ok" for a login
	reason  string
	differs string // why ssh(1) before 10.3 judges otherwise
}

const vouching = "@cert-authority [127.0.0.1]:PORT CA\n"

func certCases(t testing.TB) []certCase {
	const ok = Kind("ok")
	at := func(d time.Duration) uint64 { return uint64(time.Now().Add(d).Unix()) }
	revoking := func(spec string, args ...string) func(testing.TB, *certLab) string {
		return func(t testing.TB, l *certLab) string {
			dir := t.TempDir()
			ca := writeFile(t, dir+"/ca.pub", l.fill("CA\n", 0))
			writeFile(t, dir+"/spec", l.fill(spec, 0)+"\n")
			return krl(t, append(append([]string{"-s", ca}, args...), dir+"/spec")...)
		}
	}
	lines := func(text string) func(testing.TB, *certLab) string {
		return func(t testing.TB, l *certLab) string { return writeFile(t, t.TempDir()+"/revoked", l.fill(text, 0)) }
	}
	return []certCase{
		{name: "good", known: vouching, want: ok},
		{name: "no authority known", known: "", want: KindUnknownKey, reason: "is not in known_hosts"},
		{name: "by the name without the port", known: "@cert-authority 127.* CA\n", want: ok},
		{name: "hashed", known: "@cert-authority " + hashedName("127.0.0.1") + " CA\n", want: ok},
		{name: "of another name", known: "@cert-authority *,!127.0.0.1,![127.0.0.1]:* CA\n", want: KindUnknownKey, reason: "is not in known_hosts"},
		{name: "second of two authorities", known: "@cert-authority * OTHERCA\n" + vouching, want: ok},
		{name: "alias", known: "@cert-authority fleet CA\n", alias: "fleet", change: func(c *ssh.Certificate) { c.ValidPrincipals = []string{"fleet"} }, want: ok},
		{name: "alias is not the address", known: "@cert-authority * CA\n", alias: "fleet", want: KindBadCertificate, reason: "is for 127.0.0.1, not for fleet"},
		{name: "unknown authority", known: vouching, ca: func(l *certLab) ssh.Signer { return l.otherCA }, want: KindUnknownKey, reason: "signed by an authority that is not trusted for [127.0.0.1]:"},
		{name: "expired", known: vouching, change: func(c *ssh.Certificate) { c.ValidBefore = at(-72 * time.Hour) }, want: KindBadCertificate,
			reason: "expired " + time.Now().Add(-72*time.Hour).UTC().Format(time.DateOnly)},
		{name: "not yet valid", known: vouching, change: func(c *ssh.Certificate) { c.ValidAfter = at(time.Hour) }, want: KindBadCertificate, reason: "is not valid before "},
		{name: "another name", known: vouching, change: func(c *ssh.Certificate) { c.ValidPrincipals = []string{"tm1", "tm2"} }, want: KindBadCertificate, reason: "is for tm1, tm2, not for 127.0.0.1"},
		{name: "the name with the port", known: vouching, change: func(c *ssh.Certificate) { c.ValidPrincipals = []string{"[127.0.0.1]:22"} }, want: KindBadCertificate, reason: "not for 127.0.0.1"},
		{name: "wildcard", known: vouching, change: func(c *ssh.Certificate) { c.ValidPrincipals = []string{"x", "127.0.?.*"} }, want: ok, differs: "wildcards are not looked at"},
		{name: "no names", known: vouching, change: func(c *ssh.Certificate) { c.ValidPrincipals = nil }, want: KindBadCertificate, reason: "names no host", differs: "good for any host"},
		{name: "of a user", known: vouching, change: func(c *ssh.Certificate) { c.CertType = ssh.UserCert }, want: KindBadCertificate, reason: "is for users, not for hosts"},
		{name: "critical option", known: vouching, change: func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"force-command": "x"} }, want: KindBadCertificate, reason: `has the critical option "force-command"`},
		{name: "RSA authority", known: "@cert-authority * RSACA\n", ca: func(l *certLab) ssh.Signer { return l.rsaCA }, want: ok},
		{name: "RSA authority with SHA-1", known: "@cert-authority * RSACA\n", ca: func(l *certLab) ssh.Signer { return sha1Signer(t, l.rsaCA) }, want: KindBadCertificate, reason: "is signed with ssh-rsa, which is not safe"},
		{name: "expired, and the key is known", known: vouching + "[127.0.0.1]:PORT KEY\n", change: func(c *ssh.Certificate) { c.ValidBefore = at(-time.Hour) }, want: ok},
		{name: "expired, and another key is known", known: vouching + "[127.0.0.1]:PORT OTHER\n", change: func(c *ssh.Certificate) { c.ValidBefore = at(-time.Hour) }, want: KindChangedKey, reason: "host key changed"},
		{name: "good, and another key is known", known: "[127.0.0.1]:PORT OTHER\n" + vouching, want: ok},
		{name: "authority's key is no host key", known: "@cert-authority * KEY\n", want: KindUnknownKey, reason: "not trusted"},
		{name: "forged", known: vouching, forge: func(c *ssh.Certificate) { c.Serial++ }, want: KindBadCertificate, reason: "is damaged or forged: certificate signature does not verify"},
		{name: "forged, and the key is known", known: vouching + "[127.0.0.1]:PORT KEY\n", forge: func(c *ssh.Certificate) { c.ValidBefore-- }, want: KindBadCertificate, reason: "forged"},
		{name: "forged, expired and with an option", known: vouching, change: func(c *ssh.Certificate) {
			c.ValidBefore, c.CriticalOptions, c.ValidPrincipals = 1, map[string]string{"x": ""}, nil
		}, forge: func(c *ssh.Certificate) { c.KeyId = "" }, want: KindBadCertificate, reason: "forged"},
		{name: "revoked key", known: vouching + "@revoked * KEY\n", want: KindRevokedKey, reason: "host key ssh-ed25519"},
		{name: "revoked authority", known: vouching + "@revoked * CA\n", want: KindRevokedKey, reason: "authority of the host certificate"},

		{name: "file of keys: others", known: vouching, revoked: lines("# none\n\nOTHER comment\n"), want: ok},
		{name: "file of keys: key", known: vouching, revoked: lines("OTHER\nKEY\n"), want: KindRevokedKey, reason: "/revoked:2"},
		{name: "file of keys: plain key", known: "[127.0.0.1]:PORT KEY\n", revoked: lines("KEY\n"), want: KindRevokedKey, reason: "/revoked:1"},
		{name: "file of keys: authority", known: vouching, revoked: lines("CA\n"), want: KindRevokedKey, reason: "authority of the host certificate"},
		{name: "file of keys: bad line", known: vouching, revoked: lines("ssh-ed25519 AAAA\n"), want: "", reason: "line 1"},
		{name: "file of keys: missing", known: vouching, revoked: func(t testing.TB, _ *certLab) string { return t.TempDir() + "/none" }, want: "", reason: "RevokedHostKeys: "},
		{name: "list: others", known: vouching, revoked: revoking("serial: 1-6\nserial: 8-20\nid: other\nkey: OTHER"), want: ok},
		{name: "list: serial", known: vouching, revoked: revoking("serial: 7"), want: KindRevokedKey, reason: "(serial 7) is revoked by "},
		{name: "list: range", known: vouching, revoked: revoking("serial: 5-900"), want: KindRevokedKey},
		{name: "list: bitmap", known: vouching, revoked: revoking("serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 9\nserial: 12"), want: KindRevokedKey},
		{name: "list: key id", known: vouching, revoked: revoking("id: id of 127.0.0.1"), want: KindRevokedKey},
		{name: "list: key", known: vouching, revoked: revoking("key: KEY"), want: KindRevokedKey, reason: "host key ssh-ed25519"},
		{name: "list: sha1", known: vouching, revoked: revoking("sha1: KEY"), want: KindRevokedKey},
		{name: "list: sha256", known: vouching, revoked: revoking("sha256: KEY"), want: KindRevokedKey},
		{name: "list: authority", known: vouching, revoked: revoking("sha256: CA"), want: KindRevokedKey, reason: "authority of the host certificate"},
		{name: "list: serial 0 is none", known: vouching, revoked: revoking("serial: 1-900"), change: func(c *ssh.Certificate) { c.Serial = 0 }, want: ok},
	}
}

// Each certificate is judged as ssh(1) judges it, which is asked too.
func TestHostCertificatesAgreeWithSSH(t *testing.T) {
	t.Parallel()
	client := need(t, "ssh")
	need(t, "ssh-keygen")
	version, _ := exec.Command(client, "-V").CombinedOutput() // OpenSSH_9.2p1 Debian-2, ...
	var major, minor int
	if _, err := fmt.Sscanf(string(version), "OpenSSH_%d.%d", &major, &minor); err != nil {
		t.Fatalf("ssh -V says %q", version)
	}
	old := major < 10 || major == 10 && minor < 3
	l := newCertLab(t)
	s := newSite(t)
	for _, c := range certCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ca := l.ca
			if c.ca != nil {
				ca = c.ca(l)
			}
			cert := signed(t, ca, l.key.PublicKey(), ssh.HostCert, "127.0.0.1", c.change)
			if c.forge != nil {
				c.forge(cert)
			}
			signer, err := ssh.NewCertSigner(cert, l.key)
			if err != nil {
				t.Fatal(err)
			}
			s := *s
			s.t = t
			server := s.listen(demo.Host{HostKeys: []ssh.Signer{signer, l.key}})
			known := writeFile(t, t.TempDir()+"/known_hosts", l.fill(c.known, server.Port()))
			config := fmt.Sprintf("Host 127.0.0.1\nPort %d\nUserKnownHostsFile %s\nGlobalKnownHostsFile /dev/null\nIdentityFile %s/key\nIdentitiesOnly yes\nStrictHostKeyChecking yes\n", server.Port(), known, s.dir)
			if c.alias != "" {
				config += "HostKeyAlias " + c.alias + "\n"
			}
			set := Settings{Address: "127.0.0.1", Port: server.Port(), User: "operator", KnownHosts: []string{known}, IdentityFiles: []string{s.dir + "/key"}, IdentitiesOnly: true, HostKeyAlias: c.alias, Network: "tcp"}
			if c.revoked != nil {
				path := c.revoked(t, l)
				config += "RevokedHostKeys " + path + "\n"
				set.RevokedHostKeys = []string{path}
			}
			got := s.tryLogin(&set)
			if (got == nil) != (c.want == "ok") || got != nil && (got.Kind != c.want || !strings.Contains(got.Reason, c.reason) || got.Hint == "") {
				t.Errorf("%+v, want %q, reason %q and a hint", got, c.want, c.reason)
			}
			file := writeFile(t, t.TempDir()+"/config", config)
			out, err := exec.Command(client, "-n", "-F", file, "-l", "operator", "-o", "BatchMode=yes", "127.0.0.1", "exec /bin/sh -s").CombinedOutput()
			var exit *exec.ExitError
			let := err == nil || errors.As(err, &exit) && exit.ExitCode() == 3 // the status that answer gives
			if let != (got == nil) && (c.differs == "" || !old) {
				t.Errorf("ssh let in: %v, we: %v (%v)\n%s", let, got == nil, got, out)
			}
		})
	}
}

// tryLogin logs in with the settings, and gives why not.
func (s *site) tryLogin(set *Settings) *Error {
	s.t.Helper()
	n := s.native()
	c, err := n.login(s.t.Context(), set, n.keys.keysFor(s.t.Context(), set))
	if err == nil {
		c.close()
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		s.t.Fatalf("%v, want an *Error", err)
	}
	return e
}

// A real sshd with HostCertificate is known by its authority alone, whatever
// type its key has; and a plain key where there is only an authority is unknown
// until it is recorded.
func TestARealServerWithHostCertificates(t *testing.T) {
	t.Parallel()
	keygen := need(t, "ssh-keygen")
	s := newSite(t)
	ca, caFile := newAuthority(t)
	dir := t.TempDir()
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		path := filepath.Join(dir, kind)
		if out, err := exec.Command(keygen, "-q", "-t", kind, "-N", "", "-f", path).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
		if out, err := exec.Command(keygen, "-q", "-s", caFile, "-h", "-I", "host "+kind, "-n", "127.0.0.1", path+".pub").CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen -s: %v: %s", err, out)
		}
		d := s.startSSHD(fmt.Sprintf("HostKey %s\nHostCertificate %s-cert.pub\nHostKeyAlgorithms %s\n", path, path, map[string]string{
			"ed25519": ssh.CertAlgoED25519v01, "ecdsa": ssh.CertAlgoECDSA256v01, "rsa": ssh.CertAlgoRSASHA512v01}[kind]))
		s := *s
		s.t, s.opts.KnownHosts = t, []string{filepath.Join(t.TempDir(), "kh")}
		s.knowLine("@cert-authority 127.0.0.1 %s", keyText(ca.PublicKey()))
		if res := s.native().Run(t.Context(), d.host(), script("echo '== end =='\n")); res.Err != nil {
			t.Errorf("%s: %v", kind, res.Err)
		}
	}
	plain := s.startSSHD("")
	s.knowLine("@cert-authority 127.0.0.1 %s", keyText(ca.PublicKey()))
	e := failure(t, s.native().Run(t.Context(), plain.host(), script("")))
	if e.Kind != KindUnknownKey {
		t.Errorf("kind %q, want unknown_key", e.Kind)
	}
	contains(t, "reason", e.Reason, "it shows no certificate of the authority of "+s.opts.KnownHosts[0]+":1")
	s.opts.AcceptNew = true
	if res := s.native().Run(t.Context(), plain.host(), script("echo '== end =='\n")); res.Err != nil {
		t.Error(res.Err)
	}
	contains(t, "known_hosts", readIf(s.opts.KnownHosts[0]), fmt.Sprintf("\n[127.0.0.1]:%d ssh-ed25519 ", plain.port))
}

// With --accept-new a certificate of nobody we know leaves the plain key in
// known_hosts, and one gone bad is refused: ssh would record that key and trust
// the host without its authority from then on.
func TestCertificatesAndAcceptNew(t *testing.T) {
	t.Parallel()
	l := newCertLab(t)
	s := newSite(t)
	s.opts.AcceptNew = true
	expired := signed(t, l.ca, l.key.PublicKey(), ssh.HostCert, "127.0.0.1", func(c *ssh.Certificate) { c.ValidBefore = 1 })
	signer, err := ssh.NewCertSigner(expired, l.key)
	if err != nil {
		t.Fatal(err)
	}
	server := s.listen(demo.Host{HostKeys: []ssh.Signer{signer}})
	s.knowLine("@cert-authority * %s", keyText(l.ca.PublicKey()))
	e := failure(t, s.native().Run(t.Context(), at(server), script("")))
	if e.Kind != KindBadCertificate {
		t.Errorf("kind %q, want bad_certificate", e.Kind)
	}
	contains(t, "reason", e.Reason, "expired 1970-01-01")

	s.opts.KnownHosts = []string{filepath.Join(s.dir, "other")}
	s.knowLine("@cert-authority * %s", keyText(l.otherCA.PublicKey()))
	if res := s.native().Run(t.Context(), at(server), script("")); res.Err != nil {
		t.Error(res.Err)
	}
	contains(t, "known_hosts", readIf(s.opts.KnownHosts[0]), "\n"+bracketed("127.0.0.1", server.Port())+" "+keyText(l.key.PublicKey()))
	s.opts.AcceptNew = false
	if res := s.native().Run(t.Context(), inventory.Host{Name: "127.0.0.1", Port: server.Port()}, script("")); res.Err != nil {
		t.Error(res.Err)
	}
}

// ssh(1) goes on with the key in a bad certificate, and then says it is not
// known: what it said before that is why.
func TestOpenSSHTellsABadHostCertificate(t *testing.T) {
	t.Parallel()
	l := newCertLab(t)
	for _, c := range []struct {
		name   string
		change func(*ssh.Certificate)
		reason string
	}{
		{"expired", func(c *ssh.Certificate) { c.ValidBefore = 1 << 30 }, "expired"},
		{"another name", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"tm1"} }, "not a listed principal"},
		{"critical option", func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"x": ""} }, "critical"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			signer, err := ssh.NewCertSigner(signed(t, l.ca, l.key.PublicKey(), ssh.HostCert, "127.0.0.1", c.change), l.key)
			if err != nil {
				t.Fatal(err)
			}
			server := s.listen(demo.Host{HostKeys: []ssh.Signer{signer}})
			writeFile(t, s.opts.KnownHosts[0], l.fill("@cert-authority [127.0.0.1]:PORT CA\n", server.Port()))
			e := failure(t, s.openssh().Run(t.Context(), at(server), script("")))
			if e.Phase != PhaseHostKey || e.Kind != KindBadCertificate {
				t.Errorf("%+v, want a bad certificate", e)
			}
			contains(t, "reason", e.Reason, "ssh says", c.reason)
			contains(t, "hint", e.Hint, "ssh-keygen -s CA -h")
		})
	}
}
