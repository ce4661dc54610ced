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
// (ranges allowed in it), or @unhealthy:FILE, the hosts that were not ok in a
// saved report. It is matched against the names of hosts and of groups alike:
// where a host and a group share a name, it chooses the host and all hosts of
// the group. A range needs to match at least one name, not all. "all" is every
// host, unless something is called so.
//
// Patterns add up. One with & before it keeps, of what was chosen, only what
// it matches too; one with ! takes hosts away. Wherever they stand, all
// patterns add up first, then those with & count, then those with !, as in
// Ansible. Commas part patterns as spaces do, but not behind an @, where a file
// name may have them. No pattern, or only ones with & or !, begins with all
// hosts.
//
// Where the operator named no inventory (see [Loader.Find]), a pattern that
// matches nothing and names hosts ([user@]host[:port], ranges too) is those
// hosts; they follow the others. Else a pattern without a match is a
// [NoMatchError], also behind & and !: a slip there would touch a host that
// was to be left alone.
func (inv *Inventory) Select(patterns []string) ([]Host, error) {
	s := selection{inv: inv, in: make([]bool, len(inv.Hosts)), extraIndex: map[string]int{}}
	words, err := sortWords(patterns)
	if err != nil {
		return nil, err
	}
	add, keep, drop := words[0], words['&'], words['!']
	if len(inv.Hosts) == 0 && len(add) == 0 {
		return nil, &NoInventoryError{Looked: inv.looked}
	}
	for i := range s.in {
		s.in[i] = len(add) == 0
	}
	for _, w := range add {
		if err := s.include(w); err != nil {
			return nil, err
		}
	}
	for _, w := range keep {
		if err := s.narrow("&", w, true); err != nil {
			return nil, err
		}
	}
	for _, w := range drop {
		if err := s.narrow("!", w, false); err != nil {
			return nil, err
		}
	}
	out := s.hosts()
	if len(out) == 0 {
		return nil, &NoMatchError{Pattern: strings.Join(patterns, " ")}
	}
	return out, nil
}

// sortWords parts patterns into words, by the sign before them: 0, & or !.
func sortWords(patterns []string) (map[byte][]string, error) {
	words := map[byte][]string{}
	for _, p := range patterns {
		pieces := splitWords(p)
		if strings.HasPrefix(strings.TrimLeft(p, "&!"), "@") {
			pieces = []piece{{text: p}}
		}
		if len(pieces) == 0 {
			return nil, &Error{Msg: "a pattern is empty", Hint: "name a host, a group or a glob such as 'tm0*'"}
		}
		for _, w := range pieces {
			if sign := w.text[0]; sign == '&' || sign == '!' {
				words[sign] = append(words[sign], w.text[1:])
			} else {
				words[0] = append(words[0], w.text)
			}
		}
	}
	return words, nil
}

// selection is the hosts chosen so far.
type selection struct {
	inv        *Inventory
	in         []bool // by the place in inv.Hosts
	extra      []Host // from the command line
	extraIndex map[string]int
	dropped    map[string]bool // names in extra that were taken away
}

func (s *selection) include(text string) error {
	if strings.HasPrefix(text, "@") {
		return s.includeSaved(text)
	}
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
	if err == nil {
		places := s.matched(p)
		for _, i := range places {
			s.in[i] = true
		}
		if len(places) > 0 {
			return nil
		}
	}
	switch {
	case text == groupAll && len(s.inv.Hosts) == 0:
		return &NoInventoryError{Looked: s.inv.looked}
	case s.inv.open && p.glob == nil:
		return s.addExtra(text)
	case len(s.inv.Hosts) == 0:
		return &NoInventoryError{Looked: s.inv.looked}
	}
	return s.noMatch(text, text)
}

// narrow takes hosts away: those that the pattern matches, or with keep all
// others.
func (s *selection) narrow(sign, text string, keep bool) error {
	p, err := s.pattern(text)
	if err != nil {
		return err
	}
	places := s.matched(p)
	matched := make([]bool, len(s.in))
	for _, i := range places {
		matched[i] = true
	}
	found := len(places) > 0
	for i := range s.in {
		s.in[i] = s.in[i] && matched[i] == keep
	}
	for _, h := range s.extra {
		yes := p.matches(h.Name)
		found = found || yes
		if yes != keep {
			if s.dropped == nil {
				s.dropped = map[string]bool{}
			}
			s.dropped[h.Name] = true
		}
	}
	if !found && !p.saved {
		return s.noMatch(sign+text, text)
	}
	return nil
}

// matched are the places of the hosts that p matches.
func (s *selection) matched(p pattern) []int {
	var out []int
	if p.glob == nil {
		for _, name := range p.names {
			if i, ok := s.inv.index[name]; ok {
				out = append(out, i)
			}
			if !p.saved {
				out = append(out, s.inv.groups[name]...)
			}
		}
		if len(out) == 0 && len(p.names) == 1 && p.names[0] == groupAll && !p.saved {
			for i := range s.inv.Hosts {
				out = append(out, i)
			}
		}
		return out
	}
	for i := range s.inv.Hosts {
		if p.glob.MatchString(s.inv.Hosts[i].Name) {
			out = append(out, i)
		}
	}
	for g, places := range s.inv.groups {
		if p.glob.MatchString(g) {
			out = append(out, places...)
		}
	}
	return out
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
	// saved means that the names are hosts of a saved report: no groups, and
	// there may be none.
	saved bool
}

func (p pattern) matches(name string) bool {
	if p.glob != nil {
		return p.glob.MatchString(name)
	}
	return slices.Contains(p.names, name) || !p.saved && len(p.names) == 1 && p.names[0] == groupAll
}

// pattern reads a pattern without its sign.
func (s *selection) pattern(text string) (pattern, error) {
	if !strings.HasPrefix(text, "@") {
		return parsePattern(text)
	}
	names, err := s.inv.unhealthy(text)
	return pattern{names: names, saved: true}, err
}

// parsePattern reads a pattern of names.
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
