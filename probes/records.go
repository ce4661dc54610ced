package probes

import (
	"sort"
	"strconv"
	"strings"
)

// Records is what the script printed between its marks, before any meaning is
// given to it. A record's name begins with the name of the section that
// prints it and a dot ("maps.max_map_count", "maps.4711.count"), so that a
// record which never came can be explained by what became of its section.
type Records struct {
	values   map[string][]string
	unknown  map[string]string // name -> reason
	absent   map[string]bool
	sections map[string]section
	files    []File
	at       map[string]int   // of files, by path
	sent     map[string]int64 // bytes that came of a file, by path
	memo     *memo            // of the configuration of other hosts
}

type section struct {
	began, ended bool
	aborted      string // reason, if the script gave it up
	millis       int64
}

// newRecords returns empty Records with room for those of so many lines: a third
// begins another name, and one of sixteen a file.
func newRecords(lines int) Records {
	return Records{
		values: make(map[string][]string, lines/3), files: make([]File, 0, lines/16), unknown: map[string]string{},
		absent: map[string]bool{}, sections: map[string]section{}, at: map[string]int{}, sent: map[string]int64{},
	}
}

// String is the fact of that name, the last one if it was printed repeatedly.
func (r Records) String(name string) Value[string] {
	if v := r.values[name]; len(v) > 0 {
		return Known(v[len(v)-1])
	}
	return Unknown[string](r.why(name))
}

// Int is the fact of that name as a whole number.
func (r Records) Int(name string) Value[int64] {
	v, ok := r.String(name).Get()
	if !ok {
		return Unknown[int64](r.why(name))
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil {
		return Unknown[int64]("not a number: " + strconv.Quote(clip(v, 40)))
	}
	return Known(n)
}

// All is every value printed under that name, in order; nil if none was.
func (r Records) All(name string) []string { return r.values[name] }

// List is All as a fact: known, perhaps empty, if the section finished and
// called neither the name unknown nor what it belongs to.
func (r Records) List(name string) Value[[]string] {
	if r.sections[sectionOf(name)].ended && !r.calledUnknown(name) {
		return Known(append([]string{}, r.values[name]...))
	}
	return Unknown[[]string](r.why(name))
}

// calledUnknown reports whether the host called the name, or what it belongs
// to, unknown.
func (r Records) calledUnknown(name string) bool {
	for prefix := name; prefix != ""; prefix = parentOf(prefix) {
		if r.unknown[prefix] != "" {
			return true
		}
	}
	return false
}

// Absent reports whether the host itself said that what the name stands for
// does not exist there.
func (r Records) Absent(name string) bool { return r.absent[name] }

// Pids are the process ids P for which the section printed anything named
// SECTION.P.*, ascending.
func (r Records) Pids(section string) []int {
	seen, prefix := map[int]bool{}, section+"."
	note := func(name string) {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			return
		}
		p, _, ok := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(p); ok && err == nil && n > 0 {
			seen[n] = true
		}
	}
	for name := range r.values {
		note(name)
	}
	for name := range r.unknown {
		note(name)
	}
	pids := make([]int, 0, len(seen))
	for p := range seen {
		pids = append(pids, p)
	}
	sort.Ints(pids)
	return pids
}

// absentHere is why there is no value of what the script looked for and did not
// find.
const absentHere = "absent on this host"

// why explains a name that has no value.
func (r Records) why(name string) string {
	for prefix := name; prefix != ""; prefix = parentOf(prefix) {
		if w := r.unknown[prefix]; w != "" {
			return w
		}
	}
	if r.absent[name] {
		return absentHere
	}
	sec := sectionOf(name)
	switch s := r.sections[sec]; {
	case s.aborted != "":
		return "the " + sec + " section was given up: " + s.aborted
	case s.ended:
		return "the script did not report it"
	case s.began:
		return "the " + sec + " section did not finish"
	default:
		return notCollected
	}
}

// parentOf is the name without its last element: a section may call all of
// maps.4711 unknown at once.
func parentOf(name string) string {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)]
}

func sectionOf(name string) string {
	s, _, _ := strings.Cut(name, ".")
	return s
}

// clip cuts s to at most n bytes, at a rune boundary, and says so.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "..."
}
