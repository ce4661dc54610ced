//go:build !unix

package remote

import (
	"os"
	"os/exec"
)

func lockFile(*os.File) (unlock func(), err error) { return func() {}, nil }

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// ownedByUs is false: file modes say nothing about other users here.
func ownedByUs(os.FileInfo) bool { return false }

// guardedMode is true: file modes say nothing about other users here.
func guardedMode(os.FileInfo) bool { return true }

func descriptorLimit() int { return 0 }
