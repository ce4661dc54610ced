package main

import (
	"strings"
	"testing"
)

// TestFixThroughOpenSSH checks, fixes and undoes a real host through ssh(1),
// with sudo, and finds the same as the transport native.
func TestFixThroughOpenSSH(t *testing.T) {
	if testing.Short() {
		t.Skip("starts sshd hosts")
	}
	l := newFixLab(t, fixHostSpec{name: "rules", sudo: "rules", rules: fixRules(t)})
	l.state = l.path("state")
	h := l.hosts["rules"]
	before := l.tree(h, "/etc")
	through := func(args ...string) []string { return append(l.asks(args...), "--transport", "openssh") }
	native, _, nativeStatus := l.run(append(l.asks("check"), "--all")...)
	out, errs, status := l.run(append(through("check"), "--all", "-v")...)
	if status != nativeStatus || strings.Count(out, "\n") != strings.Count(native, "\n") || !strings.Contains(out, "vm.max_map_count") {
		t.Errorf("check: %d, want %d:\n%s%s\nnative:\n%s", status, nativeStatus, out, errs, native)
	}
	if !strings.Contains(errs, "transport openssh: ") || !strings.Contains(errs, "OpenSSH_") {
		t.Errorf("-v does not say which ssh: %s", errs)
	}
	if out, errs, status := l.run(through("fix", "--yes")...); status != 0 {
		t.Fatalf("fix: %d\n%s%s", status, out, errs)
	}
	if wrong := l.inEffect(h); wrong != nil {
		t.Errorf("%q", wrong)
	}
	if out, errs, status := l.run(through("rollback", l.lastRun(t), "--yes")...); status != 0 {
		t.Fatalf("rollback: %d\n%s%s", status, out, errs)
	}
	if diff := differences(before, l.tree(h, "/etc"), fixFiles...); diff != nil {
		t.Errorf("/etc differs:\n%s", strings.Join(diff, "\n"))
	}
	if out, _, _ := l.run(through("why", "rules", "vm.max_map_count")...); !strings.Contains(out, "65530") {
		t.Errorf("why: %s", out)
	}
}
