//go:build !unix

package main

import "os"

// readableByOthers is false: file modes say nothing about other users here.
func readableByOthers(os.FileInfo) bool { return false }
