package conf

import (
	"fmt"
	"slices"
	"strings"
)

// Unit is all that decides the limits of a systemd service of the system's
// own manager. A user's manager has other directories and starts from the
// limits of its own session: see UserManager.
type Unit struct {
	Name  string // "flink.service", "flink@1.service"
	Files []File
	// Systemd is its major version, 0 if not known.
	Systemd int
	NROpen  uint64 // 0 means not known
	// PID1 are the limits of the manager: of process 1, or of the user's
	// manager. They hold for what no file sets.
	PID1 map[string]Rlimits
	// UserManager is true for units of systemd --user.
	UserManager bool
	Home        string // of the user, for units of systemd --user
	TasksTotal  uint64 // what a share of TasksMax is of; 0 means not known
	MemoryTotal uint64 // bytes, what a share of MemoryMax is of; 0 means not known
}

// UnitResult is what the next start of a unit gets.
type UnitResult struct {
	Fragment string   // the unit file, "" if there is none
	DropIns  []string // in the order in which they are read
	Masked   Place    // the link or empty file that masks the unit
	Unknown  string   // why nothing can be known; "" otherwise
	// PAMName is the service whose PAM stack is called after the limits were
	// set, so that pam_limits has the last word; "" if none is.
	PAMName string
	// Items has LimitNOFILE, LimitAS, LimitNPROC, TasksMax and MemoryMax. The
	// last two have one value, in both bounds.
	Items map[string]ItemLimits
}

// unitSettings are the settings that are resolved, with the item of
// limits.conf that is meant by the same limit.
var unitSettings = []struct {
	key, item string
	size      bool // takes K, M, G
}{{"LimitNOFILE", "nofile", false}, {"LimitAS", "as", true}, {"LimitNPROC", "nproc", false}, {"TasksMax", "", false}, {"MemoryMax", "", true}}

var systemDirs = []string{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
	"/run/systemd/generator.early", "/etc/systemd/system", "/etc/systemd/system.attached",
	"/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late",
}

func (u Unit) dirs() []string {
	if !u.UserManager {
		return systemDirs
	}
	dirs := []string{"/etc/systemd/user", "/run/systemd/user", "/usr/local/share/systemd/user", "/usr/share/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"}
	if u.Home != "" {
		dirs = slices.Concat([]string{u.Home + "/.config/systemd/user.control", u.Home + "/.config/systemd/user"}, dirs[:2], []string{u.Home + "/.local/share/systemd/user"}, dirs[2:])
	}
	return dirs
}

// ResolveUnit says what the next start of a unit gets, after a daemon-reload.
func ResolveUnit(u Unit) UnitResult {
	out := UnitResult{Items: map[string]ItemLimits{}}
	read, names := u.fragment(&out)
	if out.Masked.File == "" {
		drop := u.dropIns(names)
		for _, f := range drop {
			out.DropIns = append(out.DropIns, f.Path)
		}
		read = append(read, drop...)
	}
	section := "Service"
	if i := strings.LastIndexByte(u.Name, '.'); i >= 0 && i+1 < len(u.Name) {
		section = strings.ToUpper(u.Name[i+1:i+2]) + u.Name[i+2:]
	}
	lines := u.assignments(read, section, &out)
	defaults := u.assignments(u.managerFiles(), "Manager", &out)
	for _, l := range lines {
		if l.key == "PAMName" {
			out.PAMName = l.value
		}
	}
	for _, s := range unitSettings {
		out.Items[s.key] = u.item(s.key, s.item, s.size, lines, defaults, out.Unknown)
	}
	return out
}

// fragment finds the unit file, the first of all directories, and the names
// whose drop-ins count.
func (u Unit) fragment(out *UnitResult) (read []File, names []string) {
	names = []string{u.Name}
	candidates := []string{u.Name}
	if t, ok := templateOf(u.Name); ok {
		candidates = append(candidates, t)
	}
	for _, name := range candidates {
		for _, dir := range u.dirs() {
			f, ok := fileAt(u.Files, dir+"/"+name)
			if !ok || f.kind() == FileDangling && !f.isNull() {
				continue
			}
			if f.isNull() || f.Content == "" && (f.kind() == FileRegular || f.kind() == FileLink) {
				out.Masked = Place{File: f.Path}
				return nil, names
			}
			if alias := baseName(f.Target); alias != "" && alias != name && strings.Contains(alias, ".") {
				names = append(names, alias)
			}
			out.Fragment = f.Path
			return []File{f}, names
		}
	}
	out.Unknown = "no unit file of " + u.Name + " was found"
	return nil, names
}

func templateOf(name string) (string, bool) {
	at, dot := strings.IndexByte(name, '@'), strings.LastIndexByte(name, '.')
	if at < 0 || dot < at+2 {
		return "", false
	}
	return name[:at+1] + name[dot:], true
}

// dropInNames are the names of a unit's directories without .d, the closest
// first: itself, its template, its prefixes that end in a dash.
func dropInNames(name string) []string {
	out := []string{name}
	if t, ok := templateOf(name); ok {
		out = append(out, dropInNames(t)...)
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return out
	}
	prefix, rest := name[:dot], name[dot:]
	if at := strings.IndexByte(prefix, '@'); at >= 0 {
		prefix, rest = prefix[:at], name[at:]
	}
	prefix = strings.TrimSuffix(prefix, "-")
	dash := strings.LastIndexByte(prefix, '-')
	if dash <= 0 {
		return out
	}
	for _, n := range dropInNames(prefix[:dash+1] + rest) {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// dropIns are the drop-ins in the order of their names. Of equal names the one
// in the first directory counts, and a mask hides the others; the name alone
// decides the order, so 90-x.conf for all services beats 50-x.conf of this one.
func (u Unit) dropIns(names []string) []File {
	var dirs []string
	for _, name := range names {
		for _, dir := range u.dirs() {
			for _, n := range dropInNames(name) {
				dirs = append(dirs, dir+"/"+n+".d")
			}
		}
	}
	kind := u.Name[strings.LastIndexByte(u.Name, '.')+1:]
	if u.Systemd == 0 || u.Systemd >= 244 {
		for _, dir := range u.dirs() {
			dirs = append(dirs, dir+"/"+kind+".d")
		}
	}
	return mergeByName(u.Files, dirs)
}

func mergeByName(files []File, dirs []string) []File {
	var out []File
	for _, dir := range dirs {
		for _, f := range filesIn(files, dir, ".conf") {
			if !slices.ContainsFunc(out, func(g File) bool { return baseName(g.Path) == baseName(f.Path) }) {
				out = append(out, f)
			}
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(baseName(a.Path), baseName(b.Path)) })
	return slices.DeleteFunc(out, func(f File) bool { return f.isNull() || f.kind() == FileDangling || f.kind() == FileDir })
}

func (u Unit) managerFiles() []File {
	name := "system.conf"
	if u.UserManager {
		name = "user.conf"
	}
	var out []File
	var dirs []string
	for _, dir := range []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"} {
		if f, ok := fileAt(u.Files, dir+"/"+name); ok && len(out) == 0 {
			out = append(out, f)
		}
		dirs = append(dirs, dir+"/"+name+".d")
	}
	return append(out, mergeByName(u.Files, dirs)...)
}

// assignment is a line KEY=VALUE of a section.
type assignment struct {
	at               Place
	key, value, text string
}

func (u Unit) assignments(files []File, section string, out *UnitResult) []assignment {
	var lines []assignment
	for _, f := range files {
		if k := f.kind(); k != FileRegular && k != FileLink || f.Cut {
			out.Unknown = f.Path + " was not read to its end"
			continue
		}
		in, held, from := "", "", 0
		for i, line := range strings.Split(f.Content, "\n") {
			line = strings.TrimRight(line, "\r")
			body := strings.TrimSpace(line)
			if strings.HasPrefix(body, "#") || strings.HasPrefix(body, ";") || body == "" && held == "" {
				continue
			}
			if held == "" {
				from = i + 1
			}
			if more, ok := strings.CutSuffix(line, `\`); ok {
				held += more + " "
				continue
			}
			body, held = strings.TrimSpace(held+line), ""
			if strings.HasPrefix(body, "[") && strings.HasSuffix(body, "]") {
				in = body[1 : len(body)-1]
				continue
			}
			if key, value, ok := strings.Cut(body, "="); ok && in == section {
				lines = append(lines, assignment{Place{f.Path, from}, strings.TrimSpace(key), strings.TrimSpace(value), body})
			}
		}
	}
	return lines
}

// item resolves one setting: the last line that systemd accepts.
func (u Unit) item(key, item string, size bool, lines, defaults []assignment, unknown string) ItemLimits {
	out := ItemLimits{Item: key}
	soft, hard := u.fallback(key, item, &out)
	take := func(all []assignment, name string) {
		for _, l := range all {
			if l.key != name {
				continue
			}
			s, h, why := u.parse(key, l, size)
			switch {
			case why != "":
				out.Ignored = append(out.Ignored, Note{At: l.at, Text: l.text, Why: why})
				out.Chain = append(out.Chain, Step{At: l.at, Text: l.text, What: "ignored: " + why})
				continue
			case hard.At.File != "":
				out.Shadowed = append(out.Shadowed, Note{At: hard.At, Text: name, Why: "replaced by " + l.at.String()})
			}
			soft, hard = s, h
			out.Chain = append(out.Chain, Step{At: l.at, Text: l.text, What: "soft = " + showBound(s) + ", hard = " + showBound(h)})
		}
	}
	take(defaults, "Default"+key)
	take(lines, key)
	if unknown != "" {
		soft, hard = Bound{Why: unknown}, Bound{Why: unknown}
	}
	u.clamp(item, &soft, &hard, &out)
	for i, s := range out.Chain {
		out.Chain[i].Won = s.At.Line > 0 && s.At == hard.At
	}
	out.Soft, out.Hard = soft, hard
	return out
}

// clamp is what systemd does where the kernel refuses a limit: it takes the
// manager's own hard limit instead.
func (u Unit) clamp(item string, soft, hard *Bound, out *ItemLimits) {
	if item == "" || !hard.Known {
		return
	}
	top := RlimitInfinity
	if l, ok := u.PID1[item]; ok && (u.UserManager || item == "nofile" && u.NROpen > 0 && uint64(hard.Value) > u.NROpen) {
		top = l.Hard
	} else if item == "nofile" && u.NROpen > 0 {
		top = Rlimit(u.NROpen)
	} else if item == "nofile" && hard.Value > 1<<20 {
		why := "whether the kernel allows " + hard.Value.String() + " depends on fs.nr_open, which was not read"
		hard.Known, hard.Why, soft.Known, soft.Why = false, why, soft.Known && soft.Value <= 1<<20, why
		return
	}
	if hard.Value > top {
		out.Chain = append(out.Chain, Step{What: fmt.Sprintf("%s is more than the kernel allows: %s is set instead", hard.Value, top)})
		hard.Value = top
		soft.Value = min(soft.Value, top)
	}
}
