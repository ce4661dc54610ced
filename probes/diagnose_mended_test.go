package probes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// A map that was refused before a run of fix raised the limit is history, but
// only where the host has kept the run, the file that decides is as new, and the
// value holds.
func TestWhatFixHasMendedIsHistory(t *testing.T) {
	t.Parallel()
	run := func(after int64, state string) string {
		return time.Unix(ruleNow+after, 0).UTC().Format(probes.RunLayout) + "-000001 " + state
	}
	const failed = -600
	for name, tt := range map[string]struct {
		runs    []string
		written int64
		live    int64
		skew    int64
		want    probes.Confidence
	}{
		"raised after it":                {runs: []string{run(failed+120, "kept")}, written: failed + 121, live: 262144, want: probes.History},
		"the minute alone is known":      {runs: []string{run(failed+120, "kept")}, written: failed + 62, live: 262144, want: probes.History},
		"the last of several":            {runs: []string{run(-90000, "kept"), run(failed+120, "kept"), run(failed+130, "applying")}, written: failed + 121, live: 262144, want: probes.History},
		"no run":                         {written: failed + 121, live: 262144, want: probes.Likely},
		"raised before it":               {runs: []string{run(failed-120, "kept")}, written: failed + 121, live: 262144, want: probes.Likely},
		"a run that was not kept":        {runs: []string{run(failed+120, "applied")}, written: failed + 121, live: 262144, want: probes.Likely},
		"a run that wrote another file":  {runs: []string{run(failed+120, "kept")}, written: failed - 9000, live: 262144, want: probes.Likely},
		"the value does not hold":        {runs: []string{run(failed+120, "kept")}, written: failed + 121, live: 65530, want: probes.Likely},
		"the host's clock is behind":     {runs: []string{run(failed+120, "kept")}, written: failed + 121, live: 262144, skew: -300, want: probes.Likely},
		"a name that is none of a run's": {runs: []string{"x kept"}, written: failed + 121, live: 262144, want: probes.Likely},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := ruleHost(cause("java.io.IOException", "Map failed", ""), cause("java.lang.OutOfMemoryError", "Map failed", "sun.nio.ch.FileChannelImpl.map0"))
			f.Maps.MaxMapCount = probes.Known(tt.live)
			f.Maps.Boot = probes.Known([]string{"/run/systemd/system", "/usr/lib/systemd/systemd-sysctl", "/proc/1/comm systemd"})
			f.Maps.CommandLine, f.Maps.Writers = probes.Known([]string{}), probes.Known([]string{})
			f.Files = []probes.File{
				{Path: "/etc/os-release", Kind: probes.FileRegular, Content: "ID=debian\nVERSION_ID=12\n"},
				{Path: "/etc/sysctl.d", Kind: probes.FileDir},
				{Path: "/etc/sysctl.d/zz-tmdoctor.conf", Kind: probes.FileRegular, Content: "vm.max_map_count=262144\n", Modified: ruleNow + tt.written},
			}
			f.Host.FixRuns = probes.Known(tt.runs)
			f.Session.ClockSkew = probes.Known(tt.skew)
			causes := probes.Evaluate(f, nil).Causes
			if len(causes) == 0 || causes[0].Cause != "max_map_count" || causes[0].Confidence != tt.want {
				t.Fatalf("the causes are %+v, want max_map_count, %s", causes, tt.want)
			}
			if says := "tmdoctor fix raised vm.max_map_count (/etc/sysctl.d/zz-tmdoctor.conf:1)"; strings.Contains(causes[0].Message, says) != (tt.want == probes.History) {
				t.Errorf("it says %q", causes[0].Message)
			}
		})
	}
}
