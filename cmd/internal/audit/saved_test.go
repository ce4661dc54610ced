package audit

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// saved writes a finished report of hosts.
func saved(t *testing.T, selected int, hosts ...report.Host) string {
	t.Helper()
	now := time.Now().UTC()
	b, err := json.Marshal(report.Report{
		Schema: report.Schema, Run: report.Run{ID: "r", Started: now, Selected: selected}, Hosts: append([]report.Host{}, hosts...),
		Summary: report.Summary{Finished: &now, Hosts: len(hosts), OK: len(hosts)},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSavedHostIsNotHealthyByItsOwnWord(t *testing.T) {
	t.Parallel()
	cut := &report.Unreachable{Phase: "script", Reason: "cut"}
	none := &probes.Facts{Version: probes.FactsVersion}
	for _, c := range []struct {
		name string
		host report.Host
	}{
		{"ok without facts", report.Host{Name: "tm1", Status: probes.OK}},
		{"ok and unreachable", report.Host{Name: "tm1", Status: probes.OK, Unreachable: cut}},
		{"facts of an answer that was cut", report.Host{Name: "tm1", Status: probes.OK, Unreachable: cut, Facts: none}},
		{"facts without a fact", report.Host{Name: "tm1", Status: probes.OK, Facts: none}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all, err := Saved([]string{saved(t, 1, c.host)}, nil, View{})
			if err != nil {
				t.Fatal(err)
			}
			h := all.Hosts[0]
			if h.Status != probes.StatusUnknown {
				t.Errorf("status %s, want unknown", h.Status)
			}
			if c.host.Unreachable != nil && (h.Unreachable == nil || *h.Unreachable != *c.host.Unreachable || h.Facts != nil) {
				t.Errorf("unreachable %v, facts %v; want what made it unreachable and no facts", h.Unreachable, h.Facts)
			}
		})
	}
}

func TestSavedReportOfNoHostIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := Saved([]string{saved(t, 0)}, nil, View{}); !errors.Is(err, ErrNoHost) {
		t.Errorf("Saved(no host) = %v, want ErrNoHost", err)
	}
	if _, err := Saved([]string{saved(t, -5)}, nil, View{}); !errors.Is(err, report.ErrSchema) {
		t.Errorf("Saved(selected -5) = %v, want ErrSchema", err)
	}
	all, err := Saved([]string{saved(t, 3)}, nil, View{})
	if err != nil || len(all.Hosts) != 0 || all.Run.Selected != 3 || all.Finished != nil {
		t.Errorf("Saved(none of 3) = %d hosts of %d, finished %v, %v; want 0 of 3, cut short", len(all.Hosts), all.Run.Selected, all.Finished, err)
	}
}

// TestSavedReportsOfShardsAreOne: they are finished when the last one is, and
// not at all if one was cut short.
func TestSavedReportsOfShardsAreOne(t *testing.T) {
	t.Parallel()
	host := func(name string) report.Host { return report.Host{Name: name, Status: probes.OK} }
	a, b := saved(t, 1, host("tm1")), saved(t, 1, host("tm2"))
	all, err := Saved([]string{a, b}, nil, View{})
	if err != nil || len(all.Hosts) != 2 || all.Run.Selected != 2 || all.Finished == nil || all.Hosts[1].Index != 1 {
		t.Errorf("two whole shards: %d hosts of %d, finished %v, %v", len(all.Hosts), all.Run.Selected, all.Finished, err)
	}
	all, err = Saved([]string{a, saved(t, 2, host("tm3"))}, nil, View{})
	if err != nil || all.Finished != nil || all.Run.Selected != 3 {
		t.Errorf("a whole and a cut shard: %d hosts of %d, finished %v, %v; want cut short", len(all.Hosts), all.Run.Selected, all.Finished, err)
	}
	if _, err := Saved([]string{a, a}, nil, View{}); err == nil {
		t.Error("the same host in two reports is not refused")
	}
}

// TestSavedReportIsJudgedAtTheHorizonAsked, whatever it was judged at before:
// its facts are whole.
func TestSavedReportIsJudgedAtTheHorizonAsked(t *testing.T) {
	t.Parallel()
	facts := &probes.Facts{Version: probes.FactsVersion}
	file := saved(t, 1, report.Host{Name: "tm1", Status: probes.OK, Facts: facts})
	for _, at := range append([]probes.Horizon{""}, probes.Horizons...) {
		all, err := Saved([]string{file}, nil, View{Horizon: at})
		if err != nil {
			t.Fatal(err)
		}
		if all.Run.Horizon != at {
			t.Errorf("at %q: the run says %q", at, all.Run.Horizon)
		}
		want := probes.Evaluate(facts, nil).At(at)
		if h := all.Hosts[0]; h.Status != want.Status || len(h.Findings) != len(want.Findings) || h.Checks[0].Status != want.Checks[0].Status {
			t.Errorf("at %q: status %s, %d findings; want %s, %d", at, h.Status, len(h.Findings), want.Status, len(want.Findings))
		}
	}
}
