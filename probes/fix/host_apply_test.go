//go:build unix

package fix_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// plan asks the host and plans.
func (h *treeHost) plan(t testing.TB, o fix.Options) (*fix.Plan, *probes.Facts) {
	t.Helper()
	facts := h.facts(t)
	return fix.Make("tm", facts, h.snapshot(t, fix.Ask(facts, nil, o)), nil, o), facts
}

// apply carries a plan out in the tree.
func (h *treeHost) apply(t testing.TB, p *fix.Plan) {
	t.Helper()
	for _, f := range p.Files {
		old, err := os.ReadFile(h.root + f.Path)
		if f.Absent != errors.Is(err, fs.ErrNotExist) || !bytes.Equal(old, f.Before) {
			t.Fatalf("%s is not what the plan says it is", f.Path)
		}
		if f.MakeDir {
			if err := os.Mkdir(path.Dir(h.root+f.Path), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(h.root+f.Path, f.After, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range p.Live {
		switch l.Kind {
		case fix.LiveSysctl:
			h.put(t, "/proc/sys/"+strings.ReplaceAll(l.Setting, ".", "/"), l.After+"\n")
		case fix.LiveProcess:
			h.raise(t, l)
		}
	}
}

// raise changes a row of /proc/PID/limits.
func (h *treeHost) raise(t testing.TB, l fix.LiveChange) {
	t.Helper()
	soft, hard, _ := strings.Cut(l.After, ":")
	h.rows(t, fmt.Sprintf("/proc/%d/limits", l.PID), l.Setting, soft, hard)
}

func (h *treeHost) rows(t testing.TB, name, setting, soft, hard string) {
	t.Helper()
	b, err := os.ReadFile(h.root + name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for line := range strings.Lines(string(b)) {
		for row, item := range limitRows {
			if strings.HasPrefix(line, row) && item == setting {
				line = fmt.Sprintf("%-25s %-20s %-20s %s\n", row, soft, hard, "x")
			}
		}
		text += line
	}
	h.put(t, name, text)
}

// shown is a plan as a person would read it, short.
func shown(p *fix.Plan) string {
	var b strings.Builder
	for _, f := range p.Files {
		fmt.Fprintf(&b, "file %s", f.Path)
		if f.Absent {
			b.WriteString(" (new)")
		}
		if f.MakeDir {
			b.WriteString(" (directory too)")
		}
		fmt.Fprintf(&b, " for %s\n  why: %s\n", strings.Join(f.Settings, ", "), f.Why)
		before := strings.SplitAfter(string(f.Before), "\n")
		for _, line := range strings.SplitAfter(string(f.After), "\n") {
			if !slices.Contains(before, line) {
				fmt.Fprintf(&b, "  + %q\n", line)
			}
		}
	}
	for _, l := range p.Live {
		fmt.Fprintf(&b, "live %s %d %s -> %s\n", l.Setting, l.PID, l.Before, l.After)
	}
	if p.Reload {
		b.WriteString("reload\n")
	}
	for _, u := range p.Restart {
		fmt.Fprintf(&b, "restart %s\n", u)
	}
	for _, r := range p.Refused {
		fmt.Fprintf(&b, "refused %s %q: %s\n  instead: %s\n", r.Setting, r.Subject, r.Reason, r.Instead)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

// reload is systemctl daemon-reload, as systemctl show tells it afterwards; a
// restart, and a new session of the TaskManager's user.
func (h *treeHost) reload(t testing.TB, p *fix.Plan) {
	t.Helper()
	rows := map[string]string{}
	for _, e := range p.Expect {
		switch {
		case e.Horizon == probes.Running && !strings.HasPrefix(e.Subject, "pid "):
			h.raise(t, fix.LiveChange{PID: 4711, Setting: e.Setting, After: e.AtLeast.String() + ":" + e.AtLeast.String()})
		case e.Horizon == probes.Live && strings.HasPrefix(e.Subject, "user "):
			h.rows(t, "/proc/self/limits", e.Setting, e.AtLeast.String(), e.AtLeast.String())
		case e.Horizon == probes.Live:
			rows[e.Setting] = strings.Replace(e.AtLeast.String(), "unlimited", "infinity", 1)
		}
	}
	keys := map[string]string{"LimitNOFILE": rows["nofile"], "LimitNOFILESoft": rows["nofile"], "LimitAS": rows["as"], "LimitASSoft": rows["as"], "TasksMax": rows["TasksMax"], "NeedDaemonReload": "no"}
	b, err := os.ReadFile(h.root + "/.tmdoctor/unit")
	if err != nil || !p.Reload {
		return
	}
	text := ""
	for line := range strings.Lines(string(b)) {
		key, _, _ := strings.Cut(line, "=")
		if keys[key] != "" {
			line = key + "=" + keys[key] + "\n"
		}
		text += line
	}
	h.put(t, "/.tmdoctor/unit", text)
}
