package remote

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// An old server is let in on request only, for a host or for all, and what it
// needs is named. One that can do better is not asked for less.
func TestOldServers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	old, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: demo.LegacyAlgorithms}})
	one := old
	one.LegacyAlgorithms = true
	modern, _ := s.host(demo.Host{})
	needs := []string{"key exchange diffie-hellman-group1-sha1", "host key ssh-rsa"}
	for _, c := range []struct {
		name   string
		host   inventory.Host
		legacy bool // for all
		want   []string
		reason string
	}{
		{"refused", old, false, nil, "no common"},
		{"for this host", one, false, needs, ""},
		{"for all", old, true, needs, ""},
		{"a server of today", modern, true, nil, ""},
	} {
		s := *s
		s.t, s.opts.LegacyAlgorithms = t, c.legacy
		res := s.native().Run(t.Context(), c.host, script(""))
		if c.reason == "" && res.Err != nil || !slices.Equal(res.Legacy, c.want) {
			t.Errorf("%s: %v, old %q, want %q", c.name, res.Err, res.Legacy, c.want)
		}
		if c.reason != "" {
			e := failure(t, res)
			contains(t, c.name+": reason", e.Reason, c.reason, "the server offers only", "diffie-hellman-group1-sha1")
			contains(t, c.name+": hint", e.Hint, "--legacy-algorithms", "legacy_algorithms: true")
		}
	}
}

// A real sshd with what its OpenSSH was once proud of.
func TestARealOldServer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct {
		config string
		want   []string
	}{
		{"KexAlgorithms diffie-hellman-group14-sha1\nHostKeyAlgorithms ssh-rsa\nCiphers aes128-cbc\nMACs hmac-sha1\n", []string{
			"key exchange diffie-hellman-group14-sha1", "host key ssh-rsa", "cipher aes128-cbc", "MAC hmac-sha1"}},
		{"KexAlgorithms diffie-hellman-group16-sha512\n", nil}, // safe, but no host of today needs it
		{"KexAlgorithms diffie-hellman-group-exchange-sha256\nCiphers aes256-cbc,aes128-ctr\n", nil},
	} {
		d := s.startSSHD(c.config)
		for _, key := range d.keys {
			s.knowLine("%s %s", bracketed("127.0.0.1", d.port), key)
		}
		e := failure(t, s.native().Run(t.Context(), d.host(), script("")))
		if e.Phase != PhaseHandshake || !strings.Contains(e.Reason, "the server offers only") {
			t.Errorf("%q without asking: %v", c.config, e)
		}
		s := *s
		s.t, s.opts.LegacyAlgorithms = t, true
		res := s.native().Run(t.Context(), d.host(), script("echo '== end =='\n"))
		if res.Err != nil || !slices.Equal(res.Legacy, c.want) {
			t.Errorf("%q: %v, old %q, want %q", c.config, res.Err, res.Legacy, c.want)
		}
	}
}

// An RSA key signs with SHA-1 where a server takes nothing better, on request.
func TestAnRSAKeyAndAnOldServer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.opts.Identity[0]
	os.Remove(path)
	if out, err := exec.Command(need(t, "ssh-keygen"), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var err error
	if s.key, err = ssh.ParsePrivateKey([]byte(readIf(path))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		takes   []string
		refused bool // without asking
		old     []string
	}{
		{[]string{ssh.KeyAlgoRSA}, true, []string{"user key ssh-rsa"}},
		{[]string{ssh.KeyAlgoRSA, ssh.KeyAlgoRSASHA256}, false, nil},
	} {
		h, _ := s.host(demo.Host{Configure: func(server *ssh.ServerConfig) { server.PublicKeyAuthAlgorithms = c.takes }})
		res := s.native().Run(t.Context(), h, script(""))
		if refused := res.Err != nil && strings.Contains(failure(t, res).Reason, "server refused"); refused != c.refused {
			t.Errorf("%q without asking: %v", c.takes, res.Err)
		}
		s := *s
		s.t, s.opts.LegacyAlgorithms = t, true
		res = s.native().Run(t.Context(), h, script(""))
		if res.Err != nil || !slices.Equal(res.Legacy, c.old) {
			t.Errorf("%q: %v, old %q, want %q", c.takes, res.Err, res.Legacy, c.old)
		}
	}
}
