package report

import (
	"cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// maxReasons bounds how many causes are remembered; probes know about twenty.
const maxReasons = 100

// reasons remembers for each cause the host that shows it best: of equal ones
// the first of the inventory, in whatever order hosts arrive.
type reasons struct {
	best map[string]reason
}

type reason struct {
	host  string
	index int
	cause probes.Cause
	// messages and remedies say that hosts which have the cause differ in what
	// is wrong, or in what to do.
	messages, remedies bool
}

func (r *reasons) add(h *Host) {
	for _, c := range h.Causes {
		one := reason{host: h.Name, index: h.Index, cause: c}
		if old, ok := r.best[c.Cause]; ok {
			one = old.join(one)
		} else if len(r.best) == maxReasons {
			continue
		}
		if r.best == nil {
			r.best = map[string]reason{}
		}
		r.best[c.Cause] = one
	}
}

// join is the better one of two reasons, with what is true of both.
func (r reason) join(o reason) reason {
	best := r
	if cmp.Or(
		cmp.Compare(strength(o.cause.Confidence), strength(r.cause.Confidence)),
		cmp.Compare(r.index, o.index),
		cmp.Compare(r.host, o.host)) > 0 {
		best = o
	}
	if holds(r.cause.Confidence) && holds(o.cause.Confidence) {
		best.messages = r.messages || o.messages || r.cause.Message != o.cause.Message
		best.remedies = r.remedies || o.remedies || r.cause.Remedy != o.cause.Remedy
	}
	return best
}

// holds says whether a cause of that confidence makes a host sick: it is shown,
// and not over.
func holds(c probes.Confidence) bool { return strength(c) >= strength(probes.Likely) }
