package remote

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// hashedFile is a known_hosts file of hashed names, in the order of names or in
// any order, and the index of it.
func hashedFile(t testing.TB, names []string, shuffled bool) *hostKeys {
	t.Helper()
	key := keyText(newKey(t, demo.Ed25519))
	order := slices.Clone(names)
	if shuffled {
		r := rand.New(rand.NewPCG(1, 2))
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	var file strings.Builder
	for _, name := range order {
		fmt.Fprintf(&file, "%s %s\n", hashedName(name), key)
	}
	k, err := readHostKeys([]string{writeFile(t, filepath.Join(t.TempDir(), "kh"), file.String())})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func fleetNames(n int) (names []string, hosts []knownName) {
	for i := range n {
		names = append(names, fmt.Sprintf("tm%05d.example", i))
		hosts = append(hosts, knownName{name: names[i]})
	}
	return names, hosts
}

// Whoever asks while the index is built, and whatever is added meanwhile, a
// name has all its lines and no others, in the order of the file.
func TestHashedNamesAreFoundWhileTheyAreIndexed(t *testing.T) {
	t.Parallel()
	names, hosts := fleetNames(150)
	k := hashedFile(t, append(slices.Clone(names), names...), true)
	var all sync.WaitGroup
	all.Go(func() { k.prepare(t.Context(), hosts) })
	for w := range 4 {
		all.Go(func() {
			for i := range names {
				name := names[(i*7+w*11)%len(names)]
				got := k.lookup(name)
				if len(got) != 2 || got[0].line >= got[1].line {
					t.Errorf("%s: %d lines, want its two in order", name, len(got))
				}
			}
		})
	}
	all.Go(func() {
		if got := k.lookup("stranger"); len(got) != 0 {
			t.Errorf("a stranger has %d lines", len(got))
		}
	})
	all.Wait()

	before := k.plain.hashed.sums.Load()
	for _, name := range names {
		k.plain.search(name)
	}
	if n := k.plain.hashed.sums.Load() - before; n != 0 {
		t.Errorf("%d HMACs for names that are known, want none", n)
	}
	// A line that is added later is tried by the names asked for later.
	line, err := parseKeyLine([]byte(hashedName("stranger") + " " + keyText(newKey(t, demo.Ed25519))))
	if err != nil {
		t.Fatal(err)
	}
	k.add(&line)
	if got := k.plain.search("stranger"); len(got) != 1 {
		t.Errorf("the stranger has %d lines, want the new one", len(got))
	}
}

// Each line is tried with no more names than it takes: in the order of the file
// about two, and never one that has been found twice.
func TestHMACsAreNotWasted(t *testing.T) {
	t.Parallel()
	const n = 600
	names, hosts := fleetNames(n)
	for _, c := range []struct {
		name     string
		shuffled bool
		hosts    []knownName
		most     int64
	}{
		{"in order", false, hosts, 8 * n},
		{"in any order", true, hosts, n * n * 6 / 10}, // half of them, but for what workers do twice
		{"of other hosts", false, []knownName{{name: "a"}, {name: "b"}}, 2 * n},
		{"with a port", false, []knownName{{"[tm00003.example]:7", "tm00003.example"}}, 2 * n},
	} {
		k := hashedFile(t, names, c.shuffled)
		k.prepare(t.Context(), c.hosts)
		if sums := k.plain.hashed.sums.Load(); sums > c.most || sums == 0 {
			t.Errorf("%s: %d HMACs, want at most %d", c.name, sums, c.most)
		}
	}
}

func TestPrepareEndsWithTheRun(t *testing.T) {
	t.Parallel()
	names, hosts := fleetNames(3000)
	k := hashedFile(t, names, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k.prepare(ctx, hosts)
	if sums := k.plain.hashed.sums.Load(); sums > 1024*int64(runtime.GOMAXPROCS(0)) {
		t.Errorf("%d HMACs after the end", sums)
	}
	if got := k.lookup(names[5]); len(got) != 1 {
		t.Errorf("%d lines, want 1", len(got))
	}
}

// A run looks its hosts up before it connects to them, by either way to it.
func TestARunPreparesItsHosts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	server := s.listen(demo.Host{})
	for _, k := range server.HostKeys() {
		s.knowAs(hashedName(bracketed("127.0.0.1", server.Port())), k)
	}
	c, err := NewChoice(s.opts, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	never := inventory.Host{Name: "never.example", Address: "192.0.2.1", Port: 4}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for res := range (&Runner{Transport: c, Limits: Limits{InFlight: 1}}).Run(ctx, []inventory.Host{at(server), never}, script("")) {
		if res.Host.Name == at(server).Name && res.Err != nil {
			t.Error(res.Err)
		}
		cancel()
	}
	k, err := c.native.hostKeysFor(s.opts.KnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		k.plain.hashed.mu.Lock()
		_, ok := k.plain.hashed.names["192.0.2.1"] // the second pass, without the port
		k.plain.hashed.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a host that was never connected to was not looked up")
}

// A look-up in a run: what a host waits for once its names are indexed.
func BenchmarkLookup10k(b *testing.B) {
	names, hosts := fleetNames(10_000)
	key := keyText(newKey(b, demo.Ed25519))
	var file strings.Builder
	for _, name := range names {
		fmt.Fprintf(&file, "%s %s\n", name, key)
	}
	plain, err := readHostKeys([]string{writeFile(b, filepath.Join(b.TempDir(), "kh"), file.String())})
	if err != nil {
		b.Fatal(err)
	}
	hashed := hashedFile(b, names, false)
	hashed.prepare(b.Context(), hosts)
	for name, k := range map[string]*hostKeys{"plain": plain, "hashed": hashed} {
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				i++
				if len(k.plain.search(names[i%len(names)])) != 1 {
					b.Fatal("not found")
				}
			}
		})
	}
}
