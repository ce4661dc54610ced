//go:build !unix

package demo

import (
	"context"
	"io"
)

// runShell refuses: a host with a root needs /bin/sh and process groups.
func runShell(_ context.Context, _ string, _ io.ReadCloser, _, stderr io.Writer) int {
	io.WriteString(stderr, "this system has no /bin/sh\n")
	return 126
}
