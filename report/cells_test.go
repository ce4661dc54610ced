package report

import (
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

func TestCauseCellTellsUnexplainedFromHealthy(t *testing.T) {
	t.Parallel()
	unexplained := probes.Finding{Code: "logs/unexplained-end", Probe: "logs", Status: probes.Warn}
	waived := unexplained
	waived.Waived = &probes.Waiver{}
	for name, c := range map[string]struct {
		host Host
		want string
	}{
		"no cause and no failure":     {Host{Findings: []probes.Finding{{Code: "maps/low"}}}, "-"},
		"a failure without a cause":   {Host{Findings: []probes.Finding{unexplained}}, "unexplained"},
		"one that was waived":         {Host{Findings: []probes.Finding{waived}}, "-"},
		"history only, and a failure": {Host{Causes: []probes.Cause{{Cause: "open_files", Confidence: probes.History}}, Findings: []probes.Finding{unexplained}}, "unexplained"},
		"a cause beside it":           {Host{Causes: []probes.Cause{{Cause: "open_files", Confidence: probes.Likely}}, Findings: []probes.Finding{unexplained}}, "open_files (likely)"},
	} {
		if got := causeText(&c.host); got != c.want {
			t.Errorf("%s: causeText = %q, want %q", name, got, c.want)
		}
	}
}
