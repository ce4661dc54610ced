package fix

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

func (p *snapshotParser) beginRun(text string) error {
	which, name, _ := strings.Cut(text, " ")
	p.run, p.runFile = &HostRun{Run: name}, map[string]int{}
	switch which {
	case "asked":
		p.s.Run = p.run
	case "unfinished":
		p.s.Unfinished = p.run
	default:
		return fmt.Errorf("%q is no such run", clip(which))
	}
	return nil
}

func (p *snapshotParser) ofRun(set func(*HostRun)) error {
	if p.run == nil {
		return errNothingBegun
	}
	set(p.run)
	return nil
}

// line is a line of the manifest that a host keeps of a run, as manifestOf
// writes it.
func (p *snapshotParser) line(text string) error {
	if p.run == nil {
		return errNothingBegun
	}
	w := strings.SplitN(text, " ", 8)
	if len(w) != 8 {
		return errors.New("it has not eight words")
	}
	switch w[0] {
	case "file":
		p.runFile[w[1]] = len(p.run.Files)
		p.run.Files = append(p.run.Files, RunFile{Path: w[7], Before: strings.TrimPrefix(w[2], "-"), After: w[3]})
	case "live":
		l, err := parseLive(w[1:7])
		if err != nil {
			return err
		}
		p.run.Live = append(p.run.Live, l)
	case "reload":
		p.run.Reload = true
	case "restart":
		if !plainUnit(w[7]) {
			return fmt.Errorf("%q is no name of a unit", clip(w[7]))
		}
		p.run.Restart = append(p.run.Restart, w[7])
	default:
		return fmt.Errorf("%q is no kind of a change", clip(w[0]))
	}
	return nil
}

// parseLive reads KIND SETTING PID STARTED BEFORE AFTER.
func parseLive(w []string) (LiveChange, error) {
	l := LiveChange{Kind: LiveKind(w[0]), Setting: w[1], Before: w[4], After: w[5]}
	if w[2] == "-" {
		return l, nil
	}
	pid, err := strconv.Atoi(w[2])
	l.PID, l.Started = pid, w[3]
	return l, err
}

// before and now are the bytes of a file of the run: "N SIZE".
func (p *snapshotParser) before(text string) error {
	return p.runText(text, func(f *RunFile, content []byte, _ string) { f.BeforeText = content })
}

func (p *snapshotParser) now(text string) error {
	return p.runText(text, func(f *RunFile, content []byte, hash string) {
		f.NowText, f.Now = content, hash
		if hash == "?" {
			f.Now = "unreadable"
		}
	})
}

func (p *snapshotParser) runText(text string, set func(f *RunFile, content []byte, hash string)) error {
	n, size, _ := strings.Cut(text, " ")
	content, hash, _, err := p.raw(size)
	if err != nil {
		return err
	}
	i, ok := p.runFile[n]
	if p.run == nil || !ok {
		return errNothingBegun
	}
	set(&p.run.Files[i], content, hash)
	return nil
}
