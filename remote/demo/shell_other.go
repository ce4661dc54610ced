//go:build !unix

package demo

import "io"

// runShell refuses: a host with a root needs /bin/sh and process groups.
func runShell(_ string, p process, exited func(status int)) {
	io.WriteString(p.stderr, "this system has no /bin/sh\n")
	exited(126)
}
