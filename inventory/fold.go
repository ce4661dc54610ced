package inventory

import (
	"slices"
	"strconv"
	"strings"
)

// Fold writes names as briefly as ranges can: tm[003-017,022]. Expand of the
// result gives the same names. Padding is kept; where several numbers of a
// name vary, names fold into a bracket each as long as nothing is added
// (rack[1-2]-tm[01-20]). The order of names does not matter, repeats are one.
func Fold(names []string) string {
	items := make([]folded, 0, len(names))
	for _, n := range names {
		items = append(items, parts(n))
	}
	most := 0
	for _, it := range items {
		most = max(most, len(it.nums))
	}
	for pos := most - 1; pos >= 0; pos-- {
		items = foldAt(items, pos)
	}
	out := make([]string, 0, len(items))
	for _, it := range items {
		out = append(out, it.String())
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ",")
}

// folded is text and numbers in turn: texts[0] nums[0] texts[1] ... Each
// number has become the set of all that occur there, sorted.
type folded struct {
	texts []string
	nums  [][]string
}

// parts splits a name into text and runs of digits. An IPv6 address and a run
// too long for a range stay text.
func parts(name string) folded {
	var f folded
	if strings.Contains(name, ":") {
		return folded{texts: []string{name}}
	}
	text := 0
	for i := 0; i < len(name); {
		end := i
		for end < len(name) && name[end] >= '0' && name[end] <= '9' {
			end++
		}
		if end > i && end-i <= maxDigits {
			f.texts = append(f.texts, name[text:i])
			f.nums = append(f.nums, []string{name[i:end]})
			text = end
		}
		i = max(end, i+1)
	}
	f.texts = append(f.texts, name[text:])
	return f
}

// foldAt joins the items that differ in nothing but number pos.
func foldAt(items []folded, pos int) []folded {
	index := make(map[string]int, len(items))
	var key []byte
	out := items[:0]
	for _, it := range items {
		if pos >= len(it.nums) {
			out = append(out, it)
			continue
		}
		key = it.key(key[:0], pos)
		i, ok := index[string(key)]
		if !ok {
			index[string(key)] = len(out)
			out = append(out, it)
			continue
		}
		out[i].nums[pos] = append(out[i].nums[pos], it.nums[pos]...)
	}
	for i := range out {
		if pos < len(out[i].nums) && len(out[i].nums[pos]) > 1 {
			out[i].nums[pos] = sortNumbers(out[i].nums[pos])
		}
	}
	return out
}

// key is everything of f but number pos. No part has a byte of 0 or 1.
func (f folded) key(b []byte, pos int) []byte {
	for i, n := range f.nums {
		b = append(append(b, f.texts[i]...), 0)
		if i == pos {
			continue
		}
		for _, one := range n {
			b = append(append(b, one...), 1)
		}
	}
	return append(b, f.texts[len(f.nums)]...)
}

// sortNumbers sorts by width, then value, so that numbers of one padding
// stand together, and drops repeats.
func sortNumbers(s []string) []string {
	slices.SortFunc(s, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(s)
}

// String is the item as one word.
func (f folded) String() string {
	var b strings.Builder
	for i, n := range f.nums {
		b.WriteString(f.texts[i])
		if len(n) == 1 {
			b.WriteString(n[0])
			continue
		}
		b.WriteByte('[')
		writeRuns(&b, n)
		b.WriteByte(']')
	}
	b.WriteString(f.texts[len(f.nums)])
	return b.String()
}

// writeRuns writes sorted numbers as runs: 003-017,022.
func writeRuns(b *strings.Builder, n []string) {
	for i := 0; i < len(n); {
		end := i + 1
		for end < len(n) && follows(n[i], n[end-1], n[end]) {
			end++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(n[i])
		if end-i > 1 {
			b.WriteByte('-')
			b.WriteString(n[end-1])
		}
		i = end
	}
}

// follows says whether next is last+1 in a run that begins with first, whose
// padding holds for the whole run.
func follows(first, last, next string) bool {
	v, _ := strconv.ParseUint(last, 10, 64)
	want := strconv.FormatUint(v+1, 10)
	if pad := len(first) - len(want); padded(first) && pad > 0 {
		want = strings.Repeat("0", pad) + want
	}
	return want == next
}
