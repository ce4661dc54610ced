package demo_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// maxArchive keeps a host small, in bytes: repetition is what directives are
// for.
const maxArchive = 64 << 10

func TestEmbeddedHostsUnpack(t *testing.T) {
	t.Parallel()
	names := demo.HostNames()
	if len(names) == 0 {
		t.Fatal("no hosts")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := demo.Archive(name)
			if !bytes.HasPrefix(archive, []byte("# ")) {
				t.Errorf("the first line does not say what the host shows")
			}
			if len(archive) > maxArchive {
				t.Errorf("%d bytes, want at most %d", len(archive), maxArchive)
			}
			dir := t.TempDir()
			o := someone()
			o.Host = name
			if err := demo.Unpack(dir, name, archive, o); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, "etc/hostname"))
			if string(got) != name+"\n" || err != nil {
				t.Errorf("etc/hostname = %q, %v", got, err)
			}
		})
	}
	if demo.Archive("nobody") != nil {
		t.Error("Archive(nobody) is there")
	}
}

func TestTheFullHostHas61204Maps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := demo.Unpack(dir, "maps-exhausted", demo.Archive("maps-exhausted"), someone()); err != nil {
		t.Fatal(err)
	}
	maps, err := filepath.Glob(filepath.Join(dir, "proc/*/maps"))
	if err != nil || len(maps) != 1 {
		t.Fatalf("maps files %v, %v", maps, err)
	}
	text, err := os.ReadFile(maps[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(text, []byte("\n")); got != 61204 {
		t.Errorf("%d maps, want 61204", got)
	}
	status, err := os.ReadFile(filepath.Join(filepath.Dir(maps[0]), "status"))
	if err != nil || !strings.Contains(string(status), "\nUid:\t1002\t1002\t1002\t1002\n") {
		t.Errorf("the process does not belong to the caller: %v\n%s", err, status)
	}
}

// TestEveryExpectationIsOfSomethingThatExists: a code or a cause that is
// renamed must not leave a case that can never be met.
func TestEveryExpectationIsOfSomethingThatExists(t *testing.T) {
	t.Parallel()
	causes, codes := map[string]bool{"": true}, map[string]bool{"": true}
	for _, c := range probes.CauseDocs {
		causes[c.Name] = true
		codes["cause/"+strings.ReplaceAll(c.Name, "_", "-")] = true
	}
	for _, p := range probes.All {
		for _, c := range p.Codes {
			codes[p.Name+"/"+c.Slug] = true
		}
	}
	phases := []remote.Phase{"", remote.PhaseConnect, remote.PhaseHandshake, remote.PhaseHostKey, remote.PhaseAuth, remote.PhaseSession, remote.PhaseScript}
	statuses := []probes.Status{probes.OK, probes.Warn, probes.Fail, probes.StatusUnknown}
	used := map[string]bool{"base": true}
	for _, c := range demo.Cases() {
		e := c.Expect
		used[c.Like] = true
		if demo.Archive(c.Like) == nil || c.Title == "" {
			t.Errorf("%s: archive %q, title %q", c.Name, c.Like, c.Title)
		}
		if !causes[e.Cause] || !codes[e.Code] || !slices.Contains(phases, remote.Phase(e.Phase)) || !slices.Contains(statuses, probes.Status(e.Status)) {
			t.Errorf("%s expects what does not exist: %s", c.Name, e)
		}
		if (e.Cause == "") != (e.Confidence == "") || e.Cause != "" && e.Confidence != string(probes.Proven) && e.Confidence != string(probes.Likely) {
			t.Errorf("%s: cause %q, confidence %q", c.Name, e.Cause, e.Confidence)
		}
	}
	for _, name := range demo.HostNames() {
		if !used[name] {
			t.Errorf("no case uses the archive %s", name)
		}
	}
}

// TestEveryRowOfTheRunbookIsInTheFleet: a case for each cause that is a row.
func TestEveryRowOfTheRunbookIsInTheFleet(t *testing.T) {
	t.Parallel()
	rows := map[int]bool{}
	for _, c := range demo.Cases() {
		for _, doc := range probes.CauseDocs {
			if doc.Name == c.Expect.Cause {
				rows[doc.Row] = true
			}
		}
	}
	for row := 1; row <= 7; row++ {
		if !rows[row] {
			t.Errorf("no host shows row %d", row)
		}
	}
}

// TestEveryFileCanBeInstalled walks the whole repository: one name that the
// go command refuses breaks `go install` for everybody.
func TestEveryFileCanBeInstalled(t *testing.T) {
	t.Parallel()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody's temporary file
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, p)
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() {
			if name == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		seen++
		if err := module.CheckFilePath(filepath.ToSlash(name)); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil || seen < 10 {
		t.Errorf("saw %d files of %s, %v", seen, top, err)
	}
}
