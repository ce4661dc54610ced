package conf_test

import (
	"math/rand/v2"
	"testing"
)

// draws makes choices of bytes, so that a fuzzer can steer them; when the
// bytes are used up, every choice is the first.
type draws struct{ rest []byte }

// upTo is a number below n, which is at most 256.
func (d *draws) upTo(n int) int {
	if len(d.rest) == 0 {
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return int(b) % n
}

// of is one of all.
func (d *draws) of(all ...string) string { return all[d.upTo(len(all))] }

// once is true in one of n cases.
func (d *draws) once(n int) bool { return d.upTo(n) == n-1 }

// seeds calls check with the bytes of many trees, the same in every run.
func seeds(t *testing.T, trees, size int, check func(t *testing.T, data []byte)) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, size)
	for range trees {
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		if check(t, data); t.Failed() {
			return
		}
	}
}
