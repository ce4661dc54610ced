package repair

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// orders are programs of the fleet.
func (f *fleet) orders() *programs {
	text := func(o order) []byte {
		b, _ := json.Marshal(o)
		return b
	}
	read := func(stdout []byte) (s said, err error) {
		if len(stdout) == 0 {
			return s, fix.ErrTruncated
		}
		line, _, _ := strings.Cut(string(stdout), "\n")
		return s, json.Unmarshal([]byte(line), &s)
	}
	return &programs{
		script: func() remote.Script { return nil },
		judge:  f.judge,
		ask: func(*probes.Facts, *probes.Policy, fix.Options) fix.Query {
			return fix.Query{Paths: []string{confAt}}
		},
		plan: func(host string, _ *probes.Facts, _ *fix.Snapshot, _ *probes.Policy, _ fix.Options) *fix.Plan {
			return planOf(host)
		},
		inspect: func(nonce string, q fix.Query) []byte { return text(order{Do: "inspect", Nonce: nonce, Query: q}) },
		snapshot: func(stdout []byte, _ string) (*fix.Snapshot, error) {
			s, err := read(stdout)
			if err == nil && s.Snapshot == nil {
				err = errors.New("no snapshot")
			}
			return s.Snapshot, err
		},
		apply: func(nonce, run, _ string, _ *fix.Plan, _ int, _ bool) []byte {
			return text(order{Do: "apply", Nonce: nonce, Run: run})
		},
		rollback: func(nonce, run, _ string, force bool) []byte {
			return text(order{Do: "rollback", Nonce: nonce, Run: run, Force: force})
		},
		settle: func(nonce, run, _ string) []byte { return text(order{Do: "settle", Nonce: nonce, Run: run}) },
		answer: func(stdout []byte, _ string) (*fix.Answer, error) {
			s, err := read(stdout)
			if err == nil && s.Answer == nil {
				err = errors.New("no answer")
			}
			return s.Answer, err
		},
	}
}

// judge is a report of a host that has one check.
func (f *fleet) judge(res remote.Result) *report.Host {
	h := &report.Host{Name: res.Host.Name, User: res.User, Facts: &probes.Facts{}}
	if res.Err != nil {
		h.Unreachable = &report.Unreachable{Phase: "script", Reason: res.Err.Error()}
		return h
	}
	live, hash, _ := strings.Cut(string(res.Stdout), " ")
	row := probes.Standing{Setting: key, Live: probes.HorizonValue{Value: live, Source: "/proc"}, Boot: probes.HorizonValue{Value: live, Source: confAt + ":1"}}
	if why := f.hosts[res.Host.Name].unmet; why != "" && hash == newHash {
		row.Boot = probes.HorizonValue{Unknown: why}
	}
	h.Checks = []probes.Check{{Probe: "maps", Status: probes.OK, Horizons: []probes.Standing{row}}}
	return h
}

// planOf is what each host of the fleet gets.
func planOf(host string) *fix.Plan {
	return &fix.Plan{
		Host:  host,
		Files: []fix.FileChange{{Path: confAt, BeforeSHA256: oldHash, AfterSHA256: newHash, Mode: "0644", Owner: "0:0"}},
		Live:  []fix.LiveChange{{Kind: fix.LiveSysctl, Setting: key, Before: "65530", After: "262144"}},
		Expect: []fix.Expect{
			{Setting: key, Horizon: probes.Live, AtLeast: 262144}, {Setting: key, Horizon: probes.Boot, AtLeast: 262144},
		},
		Query: fix.Query{Paths: []string{confAt}, Sysctls: []string{key}, Users: []string{"flink"}},
	}
}

// repair is a run over the fleet, with a journal in the fleet's log.
func (f *fleet) repair() *Repair {
	return &Repair{
		Native: f, Audit: &audit.Audit{}, Who: "op@desk", Run: "run1", programs: f.orders(), Canary: 1,
		Journal: &Journal{run: "run1", who: "op@desk", file: &logged{fleet: f}},
	}
}

func (f *fleet) planned(names ...string) (all []*Planned) {
	for i, n := range names {
		all = append(all, &Planned{Host: inventory.Host{Name: n}, Index: i, Plan: planOf(n)})
	}
	return all
}

// logged is a journal file that writes into the fleet's log, and breaks at the
// nth record if that is not 0.
type logged struct {
	*fleet
	breaks, n int
	records   []Record
}

var errFull = errors.New("no space left on device")

func (l *logged) Write(b []byte) (int, error) {
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return 0, err
	}
	l.n++
	if l.breaks > 0 && l.n >= l.breaks {
		return 0, errFull
	}
	l.records = append(l.records, r)
	l.write(strings.TrimSpace("journal " + string(r.Event) + " " + r.Host))
	return len(b), nil
}

func (l *logged) Sync() error  { return nil }
func (l *logged) Close() error { return nil }

// records are those of the journal of a run over the fleet.
func records(r *Repair) []Record { return r.Journal.file.(*logged).records }

// states are the hosts of a summary by state.
func states(s *Summary) map[State][]string {
	by := map[State][]string{}
	for _, d := range s.Hosts {
		by[d.State] = append(by[d.State], d.Planned.Host.Name)
	}
	return by
}

// aheadOfAll fails the test unless the journal says what is done to a host
// before it is done.
func (f *fleet) aheadOfAll(t *testing.T) {
	t.Helper()
	announced := map[string]string{"start apply": "apply", "say keep": "keep", "start settle": "keep", "start rollback": "back"}
	for i, line := range f.log {
		host, step, _ := strings.Cut(line, " ")
		event, ok := announced[step]
		if !ok {
			continue
		}
		// The last record of the host must be the one.
		last := ""
		for _, before := range slices.Backward(f.log[:i]) {
			if w := strings.Fields(before); len(w) == 3 && w[0] == "journal" && w[2] == host {
				last = w[1]
				break
			}
		}
		if last != event {
			t.Errorf("%s of %s: the journal's last record of it is %q, want %q\n%s", step, host, last, event, strings.Join(f.log, "\n"))
		}
	}
}

// neverMixed fails the test where a host is neither old nor new, or is new
// without having been kept.
func (f *fleet) neverMixed(t *testing.T) {
	t.Helper()
	for _, n := range slices.Sorted(maps.Keys(f.hosts)) {
		h := f.hosts[n]
		old, fresh := h.hash == oldHash && h.live == "65530", h.hash == newHash && h.live == "262144" && h.state == fix.RunKept
		if !old && !fresh {
			t.Errorf("%s has %s %s, its run is %q", n, h.hash, h.live, h.state)
		}
		if h.open != 0 {
			t.Errorf("%s has %d connections open", n, h.open)
		}
	}
}
