package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/report"
)

// What loads csv knows its columns by name, from README.
func TestREADMENamesTheColumnsOfCSV(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\n`" + strings.Join(report.CSVColumns(), ",") + "`\n"; !strings.Contains(string(b), want) {
		t.Errorf("README.md lacks the line %q", want)
	}
}

// TestQuietKeepsAReportOutOfMemory: -q holds back all of a report, which may be
// any size, and leaves no file.
func TestQuietKeepsAReportOutOfMemory(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var out bytes.Buffer
	h := &heldStdout{to: &out}
	defer h.close()
	line, want := []byte(strings.Repeat("x", 99999)+"\n"), 0
	for range 30 {
		n, err := h.Write(line)
		if err != nil || n != len(line) {
			t.Fatal(n, err)
		}
		want += n
		if len(h.buf) > heldInMemory || out.Len() > 0 {
			t.Fatalf("%d bytes are in memory, %d are out already", len(h.buf), out.Len())
		}
	}
	isEmpty(t, dir)
	if err := h.release(); err != nil || !bytes.Equal(out.Bytes(), bytes.Repeat(line, 30)) || want != out.Len() {
		t.Errorf("%d of %d bytes: %v", out.Len(), want, err)
	}
}
