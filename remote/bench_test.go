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

// BenchmarkKnownHosts10k reads ten thousand lines and finds a name in them.
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
		k, err := readHostKeys([]string{path})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("look up "+kind, func(b *testing.B) {
			i := 0
			for b.Loop() {
				i++
				k.plain.search(fmt.Sprintf("tm%05d.example", i%10_000))
			}
		})
	}
}
