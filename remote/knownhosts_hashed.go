package remote

import (
	"cmp"
	"context"
	"crypto/sha1" // the hash of known_hosts(5) names, not a matter of trust
	"encoding"
	"hash"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// hashedLines are lines with hashed names. To know if a line is about a name
// takes one HMAC, whatever we do: so a name is tried once on a line, and a line
// that is found to be about one name is tried on no other.
type hashedLines struct {
	sums atomic.Int64 // HMACs so far

	mu    sync.Mutex
	lines []*hashedLine // grows at its end
	names map[string]*nameLines
}

type hashedLine struct {
	*keyLine
	index int
	taken atomic.Bool // and the line is with its name
}

// nameLines is what is known of one name.
type nameLines struct {
	name  string
	tried atomic.Int64 // on how many lines, from the first
	lines []*hashedLine
}

func (x *hashedLines) add(e *keyLine) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lines = append(x.lines, &hashedLine{keyLine: e, index: len(x.lines)})
}

// of gives the state of a name and the lines there are. x.mu is held.
func (x *hashedLines) of(name string) *nameLines {
	n, ok := x.names[name]
	if !ok {
		n = &nameLines{name: name}
		if x.names == nil {
			x.names = map[string]*nameLines{}
		}
		x.names[name] = n
	}
	return n
}

// search gives the lines about a name, in their order.
func (x *hashedLines) search(name string) (found []*keyLine) {
	x.mu.Lock()
	n, lines := x.of(name), x.lines
	x.mu.Unlock()
	sums := int64(0)
	for _, l := range lines[n.tried.Load():] {
		if l.taken.Load() {
			continue
		}
		sums++
		if l.matches(name) {
			x.take(l, n)
		}
	}
	x.sums.Add(sums)
	x.mu.Lock()
	defer x.mu.Unlock()
	n.reached(len(lines))
	slices.SortFunc(n.lines, func(a, b *hashedLine) int { return cmp.Compare(a.index, b.index) })
	for _, l := range n.lines {
		found = append(found, l.keyLine)
	}
	return found
}

// take gives a line to its name, once, before others see that it is taken.
func (x *hashedLines) take(l *hashedLine, n *nameLines) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !l.taken.Load() {
		n.lines = append(n.lines, l)
		l.taken.Store(true)
	}
}

func (n *nameLines) reached(lines int) {
	if n.tried.Load() < int64(lines) {
		n.tried.Store(int64(lines))
	}
}

// linesAtOnce is how many lines a worker takes. Within them it goes on from the
// name that was found last: files and inventories tend to have the same order.
const linesAtOnce = 128

// prepare finds the lines of many names, on all processors, so that search has
// nothing left to do. A search meanwhile does its own work.
func (x *hashedLines) prepare(ctx context.Context, names []string) {
	x.mu.Lock()
	lines := x.lines
	var todo []*nameLines
	for _, name := range names {
		if n := x.of(name); n.tried.Load() < int64(len(lines)) {
			todo = append(todo, n)
		}
	}
	x.mu.Unlock()
	if len(todo) == 0 {
		return
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			h := newNameHasher()
			at := 0
			for ctx.Err() == nil {
				end := int(next.Add(linesAtOnce))
				if end-linesAtOnce >= len(lines) {
					return
				}
				for _, l := range lines[end-linesAtOnce : min(end, len(lines))] {
					at = x.try(ctx, h, l, todo, at)
					runtime.Gosched() // to those who connect
				}
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, n := range todo {
		n.reached(len(lines))
	}
}

// try finds which of names a line is about, begun at one of them, and gives
// that; else where it began.
func (x *hashedLines) try(ctx context.Context, h *nameHasher, l *hashedLine, names []*nameLines, at int) int {
	if l.taken.Load() {
		return at
	}
	h.salt(l.salt)
	sums := int64(0)
	defer func() { x.sums.Add(sums) }()
	for i := range names {
		if i%1024 == 1023 && (ctx.Err() != nil || l.taken.Load()) {
			return at
		}
		j := (at + i) % len(names)
		if n := names[j]; n.tried.Load() <= int64(l.index) {
			sums++
			if h.equal(n.name, l.hash) {
				x.take(l, n)
				return j
			}
		}
	}
	return at
}

// nameHasher is HMAC-SHA1 of many names with one salt. It keeps the states
// behind the padded salt, which is half of the work of hashName.
type nameHasher struct {
	hash.Hash
	inner, outer []byte
	buf          []byte
}

func newNameHasher() *nameHasher { return &nameHasher{Hash: sha1.New()} }

func (h *nameHasher) salt(salt []byte) {
	inner, outer := hmacPads(salt)
	h.inner = h.behind(h.inner, inner[:])
	h.outer = h.behind(h.outer, outer[:])
}

// behind is the state behind a pad, in the memory of an old one.
func (h *nameHasher) behind(state, pad []byte) []byte {
	h.Reset()
	h.Write(pad)
	state, _ = h.Hash.(encoding.BinaryAppender).AppendBinary(state[:0]) // never fails
	return state
}

func (h *nameHasher) equal(name string, want []byte) bool {
	h.sum(h.inner, append(h.buf[:0], name...))
	h.sum(h.outer, h.buf)
	return string(h.buf) == string(want)
}

// sum leaves the hash of text behind a state in buf.
func (h *nameHasher) sum(state, text []byte) {
	h.Hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(state) // never fails: it is a state
	h.Write(text)
	h.buf = h.Sum(text[:0])
}
