//go:build !linux

package remote

import "testing"

func sudoWays(*testing.T) []way { return nil }
