package report

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// benchFleet is ten thousand hosts of which one in twenty is sick.
func benchFleet() []*Host {
	hosts := make([]*Host, 10000)
	for i := range hosts {
		switch {
		case i%40 == 0:
			hosts[i] = nearMaps(i+1, fmt.Sprint(60000+i%5000))
		case i%40 == 20:
			hosts[i] = lostHost(i+1, Unreachable{Phase: "connect", Reason: fmt.Sprintf("no answer from 10.0.0.%d:22 %s", i%250, noAnswer)})
		default:
			hosts[i] = wellHost(i + 1)
		}
	}
	return hosts
}

// BenchmarkReport writes ten thousand hosts in each format, those of a group
// of 256 in reverse: what a run with 256 hosts in flight does to json at
// worst.
func BenchmarkReport(b *testing.B) {
	hosts := withFacts(benchFleet())
	for begin := 0; begin < len(hosts); begin += 256 {
		part := hosts[begin:min(begin+256, len(hosts))]
		for i, j := 0, len(part)-1; i < j; i, j = i+1, j-1 {
			part[i], part[j] = part[j], part[i]
		}
	}
	for _, bench := range []struct {
		name, format string
		o            Options
	}{
		{"table", "table", Options{Width: 120}},
		{"table-by-check", "table", Options{Width: 120, By: "check"}},
		{"table-all", "table", Options{Width: 120, All: true}},
		{"json", "json", Options{}},
		{"ndjson", "ndjson", Options{}},
		{"csv", "csv", Options{}},
		{"md", "md", Options{}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := &counter{}
				f, err := NewFormat(bench.format, w, bench.o)
				if err != nil {
					b.Fatal(err)
				}
				renderTo(b, f, testRun(len(hosts)), hosts, true)
				b.ReportMetric(float64(w.n), "written-B")
			}
			b.ReportMetric(float64(len(hosts))/(b.Elapsed().Seconds()/float64(b.N)), "hosts/s")
		})
	}
}

// BenchmarkScan reads ten thousand hosts back.
func BenchmarkScan(b *testing.B) {
	hosts := withFacts(benchFleet())
	saved := render(b, "json", Options{}, testRun(len(hosts)), hosts, true)
	b.ReportAllocs()
	b.SetBytes(int64(len(saved)))
	for b.Loop() {
		if err := Scan(bytes.NewReader(saved), &stopper{}); err != nil {
			b.Fatal(err)
		}
	}
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

// BenchmarkTally counts and compares ten thousand hosts of twenty
// configurations, one in twenty of them sick.
func BenchmarkTally(b *testing.B) {
	hosts := make([]*Host, 10000)
	for i := range hosts {
		kind := i % 20
		h := factual(i+1).kernel(fmt.Sprintf("6.1.0-%d", kind)).limit(fmt.Sprint(65536+kind), fmt.Sprintf("/etc/security/limits.conf:%d", kind))
		for j := range 60 {
			h.setting(fmt.Sprintf("taskmanager.setting.%d", j), fmt.Sprint(kind*j%7))
		}
		h.Facts.Files = append(make([]probes.File, 80), h.Facts.Files...) // as many as a host has
		h.Facts.NoFile.Units = map[string]probes.Value[probes.UnitLimits]{
			"flink-taskmanager.service": probes.Known(probes.UnitLimits{Fragment: unitOfFlink}),
		}
		h.Groups = []string{fmt.Sprintf("rack%d", i%40), "all"}
		if i%20 == 3 {
			h.has("open_files", probes.Proven)
		}
		hosts[i] = h
	}
	b.ReportAllocs()
	for b.Loop() {
		var tally Tally
		for _, h := range hosts {
			tally.Add(h)
		}
		if s := tally.Summary(nil); len(s.Causes) != 1 || len(s.Causes[0].Traits) == 0 {
			b.Fatal(s.Causes)
		}
	}
	b.ReportMetric(float64(len(hosts))/(b.Elapsed().Seconds()/float64(b.N)), "hosts/s")
}
