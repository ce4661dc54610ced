//go:build unix

package probes_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// BenchmarkBoots is the resolving of all limits of the next boot: on hosts that
// are alike, of which one is remembered, and on hosts that all differ. The
// goals are 20,000 and 5,000 hosts a second on one core.
func BenchmarkBoots(b *testing.B) {
	for _, name := range []string{"boot-shadowed", "boot-unit-shadowed"} {
		f := collect(b, []string{"/bin/sh"}, probes.HostSettings{Root: unpack(b, "testdata/nofile/"+name+".txtar")})
		if n := probes.Boots(f, nil); n != 4 {
			b.Fatalf("%s: %d limits of the next boot are known, want 4", name, n)
		}
		b.Run(name+"/alike", func(b *testing.B) {
			memory := probes.NewMemo()
			for b.Loop() {
				probes.Boots(f, memory)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
		})
		b.Run(name+"/distinct", func(b *testing.B) {
			memory := probes.NewMemo()
			hosts := distinct(f, 512)
			for i := 0; b.Loop(); i++ {
				if i%len(hosts) == 0 {
					memory = probes.NewMemo()
				}
				probes.Boots(hosts[i%len(hosts)], memory)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
		})
	}
}

// distinct are hosts of which each file says something else.
func distinct(f *probes.Facts, n int) (hosts []*probes.Facts) {
	for i := range n {
		host := *f
		host.Files = append([]probes.File{}, f.Files...)
		for j := range host.Files {
			if file := &host.Files[j]; file.Kind == probes.FileRegular {
				file.Content += fmt.Sprintf("# host %d\n", i)
			}
		}
		hosts = append(hosts, &host)
	}
	return hosts
}

// BenchmarkJudge is all of the judgement, on all horizons, of a fleet of 20
// different hosts, sick and healthy, as they were recorded. The goal is 5,000
// hosts a second on one core.
func BenchmarkJudge(b *testing.B) {
	var fleet []*probes.Facts
	for n := range 20 {
		_, f := recordedHosts.get(b, n)
		fleet = append(fleet, f)
	}
	judge := probes.NewEvaluator(&probes.Policy{})
	began := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		judge.Evaluate(fleet[i%len(fleet)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
	// What others on the machine use of the core does not count here.
	b.ReportMetric(float64(b.N)/(cpuTime(b)-began).Seconds(), "hosts/cpu-s")
}

// cpuTime is what this process has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
