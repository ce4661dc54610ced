package repair

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// The files of a run, in a directory of its id.
const (
	journalFile = "journal.ndjson"
	planFile    = "plan.json"
)

// Journal is the record of a run on this side: a file of JSON lines and the
// plans beside it, for the caller alone. Each line is on the disk before what
// it announces is done. It holds the run's lock until it is closed: no two
// programs carry out one run at once.
type Journal struct {
	run, who string

	mu   sync.Mutex
	file journalWriter
	// broken is the first error of writing: a line may stand there in part, and
	// nothing is written behind it.
	broken error
}

// journalWriter is an open file, locked until it is closed.
type journalWriter interface {
	io.WriteCloser
	Sync() error
}

// Record is a line of a journal.
type Record struct {
	Time  time.Time   `json:"time"`
	Run   string      `json:"run"`
	Who   string      `json:"who"`
	Event RecordEvent `json:"event"`
	Host  string      `json:"host,omitempty"`
	// Files are the changes by path, with hashes before and after.
	Files  []RecordFile     `json:"files,omitempty"`
	Live   []fix.LiveChange `json:"live,omitempty"`
	Reason string           `json:"reason,omitempty"`
	// Opened are, in EventApply, the users of whom a session opened before.
	Opened []string `json:"opened,omitempty"`
	// Command is the command line of the run, in EventBegin, EventResume and
	// EventRollback.
	Command string `json:"command,omitempty"`
	// Undoes is, in EventBegin, the run that is undone, which no journal here
	// tells of.
	Undoes string `json:"undoes,omitempty"`
}

// RecordEvent is what a record tells of.
type RecordEvent string

// The events of a run, and of a host.
const (
	EventBegin    RecordEvent = "begin"
	EventResume   RecordEvent = "resume"
	EventRollback RecordEvent = "rollback"
	EventEnd      RecordEvent = "end"

	EventApply      RecordEvent = "apply"     // before the program that changes the host is sent
	EventVerify     RecordEvent = "verify"    // all is changed; before the second connection
	EventKeep       RecordEvent = "keep"      // before the verdict keep is sent
	EventBack       RecordEvent = "back"      // before it is rolled back
	EventUnknown    RecordEvent = "unknown"   // the connection was lost, or the host does not answer
	EventLook       RecordEvent = "look"      // before the host is asked what became of the run
	EventNotBegun   RecordEvent = "not-begun" // nothing is left there, and the run may go on with it
	EventKept       RecordEvent = "kept"
	EventRolledBack RecordEvent = "rolled-back"
	EventUntouched  RecordEvent = "untouched"
	EventStuck      RecordEvent = "stuck"
	EventNotUndone  RecordEvent = "not-undone" // it is as before EventBack
)

// RecordFile is a file in a record; a hash of "" is absent.
type RecordFile struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// StateDir is where runs are kept: $XDG_STATE_HOME/tmdoctor/runs, or under
// ~/.local/state where that is not set or, as the XDG base directories have
// it, not absolute.
func StateDir(getenv func(string) string, home string) string {
	base := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "tmdoctor", "runs")
}

// CheckStateDir makes sure, before anybody is asked, that runs can be kept in a
// directory, which it makes.
func CheckStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	root, err := openRuns(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	const probe = ".tmdoctor-probe"
	if err := root.WriteFile(probe, nil, 0o600); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return root.Remove(probe)
}

// CreateJournal begins the journal of a run: directories 0700, files 0600. A
// run of the same id is an error.
func CreateJournal(dir string, begin Record, plans *fix.Document) (*Journal, error) {
	if err := checkRunID(begin.Run); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	root, err := openRuns(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := root.Mkdir(begin.Run, 0o700); err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	at, err := root.OpenRoot(begin.Run)
	if err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	defer at.Close()
	if err := writePlans(at, plans); err != nil {
		return nil, fmt.Errorf("the plans beside the journal: %w", err)
	}
	f, err := at.OpenFile(journalFile, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	j, err := newJournal(f, begin)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(syncDir(at), syncDir(root)); err != nil {
		j.Close()
		return nil, fmt.Errorf("the journal: %w", err)
	}
	return j, nil
}

// newJournal locks an open journal and writes its first record.
func newJournal(f *os.File, first Record) (*Journal, error) {
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("run %s is at work in another tmdoctor: %w", first.Run, err)
	}
	j := &Journal{run: first.Run, who: first.Who, file: f}
	if err := j.Write(first); err != nil {
		j.Close()
		return nil, err
	}
	return j, nil
}

// Continue opens the journal of a saved run to write on, and begins with r. A
// last line that is torn is cut off: what it was to announce was never done.
func Continue(dir string, saved *SavedRun, r Record) (*Journal, error) {
	runs, err := openRuns(dir)
	if err != nil {
		return nil, err
	}
	defer runs.Close()
	root, err := openPrivate(filepath.Join(dir, saved.Run))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := openPrivateFile(root, journalFile, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	r.Run = saved.Run
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("run %s is at work in another tmdoctor: %w", saved.Run, err)
	}
	if err := cutTorn(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("the journal: %w", err)
	}
	// It was read before its lock was taken, and a person may have thought about
	// it in between.
	data, err := readPrivate(root, journalFile, maxJournal)
	if err == nil && bytes.Count(data, []byte("\n")) != len(saved.Records) {
		err = fmt.Errorf("run %s went on in another tmdoctor since it was read: see tmdoctor runs, and begin again", saved.Run)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return newJournal(f, r)
}

// Write appends a record and does not come back before it is on the disk. Its
// time, run and who are filled in where they are not given.
func (j *Journal) Write(r Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	if r.Time.IsZero() {
		r.Time = time.Now().UTC()
	}
	if r.Run == "" {
		r.Run = j.run
	}
	if r.Who == "" {
		r.Who = j.who
	}
	line, err := json.Marshal(r)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.broken = fmt.Errorf("the journal: %w", err)
	}
	return j.broken
}

// Close ends the journal and gives its lock back.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		j.broken = fmt.Errorf("the journal: %w", fs.ErrClosed)
	}
	if f, ok := j.file.(*os.File); ok {
		_ = unlock(f) // the end of this process would do it too
	}
	return j.file.Close()
}

// writePlans keeps the plans beside the journal, on the disk. What could not be
// read again could not be resumed or rolled back from: it is refused before
// anything is changed.
func writePlans(at *os.Root, plans *fix.Document) error {
	var text bytes.Buffer
	if err := plans.Write(&text); err != nil {
		return err
	}
	if _, err := fix.ReadDocument(planFile, text.Bytes()); err != nil {
		return err
	}
	f, err := at.OpenFile(planFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir brings the entries of a directory to the disk.
func syncDir(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
