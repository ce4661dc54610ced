package fix

import (
	"fmt"
	"strings"
)

// maxSteps bounds what is kept of a host that tells steps without end.
const maxSteps = 10_000

// ParseAnswer reads what [Apply], [Rollback] or [Settle] said so far. It gives
// ErrTruncated where neither AppliedMark nor EndMark has come.
func ParseAnswer(stdout []byte, nonce string) (*Answer, error) {
	r, err := newRecords(stdout, nonce)
	if err != nil {
		return nil, err
	}
	p := &answerParser{nonce: nonce, a: &Answer{}}
	for {
		key, text, ok := r.next()
		switch {
		case !ok && p.a.Outcome == Applied:
			return p.a, nil
		case !ok:
			return nil, ErrTruncated
		case key == EndMark(nonce) && p.ended:
			return p.a, nil
		case key == EndMark(nonce):
			return nil, fmt.Errorf("answer of the host: it ends without an outcome")
		}
		if err := p.record(key, text); err != nil {
			return nil, fmt.Errorf("answer of the host: %s: %w", clip(key), err)
		}
	}
}

// answerParser is an answer that is being read.
type answerParser struct {
	nonce string
	a     *Answer
	why   *string // what the next reason belongs to
	// again is true once files and values were told as they were applied: what
	// is told now is what they are like at the end.
	again, ended bool
}

func (p *answerParser) record(key, text string) error {
	switch key {
	case "step":
		if len(p.a.Steps) < maxSteps {
			p.a.Steps = append(p.a.Steps, text)
		}
	case "note":
		if len(p.a.Notes) < maxSteps {
			p.a.Notes = append(p.a.Notes, text)
		}
	case "file":
		p.startOver()
		return p.file(text)
	case "live":
		p.startOver()
		return p.live(text)
	case "why":
		if p.why == nil {
			return errNothingBegun
		}
		*p.why = text
	case AppliedMark(p.nonce):
		if p.ended {
			return fmt.Errorf("it comes after the outcome")
		}
		p.a.Outcome, p.again = Applied, true
	case "tmdoctor:outcome:" + p.nonce:
		return p.outcome(text)
	default:
		return fmt.Errorf("not understood")
	}
	return nil
}

func (p *answerParser) startOver() {
	if p.again {
		p.a.Files, p.a.Live, p.again = nil, nil, false
	}
}

// file is STATE HASH PATH.
func (p *answerParser) file(text string) error {
	w := strings.SplitN(text, " ", 3)
	if len(w) != 3 {
		return fmt.Errorf("%q has not three words", clip(text))
	}
	f := FileResult{State: FileNow(w[0]), SHA256: strings.TrimPrefix(w[1], "-"), Path: w[2]}
	switch {
	case f.State == FileUnreadable:
		f.SHA256 = ""
	case f.State != FileOld && f.State != FileNew && f.State != FileEdited:
		return fmt.Errorf("%q is no state of a file", clip(w[0]))
	case f.SHA256 != "" && !isHash(f.SHA256):
		return fmt.Errorf("%q is not a hash", clip(f.SHA256))
	}
	p.a.Files = append(p.a.Files, f)
	p.why = &p.a.Files[len(p.a.Files)-1].Reason
	return nil
}

// live is KIND SETTING PID STARTED BEFORE AFTER NOW.
func (p *answerParser) live(text string) error {
	w := strings.Split(text, " ")
	if len(w) != 7 {
		return fmt.Errorf("%q has not seven words", clip(text))
	}
	l, err := parseLive(w)
	if err != nil {
		return err
	}
	p.a.Live = append(p.a.Live, LiveResult{LiveChange: l, Now: strings.TrimPrefix(w[6], "-")})
	p.why = &p.a.Live[len(p.a.Live)-1].Reason
	return nil
}

func (p *answerParser) outcome(text string) error {
	switch o := Outcome(text); o {
	case Untouched, Kept, RolledBack, Stuck:
		p.a.Outcome, p.ended, p.why = o, true, &p.a.Reason
		return nil
	}
	return fmt.Errorf("%q is no outcome", clip(text))
}
