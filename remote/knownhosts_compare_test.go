package remote

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// knownFile generates lines of known_hosts.
type knownFile struct {
	*rand.Rand
	keys []string
}

func newKnownFile(t testing.TB, seed uint64) *knownFile {
	f := &knownFile{Rand: rand.New(rand.NewPCG(seed, 9))}
	for range 20 {
		f.keys = append(f.keys, keyText(newKey(t, demo.Ed25519)))
	}
	return f
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (f *knownFile) key() string { return pick(f.Rand, f.keys...) }

// name is a host of some racks, an IPv4 or an IPv6 address, with or without a
// port.
func (f *knownFile) name() string {
	n := f.IntN(1000)
	name := pick(f.Rand, fmt.Sprintf("tm%d.r%d.example", n, n%40), fmt.Sprintf("tm%d", n), fmt.Sprintf("10.1.%d.%d", n%7, n%251), fmt.Sprintf("2001:db8::%x", n))
	return bracketed(name, pick(f.Rand, 22, 22, 22, 2222, 23))
}

// names is the first field of a line.
func (f *knownFile) names() string {
	rack := f.IntN(40)
	return pick(f.Rand,
		f.name, f.name, f.name,
		func() string { return hashedName(f.name()) }, func() string { return hashedName(f.name()) }, func() string { return hashedName(f.name()) },
		func() string { return f.name() + "," + f.name() },
		func() string { return strings.ToUpper(f.name()) },
		func() string { return fmt.Sprintf("*.r%d.example", rack) },
		func() string {
			return fmt.Sprintf("TM?.r%d.Example,*9.r%d.example,!tm%d.r%d.example", rack, rack, 40*f.IntN(25)+rack, rack)
		},
		func() string { return fmt.Sprintf("[*.r%d.example]:2222", rack) },
		func() string { return fmt.Sprintf("!tm%d,!10.*,tm?%d", f.IntN(1000), rack%10) },
		func() string { return "!" + f.name() },
		func() string { return "a,,b," + f.name() },
	)()
}

// line is a whole line, mostly good.
func (f *knownFile) line() string {
	names, key := f.names(), f.key()
	return pick(f.Rand,
		names+" "+key, names+" "+key, names+" "+key, names+" "+key, names+" "+key, names+" "+key,
		names+" "+key+" a comment, and more", " \t"+names+"\t"+strings.Replace(key, " ", "\t ", 1), names+" "+key+"\r",
		"@revoked "+names+" "+key, "@cert-authority "+names+" "+key+" ca",
	)
}

// badLine is one that ssh skips.
func (f *knownFile) badLine() string {
	names, key := f.names(), f.key()
	return pick(f.Rand, "", "# "+names+" "+key, names, names+" ", names+" ssh-ed25519", names+" # "+key,
		"@unknown "+names+" "+key, "@revoked @cert-authority "+names+" "+key, "@revoked", names+" "+strings.Replace(key, "ssh-ed25519", "ssh-rsa", 1),
		names+" "+key[:len(key)-9], names+" ssh-nonesuch "+key[12:], names+" 1024 35 1234567", "|2|AAAA|BBBB "+key, "|1|AAAA "+key,
		hashedName(f.name())+","+f.name()+" "+key, names+" "+strings.Replace(key, "AAAA", "AA!A", 1))
}

func (f *knownFile) text(lines int, bad bool) string {
	var all []string
	for range lines {
		switch n := f.IntN(20); {
		case n == 0 && bad:
			all = append(all, f.badLine())
		case n == 1 && len(all) > 0:
			all = append(all, pick(f.Rand, all...))
		default:
			all = append(all, f.line())
		}
	}
	return strings.Join(all, "\n") + "\n"
}

// about are the lines about a name, each with its marker.
func (k *hostKeys) about(name string) (lines []string) {
	all := slices.Concat(k.plain.search(name), k.authority.search(name))
	for _, revoked := range k.revoked {
		for _, e := range revoked {
			if e.matches(name) {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b *keyLine) int { return a.line - b.line })
	for _, e := range all {
		lines = append(lines, strings.TrimSpace(fmt.Sprint(e.line, " ", map[string]string{"revoked": "REVOKED", "cert-authority": "CA"}[e.marker])))
	}
	return slices.Compact(lines) // a pattern may name a host twice
}

var foundLine = regexp.MustCompile(`(?m)^# Host \S+ found: line (\d+ ?(?:CA|REVOKED)?) *$`)

// Ten thousand lines of every kind: ssh-keygen -F finds the same ones.
func TestKnownHostsAgreeWithSSHKeygen(t *testing.T) {
	t.Parallel()
	keygen := need(t, "ssh-keygen")
	f := newKnownFile(t, 3)
	path := writeFile(t, filepath.Join(t.TempDir(), "kh"), f.text(10_000, true))
	k, err := readHostKeys([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"nobody", "tm1", "[tm1]:2222", "b", "a", "tm9.r9.example", "[tm49.r9.example]:2222", "10.1.1.1", "2001:db8::1", "[2001:db8::2]:23"}
	for range 40 {
		names = append(names, f.name())
	}
	hits := 0
	start := time.Now()
	for _, name := range names {
		if time.Since(start) > 8*time.Second {
			t.Logf("stopped before %s: the machine is slow", name)
			break
		}
		out, err := exec.Command(keygen, "-l", "-F", name, "-f", path).Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		var want []string
		for _, m := range foundLine.FindAllStringSubmatch(string(out), -1) {
			want = append(want, strings.TrimSpace(m[1]))
		}
		if diff := cmp.Diff(want, k.about(name)); diff != "" {
			t.Errorf("%s (-ssh-keygen +ours):\n%s", name, diff)
		}
		hits += len(want)
	}
	if hits < 100 {
		t.Errorf("%d lines found by ssh-keygen, want many", hits)
	}
}

// x/crypto's knownhosts gives the same verdict on a file without the lines on
// which it is known to differ, which TestWhereXCryptoDiffers has.
func TestManyKnownHostsAgreeWithXCrypto(t *testing.T) {
	t.Parallel()
	f := newKnownFile(t, 4)
	var lines []string
	for line := range strings.Lines(f.text(10_000, false)) {
		names, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, "@") || strings.ContainsAny(names, "!*?\t,") || strings.ToLower(names) != names && names[0] != '|' {
			continue
		}
		lines = append(lines, line)
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "kh"), strings.Join(lines, ""))
	k, err := readHostKeys([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := knownhosts.New(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Kind]int{}
	for range 150 {
		name := f.name()
		host, port := name, 22
		if h, p, err := net.SplitHostPort(name); err == nil {
			host = h
			port, _ = strconv.Atoi(p)
		}
		if port != 22 && len(k.lookup(name)) == 0 {
			continue // ssh and we look at the name without the port
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(f.key()))
		if err != nil {
			t.Fatal(err)
		}
		if known := k.lookup(name); len(known) > 0 && f.IntN(2) == 0 {
			key, _ = ssh.ParsePublicKey([]byte(known[0].blob))
		}
		got, want := hostVerdict(k, host, port, key), oracleVerdict(oracle, host, port, key)
		if got != want {
			t.Errorf("%s: %q, x/crypto says %q", name, got, want)
		}
		seen[want]++
	}
	if seen[""] < 10 || seen[KindUnknownKey] < 10 || seen[KindChangedKey] < 10 {
		t.Errorf("verdicts %v, want each often", seen)
	}
}

func hostVerdict(k *hostKeys, host string, port int, key ssh.PublicKey) Kind {
	if e := k.check(&Settings{Address: host, Port: port}, key); e != nil {
		return e.Kind
	}
	return ""
}

func oracleVerdict(oracle ssh.HostKeyCallback, host string, port int, key ssh.PublicKey) Kind {
	err := oracle(net.JoinHostPort(host, strconv.Itoa(port)), &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 22}, key)
	var ke *knownhosts.KeyError
	var re *knownhosts.RevokedError
	switch {
	case errors.As(err, &re):
		return KindRevokedKey
	case errors.As(err, &ke) && len(ke.Want) == 0:
		return KindUnknownKey
	case err != nil:
		return KindChangedKey
	}
	return ""
}

// Each difference from x/crypto's knownhosts, with its reason.
func TestWhereXCryptoDiffers(t *testing.T) {
	t.Parallel()
	a, b := newKey(t, demo.Ed25519), newKey(t, demo.Ed25519)
	const known, unreadable = Kind(""), Kind("unreadable")
	for _, c := range []struct {
		reason, file string
		port         int
		ours, theirs Kind
	}{
		{"it compares by case; ssh folds it", "TM1 A", 22, known, KindUnknownKey},
		{"it does not look at the name without the port; ssh does", "tm1 A", 2222, known, KindUnknownKey},
		{"a pattern is of port 22 for it; for ssh also of the others, as above", "tm* A", 2222, known, KindUnknownKey},
		{"an authority is a key of the host for it", "@cert-authority tm1 A", 22, KindUnknownKey, known},
		{"and another key beside an authority is a changed one", "@cert-authority tm1 B", 22, KindUnknownKey, KindChangedKey},
		{"one bad line spoils its file; ssh skips it", "tm1 A\nstray", 22, known, unreadable},
	} {
		text := strings.NewReplacer(" A", " "+keyText(a), " B", " "+keyText(b)).Replace(c.file) + "\n"
		path := writeFile(t, filepath.Join(t.TempDir(), "kh"), text)
		k, err := readHostKeys([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		theirs := unreadable
		if oracle, err := knownhosts.New(path); err == nil {
			theirs = oracleVerdict(oracle, "tm1", c.port, a)
		}
		if ours := hostVerdict(k, "tm1", c.port, a); ours != c.ours || theirs != c.theirs {
			t.Errorf("%s: we say %q, want %q; x/crypto says %q, expected %q", c.reason, ours, c.ours, theirs, c.theirs)
		}
	}
}

// ssh takes a marker to end at the first space of the line, and so does not
// know one with a tab behind it. We do: a line that revokes must not be lost.
func TestATabBehindAMarker(t *testing.T) {
	t.Parallel()
	keygen := need(t, "ssh-keygen")
	path := writeFile(t, filepath.Join(t.TempDir(), "kh"), "@revoked\ttm1 "+keyText(newKey(t, demo.Ed25519))+"\n")
	k, err := readHostKeys([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 REVOKED"}, k.about("tm1")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if out, err := exec.Command(keygen, "-F", "tm1", "-f", path).Output(); err == nil {
		t.Errorf("ssh-keygen -F knows it now: %s", out)
	}
}
