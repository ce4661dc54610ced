package report

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestMemoryDoesNotGrowWithFacts passes 200 MB of facts through every format,
// the hosts of each 250 backwards, and looks at what is still held before the
// end. It is not parallel: it measures the heap.
func TestMemoryDoesNotGrowWithFacts(t *testing.T) {
	const hosts, window, facts = 1000, 250, 200 << 10
	for _, doc := range Formats {
		t.Run(doc.Name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			f := doc.New(io.Discard, Options{Width: 100})
			var tally Tally
			var compare Comparison
			if err := f.Begin(testRun(hosts)); err != nil {
				t.Fatal(err)
			}
			before := heapInUse()
			for i := range hosts {
				n := i - i%window + window - i%window
				h := wellHost(n)
				if n%20 == 0 {
					h = nearMaps(n, "61204")
				}
				h.Facts = &probes.Facts{Files: []probes.File{{Path: "/etc/sysctl.conf", Content: strings.Repeat("#", facts)}}}
				tally.Add(h)
				compare.Add(h)
				if err := f.Host(h); err != nil {
					t.Fatal(err)
				}
			}
			if held := heapInUse() - before; held > 20<<20 {
				t.Errorf("%d MiB are held of %d hosts with %d MiB of facts", held>>20, hosts, hosts*facts>>20)
			} else {
				t.Logf("%d KiB are held", held>>10)
			}
			if err := f.End(compare.Fleet(), tally.Summary(nil)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// heapInUse is how many bytes are in use, what nobody needs taken off.
func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
