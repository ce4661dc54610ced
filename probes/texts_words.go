package probes

// lexicon finds which of many words a text has in one walk over it. A word is
// known by its first two bytes, which few places of a text have.
type lexicon struct {
	begins pairSet
	by     [256][]int // the words that begin with a byte
	words  []string   // at least two bytes each
}

// pairSet is a set of pairs of bytes.
type pairSet [1 << 16 / 64]uint64

func (s *pairSet) add(a, b byte) {
	n := int(a)<<8 | int(b)
	s[n/64] |= 1 << (n % 64)
}

func (s *pairSet) has(a, b byte) bool {
	n := int(a)<<8 | int(b)
	return s[n/64]&(1<<(n%64)) != 0
}

// wordSet is a set of words of one lexicon.
type wordSet [4]uint64

func (s *wordSet) add(id int) { s[id/64] |= 1 << (id % 64) }

func (s wordSet) meets(o wordSet) bool {
	return s[0]&o[0]|s[1]&o[1]|s[2]&o[2]|s[3]&o[3] != 0
}

func (s wordSet) with(o wordSet) wordSet {
	return wordSet{s[0] | o[0], s[1] | o[1], s[2] | o[2], s[3] | o[3]}
}

func (s wordSet) none() bool { return s == wordSet{} }

// id is the number of a word, which is added if it is new. A wordSet holds 256,
// and panics when it is given more.
func (l *lexicon) id(word string) int {
	for i, w := range l.words {
		if w == word {
			return i
		}
	}
	id := len(l.words)
	l.words = append(l.words, word)
	l.begins.add(word[0], word[1])
	l.by[word[0]] = append(l.by[word[0]], id)
	return id
}

// in are the words that a text has.
func (l *lexicon) in(text string) (found wordSet) {
	for i := 0; i+1 < len(text); i++ {
		if !l.begins.has(text[i], text[i+1]) {
			continue
		}
		for _, id := range l.by[text[i]] {
			if w := l.words[id]; len(text)-i >= len(w) && text[i:i+len(w)] == w {
				found.add(id)
			}
		}
	}
	return found
}
