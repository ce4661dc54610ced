package repair

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// runsDir is a directory of runs in which there is none.
func runsDir(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state", "tmdoctor", "runs")
}

// begun is a run of which some records are written.
func begun(t *testing.T, dir, run string, hosts []string, events ...string) {
	t.Helper()
	plans := document(run, hosts...)
	j, err := CreateJournal(dir, Record{Run: run, Who: "op@desk", Event: EventBegin, Command: "tmdoctor fix", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, plans)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		event, host, _ := strings.Cut(e, " ")
		if err := j.Write(Record{Event: RecordEvent(event), Host: host}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// document is plans that can be kept in a file.
func document(run string, hosts ...string) *fix.Document {
	d := &fix.Document{Schema: fix.Schema, Run: run, Created: "2026-01-02T03:04:05Z", Version: "1.0"}
	for _, h := range hosts {
		d.Hosts = append(d.Hosts, validPlan(h))
	}
	return d
}

// validPlan is a plan that can be kept in a file.
func validPlan(host string) *fix.Plan {
	p := planOf(host)
	p.Files = nil
	return p
}

func TestJournalIsTheCallersAlone(t *testing.T) {
	t.Parallel()
	dir := runsDir(t)
	begun(t, dir, "run1", []string{"tm001"})
	for at, want := range map[string]os.FileMode{
		filepath.Dir(dir): 0o700 | os.ModeDir, dir: 0o700 | os.ModeDir, filepath.Join(dir, "run1"): 0o700 | os.ModeDir,
		filepath.Join(dir, "run1", journalFile): 0o600, filepath.Join(dir, "run1", planFile): 0o600,
	} {
		info, err := os.Stat(at)
		if err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v (%v), want %v", at, info.Mode(), err, want)
		}
	}
}

func TestJournalOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		do   func(dir string) error
	}{
		{"runs may be written by others", func(dir string) error { return os.Chmod(dir, 0o777) }},
		{"their directory may be written by others", func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) }},
		{"a run may be written by others", func(dir string) error { return os.Chmod(filepath.Join(dir, "run1"), 0o770) }},
		{"a journal may be written by others", func(dir string) error { return os.Chmod(filepath.Join(dir, "run1", journalFile), 0o666) }},
		{"plans may be written by others", func(dir string) error { return os.Chmod(filepath.Join(dir, "run1", planFile), 0o620) }},
		{"runs are a link", func(dir string) error { return moveAndLink(dir) }},
		{"a run is a link", func(dir string) error { return moveAndLink(filepath.Join(dir, "run1")) }},
		{"a journal is a link", func(dir string) error { return moveAndLink(filepath.Join(dir, "run1", journalFile)) }},
		{"plans are a link", func(dir string) error { return moveAndLink(filepath.Join(dir, "run1", planFile)) }},
		{"a journal is a directory", func(dir string) error {
			at := filepath.Join(dir, "run1", journalFile)
			return errors.Join(os.Remove(at), os.Mkdir(at, 0o700))
		}},
		{"a record is of another run", func(dir string) error { return appendTo(dir, `{"run":"run2","event":"kept","host":"tm001"}`+"\n") }},
		{"a record in the middle is torn", func(dir string) error { return appendTo(dir, `{"run":"ru`+"\n") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := runsDir(t)
			begun(t, dir, "run1", []string{"tm001"})
			if err := row.do(dir); err != nil {
				t.Fatal(err)
			}
			if s, err := OpenRun(dir, "run1"); err == nil {
				t.Errorf("OpenRun gives %+v", s)
			}
			if runs, err := ListRuns(dir); err == nil || len(runs) > 0 {
				t.Errorf("ListRuns gives %d runs, %v", len(runs), err)
			}
		})
	}
}

func moveAndLink(at string) error {
	return errors.Join(os.Rename(at, at+".real"), os.Symlink(at+".real", at))
}

func appendTo(dir, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, "run1", journalFile), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func TestRunIsKnownByItsJournal(t *testing.T) {
	t.Parallel()
	dir := runsDir(t)
	hosts := []string{"a", "b", "c", "d", "e", "f"}
	begun(t, dir, "run1", hosts, "apply a", "verify a", "keep a", "kept a", "apply b", "back b", "rolled-back b", "apply c", "verify c", "untouched d", "apply f", "keep f", "kept f", "back f", "not-undone f")
	s, err := OpenRun(dir, "last")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]State{"a": Kept, "b": RolledBack, "c": Unknown, "d": Refused, "e": NotBegun, "f": Kept}
	if !reflect.DeepEqual(s.Hosts, want) {
		t.Errorf("hosts %v, want %v", s.Hosts, want)
	}
	if s.Who != "op@desk" || s.Command != "tmdoctor fix" || !s.Ended.IsZero() || s.Torn != "" || len(s.Plans.Hosts) != 6 || s.Began.Year() != 2026 {
		t.Errorf("run %+v", s)
	}
}

// TestTornLastLineIsSaidAndCutOff: it is cut at each of its bytes.
func TestTornLastLineIsSaidAndCutOff(t *testing.T) {
	t.Parallel()
	line := `{"time":"2026-01-02T03:04:06Z","run":"run1","who":"op@desk","event":"kept","host":"tm001"}`
	for cut := 1; cut <= len(line); cut += 7 {
		dir := runsDir(t)
		begun(t, dir, "run1", []string{"tm001"}, "apply tm001", "keep tm001")
		if err := appendTo(dir, line[:cut]); err != nil {
			t.Fatal(err)
		}
		s, err := OpenRun(dir, "run1")
		if err != nil || s.Torn == "" || s.Hosts["tm001"] != Unknown {
			t.Fatalf("cut at %d: %+v, %v", cut, s, err)
		}
		j, err := Continue(dir, s, Record{Event: EventResume, Who: "op@desk"})
		if err != nil {
			t.Fatal(err)
		}
		j.Write(Record{Event: EventKept, Host: "tm001"})
		j.Write(Record{Event: EventEnd})
		j.Close()
		s, err = OpenRun(dir, "run1")
		if err != nil || s.Torn != "" || s.Hosts["tm001"] != Kept || s.Ended.IsZero() || len(s.Records) != 6 {
			t.Fatalf("continued after a cut at %d: %+v, %v", cut, s, err)
		}
	}
}

func TestOneRunIsWorkedOnByOne(t *testing.T) {
	t.Parallel()
	dir := runsDir(t)
	plans := document("run1", "tm001")
	j, err := CreateJournal(dir, Record{Run: "run1", Event: EventBegin}, plans)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateJournal(dir, Record{Run: "run1", Event: EventBegin}, plans); err == nil {
		t.Error("a second run of the same id was begun")
	}
	s, err := OpenRun(dir, "run1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Continue(dir, s, Record{Event: EventResume}); err == nil || !strings.Contains(err.Error(), "another tmdoctor") {
		t.Errorf("a run at work was continued: %v", err)
	}
	j.Close()
	if err := j.Write(Record{Event: EventApply}); err == nil {
		t.Error("a closed journal was written to")
	}
	again, err := Continue(dir, s, Record{Event: EventResume})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestRunsAreFoundByTheirBeginning(t *testing.T) {
	t.Parallel()
	dir := runsDir(t)
	if runs, err := ListRuns(dir); err != nil || len(runs) != 0 {
		t.Errorf("no directory: %v, %v", runs, err)
	}
	if _, err := OpenRun(dir, "last"); err == nil {
		t.Error("there is no last run, and it was opened")
	}
	for _, run := range []string{"2026a", "2026ab", "2027"} {
		begun(t, dir, run, []string{"tm001"})
	}
	for name, want := range map[string]string{"2026a": "2026a", "2026ab": "2026ab", "2027": "2027", "20262": "", "2026": "", "": "", "../run": "", "202": "", "207": ""} {
		s, err := OpenRun(dir, name)
		if got := fmt.Sprint(err == nil && s.Run == want); got != fmt.Sprint(want != "") {
			t.Errorf("OpenRun(%q) = %v, %v; want %q", name, s, err, want)
		}
	}
	// Killed before the first record: there was nothing.
	os.Mkdir(filepath.Join(dir, "2028"), 0o700)
	begun(t, dir, "2029", []string{"tm001"})
	os.Truncate(filepath.Join(dir, "2029", journalFile), 0)
	if runs, err := ListRuns(dir); err != nil || len(runs) != 3 {
		t.Errorf("ListRuns gives %d runs, %v; want 3", len(runs), err)
	}
}

func TestIDsOfRunsArePlainNames(t *testing.T) {
	t.Parallel()
	for _, run := range []string{"", "..", "a/b", "a b", "-\n", "ä", strings.Repeat("a", 65)} {
		if _, err := CreateJournal(runsDir(t), Record{Run: run, Event: EventBegin}, &fix.Document{}); err == nil {
			t.Errorf("%q was taken", run)
		}
	}
}

func TestStateDirIsAbsolute(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{
		"": "/home/op/.local/state/tmdoctor/runs", "state": "/home/op/.local/state/tmdoctor/runs", "/var/state": "/var/state/tmdoctor/runs",
	} {
		if got := StateDir(func(string) string { return set }, "/home/op"); got != want {
			t.Errorf("StateDir with XDG_STATE_HOME %q = %s, want %s", set, got, want)
		}
	}
}
