package conf

import (
	"slices"
	"strconv"
	"strings"
)

// plan is what a loader reads, in which order and dialect.
type plan struct {
	loader   Loader
	why      string
	unknown  string // why nothing can be said
	steps    []step
	dialects []dialect // more than one: it is not known which
	tuned    *tuned
	notes    []string
}

// outcome is what remains when all was written.
type outcome struct {
	value   string
	unknown string
	winner  *statement
}

// same compares what a boot would give, and by whom.
func (o outcome) same(p outcome) bool {
	return o.value == p.value && o.unknown == p.unknown && (o.winner == nil) == (p.winner == nil) &&
		(o.winner == nil || o.winner.place == p.winner.place)
}

// resolve runs the plan and every doubt about it: what cannot be read is taken
// for unknown only where it could change the result.
func (p *plan) resolve(h *SysctlHost, key string, b base) Resolution {
	path := slashed(key)
	r := Resolution{Key: key, Loader: p.loader, LoaderWhy: p.why, Notes: p.notes}
	if p.unknown != "" {
		r.Why = p.unknown
		return r
	}
	if len(p.dialects) == 0 {
		p.dialects = []dialect{systemd249}
	}
	var o outcome
	for i := len(p.dialects) - 1; i >= 0; i-- {
		d := &p.dialects[i]
		p.parse(d, path)
		prior := o
		o = p.run(d, path, b)
		if i < len(p.dialects)-1 && r.Why == "" && prior.value != o.value {
			r.Why = "it depends on the version of " + d.pkg + ", which is not known"
		}
		if r.Why == "" {
			r.Why = p.doubts(h, d, path, b, o)
		}
		p.run(d, path, b)
	}
	if r.Why == "" {
		r.Why, r.Unset = o.unknown, o.unknown != "" && o.winner == nil
	}
	if r.Why == "" {
		r.Known, r.Value, r.Source = true, strings.Clone(o.value), b.source
		if o.winner != nil {
			r.Source = o.winner.place.String()
		}
		r.Notes = append(r.Notes, p.volatile(path, b, o)...)
	}
	r.Files = p.chain()
	return r
}

// parse reads the statements of all files.
func (p *plan) parse(d *dialect, key string) {
	for i := range p.steps {
		s := &p.steps[i]
		if s.tuned {
			continue
		}
		if k := s.file.kind(); k == FileRegular || k == FileLink {
			s.stmts = d.statements(i, s.file, key)
		}
		for _, st := range s.stmts {
			if !s.read {
				st.fate, st.why = s.fate, s.why
			}
		}
	}
}

// doubts tries each file of which not all is known with a line that sets the
// key, and with one that takes it out, and names the first that matters.
func (p *plan) doubts(h *SysctlHost, d *dialect, key string, b base, known outcome) string {
	for i := range p.steps {
		why := p.steps[i].opaque()
		if why == "" {
			continue
		}
		for _, exclude := range []bool{false, true} {
			if !p.with(i, &statement{path: key, match: true, exclude: exclude, unknown: why}).run(d, key, b).same(known) {
				return why
			}
		}
	}
	if p.loader == LoaderFile || p.loader == LoaderNone {
		return ""
	}
	for _, dir := range closedDirs(h) {
		why := dir + " cannot be read whole"
		at, masked := -1, -1
		for i := range p.steps {
			if p.steps[i].file.Path != "/etc/sysctl.conf" && p.steps[i].read {
				at = i
			}
			if known.winner != nil && known.winner.step == i && p.steps[i].file.Path != "/etc/sysctl.conf" &&
				slices.Index(sysctlDirs, dir) < slices.Index(sysctlDirs, dirName(p.steps[i].file.Path)) {
				masked = i
			}
		}
		last := &statement{path: key, match: true, unknown: why}
		if masked >= 0 || !p.with(at, last).run(d, key, b).same(known) {
			return why
		}
	}
	return ""
}

// dirName is the path without its last part.
func dirName(path string) string { return path[:strings.LastIndexByte(path, '/')] }

// with is a copy of the plan with one more statement at the end of a step, -1
// for the beginning.
func (p *plan) with(i int, s *statement) *plan {
	c := *p
	c.steps = slices.Clone(p.steps)
	if i < 0 {
		c.steps = append([]step{{read: true, stmts: []*statement{s}}}, c.steps...)
		return &c
	}
	c.steps[i].stmts = append(slices.Clone(c.steps[i].stmts), s)
	return &c
}

// volatile says so where a file in /run decides: a reboot empties it.
func (p *plan) volatile(key string, b base, o outcome) []string {
	if o.winner == nil || !strings.HasPrefix(p.steps[min(o.winner.step, len(p.steps)-1)].file.Path, "/run/") {
		return nil
	}
	return []string{o.winner.place.String() + " decides, and a reboot empties /run: it holds only if something writes that file anew before the files are applied"}
}

// run applies the plan: what the loader writes, then tuned, each value as the
// kernel takes it.
func (p *plan) run(d *dialect, key string, b base) outcome {
	var all []*statement
	for i := range p.steps {
		if s := &p.steps[i]; s.read && !s.tuned {
			all = append(all, s.stmts...)
		}
	}
	writes := d.writes(all, key)
	if p.tuned != nil {
		writes = append(writes, p.tuned.writes(p, key)...)
	}
	o := outcome{value: b.value, unknown: b.unknown}
	for _, w := range writes {
		switch taken, refused := kernelTakes(key, w.value); {
		case w.unknown != "":
			o.settle(w, "", w.unknown)
		case refused != "":
			w.fate, w.why = FateRejected, refused
		case w.only != 0 && o.unknown != "":
			o.settle(w, "", o.unknown)
		case w.only != 0 && !passes(w.only, taken, o.value):
			w.fate, w.why = FateLater, "it is set only if "+string(w.only)+" what stands"
		default:
			o.settle(w, taken, "")
		}
	}
	return o
}

// settle makes w the winner.
func (o *outcome) settle(w *statement, value, unknown string) {
	if o.winner != nil {
		o.winner.fate, o.winner.why = FateLater, "overridden by "+w.place.String()
	}
	w.fate, w.why = FateWins, ""
	o.winner, o.value, o.unknown = w, value, unknown
}

// passes compares a value with the one that stands.
func passes(only byte, value, stands string) bool {
	a, errA := strconv.ParseInt(value, 10, 64)
	b, errB := strconv.ParseInt(stands, 10, 64)
	return errA == nil && errB == nil && (only == '>' && a > b || only == '<' && a < b)
}

// chain is the plan as it is told.
func (p *plan) chain() []SysctlFile {
	if len(p.steps) == 0 {
		return nil
	}
	files := make([]SysctlFile, 0, len(p.steps))
	for i := range p.steps {
		s := &p.steps[i]
		f := SysctlFile{Path: s.file.Path, Target: s.file.Target, Read: s.read, Note: s.why}
		if why := s.opaque(); why != "" {
			f.Note = why
		}
		for _, st := range s.stmts {
			f.Lines = append(f.Lines, SysctlLine{Place: st.place, Text: kept(st.text), Value: kept(st.value), Fate: st.fate, Why: st.why})
		}
		files = append(files, f)
	}
	return files
}
