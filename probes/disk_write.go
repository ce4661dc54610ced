package probes

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// parseLs reads a line of ls -ldn: mode, links, uid, gid, size, three words of
// a date, the path. A path of a directory that stands for a host begins with
// a dot.
func parseLs(line string) (DirMode, bool) {
	word, name := cutLs(line)
	uid, err1 := strconv.ParseInt(word[2], 10, 64)
	gid, err2 := strconv.ParseInt(word[3], 10, 64)
	if len(word[0]) < 10 || err1 != nil || err2 != nil || name == "" {
		return DirMode{}, false
	}
	if word[0][0] == 'l' {
		name, _, _ = strings.Cut(name, " -> ")
	}
	return DirMode{Path: hostPath(name), Mode: word[0], UID: uid, GID: gid}, true
}

// cutLs takes a line of ls -l apart: mode, links, owner, group, size, month, day,
// time or year; and the name, "" for a line that is none.
func cutLs(line string) (word [8]string, name string) {
	for i := range word {
		line = strings.TrimLeft(line, " ")
		word[i], line, _ = strings.Cut(line, " ")
	}
	return word, strings.TrimLeft(line, " ")
}

// hostPath is the path on the host of what a script that stood in the host's
// root called ./x.
func hostPath(name string) string {
	if strings.HasPrefix(name, ".") {
		return path.Clean("/" + name)
	}
	return name
}

// lsAbsent reads ls's own word for a path that is not there.
func lsAbsent(line string) (string, bool) {
	rest, ok := strings.CutSuffix(line, ": No such file or directory")
	if !ok || !strings.HasPrefix(rest, "ls: ") {
		return "", false
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return "", false
	}
	return strings.TrimSuffix(rest[i:], "'"), true
}

// writable is what a test as the TaskManager's user said, else what owners
// and modes say where they leave no doubt.
func (d diskRecords) writable(f *Facts, pid int, dir *DirFacts) Value[bool] {
	name := fmt.Sprintf("disk.%d.write", pid)
	for _, line := range d.r.All(name) {
		if answer, p, _ := strings.Cut(line, " "); p == dir.Path {
			switch answer {
			case "yes":
				return Known(true)
			case "no":
				return Known(false)
			}
		}
	}
	if d.denied(f, pid, dir) {
		return Known(false)
	}
	if w := d.r.unknown[name]; w != "" {
		return Unknown[bool](w)
	}
	if w := d.r.unknown[fmt.Sprintf("disk.%d", pid)]; w != "" {
		return Unknown[bool](w)
	}
	return Unknown[bool]("not tried as the TaskManager's user")
}

// writableAnew is the same for a TaskManager that would be started now.
func (d diskRecords) writableAnew(f *Facts, dir *DirFacts) Value[bool] {
	if owner := dir.UID.Or(0); f.Session.FlinkUserFrom.Or("") == loginUser && owner > 0 && owner != f.Session.UID.Or(owner) {
		return Unknown[bool]("whom TaskManagers run as is not known here: flink_user in the inventory says it")
	}
	// Printed only where the login user is whom a TaskManager would run as.
	for _, line := range d.r.All("disk.own_write") {
		if answer, p, _ := strings.Cut(line, " "); p == dir.Path && answer != "unsure" {
			return Known(answer == "yes")
		}
	}
	if uid, _, ok := f.flinkUID(); ok && uid != 0 {
		who := modeUser{uid: uid}
		if who.denied(dir) {
			return Known(false)
		}
	}
	return Unknown[bool]("no TaskManager runs whose user could try")
}

// denied reports whether owner and mode of the directory, or of one above it,
// surely keep the TaskManager's user from making files there. What a mode
// allows may still be refused (an ACL, SELinux, a damaged file system), so
// the contrary is never concluded from it.
func (d diskRecords) denied(f *Facts, pid int, dir *DirFacts) bool {
	i := slices.IndexFunc(f.Flink.TaskManagers, func(tm TaskManager) bool { return tm.PID == pid })
	if i < 0 {
		return false
	}
	uid, ok := f.Flink.TaskManagers[i].UID.Get()
	groups, okGroups := d.r.String(fmt.Sprintf("disk.%d.groups", pid)).Get()
	if !ok || uid == 0 { // root writes anywhere
		return false
	}
	who := modeUser{uid: uid, groupsKnown: okGroups, acls: d.r.String("disk.acls").Or("") == "shown"}
	for _, g := range strings.Fields(groups) {
		who.groups = append(who.groups, int64(atoi(g)))
	}
	return who.denied(dir)
}

// denied asks every directory on the way: each needs x, the last w as well.
func (u modeUser) denied(dir *DirFacts) bool {
	for _, p := range dir.Parents {
		if u.surelyNot(p, 'x', 3) {
			return true
		}
	}
	last := DirMode{Mode: dir.Mode.Or(""), UID: dir.UID.Or(-1), GID: dir.GID.Or(-1)}
	if last.Mode == "" {
		if dir.Kind.Or("") != "absent" || len(dir.Parents) == 0 {
			return false
		}
		// The directory would be made in the nearest one that is there.
		last = dir.Parents[len(dir.Parents)-1]
	}
	return u.surelyNot(last, 'w', 2) || u.surelyNot(last, 'x', 3)
}

// modeUser is whom a mode is asked about.
type modeUser struct {
	uid         int64
	groups      []int64
	groupsKnown bool
	acls        bool // ls marks ACLs with a +; busybox's does not
}

// surelyNot reports whether the mode refuses the user the bit at offset n of
// its class. Only the owner is certain where an ACL may be.
func (u modeUser) surelyNot(m DirMode, bit byte, n int) bool {
	if len(m.Mode) < 10 || m.Mode[0] != 'd' {
		return false
	}
	allowed := func(class int) bool {
		c := m.Mode[class*3+n]
		return c == bit || bit == 'x' && (c == 's' || c == 't')
	}
	switch {
	case m.UID == u.uid:
		return !allowed(0)
	case !u.acls || strings.HasSuffix(m.Mode, "+") || !u.groupsKnown:
		return false
	case slices.Contains(u.groups, m.GID):
		return !allowed(1)
	default:
		return !allowed(2)
	}
}

// quotaFor reads quota -w of the user for the file system of a directory:
// DEVICE BLOCKS QUOTA LIMIT [GRACE] FILES QUOTA LIMIT [GRACE], blocks of 1 KiB,
// a star where a quota is exceeded.
func (d diskRecords) quotaFor(pid int, dir *DirFacts) (Quota, bool) {
	m, ok := dir.Mount.Get()
	if !ok {
		return Quota{}, false
	}
	for _, line := range d.r.All(fmt.Sprintf("disk.%d.quota", pid)) {
		w := strings.Fields(line)
		if len(w) < 7 || w[0] != m.Source {
			continue
		}
		var n []int64
		for _, s := range w[1:] {
			if v, err := strconv.ParseInt(strings.TrimSuffix(s, "*"), 10, 64); err == nil {
				n = append(n, v)
			}
		}
		if len(n) < 6 {
			continue
		}
		return Quota{Device: w[0], Used: n[0] << 10, Limit: n[2] << 10, Files: n[3], FilesLimit: n[5]}, true
	}
	return Quota{}, false
}

// parseCleaners reads lines of tmpfiles.d(5) with an age, "FILE:LINE" each. A
// file in /etc hides the one of the same name in /run and /usr/lib.
func parseCleaners(r Records) []Cleaner {
	hidden := map[string]string{}
	for _, p := range r.All("disk.tmpfiles_file") { // /etc before /run
		if _, ok := hidden[path.Base(p)]; !ok {
			hidden[path.Base(p)] = p
		}
	}
	cleaners := []Cleaner{}
	for _, line := range r.All("disk.tmpfiles") {
		file, text, _ := strings.Cut(line, ":")
		file = hostPath(file)
		if by, ok := hidden[path.Base(file)]; ok && by != file {
			continue
		}
		w := strings.Fields(text)
		if len(w) < 2 {
			continue
		}
		keep := w[0][0] == 'x' || w[0][0] == 'X'
		if !keep && len(w) < 6 {
			continue
		}
		c := Cleaner{Source: file, Path: strings.Trim(w[1], `"`), Keep: keep}
		if !keep {
			c.Age = strings.TrimLeft(w[5], "~aAbBcCmM:")
		}
		cleaners = append(cleaners, c)
	}
	for _, p := range r.All("disk.cleaner") {
		cleaners = append(cleaners, Cleaner{Source: p})
	}
	return cleaners
}
