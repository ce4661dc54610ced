package probes

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// matcher is a pattern with words of which a match has at least one. Go's
// regexp walks every byte for every alternative of the table, and most texts
// have none of them: looking for words first is a hundred times faster.
type matcher struct {
	re    *regexp.Regexp
	words []string // nil where the pattern has none that are certain
}

func newMatcher(pattern string) matcher {
	m := matcher{re: regexp.MustCompile(pattern)}
	if tree, err := syntax.Parse(pattern, syntax.Perl); err == nil {
		m.words = certain(tree.Simplify())
	}
	return m
}

// match reports whether the pattern matches somewhere in s.
func (m matcher) match(s string) bool {
	if m.words != nil && !slices.ContainsFunc(m.words, func(w string) bool { return strings.Contains(s, w) }) {
		return false
	}
	return m.re.MatchString(s)
}

// certain are words of which every match of a pattern has at least one; nil
// if there are none.
func certain(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 && len(re.Rune) > 2 {
			return []string{string(re.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return certain(re.Sub[0])
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if w := certain(sub); w != nil && (best == nil || shortest(w) > shortest(best)) {
				best = w
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			w := certain(sub)
			if w == nil {
				return nil
			}
			all = append(all, w...)
		}
		return all
	}
	return nil
}

func shortest(words []string) int {
	n := len(words[0])
	for _, w := range words {
		n = min(n, len(w))
	}
	return n
}
