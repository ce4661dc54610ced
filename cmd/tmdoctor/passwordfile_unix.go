//go:build unix

package main

import (
	"os"
	"syscall"
)

// readableByOthers is true if more than its owner may read a file of ours, or
// everybody one that another user gave us, as secrets in containers are.
func readableByOthers(st os.FileInfo) bool {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) == os.Getuid() {
		return st.Mode().Perm()&0o077 != 0
	}
	return st.Mode().Perm()&0o007 != 0
}
