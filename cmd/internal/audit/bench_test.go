package audit

import (
	"bytes"
	"os/exec"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// BenchmarkHost is what a host of a fleet costs from its answer, of 23 KB, to its
// verdict: two TaskManagers, one of them sick, configured as others before.
func BenchmarkHost(b *testing.B) {
	root := b.TempDir()
	if err := demo.Unpack(root, "two-taskmanagers", demo.Archive("two-taskmanagers"), demo.Caller(time.Now())); err != nil {
		b.Fatal(err)
	}
	a := &Audit{Script: probes.NewScript("c0ffee")}
	cmd := exec.Command("/bin/sh", "-s")
	cmd.Stdin = bytes.NewReader(a.Script.For(probes.HostSettings{Root: root}))
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	res := remote.Result{Host: inventory.Host{Name: "tm1"}, Stdout: out, Ended: time.Now()}
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		if h := a.Host(res); h.Unreachable != nil {
			b.Fatal(h.Unreachable)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
}
