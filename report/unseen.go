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
	boot   []string            // settings whose value of the next boot it hides
	named  int                 // facts in all
	more   bool                // there are more than are named
	hosts  int
	first  string // the first host
	last   int    // number of the host counted last
}

// add notes what host number n does not show and no row of LIMITS says: told is
// whether one does.
func (u *unseen) add(h *Host, n int, told func(*probes.Check, *probes.Standing) bool) {
	for i := range h.Checks {
		c := &h.Checks[i]
		for _, s := range c.NotSeen {
			setting := s.BootSetting()
			if setting != "" && slices.ContainsFunc(c.Horizons, func(row probes.Standing) bool {
				return row.Setting == setting && row.Boot.Unknown == s.Why && told(c, &row)
			}) {
				continue
			}
			if w := u.of(s.Why, h.Name, n); w != nil {
				w.name(c.Probe, s)
			}
		}
	}
}

// of is the collection of one reason, nil if there are too many.
func (u *unseen) of(why, host string, n int) *unseenWhy {
	key := squashDigits(why)
	w := u.byWhy[key]
	if w == nil {
		if len(u.list) == maxUnseen {
			u.lost++
			return nil
		}
		if u.byWhy == nil {
			u.byWhy = map[string]*unseenWhy{}
		}
		w = &unseenWhy{why: why, first: host, last: -1, facts: map[string][]string{}}
		u.byWhy[key] = w
		u.list = append(u.list, w)
	}
	if w.last != n {
		w.last = n
		w.hosts++
	}
	return w
}

func (w *unseenWhy) name(probe string, s probes.NotSeen) {
	list, fact := w.facts[probe], factName(s.Fact)
	setting := s.BootSetting()
	if setting != "" {
		list, fact = w.boot, setting
	}
	switch {
	case slices.Contains(list, fact):
		return
	case w.named == maxUnseenFacts:
		w.more = true
		return
	}
	w.named++
	if setting != "" {
		w.boot = append(w.boot, fact)
		return
	}
	if len(list) == 0 {
		w.probes = append(w.probes, probe)
	}
	w.facts[probe] = append(list, fact)
}

// text names the facts: "flink cwd, stdout; maps counts not visible". A limit
// of the next boot has a name of its own: "nofile, as after a reboot not known".
func (w *unseenWhy) text() string {
	var parts []string
	for _, p := range w.probes {
		parts = append(parts, strings.TrimSpace(p+" "+strings.Join(w.facts[p], ", ")))
	}
	verb := " not visible"
	if w.boot != nil {
		parts = append(parts, strings.Join(w.boot, ", ")+" after a reboot")
		verb = " not known"
	}
	text := strings.Join(parts, "; ")
	if w.more {
		text += " and more"
	}
	return text + verb
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

// sorted are the reasons, those of most hosts first; of one number those that
// hide what will hold after a reboot.
func (u *unseen) sorted() []*unseenWhy {
	slices.SortStableFunc(u.list, func(a, b *unseenWhy) int {
		return cmp.Or(cmp.Compare(b.hosts, a.hosts), cmp.Compare(min(len(b.boot), 1), min(len(a.boot), 1)), cmp.Compare(a.why, b.why))
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
