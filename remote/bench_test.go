package remote

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// BenchmarkHost is one host from TCP connect to result; the server's part is
// in it.
func BenchmarkHost(b *testing.B) {
	s := newSite(b)
	h, _ := s.host(demo.Host{})
	n := s.native()
	b.ReportAllocs()
	for b.Loop() {
		if res := n.Run(b.Context(), h, script("")); res.Err != nil {
			b.Fatal(res.Err)
		}
	}
}

// BenchmarkFleet is a thousand hosts at once.
func BenchmarkFleet(b *testing.B) {
	s := newSite(b)
	h, _ := s.host(demo.Host{})
	n := s.native()
	hosts := make([]inventory.Host, 1000)
	for i := range hosts {
		hosts[i] = h
	}
	b.ReportAllocs()
	for b.Loop() {
		for res := range (&Runner{Transport: n}).Run(b.Context(), hosts, script("")) {
			if res.Err != nil {
				b.Fatal(res.Err)
			}
		}
	}
}

// BenchmarkKnownHosts10k reads ten thousand lines.
func BenchmarkKnownHosts10k(b *testing.B) {
	key := keyText(newKey(b, demo.Ed25519))
	for _, kind := range []string{"plain", "hashed"} {
		var file strings.Builder
		for i := range 10_000 {
			name := fmt.Sprintf("tm%05d.example", i)
			if kind == "hashed" {
				name = hashedName(name)
			}
			fmt.Fprintf(&file, "%s %s\n", name, key)
		}
		path := writeFile(b, filepath.Join(b.TempDir(), "kh"), file.String())
		b.Run("read "+kind, func(b *testing.B) {
			for b.Loop() {
				if _, err := readHostKeys([]string{path}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// bigConfig is an ssh_config with a block for each of n hosts, half of them in
// files that are included.
func bigConfig(n int) string {
	var own, included strings.Builder
	for i := range n {
		b := &own
		if i%2 == 1 {
			b = &included
		}
		fmt.Fprintf(b, "Host tm%05d\n\tHostName 10.%d.%d.%d\n\tIdentityFile ~/k%d\n", i, i>>16, i>>8&255, i&255, i)
	}
	return own.String() + "Host tm*\nInclude HOME/.ssh/more\nMatch host 10.* user me\nPort 2222\n-- more --\n" + included.String()
}

// Ten thousand hosts with a block each are resolved in a moment: each looks at
// its own blocks only.
func TestManyBlocksAreNoBurden(t *testing.T) {
	t.Parallel()
	const n = 10_000
	r, _, err := resolver(t, bigConfig(n), Options{})
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for i := range n {
		name := fmt.Sprintf("tm%05d", i)
		looked += len(r.candidates(name))
		s, err := r.Resolve(inventory.Host{Name: name})
		if want := fmt.Sprintf("10.%d.%d.%d:2222", i>>16, i>>8&255, i&255); err != nil || s.HostPort() != want {
			t.Fatalf("%s is %s, %v; want %s", name, s.HostPort(), err, want)
		}
	}
	if looked > 4*n {
		t.Errorf("%d blocks looked at for %d hosts", looked, n)
	}
}

// BenchmarkResolve10k resolves hosts by a file with ten thousand blocks.
func BenchmarkResolve10k(b *testing.B) {
	r, _, err := resolver(b, bigConfig(10_000), Options{})
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		if _, err := r.Resolve(inventory.Host{Name: fmt.Sprintf("tm%05d", i%10_000)}); err != nil {
			b.Fatal(err)
		}
	}
}
