//go:build unix

package repair

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lock takes a lock on the journal, which the kernel gives back if we die. It
// does not wait: another tmdoctor may be at work for an hour.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// unlock gives the lock back. To close the file is not enough: a process that
// is being started at this moment has it too, until it has become its program.
func unlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// ours is true if the caller owns the file.
func ours(info os.FileInfo) bool {
	sys, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}
