//go:build !linux

package demo

import "os"

// tempDir is where a fleet's directory is made.
func tempDir() string { return os.TempDir() }
