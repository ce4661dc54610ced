package conf_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Golden vectors are trees of files and what real programs made of them:
// systemd-sysctl, sysctl --system, busybox and pam_limits. A resolver is right
// when it says the same on every tree. The names of the files tell the program
// and its version; a directory that -golden names may lack a kind.
//
//	go test ./probes/conf -run TestGolden -args -golden DIR
var goldenDir = flag.String("golden", ownGolden, "judge the golden vectors of `DIR`, relative to this package or to the module")

// ownGolden has vectors of every kind.
const ownGolden = "testdata/golden"

// goldenTally counts what all the golden tests judged, for the line at the
// end.
var goldenTally struct {
	sync.Mutex
	judged, mismatches int
}

func TestMain(m *testing.M) {
	code := m.Run()
	if goldenTally.judged > 0 {
		fmt.Printf("golden: %d judged, %d mismatches\n", goldenTally.judged, goldenTally.mismatches)
	}
	os.Exit(code)
}

// goldenFile is a file of vectors with the groups of its name's pattern.
type goldenFile struct {
	name   string
	groups []string
	data   []byte
}

// goldenFiles are the files of one kind. None is an error, except in a
// directory of somebody else that has vectors of another kind.
func goldenFiles(t *testing.T, kind *regexp.Regexp) (files []goldenFile) {
	t.Helper()
	dir := *goldenDir
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", dir)
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	other := false
	for _, e := range entries {
		m := kind.FindStringSubmatch(e.Name())
		other = other || sysctlVectors.MatchString(e.Name()) || limitsVectors.MatchString(e.Name())
		if m == nil {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, goldenFile{e.Name(), m[1:], data})
	}
	switch {
	case len(files) > 0:
	case other && dir != ownGolden:
		t.Skipf("%s has vectors of another kind only", dir)
	default:
		t.Fatalf("%s has no golden vectors of this kind", dir)
	}
	return files
}

// TestGoldenVectorsOfAKindMayLackElsewhereOnly runs this program again in a
// directory that has vectors of limits and none of sysctls.
func TestGoldenVectorsOfAKindMayLackElsewhereOnly(t *testing.T) {
	t.Parallel()
	at := t.TempDir()
	dir := filepath.Join(at, ownGolden)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pam-debian-1.5.2.json"), []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ golden, want string }{{ownGolden, "--- FAIL"}, {dir, "--- SKIP"}} {
		if out := again(t, at, nil, "-test.run=^TestGoldenSysctl", "-golden="+tt.golden); !strings.Contains(out, tt.want) {
			t.Errorf("-golden %s: want %q in\n%s", tt.golden, tt.want, out)
		}
	}
}

// again is what this program prints when it tests again, in a directory and
// with some variables more.
func again(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append(args, "-test.v")...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, _ := cmd.CombinedOutput() // that a test failed is in it
	return string(out)
}

// vectors reads the vectors of a file: one JSON array, or one object a line.
func vectors[T any](t *testing.T, f goldenFile) (all []T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(f.data)))
	if strings.HasPrefix(strings.TrimSpace(string(f.data)), "[") {
		if err := d.Decode(&all); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		return all
	}
	for d.More() {
		var v T
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		all = append(all, v)
	}
	return all
}

// goldenNumber is a value of a vector, which is a number or one written as a
// string; ok is false for null, which is not judged.
func goldenNumber(v any) (number string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "", false
	case float64:
		return fmt.Sprintf("%.0f", v), true
	}
	return strings.TrimSpace(fmt.Sprint(v)), true
}

// tally judges one value.
type tally struct{ judged, mismatches int }

func (n *tally) judge(t *testing.T, what, got, want string, tree map[string]string) {
	t.Helper()
	n.judged++
	if got != want {
		n.mismatches++
		t.Errorf("%s gives %s, want %s, on\n%s", what, got, want, showTree(tree))
	}
}

// done adds to the sum; a test that judged nothing has failed.
func (n *tally) done(t *testing.T) {
	t.Helper()
	if n.judged == 0 {
		t.Error("golden: nothing was judged")
	}
	t.Logf("golden: %s: %d judged, %d mismatches", t.Name(), n.judged, n.mismatches)
	goldenTally.Lock()
	defer goldenTally.Unlock()
	goldenTally.judged += n.judged
	goldenTally.mismatches += n.mismatches
}

// showTree is a tree of files by path, one line of a file a line.
func showTree(tree map[string]string) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(tree)) {
		fmt.Fprintf(&b, "\t%s\n", path)
		for line := range strings.Lines(tree[path]) {
			fmt.Fprintf(&b, "\t\t%q\n", line)
		}
	}
	return b.String()
}
