package remote

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Resolver answers how a host is reached. It reads ssh_config once; it is
// safe for concurrent use.
type Resolver struct {
	opts    Options
	blocks  []block
	literal map[string][]int // blocks with plain names only, by name
	general []int            // the others
}

// NewResolver reads the ssh_config files of opts. A file that ssh(1) would
// refuse as a whole is an error with FILE:LINE.
func NewResolver(opts Options) (*Resolver, error) {
	opts = opts.withDefaults()
	blocks, err := scanConfig(opts.configFiles(), opts.Home)
	if err != nil {
		return nil, err
	}
	r := &Resolver{opts: opts, blocks: blocks, literal: map[string][]int{}}
	for i, b := range blocks {
		if len(b.lines) == 0 {
			continue
		}
		if len(b.outer) > 0 || b.match != nil || slices.ContainsFunc(b.patterns, func(p string) bool { return strings.ContainsAny(p, "*?!") }) {
			r.general = append(r.general, i)
			continue
		}
		for _, p := range b.patterns {
			r.literal[p] = append(r.literal[p], i)
		}
	}
	return r, nil
}

// Resolve gives the settings of a host, or an *Error of phase config that
// names the FILE:LINE that cannot be honoured.
func (r *Resolver) Resolve(h inventory.Host) (Settings, error) {
	return r.resolve(h, nil)
}

// maxJumps bounds how deep jump hosts may stand behind jump hosts.
const maxJumps = 8

func (r *Resolver) resolve(h inventory.Host, behind []string) (Settings, error) {
	l := lookup{r: r, host: h, first: map[string]directive{}}
	for _, i := range r.candidates(h.Name) {
		l.take(&r.blocks[i])
	}
	s, err := l.settings()
	if err != nil {
		return Settings{}, err
	}
	if slices.Contains(behind, s.identity()) {
		return Settings{}, errLoop
	}
	if s.Jumps, err = r.jumps(&l, &s, behind); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// candidates are the blocks that may hold for a name, in file order.
func (r *Resolver) candidates(name string) []int {
	c := slices.Concat(r.literal[name], r.general)
	slices.Sort(c)
	return slices.Compact(c)
}

// lookup collects what the matching blocks say about one host.
type lookup struct {
	r          *Resolver
	host       inventory.Host
	first      map[string]directive // the first value of each keyword wins
	identities []directive          // but all of these count
	matches    []*block             // Match blocks around or at a candidate, judged when the address is known
	conditions [][]*block
	ignore     []string // patterns of IgnoreUnknown
}

func (l *lookup) take(b *block) {
	for _, patterns := range b.outer {
		if !matchList(patterns, l.host.Name) {
			return
		}
	}
	if b.match == nil && !matchList(b.patterns, l.host.Name) {
		return
	}
	var conditions []*block
	for i := range b.nested {
		conditions = append(conditions, &b.nested[i])
	}
	if b.match != nil {
		conditions = append(conditions, b)
	}
	if len(conditions) > 0 {
		l.matches = append(l.matches, b)
		l.conditions = append(l.conditions, conditions)
		return
	}
	for _, d := range b.lines {
		l.set(d)
	}
}

func (l *lookup) set(d directive) {
	switch d.key {
	case "identityfile":
		l.identities = append(l.identities, d)
		return
	case "ignoreunknown":
		l.ignore = append(l.ignore, strings.Split(strings.ToLower(strings.Join(d.args, ",")), ",")...)
	case "proxyjump", "proxycommand":
		// Whichever comes first prevents the other, ssh_config(5).
		if _, ok := l.first["proxy"]; !ok {
			l.first["proxy"] = d
		}
		return
	}
	if _, ok := l.first[d.key]; !ok {
		l.first[d.key] = d
	}
}

// unsupported is the error for something that cannot be honoured.
func unsupported(at place, reason, hint string) *Error {
	return &Error{Phase: PhaseConfig, Reason: at.String() + ": " + reason, Hint: hint}
}

// judge refuses what could matter and is not supported, and collects warnings
// about the rest.
func (l *lookup) judge(address string) (warnings []string, err error) {
	for i, b := range l.matches {
		if slices.ContainsFunc(l.conditions[i], func(m *block) bool { return !couldHold(m.match, l.host.Name, address) }) {
			continue
		}
		w, err := l.judgeMatch(b, l.conditions[i][0])
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, w...)
	}
	keys := make([]string, 0, len(l.first))
	for k := range l.first {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, d := range l.identities {
		if err := single(d); err != nil {
			return nil, err
		}
	}
	for _, k := range keys {
		d := l.first[k]
		if err := single(d); err != nil {
			return nil, err
		}
		switch l.supportOf(d.key) {
		case isUnheard:
			return nil, unsupported(d.place, fmt.Sprintf("unknown directive %s", d.key),
				"correct it, or name it in an IgnoreUnknown line above")
		case isRefused:
			if err := refusal(d); err != nil {
				return nil, err
			}
		case isAlgorithm:
			warnings = append(warnings, fmt.Sprintf("%s: %s not honoured, tmdoctor's own algorithms are used", d.place, d.key))
		case isNoted:
			if d.args[0] != "none" {
				warnings = append(warnings, fmt.Sprintf("%s: %s not honoured", d.place, d.key))
			}
		}
	}
	return warnings, nil
}

// single refuses more words than a directive takes, as ssh does.
func single(d directive) error {
	if len(d.args) == 1 || directives[d.key] != isHonoured || strings.HasSuffix(d.key, "knownhostsfile") {
		return nil
	}
	return unsupported(d.place, fmt.Sprintf("%s has more than one value: %s", d.key, strings.Join(d.args, " ")), "put quotes around a value with blanks")
}

func refusal(d directive) error {
	r := refusals[d.key]
	if slices.Contains(r.fine, strings.ToLower(strings.TrimSpace(d.args[0]))) {
		return nil
	}
	return unsupported(d.place, fmt.Sprintf("%s %s is not supported", d.key, strings.Join(d.args, " ")), r.hint)
}

func (l *lookup) supportOf(key string) support {
	s := directives[key]
	if s == isUnheard && matchList(l.ignore, key) {
		return isHarmless
	}
	return s
}

// judgeMatch decides about a Match block that could hold: what it says must
// not matter, or the host is refused.
func (l *lookup) judgeMatch(b, condition *block) (warnings []string, err error) {
	name := "Match " + strings.Join(condition.match, " ")
	for _, d := range b.lines {
		if d.key == "hashknownhosts" || d.key == "ignoreunknown" {
			continue
		}
		switch l.supportOf(d.key) {
		case isHarmless:
		case isAlgorithm, isNoted:
			warnings = []string{fmt.Sprintf("%s: %s skipped: it has nothing but algorithms, and tmdoctor's own are used", condition.place, name)}
		default:
			return nil, unsupported(condition.place, fmt.Sprintf("%s is not supported and could apply (it sets %s)", name, d.key),
				"write it as a Host block, or have ssh(1) log in there: --transport openssh")
		}
	}
	return warnings, nil
}

// couldHold is false only if the criteria of a Match line are surely not met:
// a list of host or originalhost patterns that has neither the name nor the
// address. Nothing is executed to find out.
func couldHold(criteria []string, name, address string) bool {
	for i := 0; i < len(criteria); i++ {
		key, value, inline := strings.Cut(strings.ToLower(criteria[i]), "=")
		switch key {
		case "all", "final", "canonical", "!all", "!final", "!canonical":
			continue
		}
		if !inline && i+1 < len(criteria) {
			i++
			value = criteria[i]
		} else if inline {
			_, value, _ = strings.Cut(criteria[i], "=")
		}
		patterns := strings.Split(value, ",")
		switch key {
		case "originalhost":
			if !matchList(patterns, name) {
				return false
			}
		case "host":
			if !matchList(patterns, name) && !matchList(patterns, strings.ToLower(name)) && !matchList(patterns, address) {
				return false
			}
		}
	}
	return true
}

// knownHostsFiles are the user's files, then the global ones.
func (l *lookup) knownHostsFiles(t tokens) ([]string, error) {
	if len(l.r.opts.KnownHosts) > 0 {
		var files []string
		for _, f := range l.r.opts.KnownHosts {
			p, err := expandHome(f, l.r.opts.Home)
			if err != nil {
				return nil, &Error{Phase: PhaseConfig, Reason: err.Error()}
			}
			files = append(files, p)
		}
		return files, nil
	}
	user := directive{args: []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}}
	if l.r.opts.Home == "" {
		user.args = nil
	}
	global := directive{args: []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}}
	if d, ok := l.first["userknownhostsfile"]; ok {
		user = d
	}
	if d, ok := l.first["globalknownhostsfile"]; ok {
		global = d
	}
	var files []string
	for _, d := range []directive{user, global} {
		for _, f := range d.args {
			if strings.EqualFold(f, "none") {
				continue
			}
			p, err := t.path(d.place, f)
			if err != nil {
				return nil, err
			}
			files = append(files, filepath.Clean(p))
		}
	}
	return files, nil
}
