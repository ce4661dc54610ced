package fix

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// edits checks what the files of a plan become, by making the same edits once
// more: a file has nothing in it that Make would not have written.
type edits struct {
	*checker
	o *Options
	q *Query
	// raised are the settings that the files raise, users and units whose.
	raised, users, units []string
}

// file checks one file by the kind of its place.
func (e *edits) file(at string, f *FileChange) {
	dir := path.Dir(f.Path)
	switch unit, isUnit := strings.CutSuffix(path.Base(dir), ".d"); {
	case f.Path == sysctlPlace.main || dir == sysctlPlace.dir:
		e.sysctl(at, f)
	case f.Path == limitsPlace.main || dir == limitsPlace.dir:
		e.limits(at, f)
	case isUnit:
		if !slices.Contains(e.q.Units, unit) {
			e.refuse(at+".path", "%s is not one of the units that are looked at afterwards", unit)
		}
		e.units = append(e.units, unit)
		e.unit(at, f, unitPlace(unit).header)
	}
}

// base is the text that edits start from.
func base(f *FileChange, header string) string {
	if f.Absent {
		return header
	}
	return string(f.Before)
}

// other is what is wrong with a file that holds more than its edits.
const other = "it changes more than fix does: somebody edited the plan; " + planAgain

// sysctl checks a file that sets kernel settings.
func (e *edits) sysctl(at string, f *FileChange) {
	header := sysctlPlace.header
	if f.Path == sysctlPlace.main {
		header = ""
	}
	text, after := base(f, header), string(f.After)
	for key, most := range liveSysctls {
		value, ok := conf.SysctlText(after, key)
		if !ok {
			continue
		}
		old, _ := conf.SysctlText(text, key)
		e.raise(at, key, old, value, most)
		text = conf.SetSysctl(text, key, value)
		e.raised = append(e.raised, key)
	}
	if text != after {
		e.refuse(at+".after", other)
	}
}

// nrOpen is where a number that is greater may be lowered: what
// it says is refused by the kernel, whose fs.nr_open is the same by default
// (sysctl_nr_open, fs/file.c).
const nrOpen probes.Limit = 1 << 20

// raise checks that a value is a number, and not less than the text it
// replaces.
func (e *edits) raise(at, setting, old, value string, most probes.Limit) {
	v, err := probes.ParseLimit(value)
	switch {
	case err != nil || v != probes.Unlimited && strconv.FormatInt(int64(v), 10) != value:
		e.refuse(at+".after", "%q is not a value of %s", clip(value), setting)
	case v == probes.Unlimited && setting == "nofile":
		e.refuse(at+".after", "nofile is never unlimited: the kernel refuses what is above fs.nr_open")
	case v != probes.Unlimited && setting == "as":
		e.refuse(at+".after", "%s would limit the address space", value)
	case v > most:
		e.refuse(at+".after", "%s is more than the kernel takes, %s", value, most)
	}
	before, known := leading(old)
	refused := before > most || setting == "nofile" && before > nrOpen
	if known && !refused && v < before {
		e.refuse(at+".after", "%s of %s lowers %s, and fix never lowers a value", value, setting, clip(old))
	}
}

// limits checks a limits file: its lines are changed in their place, and added
// at its end.
func (e *edits) limits(at string, f *FileChange) {
	if f.Absent && f.Path == limitsPlace.main {
		e.refuse(at+".absent", "a new %s would hide what the distribution has elsewhere", f.Path)
	}
	before, after := strings.SplitAfter(base(f, limitsPlace.header), "\n"), strings.SplitAfter(string(f.After), "\n")
	if n := len(before) - 1; before[n] == "" {
		before = before[:n]
	}
	if len(after) < len(before) {
		e.refuse(at+".after", other)
		return
	}
	for i, old := range before {
		line := after[i]
		if !strings.HasSuffix(old, "\n") && line != old { // the last one, which gets an end
			line = strings.TrimSuffix(line, "\n")
			if line != old {
				line = strings.TrimSuffix(line, "\r")
			}
		}
		if line != old {
			e.limitsLine(at, old, line)
		}
	}
	for _, line := range after[len(before):] {
		if line != "" {
			e.limitsNew(at, line)
		}
	}
}

// limitsLine checks a line of a limits file that is changed in its place.
func (e *edits) limitsLine(at, old, line string) {
	w, head, tail := limitsFields(old)
	n, newHead, newTail := limitsFields(line)
	if w == nil || n == nil || tail != newTail {
		e.refuse(at+".after", other)
		return
	}
	renamed, _ := conf.RenameLimit(old, "vmem", "as", 1)
	freed, _ := conf.FreeLimit(old, "as", 1)
	switch {
	case line == renamed && !e.o.VmemToAs:
		e.refuse(at+".after", "it makes vmem lines as, without the option vmem_to_as")
	case line == renamed:
	case line == freed:
		if len(e.q.Users) == 0 {
			e.refuse(at+".after", "no user is tried afterwards, and a limits file can keep any of them out")
		}
		e.raised = append(e.raised, "as")
	case head == newHead && w[2] == "nofile" && (w[1] == "soft" || w[1] == "hard"):
		e.tried(at, w[0])
		e.raise(at, "nofile", w[3], n[3], probes.Unlimited)
		e.raised = append(e.raised, "nofile")
	default:
		e.refuse(at+".after", other)
	}
}

// limitsNew checks a line that is added.
func (e *edits) limitsNew(at, line string) {
	w, _, _ := limitsFields(line)
	if w == nil || w[2] != "nofile" || w[1] != "soft" && w[1] != "hard" || strings.TrimRight(line, "\r\n") != strings.Join(w, " ") {
		e.refuse(at+".after", other)
		return
	}
	e.tried(at, w[0])
	e.raise(at, "nofile", "", w[3], probes.Unlimited)
	e.raised = append(e.raised, "nofile")
}

// tried checks that the user of a line is one whose login is tried afterwards.
func (e *edits) tried(at, user string) {
	if plainName(user) != "" || !slices.Contains(e.q.Users, user) {
		e.refuse(at+".after", "%q is not one of the users that are tried afterwards", clip(user))
	}
	e.users = append(e.users, user)
}

// limitsFields are the four fields of a line with the last three in small
// letters, and what stands before and behind the value; nil for another line.
func limitsFields(line string) (w []string, head, tail string) {
	body, _, _ := strings.Cut(line, "#")
	body = strings.TrimRight(body, " \t\r\n\v\f")
	w = strings.FieldsFunc(body, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(w) != 4 {
		return nil, "", ""
	}
	end := len(body) - len(w[3])
	for i := range w[1:] {
		w[i+1] = strings.ToLower(w[i+1])
	}
	if w[3] == "infinity" || w[3] == "-1" {
		w[3] = "unlimited"
	}
	return w, body[:end], line[len(body):]
}

// unit checks a drop-in.
func (e *edits) unit(at string, f *FileChange, header string) {
	text, after := base(f, header), string(f.After)
	type key struct{ setting, name, value string }
	var keys []key
	for setting, name := range unitKeys {
		if value := conf.UnitText(after, name); value != "" && value != conf.UnitText(text, name) {
			keys = append(keys, key{setting, name, value})
		}
	}
	// Those that are added stand in the order in which they were planned.
	slices.SortFunc(keys, func(a, b key) int {
		return strings.LastIndex(after, a.name+"="+a.value) - strings.LastIndex(after, b.name+"="+b.value)
	})
	for _, k := range keys {
		olds, news := strings.Split(unitWords(conf.UnitText(text, k.name)), ":"), strings.Split(unitWords(k.value), ":")
		for i := range max(len(olds), len(news)) {
			e.raise(at, k.setting, olds[min(i, len(olds)-1)], news[min(i, len(news)-1)], probes.Unlimited)
		}
		if len(news) > 2 || k.setting == "TasksMax" && len(news) > 1 {
			e.refuse(at+".after", "%q is not a value of %s", clip(k.value), k.name)
		}
		text = conf.SetUnit(text, k.name, k.value)
		e.raised = append(e.raised, k.setting)
	}
	if text != after {
		e.refuse(at+".after", other)
	}
}

// unitWords is a value of a unit in the words of limits.
func unitWords(s string) string {
	return strings.ReplaceAll(s, "infinity", probes.Unlimited.String())
}

// promised checks that something is expected of every setting that is raised:
// otherwise nothing would be verified.
func (e *edits) promised(at string, expect []Expect) {
	for _, setting := range e.raised {
		if !slices.ContainsFunc(expect, func(x Expect) bool { return x.Setting == setting }) {
			e.refuse(at, "nothing is expected of %s, which is changed: it could not be verified", setting)
		}
	}
}

// options checks that a plan has nothing that needs an option which is not
// given.
func (e *edits) options(at string, p *Plan) {
	without := func(what, option string) { e.refuse(at, "it %s without the option %s", what, option) }
	for i := range p.Files {
		f := &p.Files[i]
		managed, _ := conf.ManagedBy(conf.File{Path: f.Path, Content: string(f.Before)})
		if f.Managed != managed {
			e.refuse(fmt.Sprintf("%s.files[%d].managed", at, i), "%q does not say so: it is %q", f.Path, managed)
		}
		if managed != "" && !e.o.ForceManaged {
			without("changes "+f.Path+", which "+managed+" writes,", "force_managed")
		}
	}
	for _, l := range p.Live {
		if l.Kind == LiveProcess && !e.o.Running {
			without("changes limits of a process", "running")
		}
		if l.Kind == LiveProcess && !slices.Contains(e.q.PIDs, l.PID) || l.Kind == LiveSysctl && !slices.Contains(e.q.Sysctls, l.Setting) {
			e.refuse(at+".query", "%s is changed and not looked at afterwards", l.Setting)
		}
		e.raised = append(e.raised, l.Setting)
	}
	for _, unit := range p.Restart {
		if !e.o.RestartUnit {
			without("restarts "+unit, "restart_unit")
		}
		if !slices.Contains(e.q.Units, unit) {
			e.refuse(at+".query.units", "%s is restarted and not looked at afterwards", unit)
		}
	}
}
