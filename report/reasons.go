package report

import (
	"cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// maxReasons bounds how many causes are remembered; probes know about twenty.
const maxReasons = 100

// reasons remembers for each cause the host that shows it best.
type reasons struct {
	best map[string]reason
}

type reason struct {
	host  string
	cause probes.Cause
}

func (r *reasons) add(h *Host) {
	for _, c := range h.Causes {
		old, ok := r.best[c.Cause]
		if ok && strength(old.cause.Confidence) >= strength(c.Confidence) {
			continue
		}
		if r.best == nil {
			r.best = map[string]reason{}
		}
		if !ok && len(r.best) == maxReasons {
			continue
		}
		r.best[c.Cause] = reason{h.Name, c}
	}
}

// notes are the lines below a cause: the best evidence if it is asked for, and
// what to do.
func (r reason) notes(sign signs, evidence bool) []string {
	var notes []string
	if evidence && len(r.cause.Evidence) > 0 {
		e := &r.cause.Evidence[0]
		notes = append(notes, Escape(r.host+" "+cmp.Or(e.Source, r.cause.Subject)+": "+e.Text))
	}
	if r.cause.Remedy != "" {
		notes = append(notes, sign.arrow+" "+Escape(r.cause.Remedy))
	}
	return notes
}
