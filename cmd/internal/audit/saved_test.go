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
			hosts, _, err := Saved([]string{saved(t, 1, c.host)}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			h := hosts[0]
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
	if _, _, err := Saved([]string{saved(t, 0)}, nil, nil); !errors.Is(err, ErrNoHost) {
		t.Errorf("Saved(no host) = %v, want ErrNoHost", err)
	}
	if _, _, err := Saved([]string{saved(t, -5)}, nil, nil); !errors.Is(err, report.ErrSchema) {
		t.Errorf("Saved(selected -5) = %v, want ErrSchema", err)
	}
	hosts, run, err := Saved([]string{saved(t, 3)}, nil, nil)
	if err != nil || len(hosts) != 0 || run.Selected != 3 {
		t.Errorf("Saved(none of 3) = %d hosts of %d, %v; want 0 of 3: the caller says cut short", len(hosts), run.Selected, err)
	}
}
