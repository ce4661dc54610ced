package conf

import (
	"path"
	"slices"
	"strings"
)

// sysctlDirs are the directories of sysctl files, the first beats the others
// (sysctl.d(5)). Alpine's script has an order of its own: see alpineSteps.
var sysctlDirs = []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"}

// step is a file of the chain, in the order of reading.
type step struct {
	file File
	read bool
	fate SysctlFate // of its lines, where it is not read
	why  string
	// tuned reads it, after the loader.
	tuned bool
	stmts []*statement // of the last dialect it was parsed in
}

// linked is where a link leads, as far as its text tells.
func linked(f File) string {
	if strings.HasPrefix(f.Target, "/") {
		return path.Clean(f.Target)
	}
	return path.Join(path.Dir(f.Path), f.Target)
}

// opaque says why the content of a file is not known, "" where it is. A
// directory and a link to nothing are empty for every loader.
func (s *step) opaque() string {
	switch f := s.file; {
	case !s.read || f.isNull():
		return ""
	case f.kind() == FileUnreadable:
		return f.Path + " cannot be read"
	case f.kind() == FileOther:
		return f.Path + " is not a regular file"
	case f.Cut:
		return f.Path + " is longer than what was read"
	}
	return ""
}

// merged are the files of all directories, one a name: the first directory
// has it. Sorted by name, byte by byte; the hidden ones stand before the file
// that hides them.
func merged(h *SysctlHost, dirs []string, hiddenToo bool) (steps []step) {
	seen := make(map[string]*File, len(h.Files))
	steps = make([]step, 0, len(h.Files)+2)
	for _, dir := range dirs {
		in := filesIn(h.Files, dir, ".conf")
		for i, f := range in {
			name := baseName(f.Path)
			s := step{file: f, read: true}
			switch by, ok := seen[name]; {
			case !hiddenToo && strings.HasPrefix(name, "."):
				s.read, s.fate, s.why = false, FateNotRead, "a file whose name begins with a dot is not read"
			case ok && masks(*by):
				s.read, s.fate, s.why = false, FateMasked, "masked by "+by.Path
			case ok:
				s.read, s.fate, s.why = false, FateSameName, "hidden by "+by.Path+", a file of the same name"
			default:
				seen[name] = &in[i]
			}
			steps = append(steps, s)
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		if c := strings.Compare(baseName(a.file.Path), baseName(b.file.Path)); c != 0 {
			return c
		}
		switch {
		case a.read == b.read:
			return 0
		case b.read:
			return -1
		}
		return 1
	})
	return steps
}

// masks reports whether a file only hides others of its name.
func masks(f File) bool {
	switch f.kind() {
	case FileDir, FileDangling:
		return true
	case FileRegular, FileLink:
		return f.isNull() || f.Content == "" && !f.Cut
	}
	return f.isNull()
}

// systemSteps are the merged directories, then /etc/sysctl.conf, which is read
// last or not at all.
func systemSteps(h *SysctlHost, hiddenToo, last bool) []step {
	steps := merged(h, sysctlDirs, hiddenToo)
	if last {
		return append(steps, oneStep(h, "/etc/sysctl.conf")...)
	}
	for i := range steps {
		if s := &steps[i]; s.read && s.file.Target != "" && linked(s.file) == "/etc/sysctl.conf" {
			return steps
		}
	}
	for _, s := range oneStep(h, "/etc/sysctl.conf") {
		s.read, s.fate = false, FateNotRead
		s.why = "systemd-sysctl reads /etc/sysctl.conf only through a link in a sysctl.d directory, and there is none"
		steps = append([]step{s}, steps...)
	}
	return steps
}

// oneStep is a file alone, if it is there and could have content.
func oneStep(h *SysctlHost, path string) []step {
	f, ok := fileAt(h.Files, path)
	if !ok || f.kind() == FileDir || f.kind() == FileDangling {
		return nil
	}
	return []step{{file: f, read: true}}
}

func dropStep(steps []step, path string) []step {
	return slices.DeleteFunc(steps, func(s step) bool { return s.file.Path == path })
}

// alpineDirs are the directories in the order in which Alpine's OpenRC runs
// sysctl -p on each of their files (aports, main/openrc,
// 0003-sysctl-add-compatibility-for-busybox-sysctl.patch). It is the one of
// procps of that time, /run first, where the first beat the others. Here all
// are applied, so the last has the last word.
var alpineDirs = []string{"/run/sysctl.d", "/etc/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"}

// alpineSteps are all files, directory by directory: nothing hides anything.
func alpineSteps(h *SysctlHost) (steps []step) {
	for _, dir := range alpineDirs {
		for _, f := range filesIn(h.Files, dir, ".conf") {
			s := step{file: f, read: true}
			if strings.HasPrefix(baseName(f.Path), ".") {
				s.read, s.fate, s.why = false, FateNotRead, "a file whose name begins with a dot is not read"
			}
			steps = append(steps, s)
		}
	}
	return append(steps, oneStep(h, "/etc/sysctl.conf")...)
}

// closedDirs are directories whose files are not all known.
func closedDirs(h *SysctlHost) (dirs []string) {
	for _, f := range h.Files {
		if f.kind() == FileUnreadable && slices.Contains(sysctlDirs, f.Path) {
			dirs = append(dirs, f.Path)
		}
	}
	return dirs
}
