package remote

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// processorTime is what this process has used of all processors.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Ten thousand hosts in ten thousand hashed lines: HMACs for each line, and how
// far the time is from the floor, which is what the HMACs alone take: of
// processor time, and of time on all processors (which others may be using).
func BenchmarkHashedFleet10k(b *testing.B) {
	names, hosts := fleetNames(10_000)
	h := newNameHasher()
	h.salt([]byte("twenty bytes of salt"))
	const probe = 2_000_000
	start := processorTime(b)
	for i := range probe {
		h.equal(names[i%len(names)], nil)
	}
	cost := (processorTime(b) - start).Seconds() / probe
	for _, order := range []string{"in order", "in any order"} {
		b.Run(order, func(b *testing.B) {
			var sums int64
			var used time.Duration
			for b.Loop() {
				b.StopTimer()
				k := hashedFile(b, names, order == "in any order")
				b.StartTimer()
				start := processorTime(b)
				k.prepare(b.Context(), hosts)
				used += processorTime(b) - start
				sums += k.plain.hashed.sums.Load()
			}
			floor := float64(sums) * cost
			b.ReportMetric(float64(sums)/float64(b.N*len(names)), "HMACs/line")
			b.ReportMetric(cost*1e9, "ns/HMAC")
			b.ReportMetric(used.Seconds()/floor, "cpu/floor")
			b.ReportMetric(b.Elapsed().Seconds()*float64(runtime.GOMAXPROCS(0))/floor, "wall/floor")
		})
	}
}
