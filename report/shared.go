package report

import (
	"cmp"
	"slices"

	"github.com/tmdoctor/tmdoctor/probes"
)

// maxTraits is how many traits of one cause are told.
const maxTraits = 100

// Trait is something that hosts with a cause have in common and others have
// not; of a cause of one host, what it alone has. It is no cause: the two came
// together, and that is all.
type Trait struct {
	Trait string `json:"trait"` // kernel, limit nofile, a setting of Flink
	Value string `json:"value"`
	// Hosts of the Known ones with the cause have it; of others OthersKnown
	// tell, and Others of these have it too.
	Hosts       int `json:"hosts"`
	Known       int `json:"known"`
	Others      int `json:"others"`
	OthersKnown int `json:"others_known"`
	// Instead is what nine tenths of the others have, "" if there is no such
	// value.
	Instead string `json:"instead"`

	kind int `json:"-"` // its place among kins
}

// notSet is the value of a setting that is in no file.
const notSet = "(not set)"

// causeIndex is the place of a cause among those that there are, -1 if it is
// none of them.
func causeIndex(name string) int {
	return slices.IndexFunc(probes.CauseDocs, func(d probes.CauseDoc) bool { return d.Name == name })
}

// traits are what hosts with a cause have and others have not, what tells them
// apart best first; others is how many others there are, and cut names what
// could not be compared.
func (s *sharing) traits(name string) (traits []Trait, others int, cut []string) {
	traits, cut = []Trait{}, []string{}
	cause := causeIndex(name)
	if cause < 0 {
		return traits, 0, cut
	}
	sick, others := s.reached.of(cause)
	if !enoughHosts(sick, others) {
		return traits, others, cut
	}
	probe := probes.CauseDocs[cause].Probe
	for kind := range s.kinds {
		k := &s.kinds[kind]
		if k.cut {
			cut = append(cut, kindNames[kind])
		}
		for key, c := range k.keys {
			if key.probe != "" && key.probe != probe {
				continue
			}
			if c.cut {
				cut = append(cut, traitText(key.key))
				continue
			}
			if kins[kind].whole {
				c = c.withAbsent(&k.told)
			}
			q := question{cause: cause, sick: sick, others: others, kind: kind, key: key.key}
			traits = append(traits, q.apart(c)...)
		}
	}
	slices.Sort(cut)
	order := func(kind int) int {
		if slices.Contains(kins[kind].first, probe) {
			return kind - kinds
		}
		return kind
	}
	slices.SortFunc(traits, func(a, b Trait) int {
		return cmp.Or(
			cmp.Compare(b.apart(), a.apart()),
			cmp.Compare(b.Known+b.OthersKnown, a.Known+a.OthersKnown),
			cmp.Compare(order(a.kind), order(b.kind)),
			cmp.Compare(a.Trait, b.Trait), cmp.Compare(a.Value, b.Value))
	})
	return traits[:min(len(traits), maxTraits)], others, cut
}

// apart is how well a trait tells hosts with the cause from the others, 1 at
// best.
func (t *Trait) apart() float64 {
	return float64(t.Hosts)/float64(t.Known) - float64(t.Others)/float64(t.OthersKnown)
}

// withAbsent is a trait with the hosts that are known not to have it, as a
// value of its own.
func (c *traitCount) withAbsent(told *census) *traitCount {
	if told.all == c.known.all {
		return c
	}
	whole := traitCount{known: *told, values: map[string]*census{}}
	absent := census{all: told.all - c.known.all, by: slices.Clone(told.by)}
	for i := range c.known.by {
		absent.by[i].sick -= c.known.by[i].sick
		absent.by[i].left -= c.known.by[i].left
	}
	for value, of := range c.values {
		whole.values[value] = of
	}
	whole.values[notSet] = &absent
	return &whole
}

// How many hosts there must be for what they share to be more than chance: a
// few others, or together so many that few of the one side are made up for by
// many of the other.
const (
	fewOthers = 4
	fewPairs  = 12
)

// enoughHosts reports whether so many sick hosts and so many others are enough
// to tell what the ones have and the others have not. In a fleet of three
// nearly everything is so.
func enoughHosts(sick, others int) bool {
	return sick > 0 && (others >= fewOthers || sick > 1 && sick*others >= fewPairs)
}

// question asks in what of one trait hosts with a cause differ from the others.
type question struct {
	cause, sick, others int
	kind                int
	key                 string
}

// apart are the values that at least nine tenths of the sick have and at most
// one tenth of the others. A trait that too few hosts tell is left out: four
// fifths of the sick have to, and half of the others.
func (q *question) apart(c *traitCount) (traits []Trait) {
	sick, others := c.known.of(q.cause)
	if sick*5 < q.sick*4 || others*2 < q.others || !enoughHosts(sick, others) {
		return nil
	}
	instead, most := "", 0
	for value, of := range c.values {
		s, n := of.of(q.cause) // hosts may have several: one that the sick have too is not in place of theirs
		if n*10 >= others*9 && s*10 <= sick && (n > most || n == most && value < instead) {
			instead, most = value, n
		}
	}
	if q.sick == 1 && most < fewOthers {
		return nil // nobody knows what would be usual
	}
	for value, of := range c.values {
		s, o := of.of(q.cause)
		if s == 0 || s*10 < sick*9 || o*10 > others || q.sick == 1 && o > 0 {
			continue
		}
		traits = append(traits, Trait{
			Trait: traitText(q.key), Value: traitText(value), Hosts: s, Known: sick, Others: o, OthersKnown: others,
			Instead: traitText(instead), kind: q.kind,
		})
	}
	return traits
}
