package repair

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// seen is a plan and what its host shows afterwards, all of it well.
func seen() *verification {
	value := func(v string) probes.HorizonValue { return probes.HorizonValue{Value: v, Source: "here"} }
	host := func(live string) *report.Host {
		return &report.Host{
			Name: "tm001", User: "op",
			TaskManagers: []report.TaskManager{{PID: 7, User: "flink", Launch: report.Launch{Kind: probes.LaunchLogin}}, {PID: 8, User: "flink", Launch: report.Launch{Kind: probes.LaunchSystemd}}},
			Checks: []probes.Check{{Probe: "nofile", Status: probes.OK, Horizons: []probes.Standing{
				{Setting: "nofile", Subject: "user flink", Running: value(live), Live: value(live), Boot: value(live)},
			}}, {Probe: "maps", Status: probes.OK}},
		}
	}
	plan := &fix.Plan{
		Host: "tm001", Reload: true,
		Files: []fix.FileChange{{Path: "/etc/security/limits.conf", BeforeSHA256: oldHash, AfterSHA256: newHash, Mode: "0644", Owner: "0:0"}},
		Live: []fix.LiveChange{
			{Kind: fix.LiveProcess, Setting: "nofile", PID: 7, Started: "100", Before: "4096:4096", After: "65536:65536"},
			{Kind: fix.LiveSysctl, Setting: key, Before: "65530", After: "262144"},
		},
		Expect: []fix.Expect{{Setting: "nofile", Subject: "user flink", Horizon: probes.Live, AtLeast: 65536}},
		Query:  fix.Query{Users: []string{"flink"}, PIDs: []int{7}, Units: []string{"flink.service"}},
	}
	return &verification{
		Planned: &Planned{Host: inventory.Host{Name: "tm001"}, Plan: plan, Before: host("4096")}, after: host("65536"),
		s: &fix.Snapshot{
			Files:     []fix.FileState{{Path: "/etc/security/limits.conf", Kind: probes.FileRegular, SHA256: newHash, Mode: "0644", Owner: "0:0"}},
			Sysctls:   map[string]probes.Value[string]{key: probes.Known("262144\n")},
			Sessions:  []fix.Session{{User: "flink", By: "su", Limits: map[string]string{"nofile": "65536:65536"}}},
			Processes: []fix.Process{{PID: 7, Started: "100", Limits: map[string]string{"nofile": "65536:unlimited"}}},
			Units:     []fix.UnitState{{Unit: "flink.service", Active: "active", Sub: "running", Reloaded: true}},
		},
	}
}

// all is a whole verification.
func (v *verification) all(answer *fix.Answer) []string {
	v.values()
	v.files()
	v.live(answer)
	v.logins()
	v.units()
	v.statuses()
	return v.wrong
}

func TestVerificationFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	none := ""
	for _, row := range []struct {
		name string
		do   func(*verification)
		want string // a part of the only thing that is wrong
	}{
		{"all is well", func(*verification) {}, none},
		{"a value is too low", func(v *verification) { v.after.Checks[0].Horizons[0].Live.Value = "1024:4096" }, "nofile live user flink is 1024:4096, want at least 65536 (here)"},
		{"a file is another", func(v *verification) { v.s.Files[0].SHA256 = oldHash }, "is not what was written"},
		{"a file is a link now", func(v *verification) { v.s.Files[0].Kind = probes.FileLink }, "is not what was written"},
		{"a file was not read", func(v *verification) { v.s.Files = nil }, "is not what was written"},
		{"a file has another mode", func(v *verification) { v.s.Files[0].Mode = "0600" }, "has mode"},
		{"a file has another owner", func(v *verification) { v.s.Files[0].Owner = "7:0" }, "and owner"},
		{"a sysctl is lower", func(v *verification) { v.s.Sysctls[key] = probes.Known("65530") }, key + " is 65530, want 262144"},
		{"a sysctl is higher", func(v *verification) { v.s.Sysctls[key] = probes.Known("1048576") }, none},
		{"a sysctl is not known", func(v *verification) { delete(v.s.Sysctls, key) }, key + " is not known"},
		{"a process has less", func(v *verification) { v.s.Processes[0].Limits["nofile"] = "4096:65536" }, "nofile of pid 7 is 4096:65536"},
		{"a process is another", func(v *verification) { v.s.Processes[0].Started = "101" }, "nofile of pid 7 is gone"},
		{"a process is gone", func(v *verification) { v.s.Processes[0].Gone = true }, "nofile of pid 7 is gone"},
		{"a process was restarted as planned", func(v *verification) {
			v.s.Processes[0].Gone = true
			v.Plan.Restart = []string{"flink.service"}
		}, none},
		{"a restarted unit is down", func(v *verification) { v.Plan.Restart = []string{"flink.service"}; v.s.Units[0].Active = "failed" }, "flink.service is failed"},
		{"another unit is down", func(v *verification) { v.s.Units[0].Active = "inactive" }, none},
		{"units were not read again", func(v *verification) { v.s.Units[0].Reloaded = false }, "has not read"},
		{"a unit is not told of", func(v *verification) { v.s.Units = nil }, "flink.service: the host does not say"},
		{"a session does not open", func(v *verification) { v.s.Sessions[0].Failed = "denied" }, "no session of flink opens: denied"},
		{"a session is not told of", func(v *verification) { v.s.Sessions = nil }, "no session of flink opens"},
		{"a session cannot be tried, as accepted", func(v *verification) { v.s.Sessions[0].Failed = "no su"; v.accept, v.opened = true, map[string]bool{} }, none},
		{"nobody knows if a session opened before", func(v *verification) { v.s.Sessions[0].Failed = "no su"; v.accept = true }, "no session of flink opens"},
		{"a session opened before, whatever is accepted", func(v *verification) {
			v.s.Sessions[0].Failed = "denied"
			v.accept, v.opened = true, map[string]bool{"flink": true}
		}, "no session of flink opens"},
		{"the user is the login", func(v *verification) { v.after.User = "flink"; v.s.Sessions[0].Failed = "no su" }, none},
		{"a session has less", func(v *verification) { v.s.Sessions[0].Limits["nofile"] = "1024:4096" }, "a new session of flink by su has nofile 1024:4096, want 65536"},
		{"a session does not say", func(v *verification) { v.s.Sessions[0].Limits = nil }, "a new session of flink by su does not say what its nofile is"},
		{"a session has less, and nothing is expected of it", func(v *verification) {
			v.s.Sessions[0].Limits["nofile"] = "1024:4096"
			v.Plan.Expect[0].Horizon = probes.Boot
		}, none},
		{"a new finding about the next boot", func(v *verification) {
			v.after.Findings = []probes.Finding{{Code: "nofile/above-nr-open", Probe: "nofile", Horizon: probes.Live, Status: probes.Warn}}
		}, "it was not so before: nofile/above-nr-open"},
		{"a finding that was there", func(v *verification) {
			f := []probes.Finding{{Code: "nofile/above-nr-open", Probe: "nofile", Horizon: probes.Live}}
			v.after.Findings, v.Before.Findings = f, f
		}, none},
		{"a finding about what runs since before", func(v *verification) {
			v.after.Findings = []probes.Finding{{Code: "nofile/restart-needed", Probe: "nofile", Horizon: probes.Running}}
		}, none},
		{"a finding of another probe", func(v *verification) {
			v.after.Findings = []probes.Finding{{Code: "disk/full", Probe: "disk", Horizon: probes.Live}}
		}, none},
		{"a check is not known any more", func(v *verification) { v.after.Checks[0].Status = probes.StatusUnknown }, "check nofile was ok and is unknown"},
		{"the TaskManagers are gone", func(v *verification) { v.after.TaskManagers = nil }, "none does now"},
		{"a plan from a file has no before", func(v *verification) { v.Before = nil; v.after.Checks[0].Status = probes.StatusUnknown }, none},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			v := seen()
			row.do(v)
			wrong := v.all(&fix.Answer{})
			if row.want == "" && len(wrong) > 0 || row.want != "" && (len(wrong) == 0 || !strings.Contains(wrong[0], row.want)) {
				t.Errorf("wrong is %q, want %q", wrong, row.want)
			}
		})
	}
}

func TestVerificationNamesTheWayOfEachLogin(t *testing.T) {
	t.Parallel()
	v := seen()
	v.all(nil)
	if want := []string{"op by ssh", "flink by su (PAM service su)"}; !slices.Equal(v.loggedIn, want) {
		t.Errorf("logins %q, want %q", v.loggedIn, want)
	}
	v = seen()
	v.accept, v.opened, v.s.Sessions[0].Failed = true, map[string]bool{}, "this host has neither su nor runuser"
	v.all(nil)
	if want := "flink not tried: this host has neither su nor runuser"; !slices.Contains(v.loggedIn, want) {
		t.Errorf("logins %q, want %q among them", v.loggedIn, want)
	}
}

func TestHostsReasonOfALiveValueCounts(t *testing.T) {
	t.Parallel()
	v := seen()
	answer := &fix.Answer{Live: []fix.LiveResult{{LiveChange: v.Plan.Live[1], Reason: "it is not a number"}}}
	if wrong := v.all(answer); len(wrong) != 1 || !strings.Contains(wrong[0], "it is not a number") {
		t.Errorf("wrong is %q", wrong)
	}
}

func TestReaches(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		now, want string
		is        bool
	}{
		{"1", "1", true}, {"0", "1", false}, {"unlimited", "9", true}, {"9", "unlimited", false}, {"1:2", "2", false},
		{"2:3", "2", true}, {"2:3", "2:3", true}, {"3:2", "2:3", false}, {"2", "2:3", false}, {"", "1", false}, {"gone", "1", false}, {"1", "", false},
	} {
		if got := reaches(row.now, row.want); got != row.is {
			t.Errorf("reaches(%q, %q) = %v, want %v", row.now, row.want, got, row.is)
		}
	}
}

func TestSurveyAsksEachHostOverOneConnection(t *testing.T) {
	t.Parallel()
	f := newFleet(names(20)...)
	f.hosts["tm002"].faults["connect"] = failing
	f.hosts["tm003"].faults["audit"] = failing
	f.hosts["tm004"].faults["start inspect"] = failing // sudo refuses
	f.hosts["tm005"].faults["wait inspect"] = lost
	f.hosts["tm006"].onStep = func(string) { panic("a mistake") }
	r := f.repair()
	r.Limits.InFlight = 4
	got := map[string]error{}
	index := map[string]int{}
	err := r.Survey(t.Context(), inventoryOf(names(20)...), func(p *Planned) error {
		got[p.Host.Name], index[p.Host.Name] = p.Err, p.Index
		if (p.Plan == nil) != (p.Err != nil) || p.Err == nil && p.Before == nil {
			t.Errorf("%s: plan %v, before %v, error %v", p.Host.Name, p.Plan, p.Before, p.Err)
		}
		return nil
	})
	if err != nil || len(got) != 20 {
		t.Fatalf("%d hosts, %v", len(got), err)
	}
	for i, n := range names(20) {
		if bad := i >= 1 && i <= 5; bad != (got[n] != nil) || index[n] != i || f.hosts[n].connects > 1 || f.hosts[n].open > 0 {
			t.Errorf("%s: error %v, index %d, %d connections, %d open", n, got[n], index[n], f.hosts[n].connects, f.hosts[n].open)
		}
	}
	if f.most > 4 {
		t.Errorf("%d hosts were asked at once, want at most 4", f.most)
	}
}

// TestSurveyDoesNotBotherRoot where nothing could be fixed.
func TestSurveyDoesNotBotherRoot(t *testing.T) {
	t.Parallel()
	f := newFleet("tm001")
	r := f.repair()
	r.programs.ask = func(*probes.Facts, *probes.Policy, fix.Options) fix.Query { return fix.Query{} }
	err := r.Survey(t.Context(), inventoryOf("tm001"), func(p *Planned) error {
		if p.Plan == nil || p.Err != nil {
			t.Errorf("plan %v, error %v", p.Plan, p.Err)
		}
		return nil
	})
	if err != nil || slices.Contains(f.log, "tm001 start inspect") {
		t.Errorf("error %v; %v", err, f.log)
	}
}

func TestSurveyEndsWithItsContextAndItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(20)...)
		for _, h := range f.hosts {
			h.slow = time.Second
		}
		r := f.repair()
		r.Limits.InFlight = 2
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		asked := map[bool]int{}
		if err := r.Survey(ctx, inventoryOf(names(20)...), func(p *Planned) error { asked[p.Err == nil]++; return nil }); err != nil {
			t.Fatal(err)
		}
		if asked[true] == 0 || asked[false] == 0 || asked[true]+asked[false] != 20 {
			t.Errorf("hosts by having been asked: %v", asked)
		}
		full := errors.New("no space left")
		calls := 0
		err := r.Survey(t.Context(), inventoryOf(names(20)...), func(*Planned) error { calls++; return full })
		if !errors.Is(err, full) || calls != 1 {
			t.Errorf("Survey = %v after %d calls, want %v after one", err, calls, full)
		}
	})
}

func TestChangesAreWrittenWithHashes(t *testing.T) {
	t.Parallel()
	f := newFleet("tm001")
	r := f.repair()
	f.run(t, r, "tm001")
	for _, rec := range records(r) {
		if rec.Event != EventApply {
			continue
		}
		want := []RecordFile{{Path: confAt, Before: oldHash, After: newHash}}
		if !reflect.DeepEqual(rec.Files, want) || len(rec.Live) != 1 || rec.Who != "op@desk" || rec.Run != "run1" || rec.Time.IsZero() {
			t.Errorf("the record is %+v", rec)
		}
	}
}
