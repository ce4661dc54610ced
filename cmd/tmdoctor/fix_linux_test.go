package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFix fixes real hosts, with sudo of two kinds, and undoes it.
func TestFix(t *testing.T) {
	if testing.Short() {
		t.Skip("starts sshd hosts")
	}
	l := newFixLab(t,
		fixHostSpec{name: "all"},
		fixHostSpec{name: "rules", sudo: "rules", rules: fixRules(t), flavour: "nologin"},
		fixHostSpec{name: "bash", flavour: "bash", prepare: `printf 'vm.max_map_count = 65530 \n' >>/etc/sysctl.conf`},
	)
	l.state = l.path("state")
	before := map[string]map[string]string{}
	for _, name := range l.order {
		before[name] = l.tree(l.hosts[name], "/etc")
	}
	unchanged := func(t *testing.T, timeless ...string) {
		t.Helper()
		for _, name := range l.order {
			if diff := differences(before[name], l.tree(l.hosts[name], "/etc"), timeless...); diff != nil {
				t.Errorf("%s differs:\n%s", name, strings.Join(diff, "\n"))
			}
			if v := l.live(l.hosts[name]); v != "65530" {
				t.Errorf("%s: vm.max_map_count is %s", name, v)
			}
		}
	}
	t.Run("a plan changes nothing and shows all", func(t *testing.T) {
		out, errs, status := l.fix("--plan-only", "-o", "diff", "-o", "json="+l.path("plan.json"))
		for _, want := range []string{"+vm.max_map_count", wantMaps, "flink", wantFiles, "/etc/sysctl.conf", "/etc/security/limits.conf"} {
			if !strings.Contains(out, want) {
				t.Errorf("the plan does not show %q (%d):\n%s%s", want, status, out, errs)
			}
		}
		unchanged(t)
	})
	t.Run("without a yes nothing is done", func(t *testing.T) {
		if out, errs, status := l.fix(); status == 0 {
			t.Errorf("exit status 0 without anybody to confirm:\n%s%s", out, errs)
		}
		unchanged(t)
	})
	t.Run("the plan is applied and holds", func(t *testing.T) {
		out, errs, status := l.fix("--plan", l.path("plan.json"), "--yes")
		if status != 0 {
			t.Fatalf("exit status %d:\n%s%s", status, out, errs)
		}
		t.Logf("%s%s", out, errs)
		for _, name := range l.order {
			if wrong := l.inEffect(l.hosts[name]); wrong != nil {
				t.Errorf("%s: %q", name, wrong)
			}
			l.raisedOnly(t, l.hosts[name], before[name])
		}
	})
	run := l.lastRun(t)
	t.Run("a second fix finds nothing", func(t *testing.T) {
		out, errs, status := l.fix("--yes")
		if status != 0 || !strings.Contains(out+errs, "nothing to fix") {
			t.Errorf("exit status %d, want 0 and `nothing to fix`:\n%s%s", status, out, errs)
		}
	})
	t.Run("runs are recorded for their owner alone", func(t *testing.T) { l.recorded(t, run) })
	t.Run("what changed since it was planned is left alone", func(t *testing.T) {
		out, errs, status := l.fix("--plan", l.path("plan.json"), "--yes")
		if status == 0 {
			t.Errorf("a plan of yesterday is applied again:\n%s%s", out, errs)
		}
	})
	t.Run("a rollback leaves no trace", func(t *testing.T) {
		out, errs, status := l.lab.run(l.asks("rollback", run, "--yes")...)
		if status != 0 {
			t.Errorf("exit status %d:\n%s%s", status, out, errs)
		}
		unchanged(t, fixFiles...)
		for _, name := range l.order {
			if err := l.logsIn(l.hosts[name]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// fixRules are the sudo rules that tmdoctor prints for a fix by the user op.
func fixRules(t *testing.T) string {
	t.Helper()
	var out, errs strings.Builder
	if status := runFor(nil, &out, &errs, os.Getenv, "script", "--sudoers", "--fix", "--login", "op"); status != 0 {
		t.Fatalf("script --sudoers --fix: %d\n%s%s", status, &out, &errs)
	}
	return out.String()
}

// lastRun is the id of the last run that is recorded here.
func (l *fixLab) lastRun(t *testing.T) string {
	t.Helper()
	return (&disturbed{fixLab: l.with(t, filepath.Base(l.state))}).lastRun()
}

// recorded checks that what is kept of runs is for its owner alone, and that
// runs lists it.
func (l *fixLab) recorded(t *testing.T, run string) {
	err := filepath.WalkDir(l.state, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			return fmt.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if out, errs, status := l.lab.run("runs"); status != 0 || !strings.Contains(out, run) {
		t.Errorf("runs (%d) does not list %s:\n%s%s", status, run, out, errs)
	}
}

// raisedOnly checks all files of /etc against how they were: settings were
// raised, and every other byte, mode, owner and attribute is the same.
func (l *fixLab) raisedOnly(t *testing.T, h *labHost, before map[string]string) {
	t.Helper()
	after := l.tree(h, "/etc")
	for path, line := range after {
		was, ok := before[path]
		switch {
		case was == line:
		case !ok && (strings.HasPrefix(path, "/etc/sysctl.d/") || strings.HasPrefix(path, "/etc/security/limits.d/")) && strings.HasSuffix(path, "tmdoctor.conf"), !ok && path == "/etc/sysctl.conf":
			if wrong := onlyRaised("", l.file(h, path)); wrong != nil {
				t.Errorf("%s: %s: %q", h.name, path, wrong)
			}
		case !ok:
			t.Errorf("%s: %s is new: %s", h.name, path, line)
		default:
			if a, b := kindOf(was), kindOf(line); a != b {
				t.Errorf("%s: %s was %s, and is %s", h.name, path, a, b)
			}
			text, ok := l.texts[h.name+path]
			if !ok {
				t.Errorf("%s: %s was changed, and is no file to change", h.name, path)
			} else if wrong := onlyRaised(text, l.file(h, path)); wrong != nil {
				t.Errorf("%s: %s: %q", h.name, path, wrong)
			}
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			t.Errorf("%s: %s is gone", h.name, path)
		}
	}
}

// kindOf is a line of a tree without size, time and bytes.
func kindOf(line string) string {
	head, rest, ok := strings.Cut(line, " size ")
	if !ok {
		return line
	}
	f := strings.Fields(rest)
	return head + " " + strings.Join(f[4:], " ")
}
