package probes

import (
	"fmt"
	"slices"
	"strings"
)

// Mount is one line of mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	Point  string `json:"point"`
	Type   string `json:"type"`
	Source string `json:"source"`
	Device string `json:"device"` // MAJOR:MINOR
	Root   string `json:"root"`   // the directory of the file system that is mounted
	// Options are those of this mount, SuperOptions those of the file system.
	// A file system that the kernel made read-only after an error may still
	// read rw in both.
	Options      []string `json:"options"`
	SuperOptions []string `json:"super_options"`
}

// ReadOnly reports whether mount or file system are mounted read-only.
func (m Mount) ReadOnly() bool {
	return slices.Contains(m.Options, "ro") || slices.Contains(m.SuperOptions, "ro")
}

// NoExec reports whether a library cannot be mapped from it.
func (m Mount) NoExec() bool { return slices.Contains(m.Options, "noexec") }

// Network reports whether the file system is reached through a network or
// through FUSE, so that it may hang and lacks what RocksDB relies on.
func (m Mount) Network() bool {
	for _, t := range []string{"nfs", "cifs", "smb", "fuse", "ceph", "gluster", "lustre", "9p", "afs", "gpfs", "beegfs", "ocfs", "gfs2", "virtiofs"} {
		if strings.HasPrefix(m.Type, t) {
			return m.Type != "fuseblk" && m.Type != "fusectl"
		}
	}
	return false
}

// Temporary reports whether its files are in memory and gone after a reboot.
func (m Mount) Temporary() bool { return m.Type == "tmpfs" || m.Type == "ramfs" }

// parseMount reads a line of mountinfo: "36 35 98:0 /root /point opts shared:1
// - ext4 /dev/sda1 rw", with \040 for a blank.
func parseMount(line string) (m Mount, ok bool) {
	left, right, found := strings.Cut(line, " - ")
	l, s := strings.Fields(left), strings.Fields(right)
	if !found || len(l) < 6 || len(s) < 2 {
		return m, false
	}
	m = Mount{
		Point: unescapeMount(l[4]), Root: unescapeMount(l[3]), Device: l[2],
		Type: s[0], Source: unescapeMount(s[1]), Options: strings.Split(l[5], ","), SuperOptions: []string{},
	}
	if len(s) > 2 {
		m.SuperOptions = strings.Split(s[2], ",")
	}
	return m, strings.HasPrefix(m.Point, "/")
}

func parseMounts(lines []string) []Mount {
	var mounts []Mount
	for _, line := range lines {
		if m, ok := parseMount(line); ok {
			mounts = append(mounts, m)
		}
	}
	return mounts
}

// unescapeMount undoes the kernel's \040 \011 \012 \134 \043.
func unescapeMount(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1]) && octal(s[i+2]) && octal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

// mountOf is the mount that a path lies on: the longest mount point above it,
// and of several there the last, which hides the others.
func mountOf(mounts []Mount, path string) *Mount {
	var best *Mount
	for i := range mounts {
		m := &mounts[i]
		if within(path, m.Point) && (best == nil || len(m.Point) >= len(best.Point)) {
			best = m
		}
	}
	return best
}

// within reports whether path is dir or lies below it.
func within(path, dir string) bool {
	return path == dir || dir == "/" && strings.HasPrefix(path, "/") || strings.HasPrefix(path, dir+"/")
}

// mountFor is the mount as the TaskManagers see it, the login's own where
// their mountinfo could not be read and for hosts without one.
func (d diskRecords) mountFor(users []int, path string) Value[Mount] {
	for _, pid := range users {
		if m := mountOf(parseMounts(d.r.All(fmt.Sprintf("disk.%d.mount", pid))), path); m != nil {
			return Known(*m)
		}
	}
	if m := mountOf(d.mounts, path); m != nil {
		return Known(*m)
	}
	return Unknown[Mount](d.r.why("disk.mount"))
}

// isDevice reports whether a device that the kernel log names (sda1, dm-0,
// loop0) is what is mounted; a disk (sda, nvme0n1) is for its partitions too.
func (m Mount) isDevice(name string) bool {
	if name == "" || !strings.HasPrefix(m.Source, "/dev/") {
		return false
	}
	name = strings.TrimSuffix(name, "-8") // jbd2 names journals sda1-8
	dev := m.Source[strings.LastIndexByte(m.Source, '/')+1:]
	if dev == name {
		return true
	}
	if n, ok := strings.CutPrefix(name, "dm-"); ok {
		_, minor, _ := strings.Cut(m.Device, ":")
		return minor == n && (strings.HasPrefix(m.Source, "/dev/mapper/") || strings.Count(m.Source, "/") == 3)
	}
	part, ok := strings.CutPrefix(dev, name)
	if name[len(name)-1] >= '0' && name[len(name)-1] <= '9' {
		part, ok = strings.CutPrefix(dev, name+"p")
	}
	return ok && part != "" && strings.Trim(part, "0123456789") == ""
}
