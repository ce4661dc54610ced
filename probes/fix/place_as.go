package fix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// maxFreed bounds how many lines are freed for one user: behind the one that
// limits, another may.
const maxFreed = 32

// freeUser makes the lines that limit the address space of a user's sessions
// unlimited, each in its place. It adds none: without a line there is no limit.
func (m *maker) freeUser(p *probes.Proposal, i int) {
	before := m.d.clone()
	var changed []string
	for range maxFreed {
		q, ok := again(unmeasured(m.d.facts, p.User), m.policy, p, i)
		if !ok || !q.Boot.Known {
			m.d = before
			m.refuse(p, "what a start after the next boot gets is not known: "+q.Boot.Why, limitByHand(p, probes.Unlimited))
			return
		}
		if q.Boot.Pair.Soft >= p.AtLeast {
			m.opened(p, i)
			m.touch(p)
			return
		}
		at := limiting(q)
		if len(at) == 0 {
			m.d = before
			m.refuse(p, "no line of the limits files limits it: "+q.Boot.Source+" does", "remove the limit there")
			return
		}
		for _, place := range at {
			why, managed := m.free(p, place)
			if slices.Contains(changed, place.String()) {
				why = place.String() + " limits it still"
			}
			if why != "" {
				m.d = before
				m.refuse(p, why, insteadFree(managed, place))
				return
			}
			changed = append(changed, place.String())
		}
	}
	m.d = before
	m.refuse(p, fmt.Sprintf("more than %d lines limit it", maxFreed), limitByHand(p, probes.Unlimited))
}

// limiting are the lines that give the user a finite limit.
func limiting(q *probes.Proposal) (at []conf.Place) {
	for _, b := range []conf.Bound{q.Item.Soft, q.Item.Hard} {
		if b.Known && b.At.Line > 0 && b.Value != conf.RlimitInfinity && !slices.Contains(at, b.At) {
			at = append(at, b.At)
		}
	}
	return at
}

// free makes a line unlimited.
func (m *maker) free(p *probes.Proposal, at conf.Place) (why, managed string) {
	t, why, managed := m.open(at.File, limitsPlace)
	if why != "" {
		return why, managed
	}
	text, err := conf.FreeLimit(m.d.content(t.path, t.state), p.Setting, at.Line)
	if err != nil {
		return fmt.Sprintf("%s cannot be changed: %v", at, err), ""
	}
	m.d.write(t, p.Setting, text, m.s)
	m.d.because(p.Setting, fmt.Sprintf("%s limits %s of %s", at, p.Setting, p.Subject))
	return "", ""
}

func insteadFree(managed string, at conf.Place) string {
	if managed == "" {
		return "remove the line at " + at.String() + " while a root session stays open"
	}
	return fmt.Sprintf("remove the line at %s in the configuration of %s; or --force-managed, which the tool may undo", at, managed)
}

// vmemLine is a line with the item vmem, which does not exist.
type vmemLine struct {
	at   conf.Place
	text string
}

// vmemLines are the lines that were meant for the address space.
func vmemLines(f *probes.Facts) (lines []vmemLine) {
	for _, finding := range probes.Evaluate(f, nil).Findings {
		if finding.Code != "address-space/vmem-line" {
			continue
		}
		if at, _, ok := conf.ParsePlace(finding.Source + ":"); ok {
			lines = append(lines, vmemLine{at, finding.Observed})
		}
	}
	return lines
}

func vmemPaths(f *probes.Facts) (paths []string) {
	for _, l := range vmemLines(f) {
		if !slices.Contains(paths, l.at.File) {
			paths = append(paths, l.at.File)
		}
	}
	return paths
}

// vmem gives lines with the item vmem the item that was meant.
func (m *maker) vmem() {
	for _, l := range vmemLines(m.d.facts) {
		if why, managed := m.rename(l); why != "" {
			m.plan.Refused = append(m.plan.Refused, Refusal{Setting: "as", Subject: l.at.String(), Reason: why, Instead: insteadFree(managed, l.at)})
		}
	}
}

// rename makes the item of a line as, unless that would take anything away.
func (m *maker) rename(l vmemLine) (why, managed string) {
	if m.stop != "" {
		return m.stop, ""
	}
	for _, user := range m.users() {
		if why := m.untried(user); why != "" {
			return why, ""
		}
	}
	t, why, managed := m.open(l.at.File, limitsPlace)
	if why != "" {
		return why, managed
	}
	text, err := conf.RenameLimit(m.d.content(t.path, t.state), "vmem", "as", l.at.Line)
	if err != nil {
		return strings.TrimSpace(err.Error()), ""
	}
	if twin := twinOf(text, l.at.Line); twin > 0 {
		m.note(fmt.Sprintf("%s has the item vmem, which does not exist, and line %d says the same with as: it stays as it is", l.at, twin))
		return "", ""
	}
	m.d.write(t, "as", text, m.s)
	m.d.because("as", fmt.Sprintf("%s has the item vmem, which does not exist; as is meant", l.at))
	for _, p := range probes.Proposals(m.d.facts, m.policy) {
		if p.Setting == "as" && p.Kind == probes.ProposeUser {
			m.kept = append(m.kept, [2]string{p.Setting, p.Subject})
		}
	}
	return "", ""
}

// twinOf is another line of a limits file with the same four words as line n, 0
// for none.
func twinOf(text string, n int) int {
	lines := strings.Split(text, "\n")
	words := func(i int) []string {
		body, _, _ := strings.Cut(lines[i], "#")
		return strings.Fields(body)
	}
	for i := range lines {
		if i != n-1 && slices.Equal(words(i), words(n-1)) {
			return i + 1
		}
	}
	return 0
}

// users are those whose sessions start TaskManagers.
func (m *maker) users() (names []string) {
	for _, p := range probes.Proposals(m.d.facts, m.policy) {
		if p.Kind == probes.ProposeUser && !slices.Contains(names, p.User) {
			names = append(names, p.User)
		}
	}
	return names
}
