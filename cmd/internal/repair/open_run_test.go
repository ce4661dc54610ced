//go:build linux

package repair

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// killedWhileApplied is a run whose program and whose tmdoctor were killed while
// the host waited for the verdict. full takes away the room for a state, and
// gives it back.
func killedWhileApplied(t *testing.T) (f *realFleet, full func(bool)) {
	t.Helper()
	f = startReal(t, 1)
	plans := f.planned(t, func(string) string { return key + " = 262144\n" })
	f.journal(t, plans)
	r := f.repair
	if err := r.Journal.Write(Record{Event: EventApply, Host: "tm001"}); err != nil {
		t.Fatal(err)
	}
	conn, err := r.connect(t.Context(), plans[0].Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const nonce = "0123456789abcdef"
	talk, err := conn.Start(t.Context(), remote.Program{Text: fix.Apply(nonce, r.Run, r.Who, plans[0].Plan, 60, true), Root: true, End: fix.EndMark(nonce)})
	if err == nil {
		_, err = talk.Until(t.Context(), fix.AppliedMark(nonce))
	}
	if err != nil {
		t.Fatal(err)
	}
	link, err := os.Readlink(f.at("tm001", "/var/lib/tmdoctor/lock"))
	if err != nil {
		t.Fatal(err)
	}
	holder, _, _ := strings.Cut(link, ":")
	pid, err := strconv.Atoi(holder)
	if err != nil || syscall.Kill(pid, syscall.SIGKILL) != nil {
		t.Fatalf("the program %q cannot be killed: %v", link, err)
	}
	r.Journal.Close()
	state := filepath.Join(f.at("tm001", "/var/lib/tmdoctor/runs/"+r.Run), "state.new")
	return f, func(on bool) {
		err := os.Remove(state)
		if on {
			err = os.Mkdir(state, 0o755) // it cannot be written
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// goOn opens the journal of a run again.
func (f *realFleet) goOn(t *testing.T, event string) *SavedRun {
	t.Helper()
	saved, err := OpenRun(f.runs, f.repair.Run)
	if err == nil {
		f.repair.Journal, err = Continue(f.runs, saved, Record{Event: RecordEvent(event), Who: f.repair.Who})
	}
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// ends carries out a part of a run, and looks at how its host ends.
func (f *realFleet) ends(t *testing.T, what string, want State, sum *Summary, err error) {
	t.Helper()
	if err := f.repair.Journal.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || sum.Hosts[0].State != want {
		t.Errorf("%s: %+v, %v, want %s", what, sum, err, want)
	}
}

// A host whose state cannot be written stays in doubt, and a later resume or
// roll back ends the run.
func TestAFullHostStaysInDoubtUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	t.Run("resume", func(t *testing.T) {
		t.Parallel()
		f, full := killedWhileApplied(t)
		full(true)
		sum, err := f.repair.Resume(t.Context(), f.goOn(t, "resume"), inventoryOf(f.names...))
		f.ends(t, "resume on a full disk", Unknown, sum, err)
		full(false)
		sum, err = f.repair.Resume(t.Context(), f.goOn(t, "resume"), inventoryOf(f.names...))
		f.ends(t, "resume with room", Kept, sum, err)
	})
	t.Run("roll back", func(t *testing.T) {
		t.Parallel()
		f, full := killedWhileApplied(t)
		full(true)
		sum, err := f.repair.Rollback(t.Context(), f.goOn(t, "rollback"), inventoryOf(f.names...), false)
		f.ends(t, "roll back on a full disk", Unknown, sum, err)
		full(false)
		sum, err = f.repair.Rollback(t.Context(), f.goOn(t, "rollback"), inventoryOf(f.names...), false)
		f.ends(t, "roll back with room", RolledBack, sum, err)
	})
}

// Between reading a run and its confirmation another tmdoctor may end it.
func TestARunThatWentOnMeanwhileIsReadAgain(t *testing.T) {
	t.Parallel()
	f := startReal(t, 1)
	f.journal(t, f.planned(t, func(string) string { return key + " = 262144\n" }))
	f.repair.Journal.Close()
	stale, err := OpenRun(f.runs, f.repair.Run)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := f.repair.Resume(t.Context(), f.goOn(t, "resume"), inventoryOf(f.names...))
	f.ends(t, "resume", Kept, sum, err)
	if _, err := Continue(f.runs, stale, Record{Event: EventResume, Who: f.repair.Who}); err == nil || !strings.Contains(err.Error(), "went on in another tmdoctor") {
		t.Errorf("a stale run is gone on with: %v", err)
	}
}

// That a verification failed is not forgotten because a roll back did not reach
// the host; that a person took back a wish is.
func TestAFailedVerificationIsNotForgotten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		events  string
		verdict bool
		state   State
	}{
		"it failed, and a roll back did not reach the host": {"apply verify back look unknown back not-undone", true, Unknown},
		"it was kept, and a roll back did not reach it":     {"apply verify keep kept back not-undone", false, Kept},
		"it is applied again":                               {"apply verify back rolled-back apply", false, Unknown},
	} {
		s := &SavedRun{Hosts: map[string]State{}, verdicts: map[string]State{}}
		for _, e := range strings.Fields(tt.events) {
			s.add(Record{Event: RecordEvent(e), Host: "tm001"})
		}
		if _, verdict := s.verdicts["tm001"]; verdict != tt.verdict || s.Hosts["tm001"] != tt.state {
			t.Errorf("%s: verdict %v, %s, want %v, %s", name, verdict, s.Hosts["tm001"], tt.verdict, tt.state)
		}
	}
}

// What nobody can try is accepted, but never a session that opened before.
func TestAcceptUnverifiedDoesNotAcceptALockOut(t *testing.T) {
	t.Parallel()
	s := &fix.Snapshot{Sessions: []fix.Session{{User: "flink", By: "su", Failed: "su: cannot open session: Permission denied"}}}
	p := planOf("tm001")
	p.Query.Users = []string{"flink"}
	for name, tt := range map[string]struct {
		opened map[string]bool
		wrong  bool
	}{
		"it opened before":       {map[string]bool{"flink": true}, true},
		"it did not open before": {map[string]bool{"flink": false}, false},
		"nobody tried before":    {nil, true},
	} {
		v := verification{Planned: &Planned{Plan: p, opened: tt.opened}, accept: true, after: &report.Host{User: "op"}, s: s}
		v.logins()
		if (len(v.wrong) > 0) != tt.wrong {
			t.Errorf("%s: wrong %q", name, v.wrong)
		}
	}
}
