package remote

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// newAuthority is an authority's key; file is its private key for ssh-keygen.
func newAuthority(t testing.TB) (ca ssh.Signer, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "ca")
	return writeKey(t, file, ""), file
}

// signed is a certificate that is good in every way, but for what change does.
func signed(t testing.TB, ca ssh.Signer, key ssh.PublicKey, kind uint32, name string, change func(*ssh.Certificate)) *ssh.Certificate {
	t.Helper()
	c := &ssh.Certificate{Key: key, CertType: kind, KeyId: "id of " + name, Serial: 7, ValidPrincipals: []string{name}, ValidBefore: ssh.CertTimeInfinity}
	if change != nil {
		change(c)
	}
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	return c
}

// trusting is a server that lets in whoever has a certificate of the authority.
func trusting(ca ssh.PublicKey) demo.Host {
	return demo.Host{Exec: answer, Configure: func(c *ssh.ServerConfig) {
		check := ssh.CertChecker{IsUserAuthority: func(k ssh.PublicKey) bool { return sameKey(k, ca) }}
		c.PublicKeyCallback = check.Authenticate
	}}
}

func writeRSAKey(t testing.TB, path string) ssh.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func certText(c *ssh.Certificate) string { return string(ssh.MarshalAuthorizedKey(c)) }

func TestCertificatesThatAreNotOffered(t *testing.T) {
	t.Parallel()
	ca, _ := newAuthority(t)
	now := time.Now()
	for _, c := range []struct {
		name, want string
		change     func(*ssh.Certificate)
	}{
		{"expired long ago", "expired 2020-01-02", func(c *ssh.Certificate) { c.ValidBefore = uint64(time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC).Unix()) }},
		{"expired just now", "expired " + now.Add(-time.Hour).UTC().Format("2006-01-02 15:04 UTC"), func(c *ssh.Certificate) { c.ValidBefore = uint64(now.Add(-time.Hour).Unix()) }},
		{"not yet", "is not valid before 2100-01-01", func(c *ssh.Certificate) { c.ValidAfter = uint64(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()) }},
		{"never", "is not valid before 9999-12-31", func(c *ssh.Certificate) { c.ValidAfter = ssh.CertTimeInfinity }},
		{"of a host", "is for hosts, not for users", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }},
		{"of another key", "is for a key that is not at hand", func(c *ssh.Certificate) { c.Key = newKey(t, demo.Ed25519) }},
	} {
		s := newSite(t)
		h, _ := s.host(trusting(ca.PublicKey()))
		path := writeFile(t, s.dir+"/key-cert.pub", certText(signed(t, ca, s.key.PublicKey(), ssh.UserCert, "operator", c.change)))
		e := failure(t, s.native().Run(t.Context(), h, script("")))
		if e.Phase != PhaseAuth {
			t.Errorf("%s: phase %s, want auth", c.name, e.Phase)
		}
		contains(t, c.name+": reason", e.Reason, "server refused "+s.dir+"/key as operator; certificate "+path+" "+c.want)
	}
	s := newSite(t)
	h, _ := s.host(trusting(ca.PublicKey()))
	writeFile(t, s.dir+"/key-cert.pub", "no certificate\n")
	e := failure(t, s.native().Run(t.Context(), h, script("")))
	contains(t, "reason", e.Reason, "key-cert.pub is not a certificate that can be read")
}

// Which certificates are offered, and in which order, is told by what a server
// that lets nobody in was offered.
func TestOrderOfCertificates(t *testing.T) {
	t.Parallel()
	ca, _ := newAuthority(t)
	s := newSite(t)
	user := func(k ssh.PublicKey, name string) *ssh.Certificate { return signed(t, ca, k, ssh.UserCert, name, nil) }
	beside := user(s.key.PublicKey(), "beside")
	writeFile(t, s.dir+"/key-cert.pub", certText(beside))
	named := user(s.key.PublicKey(), "named")
	namedFile := writeFile(t, s.dir+"/named.pub", certText(named))
	private, heldPublic := agentKey(t)
	held := user(heldPublic, "held")
	heldFile := writeFile(t, s.dir+"/held", certText(held))
	socket, _ := serveAgent(t, private, agent.AddedKey{PrivateKey: private, Certificate: held})

	names := map[string]string{
		string(s.key.PublicKey().Marshal()): "key", string(beside.Marshal()): "beside", string(named.Marshal()): "named",
		string(heldPublic.Marshal()): "agent", string(held.Marshal()): "held",
	}
	for _, c := range []struct {
		name  string
		s     Settings
		want  string
		notes int
	}{
		{"beside the key", Settings{IdentityFiles: []string{s.dir + "/key"}}, "beside key", 0},
		{"and the agent", Settings{IdentityFiles: []string{s.dir + "/key"}, IdentityAgent: socket}, "beside key held agent", 0},
		{"the agent first", Settings{IdentityFiles: []string{s.dir + "/key"}, IdentityAgent: socket, DefaultIdentities: true}, "held agent beside key", 0},
		{"named ones only", Settings{IdentityFiles: []string{s.dir + "/key"}, IdentityAgent: socket, IdentitiesOnly: true}, "beside key", 0},
		{"a file", Settings{IdentityFiles: []string{s.dir + "/key"}, CertificateFiles: []string{s.dir + "/named"}}, "named key", 0}, // .pub is added, as ssh does
		{"a file for the agent's key", Settings{IdentityFiles: []string{s.dir + "/key"}, CertificateFiles: []string{namedFile, heldFile}, IdentityAgent: socket}, "named held key agent", 0},
		{"a file for a key that is not ours to use", Settings{IdentityFiles: []string{s.dir + "/key"}, CertificateFiles: []string{heldFile, s.dir + "/none"}, IdentityAgent: socket, IdentitiesOnly: true}, "key", 2},
	} {
		var r keyring
		set := r.keysFor(t.Context(), &c.s)
		var got []string
		for _, k := range set.keys {
			got = append(got, names[k.blob()])
		}
		if strings.Join(got, " ") != c.want || len(set.notes) != c.notes {
			t.Errorf("%s: %q, notes %q; want %s and %d notes", c.name, got, set.notes, c.want, c.notes)
		}
		r.agents.Close()
	}
}

// Certificates made by ssh-keygen log in to sshd and to the server in process:
// those of files, and those of ssh-agent.
func TestCertificatesLogIn(t *testing.T) {
	t.Parallel()
	keygen, sshAdd, sshAgent := need(t, "ssh-keygen"), need(t, "ssh-add"), need(t, "ssh-agent")
	ca, caFile := newAuthority(t)
	s := newSite(t)
	caPublic := writeFile(t, caFile+".pub", string(ssh.MarshalAuthorizedKey(ca.PublicKey())))
	d := s.startSSHD(fmt.Sprintf("TrustedUserCAKeys %s\nAuthorizedKeysFile none\nLogLevel VERBOSE\n", caPublic))
	s.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	inProcess, _ := s.host(trusting(ca.PublicKey()))
	inProcess.User = d.user

	socket := filepath.Join(shortDir(t), "agent")
	cmd := exec.Command(sshAgent, "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 100 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, kind := range []string{"ed25519", "rsa"} {
		path := filepath.Join(t.TempDir(), kind)
		key := writeKey(t, path, "")
		if kind == "rsa" {
			os.Remove(path)
			key = writeRSAKey(t, path)
		}
		writeFile(t, path+".pub", string(ssh.MarshalAuthorizedKey(key.PublicKey())))
		if out, err := exec.Command(keygen, "-q", "-s", caFile, "-I", "test "+kind, "-n", d.user, path+".pub").CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen -s: %v: %s", err, out)
		}
		add := exec.Command(sshAdd, path)
		add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("ssh-add: %v: %s", err, out)
		}
		for _, way := range []string{"file", "agent"} {
			s := *s
			s.t, s.opts.Identity = t, []string{path}
			if way == "agent" {
				empty := t.TempDir()
				s.opts.Identity, s.opts.Home = nil, empty
				s.opts.Env = func(k string) string { return map[string]string{"SSH_AUTH_SOCK": socket}[k] }
			}
			n := s.native()
			if res := n.Run(t.Context(), d.host(), script("echo '== end =='\n")); res.Err != nil {
				t.Errorf("sshd, %s, %s: %v", kind, way, res.Err)
			}
			if res := n.Run(t.Context(), inProcess, script("")); res.Err != nil {
				t.Errorf("in process, %s, %s: %v", kind, way, res.Err)
			}
		}
		remove := exec.Command(sshAdd, "-D")
		remove.Env = add.Env
		if out, err := remove.CombinedOutput(); err != nil {
			t.Fatalf("ssh-add -D: %v: %s", err, out)
		}
	}
	contains(t, "log of sshd", readIf(d.log), "ED25519-CERT", "RSA-CERT")
}

// shortDir is a directory whose name leaves room for a socket's.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
