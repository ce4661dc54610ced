package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Select is the hosts that the patterns choose, in the order of the
// inventory, each once.
//
// A pattern is a name, a name with ranges (tm[001-040]), a glob with * and ?
// (ranges allowed in it), or ! before one of these, which takes hosts away
// wherever it stands. It is matched against the names of hosts and of groups
// alike: where a host and a group share a name, it chooses the host and all
// hosts of the group. A range needs to match at least one name, not all.
// Commas part patterns as spaces do. No pattern, or only exclusions, begins
// with all hosts.
//
// Where the operator named no inventory (see [Loader.Find]), a pattern that
// matches nothing and names hosts ([user@]host[:port], ranges too) is those
// hosts; they follow the others. Else a pattern without a match is a
// [NoMatchError], an exclusion as well: a slip there would touch a host that
// was to be left alone.
func (inv *Inventory) Select(patterns []string) ([]Host, error) {
	s := selection{inv: inv, in: make([]bool, len(inv.Hosts)), extraIndex: map[string]int{}}
	var words, exclude []string
	for _, p := range patterns {
		pieces := splitWords(p)
		if len(pieces) == 0 {
			return nil, &Error{Msg: "a pattern is empty", Hint: "name a host, a group or a glob such as 'tm0*'"}
		}
		for _, w := range pieces {
			if rest, ok := strings.CutPrefix(w.text, "!"); ok {
				exclude = append(exclude, rest)
			} else {
				words = append(words, w.text)
			}
		}
	}
	if len(inv.Hosts) == 0 && len(words) == 0 {
		return nil, &NoInventoryError{Looked: inv.looked}
	}
	for i := range s.in {
		s.in[i] = len(words) == 0
	}
	for _, w := range words {
		if err := s.include(w); err != nil {
			return nil, err
		}
	}
	for _, w := range exclude {
		if err := s.exclude(w); err != nil {
			return nil, err
		}
	}
	out := s.hosts()
	if len(out) == 0 {
		return nil, &NoMatchError{Pattern: strings.Join(patterns, " ")}
	}
	return out, nil
}

// selection is the hosts chosen so far.
type selection struct {
	inv        *Inventory
	in         []bool // by the place in inv.Hosts
	extra      []Host // from the command line
	extraIndex map[string]int
	dropped    map[string]bool // names in extra that were excluded
}

func (s *selection) include(text string) error {
	p, err := parsePattern(text)
	if err != nil {
		// user@host:port is no name; it can only be a host of its own.
		if !strings.ContainsAny(text, "@:") {
			return err
		}
		if _, f := parseWord(text); f != nil {
			return patternError(text, f)
		}
	}
	if err == nil && s.mark(p, true) {
		return nil
	}
	switch {
	case s.inv.open && p.glob == nil:
		return s.addExtra(text)
	case len(s.inv.Hosts) == 0:
		return &NoInventoryError{Looked: s.inv.looked}
	}
	return s.noMatch(text, text)
}

func (s *selection) exclude(text string) error {
	p, err := parsePattern(text)
	if err != nil {
		return err
	}
	found := s.mark(p, false)
	for _, h := range s.extra {
		if p.matches(h.Name) {
			if s.dropped == nil {
				s.dropped = map[string]bool{}
			}
			s.dropped[h.Name] = true
			found = true
		}
	}
	if !found {
		return s.noMatch("!"+text, text)
	}
	return nil
}

// mark sets the hosts that p matches and says whether there are any.
func (s *selection) mark(p pattern, value bool) bool {
	found := false
	host := func(i int) { s.in[i], found = value, true }
	if p.glob == nil {
		for _, name := range p.names {
			if i, ok := s.inv.index[name]; ok {
				host(i)
			}
			for _, i := range s.inv.groups[name] {
				host(i)
			}
		}
		return found
	}
	for i := range s.inv.Hosts {
		if p.glob.MatchString(s.inv.Hosts[i].Name) {
			host(i)
		}
	}
	for g, places := range s.inv.groups {
		if p.glob.MatchString(g) {
			for _, i := range places {
				host(i)
			}
		}
	}
	return found
}

// addExtra makes the hosts that a word of the command line names.
func (s *selection) addExtra(text string) error {
	w, f := parseWord(text)
	if f != nil {
		return patternError(text, f)
	}
	for _, name := range w.hosts.names() {
		if i, ok := s.inv.index[name]; ok {
			return &Error{Msg: fmt.Sprintf("pattern %q: host %q is in the inventory (%s)", text, name, s.inv.Hosts[i].Source),
				Hint: fmt.Sprintf("select it by its name, %q; user and port are set in the inventory", name)}
		}
		e := entry{name: name, set: w.settings(position{})}
		h := e.host()
		h.Source = "command line"
		if i, ok := s.extraIndex[name]; ok {
			if old := s.extra[i]; old.String() != h.String() {
				return &Error{Msg: fmt.Sprintf("host %q is given as %q and as %q", name, old, h), Hint: "keep one of the two"}
			}
			continue
		}
		if len(s.extra) == MaxHosts {
			return patternError(text, tooMany(text))
		}
		s.extraIndex[name] = len(s.extra)
		s.extra = append(s.extra, h)
	}
	return nil
}

// hosts are the chosen hosts in order.
func (s *selection) hosts() []Host {
	var out []Host
	for i, in := range s.in {
		if in {
			out = append(out, s.inv.Hosts[i])
		}
	}
	for _, h := range s.extra {
		if !s.dropped[h.Name] {
			out = append(out, h)
		}
	}
	return out
}

// noMatch is the error of a pattern, with the closest name.
func (s *selection) noMatch(shown, text string) error {
	e := &NoMatchError{Pattern: shown}
	if !strings.ContainsAny(text, "*?[") {
		names := append(s.inv.HostNames(), s.inv.GroupNames()...)
		for _, h := range s.extra {
			names = append(names, h.Name)
		}
		e.Nearest = nearest(text, names)
		if w, f := parseWord(text); f == nil && w.hosts.lits[0] != text && slices.Contains(names, w.hosts.lits[0]) {
			e.Nearest = w.hosts.lits[0] // named with a user or a port
		}
	}
	return e
}

// pattern is names, or a glob.
type pattern struct {
	names []string
	glob  *regexp.Regexp
}

func (p pattern) matches(name string) bool {
	if p.glob != nil {
		return p.glob.MatchString(name)
	}
	return slices.Contains(p.names, name)
}

// parsePattern reads a pattern without its "!".
func parsePattern(text string) (pattern, error) {
	e, f := parseExpr(text, "*?")
	if f != nil {
		return pattern{}, patternError(text, f)
	}
	if !strings.ContainsAny(text, "*?") {
		return pattern{names: e.names()}, nil
	}
	return pattern{glob: e.glob()}, nil
}

func patternError(text string, f *fault) error {
	return &Error{Msg: fmt.Sprintf("pattern %q: %s", text, f.msg), Hint: f.hint}
}

// glob is the expression as a regular expression; Go's take time in
// proportion to the name, whatever the stars.
func (e expr) glob() *regexp.Regexp {
	wild := strings.NewReplacer(`\*`, `.*`, `\?`, `.`)
	var b strings.Builder
	for i, lit := range e.lits {
		b.WriteString(wild.Replace(regexp.QuoteMeta(lit)))
		if i < len(e.sets) {
			b.WriteString("(?:" + strings.Join(e.sets[i].numbers(), "|") + ")")
		}
	}
	return regexp.MustCompile(`^(?:` + b.String() + `)$`)
}
