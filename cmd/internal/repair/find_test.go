package repair

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// TestWhatIsNotKnownIsNotRolledBack: a live value that cannot be read is not as
// it was before.
func TestWhatIsNotKnownIsNotRolledBack(t *testing.T) {
	t.Parallel()
	process := fix.LiveChange{Kind: fix.LiveProcess, Setting: "nofile", PID: 7, Started: "100", Before: "4096:4096", After: "65536:65536"}
	sysctl := fix.LiveChange{Kind: fix.LiveSysctl, Setting: key, Before: "65530", After: "262144"}
	for _, row := range []struct {
		name string
		live fix.LiveChange
		s    *fix.Snapshot
		want State
	}{
		{"it is as it was", sysctl, &fix.Snapshot{Sysctls: map[string]probes.Value[string]{key: probes.Known("65530")}}, RolledBack},
		{"somebody gave another", sysctl, &fix.Snapshot{Sysctls: map[string]probes.Value[string]{key: probes.Known("100000")}}, RolledBack},
		{"it is what the run gave", sysctl, &fix.Snapshot{Sysctls: map[string]probes.Value[string]{key: probes.Known("262144")}}, Stuck},
		{"it cannot be read", sysctl, &fix.Snapshot{Sysctls: map[string]probes.Value[string]{key: probes.Unknown[string]("denied")}}, Unknown},
		{"nobody says", sysctl, &fix.Snapshot{}, Unknown},
		{"the process is gone", process, &fix.Snapshot{Processes: []fix.Process{{PID: 7, Gone: true}}}, RolledBack},
		{"its limits cannot be read", process, &fix.Snapshot{Processes: []fix.Process{{PID: 7, Started: "100"}}}, Unknown},
	} {
		f := newFleet("tm001")
		o, err := f.repair().newRound("run1", f.planned("tm001"))
		if err != nil {
			t.Fatal(err)
		}
		p := f.planned("tm001")[0]
		p.Plan = &fix.Plan{Host: "tm001", Live: []fix.LiveChange{row.live}}
		w := o.worker(p, Event{Host: "tm001"})
		if d := w.wasRolledBack(row.s, ""); d.State != row.want || d.State == Unknown && !strings.Contains(d.Reason, "before, and now it is not known") {
			t.Errorf("%s: %s (%s), want %s", row.name, d.State, d.Reason, row.want)
		}
	}
}
