package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// maxUnseen bounds how many reasons are kept apart, and maxUnseenFacts how
// many facts are named for one.
const (
	maxUnseen      = 200
	maxUnseenFacts = 6
)

// unseen collects what could not be read, by reason: one reason (no sudo)
// usually hides many facts on many hosts.
type unseen struct {
	byWhy map[string]*unseenWhy
	list  []*unseenWhy
	lost  int
}

type unseenWhy struct {
	why    string
	probes []string            // in the order they came
	facts  map[string][]string // by probe, without pids
	named  int                 // facts in all
	more   bool                // there are more than are named
	hosts  int
	first  string // the first host
	last   int    // number of the host counted last
}

// add notes what host number n does not show.
func (u *unseen) add(h *Host, n int) {
	for i := range h.Checks {
		c := &h.Checks[i]
		for _, s := range c.NotSeen {
			u.put(c.Probe, s, h.Name, n)
		}
	}
}

func (u *unseen) put(probe string, s probes.NotSeen, host string, n int) {
	key := squashDigits(s.Why)
	w := u.byWhy[key]
	if w == nil {
		if len(u.list) == maxUnseen {
			u.lost++
			return
		}
		if u.byWhy == nil {
			u.byWhy = map[string]*unseenWhy{}
		}
		w = &unseenWhy{why: s.Why, first: host, last: -1, facts: map[string][]string{}}
		u.byWhy[key] = w
		u.list = append(u.list, w)
	}
	if w.last != n {
		w.last = n
		w.hosts++
	}
	w.name(probe, factName(s.Fact))
}

func (w *unseenWhy) name(probe, fact string) {
	if slices.Contains(w.facts[probe], fact) {
		return
	}
	if w.named == maxUnseenFacts {
		w.more = true
		return
	}
	w.named++
	if len(w.facts[probe]) == 0 {
		w.probes = append(w.probes, probe)
	}
	w.facts[probe] = append(w.facts[probe], fact)
}

// text names the facts: "flink cwd, stdout; maps counts".
func (w *unseenWhy) text() string {
	var parts []string
	for _, p := range w.probes {
		parts = append(parts, strings.TrimSpace(p+" "+strings.Join(w.facts[p], ", ")))
	}
	text := strings.Join(parts, "; ")
	if w.more {
		text += " and more"
	}
	return text
}

// factName is a fact without the pids and places in a list that its path has:
// counts.4711 is "counts". The list of TaskManagers goes without saying.
func factName(path string) string {
	var words []string
	for part := range strings.SplitSeq(path, ".") {
		if strings.Trim(part, "0123456789") != "" && part != "taskmanagers" {
			words = append(words, part)
		}
	}
	return strings.Join(words, ".")
}

// sorted are the reasons, those of most hosts first.
func (u *unseen) sorted() []*unseenWhy {
	slices.SortStableFunc(u.list, func(a, b *unseenWhy) int {
		return cmp.Or(cmp.Compare(b.hosts, a.hosts), cmp.Compare(a.why, b.why))
	})
	return u.list
}

// needsSudo says whether a reason is one that --sudo mends.
func needsSudo(why string) bool {
	why = strings.ToLower(why)
	for _, word := range []string{"permission", "not permitted", "sudo", "only root", "own user"} {
		if strings.Contains(why, word) {
			return true
		}
	}
	return false
}
