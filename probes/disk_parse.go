package probes

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// diskRecords are the records of the section by path.
type diskRecords struct {
	r      Records
	links  map[string]string // path -> real path
	kinds  map[string]string
	modes  map[string]DirMode
	space  map[string]Space
	mounts []Mount // as the login sees them
	// recorded: the modes come from a file that stands for ls, so that what
	// is missing from it is not known to be absent.
	recorded bool
}

func newDiskRecords(r Records) diskRecords {
	d := diskRecords{r: r, links: map[string]string{}, kinds: map[string]string{}, modes: map[string]DirMode{}}
	for _, line := range r.All("disk.link") {
		from, to, _ := strings.Cut(line, " -> ")
		d.links[from] = to
	}
	for _, line := range r.All("disk.kind") {
		kind, path, _ := strings.Cut(line, " ")
		d.kinds[path] = kind
	}
	d.recorded = r.String("disk.ls_from").Or("") == "recorded"
	for _, line := range r.All("disk.ls") {
		if m, ok := parseLs(line); ok {
			d.modes[m.Path] = m
			d.kinds[m.Path] = map[bool]string{true: "directory", false: "other"}[m.Mode[0] == 'd']
		} else if p, ok := lsAbsent(line); ok {
			d.kinds[p] = "absent"
		} else {
			continue
		}
	}
	d.space = parseSpaces(r.All("disk.statfs"))
	d.mounts = parseMounts(r.All("disk.mount"))
	return d
}

// fill puts together what is known of one directory.
func (d diskRecords) fill(f *Facts, dir *DirFacts) {
	dir.Real = dir.Path
	if to := d.links[dir.Path]; to != "" {
		dir.Real = to
	}
	users := f.dirUsers(dir.Path)
	host := mountOf(d.mounts, dir.Real)
	dir.Mount = d.mountFor(users, dir.Real)
	foreign := false // the TaskManager has another file system there than we see
	if m, ok := dir.Mount.Get(); ok && host != nil {
		foreign = m.Device != host.Device || m.Root != host.Root
		dir.Private = foreign || m.ReadOnly() != host.ReadOnly() || m.NoExec() != host.NoExec()
	}
	const inside = "another file system is mounted there for the TaskManager"
	dir.Kind, dir.Space = Unknown[string](inside), Unknown[Space](inside)
	dir.Mode, dir.UID, dir.GID = Unknown[string](inside), Unknown[int64](inside), Unknown[int64](inside)
	dir.Parents = []DirMode{}
	if !foreign {
		d.fillModes(dir)
	}
	dir.Space = d.spaceFor(users, dir, foreign)
	dir.Writable = map[int]Value[bool]{}
	for _, pid := range users {
		dir.Writable[pid] = d.writable(f, pid, dir)
		if q, ok := d.quotaFor(pid, dir); ok {
			if dir.Quota == nil {
				dir.Quota = map[int]Quota{}
			}
			dir.Quota[pid] = q
		}
	}
}

func (d diskRecords) fillModes(dir *DirFacts) {
	switch kind := d.kinds[dir.Real]; {
	case kind == "directory" || kind == "other":
		dir.Kind = Known(kind)
	case kind == "absent" && (!d.recorded || d.kinds[dir.Path] == "absent" && len(d.r.All("disk.absent")) == 0):
		dir.Kind = Known(kind)
	case kind == "":
		dir.Kind = Unknown[string](d.r.why("disk.kind"))
	default:
		dir.Kind = Unknown[string]("a directory above it may not be searched by the login user")
	}
	if m, ok := d.modes[dir.Real]; ok {
		dir.Mode, dir.UID, dir.GID = Known(m.Mode), Known(m.UID), Known(m.GID)
	} else if dir.Kind.Or("") == "absent" {
		dir.Mode, dir.UID, dir.GID = Known(""), Known(int64(-1)), Known(int64(-1))
	} else {
		why := "its owner and mode cannot be read"
		dir.Mode, dir.UID, dir.GID = Unknown[string](why), Unknown[int64](why), Unknown[int64](why)
	}
	for p := dir.Real; p != "/" && p != "."; {
		p = path.Dir(p)
		if m, ok := d.modes[p]; ok {
			dir.Parents = slices.Insert(dir.Parents, 0, m)
		}
	}
}

// spaceFor is the space of the directory, or where there is no answer for it,
// of the nearest directory above it on the same mount.
func (d diskRecords) spaceFor(users []int, dir *DirFacts, foreign bool) Value[Space] {
	m, ok := dir.Mount.Get()
	if !ok {
		if s, ok := d.space[dir.Real]; ok {
			return Known(s)
		}
		return Unknown[Space](dir.Mount.Why())
	}
	if slices.Contains(d.r.All("disk.hanging"), m.Point) {
		return Unknown[Space]("the file system does not answer")
	}
	spaces := d.space
	if foreign {
		for _, pid := range users {
			if s := parseSpaces(d.r.All(fmt.Sprintf("disk.%d.statfs", pid))); len(s) > 0 {
				spaces = s
			} else {
				return Unknown[Space]("another file system is mounted there for the TaskManager")
			}
		}
	}
	for p := dir.Real; ; p = path.Dir(p) {
		if s, ok := spaces[p]; ok {
			return Known(s)
		}
		if p == m.Point || p == "/" || p == "." {
			return Unknown[Space](d.r.why("disk.statfs"))
		}
	}
}

// parseSpaces reads lines of stat -f -c '%T %S %b %f %a %c %d %n'.
func parseSpaces(lines []string) map[string]Space {
	spaces := map[string]Space{}
	for _, line := range lines {
		n, name, ok := cutStatfs(line)
		if !ok || n[0] <= 0 || n[1] > math.MaxInt64/n[0] || n[2] > n[1] || n[3] > n[1] {
			continue
		}
		spaces[name] = Space{Total: n[0] * n[1], Free: n[0] * n[2], Avail: n[0] * n[3], Files: n[4], FilesFree: min(n[5], n[4])}
	}
	return spaces
}

// cutStatfs takes such a line apart: the numbers before the name, which is a
// path and may have blanks in it, as the type may.
func cutStatfs(line string) (n [6]int64, name string, ok bool) {
	at := strings.Index(line, " /")
	if at < 0 {
		return n, "", false
	}
	rest := line[:at]
	for i := len(n) - 1; i >= 0; i-- {
		from := strings.LastIndexByte(rest, ' ') + 1
		v, err := strconv.ParseUint(rest[from:], 10, 63)
		if err != nil {
			return n, "", false
		}
		n[i], rest = int64(v), rest[:max(from-1, 0)]
	}
	return n, line[at+1:], true
}

// dirUsers are the pids of the TaskManagers that use a directory: those whose
// arguments or configuration name it, else all of them.
func (f *Facts) dirUsers(dir string) []int {
	var named, all []int
	for _, tm := range f.Flink.TaskManagers {
		all = append(all, tm.PID)
		if f.names(tm, dir) {
			named = append(named, tm.PID)
		}
	}
	if len(named) > 0 {
		return named
	}
	return all
}

func (f *Facts) names(tm TaskManager, dir string) bool {
	last := path.Base(dir) // stands in whatever is the directory, but for the root
	has := func(v string) bool {
		if dir != "/" && !strings.Contains(v, last) {
			return false
		}
		return slices.ContainsFunc(strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ':' || r == '=' }),
			func(p string) bool { return p == dir || path.Clean("/"+strings.TrimLeft(p, "/")) == dir })
	}
	if path.Dir(tm.LogFile) == dir || slices.ContainsFunc(tm.JVMOptions, has) {
		return true
	}
	for _, v := range tm.Dynamic {
		if has(v) {
			return true
		}
	}
	for _, c := range f.Flink.Configs {
		if tm.ConfigDir == "" || path.Dir(c.Path) != path.Clean(tm.ConfigDir) {
			continue
		}
		for _, s := range c.Settings {
			if has(s.Value) {
				return true
			}
		}
	}
	return false
}
