package remote

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

func newKey(t testing.TB, kind demo.KeyType) ssh.PublicKey {
	t.Helper()
	s, err := demo.NewKey(kind)
	if err != nil {
		t.Fatal(err)
	}
	return s.PublicKey()
}

func keyText(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }

func TestHostKeysAreJudgedByKnownHosts(t *testing.T) {
	t.Parallel()
	a, b, r := newKey(t, demo.Ed25519), newKey(t, demo.Ed25519), newKey(t, demo.RSA)
	const known, unknown, changed, revoked = "known", KindUnknownKey, KindChangedKey, KindRevokedKey
	for _, c := range []struct {
		name, file string
		s          Settings
		key        ssh.PublicKey
		want       Kind
	}{
		{"plain", "tm1,tm2 A", Settings{Address: "tm2", Port: 22}, a, known},
		{"another host", "tm1 A", Settings{Address: "tm3", Port: 22}, a, unknown},
		{"no file", "", Settings{Address: "tm1", Port: 22}, a, unknown},
		{"changed", "tm1 A", Settings{Address: "tm1", Port: 22}, b, changed},
		{"one of several", "tm1 A\ntm1 R\ntm1 B", Settings{Address: "tm1", Port: 22}, b, known},
		{"another type is no new host", "tm1 R", Settings{Address: "tm1", Port: 22}, a, changed},
		{"case is no matter", "TM1.Example A", Settings{Address: "tm1.example", Port: 22}, a, known},
		{"port", "[tm1]:2222 A", Settings{Address: "tm1", Port: 2222}, a, known},
		{"another port", "[tm1]:2222 A", Settings{Address: "tm1", Port: 22}, a, unknown},
		{"known without a port", "tm1 A", Settings{Address: "tm1", Port: 2222}, a, known},
		{"another key without a port proves nothing", "tm1 B", Settings{Address: "tm1", Port: 2222}, a, unknown},
		{"IPv6 with port", "[2001:db8::1]:2222 A", Settings{Address: "2001:db8::1", Port: 2222}, a, known},
		{"wildcards", "tm?.*.example A", Settings{Address: "tm1.rack.example", Port: 22}, a, known},
		{"? is one", "tm? A", Settings{Address: "tm", Port: 22}, a, unknown},
		{"negation", "*.example,!tm1.example A", Settings{Address: "tm1.example", Port: 22}, a, unknown},
		{"hashed", "HASH(tm1) A", Settings{Address: "tm1", Port: 22}, a, known},
		{"hashed port", "HASH([tm1]:23) A", Settings{Address: "tm1", Port: 23}, a, known},
		{"hashed changed", "HASH(tm1) A", Settings{Address: "tm1", Port: 22}, b, changed},
		{"alias without port", "fleet A", Settings{Address: "tm1", Port: 2222, HostKeyAlias: "Fleet"}, a, known},
		{"alias and not the address", "tm1 A", Settings{Address: "tm1", Port: 22, HostKeyAlias: "fleet"}, a, unknown},
		{"revoked beats known", "tm1 A\n@revoked * A", Settings{Address: "tm1", Port: 22}, a, revoked},
		{"revoked for another name", "tm1 A\n@revoked tm9 A", Settings{Address: "tm1", Port: 22}, a, revoked},
		{"an authority's key is no host key", "@cert-authority * A", Settings{Address: "tm1", Port: 22}, a, unknown},
		{"an authority beside a key", "@cert-authority * B\ntm1 A", Settings{Address: "tm1", Port: 22}, a, known},
		{"bad lines do not spoil the file", "tm1 ssh-ed25519 AAAA\nstray\ntm1 ssh-dilithium AAAA c\n|2|a|b A\n@marker tm1 A\n# c\n\ntm1 A comment here", Settings{Address: "tm1", Port: 22}, a, known},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := c.file
			if i := strings.Index(text, "HASH("); i >= 0 {
				name, rest, _ := strings.Cut(text[i+5:], ")")
				text = text[:i] + hashedName(name) + rest
			}
			text = strings.NewReplacer(" A", " "+keyText(a), " B", " "+keyText(b), " R", " "+keyText(r)).Replace(text)
			path := filepath.Join(t.TempDir(), "known_hosts")
			if c.file != "" {
				writeFile(t, path, text+"\n")
			}
			k, err := readHostKeys([]string{path})
			if err != nil {
				t.Fatal(err)
			}
			got := Kind(known)
			if e := k.check(&c.s, c.key); e != nil {
				got = e.Kind
				if e.Phase != PhaseHostKey || e.Hint == "" {
					t.Errorf("error %+v, want phase host_key and a hint", e)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestBadLinesAreNamedByPlace(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "kh"), "# fine\ntm1 ssh-ed25519 AAAA\n@x tm1 k v\n\nstray\n")
	k, err := readHostKeys([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		path + ":2: skipped: not a known_hosts line: not a \"ssh-ed25519\" key",
		path + ":3: skipped: not a known_hosts line: unknown marker @x",
		path + ":5: skipped: not a known_hosts line: want names, key type and key",
	}
	if diff := cmp.Diff(want, k.warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestUnknownAndChangedKeysTellTheCommandThatMends(t *testing.T) {
	t.Parallel()
	a, b := newKey(t, demo.Ed25519), newKey(t, demo.Ed25519)
	path := writeFile(t, filepath.Join(t.TempDir(), "my hosts"), "[tm1]:2222 "+keyText(a)+"\n")
	k, err := readHostKeys([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	got := k.check(&Settings{Address: "tm1", Port: 2222}, b)
	want := &Error{
		Phase: PhaseHostKey, Kind: KindChangedKey,
		Reason: fmt.Sprintf("host key changed: got ssh-ed25519 %s, want ssh-ed25519 %s (%s:1)", ssh.FingerprintSHA256(b), ssh.FingerprintSHA256(a), path),
		Hint:   fmt.Sprintf("if the host was reinstalled: ssh-keygen -R '[tm1]:2222' -f '%s'; if not, somebody may be listening in", path),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	got = k.check(&Settings{Address: "tm2", Port: 2222}, b)
	want = &Error{
		Phase: PhaseHostKey, Kind: KindUnknownKey,
		Reason: fmt.Sprintf("host key ssh-ed25519 %s of [tm2]:2222 is not in known_hosts", ssh.FingerprintSHA256(b)),
		Hint:   fmt.Sprintf("rerun with --accept-new, or compare the fingerprint and add the key: ssh-keyscan -p 2222 tm2 >> '%s'", path),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
}

func TestAlgorithmsOfKnownKeysComeFirst(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "kh"), "r "+keyText(newKey(t, demo.RSA))+"\ne "+keyText(newKey(t, demo.ECDSA))+"\n")
	k, err := readHostKeys([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	for name, first := range map[string]string{"r": ssh.KeyAlgoRSASHA512, "e": ssh.KeyAlgoECDSA256, "new": ssh.KeyAlgoED25519} {
		got := k.hostKeyAlgorithms(&Settings{Address: name, Port: 22})
		if got[0] != first || len(got) != len(hostKeyOrder()) {
			t.Errorf("%s: %v, want %s first and all of them", name, got, first)
		}
	}
}

func TestRecordAppendsWholeLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real := writeFile(t, filepath.Join(dir, "real"), "# no newline at the end")
	link := filepath.Join(dir, "known_hosts")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	k, err := readHostKeys([]string{link})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	keys := make([]ssh.PublicKey, 20)
	for i := range keys {
		keys[i] = newKey(t, demo.Ed25519)
		wg.Go(func() {
			s := &Settings{Address: fmt.Sprintf("tm%d", i), Port: 22, HashKnownHosts: i%2 == 1}
			if e := k.check(s, keys[i]); e == nil || e.Kind != KindUnknownKey {
				t.Errorf("check = %v, want unknown", e)
			}
			if _, err := k.record(s, keys[i]); err != nil {
				t.Error(err)
			}
			if e := k.check(s, keys[i]); e != nil {
				t.Errorf("after record: %v", e)
			}
		})
	}
	wg.Wait()
	again, err := readHostKeys([]string{link})
	if err != nil || len(again.warnings) > 0 {
		t.Fatal(err, again.warnings)
	}
	for i, key := range keys {
		if e := again.check(&Settings{Address: fmt.Sprintf("tm%d", i), Port: 22}, key); e != nil {
			t.Error(e)
		}
	}
	text, err := os.ReadFile(real)
	if err != nil || strings.Count(string(text), "|1|") != 10 || strings.Count(string(text), "\ntm") != 10 {
		t.Errorf("%v, file:\n%s\nwant ten hashed lines and ten plain ones", err, text)
	}
	var e *Error
	if _, err := k.record(&Settings{Address: "tm0", Port: 22}, newKey(t, demo.Ed25519)); !errors.As(err, &e) || e.Kind != KindChangedKey {
		t.Errorf("recording another key of tm0: %v, want changed_key", err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the symbolic link is gone: %v, %v", st, err)
	}
}

// x/crypto's own package is the oracle for files it can read.
func TestHostKeysAgreeWithXCrypto(t *testing.T) {
	t.Parallel()
	keys := []ssh.PublicKey{newKey(t, demo.Ed25519), newKey(t, demo.Ed25519), newKey(t, demo.ECDSA)}
	var file strings.Builder
	for i, names := range []string{"a", "b,c", "[a]:2022", "*.w", "n*,!nx", "[1.2.3.4]:99", hashedName("h1"), hashedName("[h2]:77"), "a", "::1"} {
		fmt.Fprintf(&file, "%s %s\n", names, keyText(keys[i%3]))
	}
	fmt.Fprintf(&file, "@revoked bad %s\n", keyText(newKey(t, demo.RSA)))
	path := writeFile(t, filepath.Join(t.TempDir(), "kh"), file.String())
	k, err := readHostKeys([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := knownhosts.New(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a:22", "b:22", "c:22", "a:2022", "x.w:22", "w:22", "n1:22", "nx:22", "1.2.3.4:99", "h1:22", "h2:77", "h2:22", "[::1]:22", "z:22"} {
		host, port, err := cutPort(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range keys {
			err := oracle(name, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 22}, key)
			want := Kind("")
			var ke *knownhosts.KeyError
			if errors.As(err, &ke) {
				want = KindChangedKey
				if len(ke.Want) == 0 {
					want = KindUnknownKey
				}
			}
			got := Kind("")
			if e := k.check(&Settings{Address: host, Port: port}, key); e != nil {
				got = e.Kind
			}
			if got != want {
				t.Errorf("%s key %d: %q, x/crypto says %q", name, i, got, want)
			}
		}
	}
}

func TestTwoRunsAtOnceRecordOneKey(t *testing.T) {
	t.Parallel()
	a, b := newKey(t, demo.Ed25519), newKey(t, demo.Ed25519)
	file := filepath.Join(t.TempDir(), "known_hosts")
	s := &Settings{Address: "tm1", Port: 22}
	var runs [3]*hostKeys
	for i := range runs { // all read the file before anybody writes
		k, err := readHostKeys([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = k
	}
	for i, key := range []ssh.PublicKey{a, a, b} {
		_, err := runs[i].record(s, key)
		var e *Error
		if changed := errors.As(err, &e) && e.Kind == KindChangedKey; changed != (i == 2) || !changed && err != nil {
			t.Errorf("run %d: record = %v; want only the third to find a changed key", i, err)
		}
	}
	text, err := os.ReadFile(file)
	if want := "tm1 " + keyText(a) + "\n"; err != nil || string(text) != want {
		t.Errorf("known_hosts is %q, %v; want %q", text, err, want)
	}
}
