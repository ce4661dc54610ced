package remote

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// Random revocation lists of ssh-keygen -k revoke for us what ssh-keygen -Q says
// they do.
func TestRevocationListsAgreeWithSSHKeygen(t *testing.T) {
	t.Parallel()
	keygen := need(t, "ssh-keygen")
	ca, _ := newAuthority(t)
	other, _ := newAuthority(t)
	var revoked, kept int
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 5))
		dir := t.TempDir()
		keys := []ssh.PublicKey{newKey(t, demo.Ed25519), newKey(t, demo.ECDSA), newKey(t, demo.Ed25519)}
		var spec strings.Builder
		for range 1 + r.IntN(40) {
			n := 1 + r.IntN(60)
			big := uint64(r.IntN(3)) << 62
			fmt.Fprintln(&spec, pick(r,
				fmt.Sprintf("serial: %d", uint64(n)+big), fmt.Sprintf("serial: %d", n), fmt.Sprintf("serial: %d-%d", n, n+1+r.IntN(5)),
				fmt.Sprintf("id: host %d", n)))
		}
		for _, kind := range []string{"key", "sha1", "sha256"} {
			if r.IntN(3) == 0 {
				fmt.Fprintf(&spec, "%s: %s\n", kind, keyText(pick(r, keys...)))
			}
		}
		file := writeFile(t, filepath.Join(dir, "spec"), spec.String())
		caFile := writeFile(t, filepath.Join(dir, "ca.pub"), keyText(ca.PublicKey())+"\n")
		list := krl(t, "-s", caFile, file)
		files, err := readRevokedFiles([]string{list})
		if err != nil {
			t.Fatalf("%v\n%s", err, spec.String())
		}
		var asked []string
		var judged []bool
		ask := func(key ssh.PublicKey) {
			asked = append(asked, writeFile(t, filepath.Join(dir, fmt.Sprintf("%d.pub", len(asked))), string(ssh.MarshalAuthorizedKey(key))))
			judged = append(judged, files[0].check(key) != nil)
		}
		for _, k := range keys {
			ask(k)
		}
		for range 40 {
			n := r.IntN(70)
			by := pick(r, ca, ca, other)
			ask(signed(t, by, pick(r, keys...), ssh.HostCert, "tm1", func(c *ssh.Certificate) {
				c.Serial = uint64(n) + uint64(r.IntN(3))<<62
				c.KeyId = fmt.Sprintf("host %d", r.IntN(300))
			}))
		}
		out, _ := exec.Command(keygen, append([]string{"-Q", "-f", list}, asked...)...).CombinedOutput() // fails if any is revoked
		for i, path := range asked {
			said := false
			for line := range strings.Lines(string(out)) {
				if strings.HasPrefix(line, path+" ") {
					said = strings.HasSuffix(strings.TrimSpace(line), ": REVOKED")
				}
			}
			if said != judged[i] {
				t.Errorf("seed %d: %s is revoked: %v, ssh-keygen -Q says %v", seed, readIf(path), judged[i], said)
			}
			if said {
				revoked++
			} else {
				kept++
			}
		}
	}
	if revoked < 20 || kept < 20 {
		t.Errorf("%d revoked, %d not, want many of both", revoked, kept)
	}
}

// listOf is a revocation list of sections.
func listOf(sections ...[]byte) []byte {
	head := append([]byte(keyListMagic), 0, 0, 0, 1)
	head = append(head, make([]byte, 3*8+4+4)...)
	return bytes.Join(append([][]byte{head}, sections...), nil)
}

func listSection(kind byte, data ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(data))), data...)
}

func words(n ...uint64) (b []byte) {
	for _, n := range n {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// What is not understood whole is refused: it may revoke what we let in.
func TestRevocationListsThatAreRefused(t *testing.T) {
	t.Parallel()
	certs := func(sub []byte) []byte { return listSection(listCerts, append(make([]byte, 8), sub...)...) }
	whole := listOf(certs(listSection(listSerialRange, words(3, 9)...)))
	l, err := parseKeyList(whole)
	if err != nil || !l.hasCert(&ssh.Certificate{Serial: 9, SignatureKey: newKey(t, demo.Ed25519)}) {
		t.Fatalf("a good list: %v", err)
	}
	for n := len(keyListMagic); n < len(whole); n++ {
		if n == len(listOf()) {
			continue // a list of nothing
		}
		if _, err := parseKeyList(whole[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(whole))
		}
	}
	text := func(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }
	extension := func(critical byte) []byte { return append(append(text("x@y"), critical), text("")...) }
	for name, c := range map[string]struct {
		list []byte
		want string
	}{
		"version":                   {append([]byte(keyListMagic), make([]byte, 40)...), "its version is 0"},
		"unknown section":           {listOf(listSection(9)), "section 9 is not known"},
		"signature":                 {listOf(listSection(4)), "section 4 is not known"},
		"critical extension":        {listOf(listSection(listExtension, extension(1)...)), `it needs the extension "x@y"`},
		"short hash":                {listOf(listSection(listSHA256, text("abc")...)), "a fingerprint of 3 bytes"},
		"unknown certificates":      {listOf(certs(listSection(0x30))), "certificate section 48 is not known"},
		"critical for certificates": {listOf(certs(listSection(listCertExtension, extension(1)...))), "it needs the extension"},
		"serial 0":                  {listOf(certs(listSection(listSerials, words(0)...))), "serial numbers 0 to 0"},
		"backwards":                 {listOf(certs(listSection(listSerialRange, words(5, 4)...))), "serial numbers 5 to 4"},
		"beyond":                    {listOf(certs(listSection(listSerialBits, append(words(1<<64-2), text("\x0f")...)...))), "beyond 64 bits"},
		"something behind":          {listOf(certs(listSection(listSerialRange, words(1, 2, 3)...))), "has something behind it"},
	} {
		if _, err := parseKeyList(c.list); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := parseKeyList(listOf(listSection(listExtension, extension(0)...), certs(listSection(listCertExtension, extension(0)...)))); err != nil {
		t.Errorf("extensions that may be skipped: %v", err)
	}
}

func FuzzRevocationList(f *testing.F) {
	f.Add(listOf())
	f.Add(listOf(listSection(listCerts, append(make([]byte, 8), listSection(listSerialBits, append(words(1), 0, 0, 0, 1, 7)...)...)...)))
	f.Add(listOf(listSection(listSHA1, append([]byte{0, 0, 0, 20}, make([]byte, 20)...)...)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !bytes.HasPrefix(text, []byte(keyListMagic)) {
			return
		}
		if l, err := parseKeyList(text); err == nil {
			for _, c := range l.certs {
				for i, s := range c.serials {
					if s.low > s.high || i > 0 && c.serials[i-1].high >= s.low {
						t.Fatalf("ranges %v are not in order", c.serials)
					}
				}
			}
		}
	})
}

// The directives of ssh_config lead here: a certificate and a list that are
// named there are used, for the host that they are named for.
func TestCertificatesAndRevokedKeysOfSSHConfig(t *testing.T) {
	t.Parallel()
	need(t, "ssh-keygen")
	ca, _ := newAuthority(t)
	s := newSite(t)
	h, server := s.host(trusting(ca.PublicKey()))
	s.opts.Identity = nil
	cert := writeFile(t, s.dir+"/named.pub", certText(signed(t, ca, s.key.PublicKey(), ssh.UserCert, "operator", nil)))
	revoked := krl(t, writeFile(t, s.dir+"/host.pub", keyText(server.HostKeys()[0])+"\n"))
	config := fmt.Sprintf("Host revoked\n\tHostName 127.0.0.1\n\tHostKeyAlias 127.0.0.1\n\tRevokedHostKeys %s\nHost *\n\tIdentityFile %s/key\n\tCertificateFile %s\n", revoked, s.dir, cert)
	s.opts.ConfigFile = writeFile(t, s.dir+"/config", config)
	n := s.native()
	if res := n.Run(t.Context(), h, script("")); res.Err != nil {
		t.Error(res.Err)
	}
	h.Name = "revoked"
	e := failure(t, n.Run(t.Context(), h, script("")))
	if e.Phase != PhaseHostKey || e.Kind != KindRevokedKey {
		t.Errorf("%+v, want the key to be revoked", e)
	}
	contains(t, "reason", e.Reason, "is revoked by "+revoked)
	if err := os.Remove(revoked); err != nil {
		t.Fatal(err)
	}
	e = failure(t, s.native().Run(t.Context(), h, script("")))
	if e.Phase != PhaseConfig {
		t.Errorf("%+v, want phase config", e)
	}
	contains(t, "reason", e.Reason, "RevokedHostKeys: ", revoked)
}
