//go:build linux

package repair

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// realFleet are hosts of the demo, over real SSH on loopback and with the real
// programs.
type realFleet struct {
	*demo.Fleet
	names    []string
	repair   *Repair
	connects atomic.Int64
	runs     string
}

// counting counts connections.
type counting struct {
	remote.Connector
	n *atomic.Int64
}

func (c counting) Connect(ctx context.Context, h inventory.Host) (remote.Conn, error) {
	c.n.Add(1)
	return c.Connector.Connect(ctx, h)
}

// startReal are n hosts with a low vm.max_map_count.
func startReal(t testing.TB, n int) *realFleet {
	t.Helper()
	likes := map[string]string{}
	for _, name := range names(n) {
		likes[name] = "maps-exhausted"
	}
	return startRealLike(t, likes)
}

// startRealLike are hosts of the demo by what they are like.
func startRealLike(t testing.TB, likes map[string]string) *realFleet {
	t.Helper()
	f := &realFleet{names: names(len(likes)), runs: filepath.Join(t.TempDir(), "state", "runs")}
	var cases []demo.Case
	for _, name := range f.names {
		cases = append(cases, demo.Case{Member: demo.Member{Name: name}, Like: likes[name]})
	}
	var err error
	if f.Fleet, err = demo.StartCases(t.Context(), cases); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	native, err := remote.NewNative(remote.Options{ConfigFile: f.SSHConfig(), Home: t.TempDir(), Env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { native.Close() })
	f.repair = &Repair{
		Native: counting{native, &f.connects}, Audit: &audit.Audit{Script: probes.NewScript("abc")}, Who: "op@desk", Run: "run1",
		// The sessions of these hosts need a live kernel.
		Options: fix.Options{AcceptUnverified: true}, Canary: 1, Batch: 3, MaxFailures: 1,
	}
	return f
}

// at is a path of a host.
func (f *realFleet) at(host, path string) string { return filepath.Join(f.Root(host), path) }

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// planned asks the hosts and plans a line in sysctl.conf for each.
func (f *realFleet) planned(t testing.TB, line func(host string) string) (all []*Planned) {
	t.Helper()
	r := *f.repair
	r.programs = r.speech()
	r.programs.ask = func(*probes.Facts, *probes.Policy, fix.Options) fix.Query {
		return fix.Query{Paths: []string{confAt}, Sysctls: []string{key}}
	}
	r.programs.plan = func(host string, _ *probes.Facts, s *fix.Snapshot, _ *probes.Policy, _ fix.Options) *fix.Plan {
		was := s.Files[0]
		after := append(append([]byte{}, was.Content...), line(host)...)
		live, _ := s.Sysctls[key].Get()
		return &fix.Plan{
			Host: host,
			Files: []fix.FileChange{{
				Path: confAt, Before: was.Content, After: after, BeforeSHA256: was.SHA256, AfterSHA256: sha(after),
				Mode: was.Mode, Owner: was.Owner, Settings: []string{key}, Why: "a test",
			}},
			Live: []fix.LiveChange{{Kind: fix.LiveSysctl, Setting: key, Before: strings.TrimSpace(live), After: "262144"}},
			Expect: []fix.Expect{
				{Setting: key, Horizon: probes.Live, AtLeast: 262144}, {Setting: key, Horizon: probes.Boot, AtLeast: 262144},
			},
			Query: fix.Query{Paths: []string{confAt}, Sysctls: []string{key}, Users: []string{"flink"}},
		}
	}
	all = make([]*Planned, len(f.names))
	err := r.Survey(t.Context(), inventoryOf(f.names...), func(p *Planned) error {
		if p.Err != nil {
			return fmt.Errorf("%s: %w", p.Host.Name, p.Err)
		}
		all[p.Index] = p
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// journal begins the journal of a run of plans.
func (f *realFleet) journal(t testing.TB, plans []*Planned) {
	t.Helper()
	d := &fix.Document{Schema: fix.Schema, Run: f.repair.Run, Created: time.Now().UTC().Format(time.RFC3339), Version: "1.0"}
	for _, p := range plans {
		d.Hosts = append(d.Hosts, p.Plan)
	}
	j, err := CreateJournal(f.runs, Record{Run: f.repair.Run, Who: f.repair.Who, Event: EventBegin}, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	f.repair.Journal = j
}

// tree is every path of a host with its mode and bytes, but for what fix keeps
// of runs.
func (f *realFleet) tree(t testing.TB, host string) map[string]string {
	t.Helper()
	all := map[string]string{}
	root := f.Root(host)
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		rel, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case rel == "var" || rel == "var/lib": // which these hosts lack before
			return nil
		case rel == "var/lib/tmdoctor":
			return filepath.SkipDir
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			all[rel] = info.Mode().String() + " " + sha(b)
			return err
		}
		all[rel] = info.Mode().String()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
