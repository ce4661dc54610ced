package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestNoArgumentForgesALine: whatever is given on the command line, each line
// on standard error is one that we wrote.
func TestNoArgumentForgesALine(t *testing.T) {
	t.Parallel()
	const evil = "no\nerror: forged \x1b[2J"
	for _, args := range [][]string{
		{"check", "-i", evil}, {"check", "--only", evil}, {"check", "--root", evil}, {"check", "--from", evil},
		{"explain", evil}, {evil}, {"check", "--policy", evil},
	} {
		var stdout, stderr bytes.Buffer
		if status := runFor(strings.NewReader(""), &stdout, &stderr, func(string) string { return "" }, args...); status != exitUsage {
			t.Errorf("%q: exit status %d, want %d", args, status, exitUsage)
		}
		for line := range strings.Lines(stderr.String()) {
			if !strings.HasPrefix(line, "tmdoctor: error: ") && !strings.HasPrefix(line, "tmdoctor: hint: ") || strings.Contains(line, "\x1b") {
				t.Errorf("%q: standard error has %q", args, line)
			}
		}
		if got := strings.Count(stderr.String(), "error: "); got < 1 || strings.Count(stderr.String(), "tmdoctor: error: ") != 1 {
			t.Errorf("%q: want one error, got %q", args, stderr.String())
		}
	}
}
