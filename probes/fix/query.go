package fix

import (
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

func newQuery() *asked {
	return &asked{Query: Query{Paths: []string{}, Sysctls: []string{}, Users: []string{}, PIDs: []int{}, Units: []string{}}}
}

// asked is a query that is put together.
type asked struct{ Query }

// add asks for what a plan for a setting needs, if it is low.
func (q *asked) add(f *probes.Facts, p *probes.Proposal, o Options) {
	unseen := p.AtLeast > 0 && !p.Live.Known && !p.Boot.Known
	if !p.LiveShort && !p.BootShort && !unseen {
		return
	}
	switch p.Kind {
	case probes.ProposeHost:
		q.Sysctls = append(q.Sysctls, p.Setting)
		q.place(f, sysctlPlace)
	case probes.ProposeUser:
		q.user(p.User)
		q.place(f, limitsPlace)
	case probes.ProposeUnit:
		if !plainUnit(p.Unit) {
			return
		}
		q.Units = append(q.Units, p.Unit)
		q.place(f, unitPlace(p.Unit))
		if p.Setting == "nofile" && p.User != "" {
			q.user(p.User)
			q.place(f, limitsPlace)
		}
	case probes.ProposeProcess:
		if o.Running {
			q.PIDs = append(q.PIDs, p.PIDs...)
		}
		if o.RestartUnit && plainUnit(p.Unit) {
			q.Units = append(q.Units, p.Unit)
		}
	}
}

func (q *asked) path(p string) { q.Paths = append(q.Paths, p) }

func (q *asked) user(name string) {
	if plainName(name) == "" {
		q.Users = append(q.Users, name)
	}
}

// place asks for all files that may be written there, and for the links that
// lead to them.
func (q *asked) place(f *probes.Facts, w place) {
	if w.main != "" {
		q.path(w.main)
	}
	q.Paths = append(q.Paths, w.dropIns(f)...)
	for _, file := range f.Files {
		linked := file.Target != "" && w.beside(file.Path) && strings.HasSuffix(file.Path, ".conf")
		ours := w.main == limitsPlace.main && w.has(file.Path) && strings.HasSuffix(file.Path, ".conf")
		if (linked || ours) && file.Kind != probes.FileAbsent {
			q.path(file.Path)
		}
	}
}

// limits reports whether a limits file may be changed.
func (q *asked) limits(f *probes.Facts) bool {
	return slices.Contains(q.Paths, limitsPlace.main) || len(vmemPaths(f)) > 0 && slices.Contains(q.Paths, vmemPaths(f)[0])
}

// usersOf asks for a session of each user of a TaskManager: a change of a
// limits file may keep any of them out.
func (q *asked) usersOf(f *probes.Facts) {
	for _, p := range probes.Proposals(f, nil) {
		if p.Kind == probes.ProposeUser {
			q.user(p.User)
		}
	}
}

// sorted is the query in an order that does not depend on that of the facts.
func (q *asked) sorted() Query {
	for _, list := range []*[]string{&q.Paths, &q.Sysctls, &q.Users, &q.Units} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	slices.Sort(q.PIDs)
	q.PIDs = slices.Compact(q.PIDs)
	return q.Query
}
