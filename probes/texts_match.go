package probes

import (
	"regexp"
	"regexp/syntax"
)

// matcher is a pattern, taken apart into its alternatives, each with words of
// which a match has at least one. Go's regexp walks every byte for every
// alternative, and most texts have none of them: looking for words first is a
// hundred times faster.
type matcher struct {
	lexicon      *lexicon
	alternatives []alternative
	words        wordSet // of all alternatives
	unsure       bool    // there is an alternative without words
}

type alternative struct {
	re    *regexp.Regexp
	words wordSet // none where none is certain
	plain bool    // the one word is all of it
}

func newMatcher(pattern string) matcher { return newMatchers(pattern)[0] }

// newMatchers are matchers that look for their words together.
func newMatchers(patterns ...string) []matcher {
	list, l := make([]matcher, len(patterns)), &lexicon{}
	for i, pattern := range patterns {
		m := &list[i]
		m.lexicon = l
		for _, one := range alternatives(pattern) {
			a := alternative{re: regexp.MustCompile(one)}
			if tree, err := syntax.Parse(one, syntax.Perl); err == nil {
				tree = tree.Simplify()
				words := certain(tree)
				a.plain = tree.Op == syntax.OpLiteral && tree.Flags&syntax.FoldCase == 0 && words != nil
				for _, w := range words {
					a.words.add(l.id(w))
				}
			}
			m.alternatives = append(m.alternatives, a)
			m.words = m.words.with(a.words)
			m.unsure = m.unsure || a.words.none()
		}
	}
	return list
}

// alternatives are the parts of a pattern between bars that stand in no
// brackets.
func alternatives(pattern string) (list []string) {
	depth, class, from := 0, false, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
			if i+1 < len(pattern) && pattern[i+1] == ']' {
				i++ // the first of a class is itself
			}
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			list = append(list, pattern[from:i])
			from = i + 1
		}
	}
	return append(list, pattern[from:])
}

// match reports whether the pattern matches somewhere in s.
func (m *matcher) match(s string) bool { return m.matchKnowing(s, m.lexicon.in(s)) }

// matchKnowing is match where the words that s has are known.
func (m *matcher) matchKnowing(s string, words wordSet) bool {
	if !m.may(words) {
		return false
	}
	for i := range m.alternatives {
		a := &m.alternatives[i]
		if (a.words.none() || a.words.meets(words)) && (a.plain || a.re.MatchString(s)) {
			return true
		}
	}
	return false
}

// may reports whether a text that has these words and no other may match.
func (m *matcher) may(words wordSet) bool { return m.unsure || m.words.meets(words) }

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
