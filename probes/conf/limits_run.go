package conf

import (
	"fmt"
	"slices"
	"strings"
)

// The ranks of what sets a limit: a smaller one is not overruled by a greater.
const (
	rankUser = iota
	rankGroup
	rankAllGroup
	rankAll
	rankDefault
	rankKernel
	rankNone
)

// half is a soft or a hard limit while lines are read.
type half struct {
	Bound
	rank int
	line *limitLine
	// maybe is a line that might have set it: who it is for is not known.
	maybe     Place
	maybeRank int
	maybeWhy  string
}

type limitsRun struct {
	in      Login
	variant Variant
	module  LimitsModule
	start   map[string]Rlimits
	halves  map[string]*[2]half // soft, hard
	out     LoginLimits
	steps   map[string][]Step
	shadow  map[string][]Note
	skipped map[string][]Note
	logins  loginCount
	noLimit bool   // a "user -" line ended everything
	failed  bool   // a file cannot be opened: nothing is set
	unknown string // why nothing can be known
}

type loginCount struct {
	set  bool
	rank int
	max  int64
	line *limitLine
}

func newLimitsRun(in Login, v Variant, m LimitsModule, start map[string]Rlimits) *limitsRun {
	n := len(limitItems)
	r := &limitsRun{
		in: in, variant: v, module: m, start: start, halves: make(map[string]*[2]half, n),
		steps: make(map[string][]Step, n), shadow: map[string][]Note{}, skipped: map[string][]Note{},
	}
	r.out.Variant = v
	halves, steps := make([][2]half, n), make([]Step, 2*n)
	for i, item := range limitItems {
		b := startBounds(start, item.name)
		halves[i] = [2]half{{Bound: b[0], rank: rankNone, maybeRank: -1}, {Bound: b[1], rank: rankNone, maybeRank: -1}}
		r.halves[item.name] = &halves[i]
		chain := append(steps[2*i:2*i:2*i+2], startStep(start, item.name))
		if v.resets() || m.SetAll {
			chain = append(chain, r.reset(item.name))
		}
		r.steps[item.name] = chain
	}
	return r
}

// reset takes the limits of process 1, the soft limit of open files at most
// 1024 (FD_SETSIZE) in Debian's builds.
func (r *limitsRun) reset(item string) Step {
	h := r.halves[item]
	l, ok := r.in.PID1[item]
	if !ok {
		for i := range h {
			h[i].Bound = Bound{From: fromPID1, Why: "the limits of process 1 were not read"}
			h[i].rank = rankKernel
		}
		return Step{What: "reset to the limits of process 1, which were not read"}
	}
	if r.variant.Debian && item == "nofile" {
		l.Soft = min(l.Soft, 1024)
	}
	for i, value := range []Rlimit{l.Soft, l.Hard} {
		h[i].Bound, h[i].rank = Bound{Value: value, Known: true, From: fromPID1}, rankKernel
	}
	return Step{What: "reset to the limits of process 1: soft " + l.Soft.String() + ", hard " + l.Hard.String()}
}

func (r *limitsRun) step(item string, s Step) { r.steps[item] = append(r.steps[item], s) }

func (r *limitsRun) refuse(at Place, why string) {
	if r.out.Refused == "" && !r.module.Optional {
		r.out.Refused, r.out.RefusedAt = why, at
	}
}

// result reads the files and gives what comes of them.
func (r *limitsRun) result() LoginLimits {
	r.readFiles()
	r.out.Items = make(map[string]ItemLimits, len(limitItems))
	if !r.noLimit && r.unknown == "" && !r.failed {
		for _, item := range limitItems {
			r.apply(item.name)
		}
		r.countLogins()
	}
	for _, item := range limitItems {
		r.out.Items[item.name] = r.finish(item.name)
	}
	return r.out
}

// readFiles goes through the files in the order of pam_limits: limits.conf,
// then limits.d by name; conf= replaces them all.
func (r *limitsRun) readFiles() {
	files, why := r.files()
	if why != "" {
		r.unknown = why
		return
	}
	for _, f := range files {
		switch f.kind() {
		case FileAbsent, FileDangling:
			if f.isNull() || r.variant.absentOK() && r.module.Conf == "" {
				continue
			}
			r.failed = true
			r.refuse(Place{File: f.Path}, "it cannot be opened, which is an error to pam_limits before 1.5.3 and with conf=")
			return
		case FileUnreadable:
			r.unknown = f.Path + " could not be read"
			return
		case FileOther:
			if !f.isNull() {
				r.unknown = f.Path + " is not a regular file"
				return
			}
			continue
		case FileDir:
			continue // it opens, and reading it gives nothing
		}
		if f.Cut {
			r.unknown = f.Path + " was not read to its end"
		}
		for l := range limitLines(f, r.variant) {
			if r.line(l); r.noLimit {
				return
			}
		}
	}
}

// files are those that are read, in order, or why they are not known.
func (r *limitsRun) files() (files []File, why string) {
	const dir = "/etc/security"
	if r.module.Conf != "" {
		i := slices.IndexFunc(r.in.Files, func(f File) bool { return f.Path == r.module.Conf })
		if i < 0 {
			return nil, clip(r.module.Conf) + " was not collected"
		}
		return r.in.Files[i : i+1], ""
	}
	main, there := fileAt(r.in.Files, dir+"/limits.conf")
	if !there || main.kind() == FileDangling && !main.isNull() {
		for _, vendor := range r.variant.VendorDirs {
			if f, ok := fileAt(r.in.Files, vendor+"/limits.conf"); ok {
				main = f
				break
			}
		}
	}
	var in []File
	names := map[string]bool{}
	for _, d := range append([]string{dir}, r.variant.VendorDirs...) {
		for _, closed := range []string{d, d + "/limits.d"} {
			if f, _ := fileAt(r.in.Files, closed); f.kind() == FileUnreadable {
				return nil, closed + " could not be read"
			}
		}
		for _, f := range filesIn(r.in.Files, d+"/limits.d", ".conf") {
			if name := baseName(f.Path); !names[name] && name[0] != '.' {
				names[name] = true
				in = append(in, f)
			}
		}
	}
	slices.SortFunc(in, func(a, b File) int { return strings.Compare(baseName(a.Path), baseName(b.Path)) })
	return append([]File{main}, in...), ""
}

func (r *limitsRun) skip(l *limitLine, why, meant string) {
	n := Note{At: l.at, Text: l.kept(), Why: why, Meant: strings.Clone(meant)}
	r.out.Ignored = append(r.out.Ignored, n)
	item := meant
	if _, ok := findItem(l.item); ok {
		item = l.item
	}
	if _, ok := findItem(item); ok {
		r.skipped[item] = append(r.skipped[item], n)
		r.step(item, Step{At: l.at, Text: n.Text, What: "skipped: " + why})
	}
}

// line takes one line.
func (r *limitsRun) line(l *limitLine) {
	ids := domainRange(l.domain)
	if ids.kind == rangeBad {
		r.skip(l, fmt.Sprintf("%q is not a range of ids", clip(l.domain)), "")
		return
	}
	switch {
	case l.n == 4:
		rank, match := r.matches(l, ids)
		r.process(l, rank, match)
	case l.n == 2 && strings.HasPrefix(l.typ, "-"):
		r.ends(l, ids)
	default:
		r.skip(l, fmt.Sprintf("it has %d fields, 4 are needed", l.n), "")
	}
}

// finish is the result of an item.
func (r *limitsRun) finish(item string) ItemLimits {
	h := r.halves[item]
	if r.noLimit || r.failed {
		b := startBounds(r.start, item)
		h[0].Bound, h[1].Bound = b[0], b[1]
	}
	for i := range h {
		switch {
		case r.unknown != "":
			h[i].Bound = Bound{Why: r.unknown}
		case h[i].maybeRank >= 0 && h[i].maybeRank <= h[i].rank && !r.noLimit && !r.failed:
			h[i].Bound = Bound{At: h[i].maybe, Why: h[i].maybeWhy}
		}
	}
	chain := r.steps[item]
	for i := range chain {
		chain[i].Won = chain[i].At.Line > 0 && (chain[i].At == h[0].At || chain[i].At == h[1].At)
	}
	if r.unknown != "" {
		chain = append(chain, Step{What: r.unknown})
	}
	return ItemLimits{Item: item, Soft: h[0].Bound, Hard: h[1].Bound, Shadowed: r.shadow[item], Ignored: r.skipped[item], Chain: chain}
}
