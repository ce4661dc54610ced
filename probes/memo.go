package probes

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
)

// memo remembers what was made of the configuration of a host: most hosts of a
// fleet have the same. Its answers are shared and must not be changed. A nil
// memo remembers nothing.
type memo struct {
	seeds   [2]maphash.Seed
	hashers sync.Pool // of *hasher
	mu      sync.Mutex
	answers map[digest]any
}

// digest stands for a question or for a set of files: 128 bits that nobody can
// aim at, since the seeds are of this process.
type digest [2]uint64

// maxMemo is how many answers are kept: a fleet has tens of kinds of hosts, and
// one in which every host differs must not fill our memory.
const maxMemo = 4096

func newMemo() *memo {
	return &memo{
		seeds:   [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		hashers: sync.Pool{New: func() any { return new(hasher) }},
		answers: map[digest]any{},
	}
}

// digest hashes what write writes.
func (m *memo) digest(write func(*hasher)) (d digest) {
	h := m.hashers.Get().(*hasher)
	defer m.hashers.Put(h)
	h.text = h.text[:0]
	write(h)
	for i, seed := range m.seeds {
		d[i] = maphash.Bytes(seed, h.text)
	}
	return d
}

// remember is the answer to the question that write hashes, asked once.
func remember[A any](m *memo, write func(*hasher), ask func() A) A {
	if m == nil {
		return ask()
	}
	key := m.digest(write)
	m.mu.Lock()
	answer, ok := m.answers[key].(A)
	m.mu.Unlock()
	if ok {
		return answer
	}
	answer = ask()
	m.mu.Lock()
	if len(m.answers) >= maxMemo {
		clear(m.answers)
	}
	m.answers[key] = answer
	m.mu.Unlock()
	return answer
}

// hasher takes values down so that no two lists of them look the same.
type hasher struct{ text []byte }

func (h *hasher) number(n uint64) { h.text = binary.LittleEndian.AppendUint64(h.text, n) }

func (h *hasher) words(texts ...string) {
	h.number(uint64(len(texts)))
	for _, t := range texts {
		h.number(uint64(len(t)))
		h.text = append(h.text, t...)
	}
}

// fact hashes a list that may be unknown.
func (h *hasher) fact(v Value[[]string]) {
	list, known := v.Get()
	if !known {
		h.words(v.Why())
		h.number(1)
		return
	}
	h.words(list...)
	h.number(0)
}

func (h *hasher) file(f *File) {
	h.words(f.Path, string(f.Kind), f.Target, f.Content)
	cut := uint64(0)
	if f.Cut {
		cut = 1
	}
	h.number(cut)
}
