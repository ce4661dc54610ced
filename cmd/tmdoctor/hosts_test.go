package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

func TestHostsPrintsNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list, config := filepath.Join(dir, "hosts"), filepath.Join(dir, "config")
	for name, text := range map[string]string{list: "tm1\n", config: "Host tm1\n  HostName a\u009b31m\u202eb\n  User r\x1b[31mt\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []string{"table", "json"} {
		var stdout, stderr bytes.Buffer
		if got := runFor(nil, &stdout, &stderr, func(string) string { return "" }, "hosts", "-F", config, "-i", list, "-o", format); got != 0 {
			t.Fatalf("%s: exit status %d, want 0\n%s", format, got, stderr.String())
		}
		if i := strings.IndexFunc(stdout.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: an unprintable character at %d: %q", format, i, stdout.String())
		}
	}
}
