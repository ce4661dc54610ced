package fix

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// kinds are the kinds of a file with the letter each has in a record.
var kinds = map[string]probes.FileKind{
	"f": probes.FileRegular, "l": probes.FileLink, "x": probes.FileDangling, "d": probes.FileDir,
	"a": probes.FileAbsent, "u": probes.FileUnreadable, "o": probes.FileOther,
}

// limitItems are the rows of /proc/PID/limits by item of limits.conf.
var limitItems = map[string]string{
	"Max open files": "nofile", "Max processes": "nproc", "Max address space": "as", "Max resident set": "rss",
	"Max locked memory": "memlock", "Max stack size": "stack", "Max core file size": "core", "Max data size": "data",
	"Max file size": "fsize", "Max cpu time": "cpu", "Max file locks": "locks", "Max pending signals": "sigpending",
	"Max msgqueue size": "msgqueue", "Max nice priority": "nice", "Max realtime priority": "rtprio",
	"Max realtime timeout": "rttime",
}

// ParseSnapshot reads the answer of [Inspect].
func ParseSnapshot(stdout []byte, nonce string) (*Snapshot, error) {
	r, err := newRecords(stdout, nonce)
	if err != nil {
		return nil, err
	}
	p := &snapshotParser{records: r, s: &Snapshot{Sysctls: map[string]probes.Value[string]{}}}
	for {
		key, text, ok := r.next()
		if !ok {
			return nil, ErrTruncated
		}
		if key == EndMark(nonce) {
			return p.s, nil
		}
		take := snapshotRecords[key]
		if take == nil {
			return nil, fmt.Errorf("answer of the host: %q is not understood", clip(key))
		}
		if err := take(p, text); err != nil {
			if errors.Is(err, ErrTruncated) {
				return nil, err
			}
			return nil, fmt.Errorf("answer of the host: %s: %w", key, err)
		}
	}
}

// snapshotParser is a snapshot that is being read. What a record belongs to is
// what the last file, process, session, unit or run record began.
type snapshotParser struct {
	*records
	s       *Snapshot
	limits  map[string]string // of the last process or session
	failed  *string           // of the last session or unit
	run     *HostRun
	runFile map[string]int // index into run.Files by number
}

var errNothingBegun = errors.New("it belongs to nothing")

// snapshotRecords are all records of an answer of Inspect.
var snapshotRecords = map[string]func(*snapshotParser, string) error{
	"blocked": func(p *snapshotParser, text string) error { p.s.Obstacle = text; return nil },
	"lock":    func(p *snapshotParser, text string) error { p.s.Lock = text; return nil },
	"file": func(p *snapshotParser, text string) error {
		p.s.Files = append(p.s.Files, FileState{Path: text, Kind: probes.FileUnreadable})
		return nil
	},
	"kind": func(p *snapshotParser, text string) error {
		return p.file(func(f *FileState) error {
			kind, ok := kinds[text]
			if !ok {
				return fmt.Errorf("%q is no kind of a file", clip(text))
			}
			f.Kind = kind
			return nil
		})
	},
	"real":     (*snapshotParser).real,
	"dir":      (*snapshotParser).dir,
	"content":  (*snapshotParser).content,
	"stat":     (*snapshotParser).stat,
	"obstacle": (*snapshotParser).obstacle,
	"sysctl": func(p *snapshotParser, text string) error {
		key, value, _ := strings.Cut(text, " ")
		p.s.Sysctls[key] = probes.Known(value)
		return nil
	},
	"no-sysctl": func(p *snapshotParser, text string) error {
		key, why, _ := strings.Cut(text, " ")
		p.s.Sysctls[key] = probes.Unknown[string](why)
		return nil
	},
	"process": (*snapshotParser).process,
	"started": func(p *snapshotParser, text string) error {
		return p.lastProcess(func(q *Process) { q.Started = text })
	},
	"gone":     func(p *snapshotParser, _ string) error { return p.lastProcess(func(q *Process) { q.Gone = true }) },
	"limit":    (*snapshotParser).limit,
	"session":  (*snapshotParser).session,
	"by":       (*snapshotParser).by,
	"failed":   (*snapshotParser).fail,
	"unit":     (*snapshotParser).unit,
	"property": (*snapshotParser).property,
	"run":      (*snapshotParser).beginRun,
	"run-state": func(p *snapshotParser, text string) error {
		if !RunState(text).known() {
			return fmt.Errorf("%q is no state of a run", clip(text))
		}
		return p.ofRun(func(r *HostRun) { r.State = RunState(text) })
	},
	"run-who": func(p *snapshotParser, text string) error { return p.ofRun(func(r *HostRun) { r.Who = text }) },
	"run-cut": func(p *snapshotParser, _ string) error { return p.ofRun(func(r *HostRun) { r.Cut = true }) },
	"line":    (*snapshotParser).line,
	"before":  (*snapshotParser).before,
	"now":     (*snapshotParser).now,
}

// file is given the last file.
func (p *snapshotParser) file(set func(*FileState) error) error {
	if len(p.s.Files) == 0 {
		return errNothingBegun
	}
	return set(&p.s.Files[len(p.s.Files)-1])
}

func (p *snapshotParser) real(text string) error {
	return p.file(func(f *FileState) error { f.Real = text; return isClean(text) })
}

func (p *snapshotParser) dir(text string) error {
	return p.file(func(f *FileState) error { f.Dir = text; return isClean(text) })
}

func isClean(p string) error {
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p {
		return fmt.Errorf("%q is not a clean path", clip(p))
	}
	return nil
}

func (p *snapshotParser) content(size string) error {
	content, hash, why, err := p.raw(size)
	if err != nil {
		return err
	}
	return p.file(func(f *FileState) error {
		f.Content, f.SHA256 = content, hash
		if why != "" {
			f.Kind, f.SHA256, f.Obstacle = probes.FileUnreadable, "", why
		}
		return nil
	})
}

func (p *snapshotParser) stat(text string) error {
	return p.file(func(f *FileState) error {
		w := strings.Fields(text)
		if len(w) != 3 {
			return fmt.Errorf("%q has not three words", clip(text))
		}
		if _, err := strconv.ParseUint(w[0], 8, 12); err != nil {
			return fmt.Errorf("mode %q", clip(w[0]))
		}
		if !ownerText.MatchString(w[1]) {
			return fmt.Errorf("owner %q", clip(w[1]))
		}
		links, err := strconv.Atoi(w[2])
		f.Mode, f.Owner, f.Links = w[0], w[1], links
		return err
	})
}

func (p *snapshotParser) obstacle(text string) error {
	return p.file(func(f *FileState) error {
		if f.Obstacle == "" {
			f.Obstacle = text
		}
		return nil
	})
}

func (p *snapshotParser) process(text string) error {
	pid, err := strconv.Atoi(text)
	p.limits = map[string]string{}
	p.s.Processes = append(p.s.Processes, Process{PID: pid, Limits: p.limits})
	return err
}

func (p *snapshotParser) lastProcess(set func(*Process)) error {
	if len(p.s.Processes) == 0 {
		return errNothingBegun
	}
	set(&p.s.Processes[len(p.s.Processes)-1])
	return nil
}

// limit is a row of /proc/PID/limits: its name ends where two blanks follow,
// or with the width of the column.
func (p *snapshotParser) limit(text string) error {
	if p.limits == nil {
		return errNothingBegun
	}
	for name, item := range limitItems {
		rest, ok := strings.CutPrefix(text, name+" ")
		if w := strings.Fields(rest); ok && len(w) >= 2 && isValue(w[0]+":"+w[1]) {
			p.limits[item] = w[0] + ":" + w[1]
		}
	}
	return nil
}

func (p *snapshotParser) session(text string) error {
	p.limits = map[string]string{}
	p.s.Sessions = append(p.s.Sessions, Session{User: text, Limits: p.limits})
	p.failed = &p.s.Sessions[len(p.s.Sessions)-1].Failed
	return nil
}

func (p *snapshotParser) by(text string) error {
	if len(p.s.Sessions) == 0 {
		return errNothingBegun
	}
	p.s.Sessions[len(p.s.Sessions)-1].By = text
	return nil
}

func (p *snapshotParser) fail(text string) error {
	if p.failed == nil {
		return errNothingBegun
	}
	*p.failed = text
	return nil
}

func (p *snapshotParser) unit(text string) error {
	p.s.Units = append(p.s.Units, UnitState{Unit: text})
	p.failed = &p.s.Units[len(p.s.Units)-1].Unknown
	return nil
}

func (p *snapshotParser) property(text string) error {
	if len(p.s.Units) == 0 {
		return errNothingBegun
	}
	u := &p.s.Units[len(p.s.Units)-1]
	key, value, _ := strings.Cut(text, "=")
	switch key {
	case "ActiveState":
		u.Active = value
	case "SubState":
		u.Sub = value
	case "NeedDaemonReload":
		u.Reloaded = value == "no"
	}
	return nil
}
