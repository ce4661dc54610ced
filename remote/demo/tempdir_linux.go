package demo

import (
	"os"
	"syscall"
)

const (
	// memoryDir is where distributions mount a file system in memory that
	// everybody may write, shm_overview(7).
	memoryDir = "/dev/shm"
	// memoryNeeded is what it must have free, in bytes: the demonstration
	// takes about 16 MB, a container may have 64 MB in all.
	memoryNeeded = 40 << 20
	tmpfsMagic   = 0x01021994 // statfs(2)
)

// tempDir is where a fleet's directory is made: as $TMPDIR says, else in
// memory, because a fleet is ten thousand small files, which cost a slow disk
// many seconds.
func tempDir() string {
	if os.Getenv("TMPDIR") != "" {
		return os.TempDir()
	}
	const write, search = 2, 1 // access(2)
	var s syscall.Statfs_t
	if syscall.Access(memoryDir, write|search) != nil || syscall.Statfs(memoryDir, &s) != nil {
		return os.TempDir()
	}
	if int64(s.Type) != tmpfsMagic || int64(s.Bavail)*int64(s.Bsize) < memoryNeeded {
		return os.TempDir()
	}
	return memoryDir
}
