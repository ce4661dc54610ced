package probes

import (
	_ "embed"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Disk is the probe of the directories that TaskManagers write.
var Disk = Probe{
	Name: "disk",
	Doc: `directories and file systems of RocksDB, its library, logs and local recovery

RocksDB writes many files below the local directory of its TaskManager; its native library is unpacked into the working directory and mapped from there.
A full file system, one without a free inode, a read-only or noexec mount and a directory of another owner all stop it, and several of them with one and the
same text ("No space left on device", "Local DB files directory ... does not exist and cannot be created"): only the host tells them apart.
Looked at are the mounts as the TaskManager itself sees them, free blocks and inodes, owners and modes of each directory and its parents, and, where the
login may act as the TaskManager's user (own user or --sudo), whether that user can write there.`,
	Words: []string{"df", "df -h", "df -i", "inodes", "ls -ld", "No space left on device", "Disk quota exceeded", "Permission denied", "Read-only file system",
		"noexec", "failed to map segment from shared object", "chown", "mount", "tmpfs", "NFS", "state directory"},
	Budget:     8,
	Script:     diskScript,
	Codes:      diskCodes,
	Thresholds: diskThresholds,
	Parse:      parseDisk,
	Judge:      judgeDisk,
}

//go:embed disk.sh
var diskScript string

// The roles of a directory.
const (
	RoleLocalDir   = "localdir"   // state.backend.rocksdb.localdir
	RoleTmp        = "tmp"        // io.tmp.dirs, java.io.tmpdir
	RoleWork       = "work"       // the TaskManager's working directory, or its parent: the native library is unpacked there
	RoleLocalState = "localstate" // local recovery
	RoleCheckpoint = "checkpoint" // a checkpoint directory on this host: durable
	RoleSavepoint  = "savepoint"  // likewise
	RoleLog        = "log"
	RoleInventory  = "inventory" // state_dirs of the inventory
)

// DiskFacts are the directories that TaskManagers use and what they lie on.
type DiskFacts struct {
	// Listed is known if all directories were looked at: only then does an
	// empty list mean that there is none.
	Listed Value[bool] `json:"listed" need:"needed"`
	Dirs   []DirFacts  `json:"dirs"`
	// Hanging are mount points that did not answer in time.
	Hanging []string `json:"hanging"`
	// Cleaners are the rules and programs that remove old files.
	Cleaners []Cleaner `json:"cleaners"`
}

// DirFacts are one directory.
type DirFacts struct {
	Path  string   `json:"path"`
	Roles []string `json:"roles"`
	// Real is Path with its links followed, as far as it exists.
	Real string `json:"real"`
	// Kind is "directory", "absent" or "other" (a file, a device).
	Kind Value[string] `json:"kind"`
	// Mount is where the directory lies, as its TaskManager sees it.
	Mount Value[Mount] `json:"mount" need:"needed"`
	// Space is of the file system, or of the quota that statfs knows of.
	Space Value[Space] `json:"space" need:"needed"`
	// Mode is as ls prints it (drwxr-xr-x, a + behind it for an ACL), UID and
	// GID the owner; of an absent directory they are "" and -1.
	Mode Value[string] `json:"mode"`
	UID  Value[int64]  `json:"uid"`
	GID  Value[int64]  `json:"gid"`
	// Parents are the directories above Real, the root first.
	Parents []DirMode `json:"parents"`
	// Writable says by pid whether that TaskManager can make files there; of
	// an absent directory whether it can make it. Known from a test as its
	// user, or false from owners and modes alone where these leave no doubt.
	// On a host without a TaskManager, 0 stands for a new one.
	Writable map[int]Value[bool] `json:"writable"`
	// Quota is by pid the user's quota on the file system, if it has one.
	Quota map[int]Quota `json:"quota,omitempty"`
}

// has reports whether the directory has one of the roles.
func (d DirFacts) has(roles ...string) bool {
	return slices.ContainsFunc(d.Roles, func(r string) bool { return slices.Contains(roles, r) })
}

// DirMode is the owner and the mode of a directory.
type DirMode struct {
	Path string `json:"path"`
	Mode string `json:"mode"`
	UID  int64  `json:"uid"`
	GID  int64  `json:"gid"`
}

// Space is what statfs says, in bytes and files.
type Space struct {
	Total int64 `json:"total"`
	Free  int64 `json:"free"`
	// Avail is what an ordinary user may still use: without the blocks
	// reserved for root.
	Avail int64 `json:"avail"`
	// Files and FilesFree are inodes; Files 0 means that the file system has
	// no limit of its own (btrfs).
	Files     int64 `json:"files"`
	FilesFree int64 `json:"files_free"`
}

// Used is the share of blocks in use in percent, as df counts it.
func (s Space) Used() int64 {
	used := s.Total - s.Free
	if used+s.Avail <= 0 {
		return 100
	}
	return percent(used, used+s.Avail)
}

// FilesUsed is the share of inodes in use in percent, 0 without a limit.
func (s Space) FilesUsed() int64 {
	if s.Files <= 0 {
		return 0
	}
	return percent(s.Files-s.FilesFree, s.Files)
}

// Quota is one line of quota(1); limits of 0 are none. Sizes in bytes.
type Quota struct {
	Device     string `json:"device"`
	Used       int64  `json:"used"`
	Limit      int64  `json:"limit"` // the hard one
	Files      int64  `json:"files"`
	FilesLimit int64  `json:"files_limit"`
}

// Cleaner is what removes old files below a path.
type Cleaner struct {
	Source string `json:"source"` // file:line or file
	Path   string `json:"path"`   // below which it removes; "" if the file does not tell here
	Age    string `json:"age"`    // older than this: "10d"
	Keep   bool   `json:"keep"`   // the line excludes Path instead (x, X)
}

func parseDisk(r Records, f *Facts) {
	d := &f.Disk
	d.Dirs, d.Hanging = []DirFacts{}, r.All("disk.hanging")
	if d.Hanging == nil {
		d.Hanging = []string{}
	}
	d.Listed = Unknown[bool](r.why("disk.path"))
	if _, ok := r.List("disk.path").Get(); ok && r.sections["disk"].ended {
		d.Listed = Known(true)
	}
	d.Cleaners = parseCleaners(r)
	host := newDiskRecords(r)
	for _, line := range r.All("disk.path") {
		role, path, ok := strings.Cut(line, " ")
		if !ok || path == "" {
			continue
		}
		if i := slices.IndexFunc(d.Dirs, func(d DirFacts) bool { return d.Path == path }); i >= 0 {
			if !d.Dirs[i].has(role) {
				d.Dirs[i].Roles = append(d.Dirs[i].Roles, role)
			}
			continue
		}
		d.Dirs = append(d.Dirs, DirFacts{Path: path, Roles: []string{role}})
	}
	for i := range d.Dirs {
		host.fill(f, &d.Dirs[i])
	}
	if len(f.Flink.TaskManagers) > 0 {
		return
	}
	for i := range d.Dirs {
		d.Dirs[i].Writable[0] = host.writableAnew(f, &d.Dirs[i])
	}
}

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

var statfsLine = regexp.MustCompile(`(\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (/.*)$`)

// parseSpaces reads lines of stat -f -c '%T %S %b %f %a %c %d %n'.
func parseSpaces(lines []string) map[string]Space {
	spaces := map[string]Space{}
	for _, line := range lines {
		m := statfsLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var n [6]int64
		good := true
		for i := range n {
			v, err := strconv.ParseInt(m[i+1], 10, 64)
			good = good && err == nil
			n[i] = v
		}
		if !good || n[0] <= 0 || n[1] > math.MaxInt64/n[0] || n[2] > n[1] || n[3] > n[1] {
			continue
		}
		spaces[m[7]] = Space{Total: n[0] * n[1], Free: n[0] * n[2], Avail: n[0] * n[3], Files: n[4], FilesFree: min(n[5], n[4])}
	}
	return spaces
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
	has := func(v string) bool {
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
