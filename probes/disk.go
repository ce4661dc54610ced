package probes

import (
	_ "embed"
	"slices"
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
	// Private is true if its TaskManager sees another mount there than the
	// login does: of another device, or with other options. A unit or container
	// has mounted it for itself.
	Private bool `json:"private,omitempty"`
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
