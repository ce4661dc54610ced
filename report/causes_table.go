package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// How much is said of what hosts with a cause have in common.
const (
	maxTraitLines = 3
	maxLineTraits = 4
)

// printCauses prints why, the most probable cause first.
func (t *table) printCauses(s Summary) {
	t.section("CAUSES", t.causeItems(s), maxCauses, "causes")
}

// causeItems are the causes: on which hosts, how well shown, since when, where
// to mend it, and what they have in common.
func (t *table) causeItems(s Summary) (items []item) {
	for i := range s.Causes {
		c := &s.Causes[i]
		if c.Confidence == probes.History && !t.o.All {
			continue
		}
		if s.Fail+s.Warn+s.Unknown == 0 && !t.o.All {
			continue // a fact that could explain a failure, and no failure
		}
		r := t.why.best[c.Cause]
		message := r.cause.Message
		if r.messages && c.Shown.Hosts > 1 {
			message = r.host + ": " + message // its numbers are of one host
		}
		it := item{
			label: string(c.Confidence), hosts: hostsText(c.Names, c.Hosts),
			text: strings.TrimSpace(Escape(message) + " [" + Escape(c.Cause) + "]"),
		}
		switch c.Confidence {
		case probes.Proven, probes.Likely:
			it.status = probes.Fail
			if c.Shown.Hosts > 0 { // none: a report from before they were told apart
				it.hosts = hostsText(c.Shown.Names, c.Shown.Hosts)
			}
			it.notes = t.causeNotes(c, s)
			if e := r.evidence(); e != "" && (t.o.All || t.o.Wide) {
				it.notes = append(it.notes, e)
			}
			if r.cause.Remedy != "" {
				it.remedy = t.o.signs().arrow + " " + r.remedy(c.Shown.Hosts)
			}
		case probes.Possible:
			it.status = probes.Warn
		}
		items = append(items, it)
	}
	return items
}

// evidence is the best evidence, with its host.
func (r *reason) evidence() string {
	if len(r.cause.Evidence) == 0 {
		return ""
	}
	e := &r.cause.Evidence[0]
	return Escape(r.host + " " + cmp.Or(e.Source, r.cause.Subject) + ": " + e.Text)
}

// remedy is what to do, and on which of several hosts where it is not the same
// on all.
func (r *reason) remedy(hosts int) string {
	if r.remedies && hosts > 1 {
		return Escape(r.host + ": " + r.cause.Remedy)
	}
	return Escape(r.cause.Remedy)
}

// causeNotes are the lines below a cause that only several hosts together tell.
func (t *table) causeNotes(c *CauseSummary, s Summary) (notes []string) {
	if line := c.spread(s); line != "" {
		notes = append(notes, line)
	}
	if c.Place != nil {
		notes = append(notes, c.placeText())
	}
	notes = append(notes, c.traitLines()...)
	if len(c.NotCompared) > 0 && t.o.All {
		notes = append(notes, "not compared, since too many values differ: "+Escape(strings.Join(c.NotCompared, ", ")))
	}
	return notes
}

// spread says how well a cause is shown on how many hosts, and since when.
func (c *CauseSummary) spread(s Summary) string {
	var parts []string
	if c.Shown.Hosts > 1 {
		var how []string
		for _, one := range []struct {
			set  HostSet
			word probes.Confidence
		}{{c.Proven, probes.Proven}, {c.Likely, probes.Likely}} {
			if one.set.Hosts > 0 {
				how = append(how, fmt.Sprintf("%s on %d", one.word, one.set.Hosts))
			}
		}
		text := strings.Join(how, " and ")
		if c.Fail == c.Shown.Hosts {
			of := " of"
			if len(how) > 1 { // the number is not that of the second alone
				of = ", of"
			}
			text += fmt.Sprintf("%s %d failing hosts", of, s.Fail)
		}
		parts = append(parts, text)
		if c.Since != nil {
			parts = append(parts, "first seen "+c.Since.UTC().Format("2006-01-02 15:04")+" UTC")
		}
	}
	if c.Shown.Hosts > 0 && c.Possible.Hosts > 0 {
		parts = append(parts, "possible on "+hostsText(c.Possible.Names, c.Possible.Hosts))
	}
	if c.Shown.Hosts > 0 && c.History.Hosts > 0 {
		parts = append(parts, "over on "+hostsText(c.History.Names, c.History.Hosts))
	}
	return strings.Join(parts, "; ")
}

// placeText says where to mend hosts at once. The day of the last change comes
// before the place, which may be too long for a narrow terminal.
func (c *CauseSummary) placeText() string {
	p := c.Place
	what, file := "one unit file", p.Source
	if i := strings.LastIndexByte(p.Source, ':'); p.Setting != "" && i >= 0 {
		what, file = "one line sets "+p.Setting, p.Source[:i]
	}
	text := fmt.Sprintf("%s on %d of %d", what, p.Hosts, c.Shown.Hosts)
	switch {
	case p.LastChanged == "":
	case p.FirstChanged == p.LastChanged:
		text += ", last changed " + p.LastChanged
	default:
		text += ", last changed from " + p.FirstChanged + " to " + p.LastChanged
	}
	for i := range c.Traits {
		if t := &c.Traits[i]; t.Trait == lastChange+file && t.Instead != "" {
			text += " (others: " + t.Instead + ")"
		}
	}
	return Escape(text + ": " + p.Source)
}

// traitLines are what hosts have in common, those that equally many have on one
// line. What the place says is not said again.
func (c *CauseSummary) traitLines() (lines []string) {
	type group struct {
		counts [4]int
		texts  []string
		more   int
	}
	var groups []group
	for i := range c.Traits {
		t := &c.Traits[i]
		if c.Place != nil && (strings.HasSuffix(t.Trait, setAt) || strings.HasPrefix(t.Trait, lastChange) || strings.HasPrefix(t.Trait, unitFile)) {
			continue
		}
		counts := [4]int{t.Hosts, t.Known, t.Others, t.OthersKnown}
		if n := len(groups); n == 0 || groups[n-1].counts != counts {
			if n == maxTraitLines || n == 1 && c.Shown.Hosts == 1 {
				break
			}
			groups = append(groups, group{counts: counts})
		}
		g := &groups[len(groups)-1]
		if len(g.texts) == maxLineTraits {
			g.more++
			continue
		}
		text := t.Trait + " " + t.Value
		if t.Instead != "" {
			text += " (others: " + t.Instead + ")"
		}
		g.texts = append(g.texts, Escape(text))
	}
	for _, g := range groups {
		text := strings.Join(g.texts, ", ")
		if g.more > 0 {
			text += fmt.Sprintf(" and %d more", g.more)
		}
		if c.Shown.Hosts == 1 {
			lines = append(lines, fmt.Sprintf("only this one of %d compared: %s", g.counts[3]+1, text))
			continue
		}
		lines = append(lines, fmt.Sprintf("shared by %d of %d, and by %d of %d without it: %s", g.counts[0], g.counts[1], g.counts[2], g.counts[3], text))
	}
	return lines
}
