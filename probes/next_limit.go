package probes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// nextLimit is what a start gets of one item, or why that is not known.
type nextLimit struct {
	pair   LimitPair
	known  bool
	why    string
	source string
	// at and softAt are the lines that decide the hard and the soft limit, ""
	// if none does.
	at, softAt string
	// item is the way to it through the files, where there is one.
	item conf.ItemLimits
	// refused says why no session is opened at all, and by which line.
	refused, refusedAt string
}

func unknownNext(why string) nextLimit { return nextLimit{why: cmp.Or(why, notCollected)} }

// value is the limit as it is shown.
func (n nextLimit) value() HorizonValue {
	if !n.known {
		return HorizonValue{Source: n.source, Unknown: n.why}
	}
	return HorizonValue{Value: n.pair.show(), Source: n.source}
}

// show is SOFT:HARD, or one number where both are the same.
func (p LimitPair) show() string {
	if p.Soft == p.Hard {
		return p.Hard.String()
	}
	return p.Soft.String() + ":" + p.Hard.String()
}

// limitFrom is a resolved limit as the facts hold limits.
func limitFrom(v conf.Rlimit) Limit {
	if uint64(v) > uint64(Unlimited) {
		return Unlimited
	}
	return Limit(v)
}

func pairOf(l conf.ItemLimits) LimitPair {
	return LimitPair{Soft: limitFrom(l.Soft.Value), Hard: limitFrom(l.Hard.Value)}
}

// limitOf is a resolved item with the places that decided.
func limitOf(l conf.ItemLimits) nextLimit {
	n := nextLimit{item: l}
	for _, b := range []conf.Bound{l.Soft, l.Hard} {
		if !b.Known {
			n.why = cmp.Or(b.Why, "no file tells")
			n.source = b.At.String()
			return n
		}
	}
	n.pair, n.known = pairOf(l), true
	if l.Hard.At.File != "" {
		n.at = l.Hard.At.String()
	}
	if l.Soft.At.File != "" {
		n.softAt = l.Soft.At.String()
	}
	sources := []string{boundSource(l.Hard)}
	if soft := boundSource(l.Soft); soft != sources[0] {
		sources = slices.Insert(sources, 0, soft)
	}
	n.source = strings.Join(sources, ", ")
	return n
}

// boundSource is where a bound comes from: its line, or in words.
func boundSource(b conf.Bound) string {
	switch {
	case b.At.File != "":
		return b.At.String()
	case b.From == conf.FromStart:
		return "what the session begins with"
	}
	return b.From
}
