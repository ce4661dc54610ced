package report

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestRemedyIsNeverCut, at any width: the end of what to do is the command that
// does it.
func TestRemedyIsNeverCut(t *testing.T) {
	t.Parallel()
	const remedy = "write [Service] LimitNOFILE=1048576 to /etc/systemd/system/flink-taskmanager.service.d/zz-tmdoctor-limits.conf, which the unit of the package does not name and an update of it leaves alone; " +
		"then, on one host after the other so that the cluster keeps its slots: systemctl daemon-reload && systemctl restart flink-taskmanager.service, and see that /proc/PID/limits says 1048576"
	of := map[string]func() *Host{
		"a cause": func() *Host {
			h := wellHost(1).has("open_files", probes.Proven)
			h.Causes[0].Remedy = remedy
			return h
		},
		"a finding": func() *Host { return wellHost(1).find(probes.Fail, "nofile/low", "", "4096", "1048576", "low", remedy) },
		"a host that was not reached": func() *Host {
			return lostHost(1, Unreachable{Phase: "auth", Reason: "no key", Hint: remedy})
		},
	}
	for name, host := range of {
		for _, width := range []int{0, 20, 40, 59, 60, 80, 120} {
			got := string(render(t, "table", Options{Width: width}, testRun(1), []*Host{host()}, true))
			// Long words are broken where a narrow terminal ends.
			if whole := strings.Join(strings.Fields(got), ""); !strings.Contains(whole, "→"+strings.ReplaceAll(remedy, " ", "")) {
				t.Errorf("%s at %d columns:\n%s", name, width, got)
			}
		}
	}
	waived := wellHost(1).find(probes.Fail, "nofile/low", "", "4096", "1048576", "low", remedy)
	waived.Findings[0].Waived = &probes.Waiver{Until: "2026-12-01", Owner: "ops", Reason: "known"}
	if got := string(render(t, "table", Options{All: true}, testRun(1), []*Host{waived}, true)); strings.Contains(got, "LimitNOFILE") {
		t.Errorf("a finding that is waived has a remedy:\n%s", got)
	}
}
