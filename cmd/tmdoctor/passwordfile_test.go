package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// writeSecret writes a file of that mode.
func writeSecret(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPasswordFiles: a file holds one line that only its owner can read, and
// what it holds is in no error.
func TestPasswordFiles(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, text string
		mode       os.FileMode
		want       string // the password, "" for an error
		reason     string
	}{
		{"a line", "let me in\n", 0o600, "let me in", ""},
		{"no newline", "let me in", 0o400, "let me in", ""},
		{"blanks belong to it", " a b \n", 0o600, " a b ", ""},
		{"empty lines behind", "secret\n\n \n", 0o600, "secret", ""},
		{"two lines", "secret\nother\n", 0o600, "", "more than one line"},
		{"empty", "", 0o600, "", "is empty"},
		{"an empty line", "\n", 0o600, "", "is empty"},
		{"written on Windows", "secret\r\n", 0o600, "", "carriage return"},
		{"a NUL", "sec\x00ret\n", 0o600, "", "NUL"},
		{"long", strings.Repeat("secret", 4000), 0o600, "", "longer than 4096 bytes"},
		{"readable by the group", "secret\n", 0o640, "", "can be read by others: permissions 0640"},
		{"readable by all", "secret\n", 0o604, "", "can be read by others: permissions 0604"},
	} {
		if runtime.GOOS == "windows" && row.mode&0o077 != 0 {
			continue
		}
		password, err := readPassword(writeSecret(t, row.text, row.mode))
		if string(password) != row.want {
			t.Errorf("%s: password %q, want %q (%v)", row.name, password, row.want, err)
		}
		if row.want != "" {
			continue
		}
		var usage *usageError
		if !errors.As(err, &usage) || usage.hint == "" {
			t.Errorf("%s: %v, want a wrong command line with a hint", row.name, err)
			continue
		}
		if !strings.Contains(err.Error(), row.reason) || strings.Contains(err.Error()+usage.hint, "secret") {
			t.Errorf("%s: %q, want %q and nothing of the file", row.name, err, row.reason)
		}
	}
	if _, err := readPassword(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file gives a password")
	}
}

// TestPasswordFromAPipe: a shell gives <(command) as a pipe.
func TestPasswordFromAPipe(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/fd")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("from a vault\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	password, err := readPassword("/proc/self/fd/" + fmt.Sprint(r.Fd()))
	if err != nil || string(password) != "from a vault" {
		t.Errorf("%q, %v", password, err)
	}
}
