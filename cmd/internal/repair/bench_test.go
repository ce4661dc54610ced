//go:build linux

package repair

import (
	"testing"
	"time"
)

// BenchmarkFixOf200Hosts is a whole run over real SSH on loopback and with the
// real programs: survey, apply, verification. Connections are counted.
func BenchmarkFixOf200Hosts(b *testing.B) {
	const hosts = 200
	for b.Loop() {
		b.StopTimer()
		f := startReal(b, hosts)
		f.repair.Batch, f.repair.Limits.InFlight = 0, 8
		f.repair.Limits.Host = 5 * time.Minute
		b.StartTimer()
		plans := f.planned(b, func(string) string { return key + " = 262144\n" })
		f.journal(b, plans)
		sum, err := f.repair.Apply(b.Context(), plans)
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		for _, d := range sum.Hosts {
			if d.State != Kept {
				b.Fatalf("%s is %s: %s", d.Planned.Host.Name, d.State, d.Reason)
			}
		}
		b.ReportMetric(float64(f.connects.Load())/hosts, "connections/host")
		f.Close()
		b.StartTimer()
	}
}
