//go:build unix

package fix_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// update is the flag of the golden files of this package; see diff_test.go.
func update() bool { return flag.Lookup("update").Value.String() == "true" }

// planCase is a case of testdata/plans: a host of package probes with other
// files in it, and options. Its comment has lines base FILE, option NAME,
// remove PATH, link PATH -> TARGET, and text PATH QUOTED for a file that
// txtar cannot have.
type planCase struct {
	base  string
	o     fix.Options
	files map[string]string
	want  string
}

func readPlanCase(t *testing.T, archive []byte) planCase {
	t.Helper()
	c := planCase{files: map[string]string{}}
	a := txtar.Parse(archive)
	for i, line := range strings.Split(strings.TrimSpace(string(a.Comment)), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		name, text, _ := strings.Cut(rest, " ")
		switch word {
		case "#":
		case "base":
			c.base = rest
		case "option":
			c.option(t, rest)
		case "remove":
			c.files["/"+name] = ""
		case "link":
			c.files["/"+name] = text
		case "text":
			unquoted, err := strconv.Unquote(text)
			if err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			c.files["/"+name] = unquoted
		default:
			t.Fatalf("line %d: %q is not understood", i+1, line)
		}
	}
	for _, f := range a.Files {
		if f.Name == "want" {
			c.want = string(f.Data)
			continue
		}
		c.files["/"+f.Name] = string(f.Data)
		if len(f.Data) == 0 {
			c.files["/"+f.Name] = "EMPTY"
		}
	}
	return c
}

func (c *planCase) option(t *testing.T, name string) {
	switch in, ok := strings.CutPrefix(name, "persist-in "); {
	case ok:
		c.o.PersistIn = fix.PersistIn(in)
	case name == "force-managed":
		c.o.ForceManaged = true
	case name == "running":
		c.o.Running = true
	case name == "vmem-to-as":
		c.o.VmemToAs = true
	case name == "restart-unit":
		c.o.RestartUnit = true
	default:
		t.Fatalf("option %q", name)
	}
}

// TestPlans plans for each host of testdata/plans and compares with the file
// want at the end of the case; then it carries the plan out, lets the script of
// package probes look again, and sees that all that was expected holds and that
// there is nothing left to do.
func TestPlans(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/plans/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(archive), "# ") {
				t.Errorf("the first line does not say what the case shows (# ...)")
			}
			c := readPlanCase(t, archive)
			h := newTreeHost(t, c.base, c.files)
			p, before := h.plan(t, c.o)
			got := shown(p)
			if got == "" {
				got = "nothing\n"
			}
			if update() {
				a := txtar.Parse(archive)
				a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("the plan differs (-want +got):\n%s", d)
			}
			carriedOut(t, h, p, c.o, before)
		})
	}
}

// carriedOut applies a plan and looks again.
func carriedOut(t *testing.T, h *treeHost, p *fix.Plan, o fix.Options, before *probes.Facts) {
	t.Helper()
	if p.IsEmpty() {
		if len(p.Expect) > 0 {
			t.Errorf("an empty plan expects %+v", p.Expect)
		}
		return
	}
	if len(p.Expect) == 0 {
		t.Error("the plan expects nothing")
	}
	old := probes.Evaluate(before, nil).Checks
	short := false
	for _, e := range p.Expect {
		ok, _, _ := e.Holds(old)
		short = short || !ok
	}
	if !short && !o.VmemToAs {
		t.Error("all that is expected holds before already")
	}
	h.apply(t, p)
	h.reload(t, p)
	facts := h.facts(t)
	checks := probes.Evaluate(facts, nil).Checks
	for _, e := range p.Expect {
		if ok, observed, where := e.Holds(checks); !ok {
			t.Errorf("%+v does not hold: %s (%s)", e, observed, where)
		}
	}
	again, _ := h.plan(t, o)
	if !again.IsEmpty() {
		t.Errorf("the second plan is not empty:\n%s", shown(again))
	}
}
