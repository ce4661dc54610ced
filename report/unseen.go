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
	why   string
	facts []string // "maps counts", without pids
	more  bool     // more facts than are named
	hosts int
	first string // the first host
	last  int    // number of the host counted last
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
		w = &unseenWhy{why: s.Why, first: host, last: -1}
		u.byWhy[key] = w
		u.list = append(u.list, w)
	}
	if w.last != n {
		w.last = n
		w.hosts++
	}
	fact := factName(probe, s.Fact)
	if slices.Contains(w.facts, fact) {
		return
	}
	if len(w.facts) == maxUnseenFacts {
		w.more = true
		return
	}
	w.facts = append(w.facts, fact)
}

// factName is a fact without the pids and places in a list that its path has:
// counts.4711 of maps is "maps counts".
func factName(probe, path string) string {
	words := []string{probe}
	for part := range strings.SplitSeq(path, ".") {
		if strings.Trim(part, "0123456789") != "" {
			words = append(words, part)
		}
	}
	return strings.Join(words, " ")
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
