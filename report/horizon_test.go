package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestReassuranceClaimsNoMoreThanWasAsked: a fleet that was judged at one
// horizon, or by some probes, is told so.
func TestReassuranceClaimsNoMoreThanWasAsked(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		at   probes.Horizon
		only []string
		want []string
	}{
		{"", nil, []string{"12 hosts: all ok", "Nothing was found that keeps RocksDB from working."}},
		{probes.Running, nil, []string{"12 hosts at the horizon running: all ok", "Every limit is as it should be for the processes that run."}},
		{probes.Live, nil, []string{"12 hosts at the horizon live: all ok", "Every limit is as it should be for a start now."}},
		{probes.Boot, nil, []string{"12 hosts at the horizon boot: all ok", "Every limit will hold after the next boot."}},
		{probes.Boot, []string{"maps", "disk"}, []string{"12 hosts at the horizon boot: all ok", "Every limit of maps will hold after the next boot."}},
		{"lunch", nil, []string{"12 hosts at the horizon lunch: all ok", "Nothing was found at that horizon."}},
	} {
		run := testRun(12)
		run.Horizon = row.at
		out := string(render(t, "table", Options{Probes: row.only}, run, healthyFleet(), true))
		_, said, _ := strings.Cut(out, "\n12 hosts")
		got := strings.Split(strings.TrimSpace("12 hosts"+said), "\n")[:2]
		got[0], _, _ = strings.Cut(got[0], ";")
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%q %v (-want +got):\n%s\n%s", row.at, row.only, diff, out)
		}
		if first, _, _ := strings.Cut(out, "\n"); strings.HasPrefix(first, "Judged at the horizon "+string(row.at)) != (row.at != "") {
			t.Errorf("%q: the table begins with %q", row.at, first)
		}
	}
}

// TestDoubtfulBootIsAskedWhy: a boot value that is wrong or not known is worth
// a look, and nothing else is.
func TestDoubtfulBootIsAskedWhy(t *testing.T) {
	t.Parallel()
	same, other := value("1", "a"), value("2", "b")
	boot := func(h *Host, s probes.Status) *Host {
		h.set("nofile", s, "1", "").find(s, "nofile/session-low", "", "1", "2", "low", "")
		h.Findings[0].Horizon = probes.Boot
		return h
	}
	waived := boot(wellHost(1), probes.Warn)
	waived.Findings[0].Waived = &probes.Waiver{}
	odd := boot(wellHost(1), probes.Warn).stands("nofile", "", 1, same, same, same)
	odd.Checks[2].Horizons[0].Setting = "$(reboot)"
	for _, row := range []struct {
		name  string
		hosts []*Host
		want  string
	}{
		{"well", []*Host{wellHost(1).stands("nofile", "", 1, same, same, same)}, ""},
		{"a boot finding", []*Host{boot(wellHost(1), probes.Warn).stands("nofile", "", 1, same, same, same)}, "tmdoctor why tm001 nofile -i hosts.txt"},
		{"waived", []*Host{waived.stands("nofile", "", 1, same, same, other)}, ""},
		{"a running finding", []*Host{wellHost(1).set("nofile", probes.Warn, "1", "").find(probes.Warn, "nofile/near", "", "1", "2", "near", "").stands("nofile", "", 1, same, same, same)}, ""},
		{"not known", []*Host{wellHost(1).stands("nofile", "", 1, same, other, not("why"))}, "tmdoctor why tm001 nofile -i hosts.txt"},
		{"the worst first", []*Host{
			boot(wellHost(1), probes.Warn).stands("nofile", "", 1, same, same, same),
			boot(wellHost(2), probes.Fail).stands("nofile", "", 1, same, same, other),
		}, "tmdoctor why tm002 nofile -i hosts.txt"},
		{"a setting of no probe", []*Host{odd}, ""},
	} {
		tab := newTable(&bytes.Buffer{}, Options{Command: command, Why: whyCommand}).(*table)
		s, _ := renderTo(t, tab, testRun(len(row.hosts)), row.hosts, true)
		got := ""
		for _, n := range tab.next(s) {
			if strings.HasPrefix(n.command, "tmdoctor why") {
				got = n.command
			}
		}
		if got != row.want {
			t.Errorf("%s: next is %q, want %q", row.name, got, row.want)
		}
	}
}

// TestFleetAtAHorizon: what compares hosts now says nothing about their next
// boot.
func TestFleetAtAHorizon(t *testing.T) {
	t.Parallel()
	f := Fleet{Findings: []probes.Finding{{Code: "host/differs", Horizon: probes.Live}, {Code: "maps/low", Horizon: probes.Boot}}}
	for _, row := range []struct {
		at   probes.Horizon
		want []string
	}{
		{"", []string{"host/differs", "maps/low"}}, {probes.Live, []string{"host/differs"}},
		{probes.Boot, []string{"maps/low"}}, {probes.Running, nil},
	} {
		var got []string
		for _, one := range f.At(row.at).Findings {
			got = append(got, one.Code)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("At(%q) (-want +got):\n%s", row.at, diff)
		}
	}
	if len(f.Findings) != 2 {
		t.Error("At changed the fleet")
	}
}
