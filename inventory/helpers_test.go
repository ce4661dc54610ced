package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write puts files into a folder of their own: name, text, name, text...
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load reads one text under a file name.
func load(t *testing.T, name, text string) (*Inventory, error) {
	t.Helper()
	return Loader{Dir: write(t, name, text)}.Load([]string{name})
}

// mustLoad is load for a text that is right.
func mustLoad(t *testing.T, name, text string) *Inventory {
	t.Helper()
	inv, err := load(t, name, text)
	if err != nil {
		t.Fatalf("Load(%s) = %v", name, err)
	}
	return inv
}

// wantError compares a message and its hint with "message" or
// "message | hint".
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %s", want)
	}
	got := err.Error()
	if strings.Contains(want, " | ") {
		got += " | " + Hint(err)
	}
	if got != want {
		t.Errorf("error\n got %s\nwant %s", got, want)
	}
}

// wantHosts compares whole hosts.
func wantHosts(t *testing.T, got, want []Host) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}
