package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// horizonWords say what a horizon is: a person who reads them at night looks
// nothing up.
var horizonWords = map[probes.Horizon]string{
	probes.Running: "the process as it runs", probes.Live: "a start now", probes.Boot: "a start after the next boot",
}

// limitsTitle says what the three columns are.
func limitsTitle() string {
	words := make([]string, len(probes.Horizons))
	for i, h := range probes.Horizons {
		words[i] = horizonWords[h]
	}
	return strings.Join(words, ", ")
}

// At is the fleet as if only one horizon had been asked for; "" is all.
func (f Fleet) At(h probes.Horizon) Fleet {
	if h == "" {
		return f
	}
	return Fleet{Findings: slices.DeleteFunc(slices.Clone(f.Findings), func(one probes.Finding) bool { return one.Horizon != h })}
}

// printHorizon says above all else that only one horizon was asked for.
func (t *table) printHorizon() {
	h := t.run.Horizon
	if h == "" {
		return
	}
	t.paragraph("", "Judged at the horizon "+Escape(string(h))+" alone: "+cmp.Or(horizonWords[h], "no horizon that is known")+".")
	t.out.WriteByte('\n')
}

// reassurance is what may be said of a fleet on which all that was asked for
// is ok: no more than that.
func (t *table) reassurance() string {
	of := ""
	if names := t.limited(); t.o.Probes != nil && len(names) > 0 {
		of = " of " + strings.Join(names, ", ")
	}
	switch t.run.Horizon {
	case "":
		return "Nothing was found that keeps RocksDB from working."
	case probes.Running:
		return "Every limit" + of + " is as it should be for the processes that run."
	case probes.Live:
		return "Every limit" + of + " is as it should be for a start now."
	case probes.Boot:
		return "Every limit" + of + " will hold after the next boot."
	}
	return "Nothing was found at that horizon."
}

// limited are the probes that were asked for and judge a limit.
func (t *table) limited() (names []string) {
	for _, name := range t.o.Probes {
		if p := probes.ByName(name); p != nil && p.Setting != nil {
			names = append(names, name)
		}
	}
	return names
}
