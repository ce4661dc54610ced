package repair

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// The most that is read of a run: a journal of 10,000 hosts with 10 records of
// 1 KiB each, and their plans with files of some KiB before and after.
const (
	maxJournal = 256 << 20
	maxPlans   = 1 << 30
)

// SavedRun is a run as its journal tells it.
type SavedRun struct {
	Run     string
	Began   time.Time
	Ended   time.Time // zero if it was cut short
	Who     string
	Command string
	Undoes  string // the run that this one undid without a journal of it, "" for none
	Plans   *fix.Document
	// Hosts is the last state of each host that was confirmed. Unknown is one
	// that was begun and of which no end is written: it needs a look.
	Hosts map[string]State
	// Records are all lines of the journal, in their order.
	Records []Record
	// Torn says that the last line of the journal has no end, because the
	// machine or tmdoctor died while it was written: what it was to announce
	// was never done. "" if all is whole.
	Torn string

	// verdicts are hosts for which EventBack was the last decision written, with
	// what was known of them before it.
	verdicts map[string]State
	// opened are the users of whom a session opened before a host was changed.
	opened map[string]map[string]bool
}

// eventStates are the events of a host, and what is known of it after each;
// after EventNotUndone it is as before EventBack.
var eventStates = map[RecordEvent]State{
	EventApply: Unknown, EventVerify: Unknown, EventKeep: Unknown, EventBack: Unknown, EventUnknown: Unknown, EventLook: Unknown,
	EventNotBegun: NotBegun, EventKept: Kept, EventRolledBack: RolledBack, EventUntouched: Refused, EventStuck: Stuck,
}

// ErrNoRun is a run that nothing here tells of.
var ErrNoRun = errors.New("there is no such run")

// ListRuns are the runs of a directory, the latest first. The error names those
// that cannot be read; the others are there all the same.
func ListRuns(dir string) ([]*SavedRun, error) {
	names, err := runNames(dir)
	if err != nil {
		return nil, err
	}
	var runs []*SavedRun
	var failed []error
	for _, name := range names {
		s, err := readRun(dir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // killed before its first record: it did nothing
		case err != nil:
			failed = append(failed, fmt.Errorf("run %s: %w", name, err))
		default:
			runs = append(runs, s)
		}
	}
	slices.SortStableFunc(runs, func(a, b *SavedRun) int { return b.Began.Compare(a.Began) })
	return runs, errors.Join(failed...)
}

// OpenRun reads a run by its id, or by as much of the id as names it alone;
// "last" is the latest of fix.
func OpenRun(dir, run string) (*SavedRun, error) {
	if run == "last" {
		runs, err := ListRuns(dir)
		switch {
		case err != nil:
			return nil, fmt.Errorf("which run is the last is not certain, as not all can be read: %w", err)
		case len(runs) == 0:
			return nil, fmt.Errorf("%w in %s", ErrNoRun, dir)
		}
		for _, s := range runs {
			if s.Undoes == "" {
				return s, nil
			}
		}
		return runs[0], nil
	}
	names, err := runNames(dir)
	if err != nil {
		return nil, err
	}
	match := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, run) })
	if slices.Contains(names, run) {
		match = []string{run}
	}
	switch {
	case run == "" || len(match) == 0:
		return nil, fmt.Errorf("%q: %w in %s", run, ErrNoRun, dir)
	case len(match) > 1:
		return nil, fmt.Errorf("run %q may be %s", run, strings.Join(match, " or "))
	}
	s, err := readRun(dir, match[0])
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", match[0], err)
	}
	return s, nil
}

// runNames are the ids of runs in a directory; none where it does not exist.
func runNames(dir string) (names []string, err error) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	root, err := openRuns(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	for _, e := range entries {
		if checkRunID(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// readRun reads the journal and the plans of a run.
func readRun(dir, run string) (*SavedRun, error) {
	at := filepath.Join(dir, run)
	root, err := openPrivate(at)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	data, err := readPrivate(root, journalFile, maxJournal)
	if err != nil {
		return nil, err
	}
	s := &SavedRun{Run: run, Hosts: map[string]State{}, verdicts: map[string]State{}}
	if err := s.readJournal(data); err != nil {
		return nil, fmt.Errorf("%s:%w", filepath.Join(at, journalFile), err)
	}
	if len(s.Records) == 0 { // killed while the first was written
		return nil, fmt.Errorf("%s is empty: %w", journalFile, fs.ErrNotExist)
	}
	plans, err := readPrivate(root, planFile, maxPlans)
	if err != nil {
		return nil, err
	}
	if s.Plans, err = fix.ReadDocument(filepath.Join(at, planFile), plans); err != nil {
		return nil, err
	}
	for _, p := range s.Plans.Hosts {
		if _, begun := s.Hosts[p.Host]; !begun {
			s.Hosts[p.Host] = NotBegun
			if p.IsEmpty() {
				s.Hosts[p.Host] = Nothing
			}
		}
	}
	return s, nil
}

// readJournal takes in the lines of a journal. Errors begin with the line.
func (s *SavedRun) readJournal(data []byte) error {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if !bytes.HasSuffix(line, []byte("\n")) {
			s.Torn = fmt.Sprintf("line %d of the journal has no end: what it was to announce was not done", n)
			return nil
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("%d: %w", n, err)
		}
		if r.Run != s.Run {
			return fmt.Errorf("%d: a record of run %q", n, r.Run)
		}
		s.add(r)
	}
	return nil
}

// add takes in one record.
func (s *SavedRun) add(r Record) {
	s.Records = append(s.Records, r)
	if state, ok := eventStates[r.Event]; ok && r.Host != "" {
		switch r.Event {
		case EventBack:
			// The first counts: what a second look for the same way back finds is
			// what the first left open.
			if _, ok := s.verdicts[r.Host]; !ok {
				s.verdicts[r.Host] = s.Hosts[r.Host]
			}
		case EventApply, EventKeep, EventKept:
			delete(s.verdicts, r.Host)
		}
		s.Hosts[r.Host] = state
	}
	if r.Event == EventApply {
		if s.opened == nil {
			s.opened = map[string]map[string]bool{}
		}
		s.opened[r.Host] = map[string]bool{}
		for _, user := range r.Opened {
			s.opened[r.Host][user] = true
		}
	}
	if was, ok := s.verdicts[r.Host]; ok && r.Event == EventNotUndone {
		switch was {
		case Kept, Stuck: // the way back was a person's wish
			s.Hosts[r.Host] = was
			delete(s.verdicts, r.Host)
		case "": // and of a run that no journal tells of
			s.Hosts[r.Host] = Refused
			delete(s.verdicts, r.Host)
		default:
			s.Hosts[r.Host] = Unknown
		}
	}
	switch r.Event {
	case EventBegin:
		s.Began, s.Who, s.Command, s.Undoes = r.Time, r.Who, r.Command, r.Undoes
	case EventEnd:
		s.Ended = r.Time
	default:
		s.Ended = time.Time{}
	}
}
