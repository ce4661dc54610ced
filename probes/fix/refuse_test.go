//go:build unix

package fix_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// Whatever differs from the plan is a reason to touch nothing.
func TestApplyRefusesAHostThatChanged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, h *host)
		reason string
	}{
		{"a file was edited", func(t *testing.T, h *host) { h.write(t, "/etc/sysctl.conf", "x") }, "/etc/sysctl.conf has changed since it was read"},
		{"the last file was edited", func(t *testing.T, h *host) { h.write(t, "/etc/security/limits.d/a b.conf", "x") }, "/etc/security/limits.d/a b.conf has changed since it was read"},
		{"a file is gone", func(t *testing.T, h *host) { os.Remove(h.root + "/etc/sysctl.conf") }, "/etc/sysctl.conf is gone since it was read"},
		{"a file appeared", func(t *testing.T, h *host) { h.write(t, "/etc/sysctl.d/zz-tmdoctor.conf", "") }, "/etc/sysctl.d/zz-tmdoctor.conf has appeared since it was looked for"},
		{"a directory appeared", func(t *testing.T, h *host) { os.Mkdir(h.root+"/etc/new.d", 0o755) }, "/etc/new.d has appeared since it was looked for"},
		{"a file became a link", func(t *testing.T, h *host) {
			os.Rename(h.root+"/etc/sysctl.conf", h.root+"/etc/other")
			os.Symlink("other", h.root+"/etc/sysctl.conf")
		}, "/etc/sysctl.conf is a link, or below one"},
		{"a directory became a link", func(t *testing.T, h *host) {
			os.Rename(h.root+"/etc/security", h.root+"/etc/s")
			os.Symlink("s", h.root+"/etc/security")
		}, "/etc/security/limits.conf is a link, or below one"},
		{"the directory of a new file became a link", func(t *testing.T, h *host) {
			os.Rename(h.root+"/etc/sysctl.d", h.root+"/etc/s")
			os.Symlink("s", h.root+"/etc/sysctl.d")
		}, "/etc/sysctl.d is a link, or below one"},
		{"a file became a directory", func(t *testing.T, h *host) {
			os.Remove(h.root + "/etc/sysctl.conf")
			os.Mkdir(h.root+"/etc/sysctl.conf", 0o755)
		}, "/etc/sysctl.conf is not a regular file"},
		{"a new file is a dangling link", func(t *testing.T, h *host) { os.Symlink("/nowhere", h.root+"/etc/sysctl.d/zz-tmdoctor.conf") }, "/etc/sysctl.d/zz-tmdoctor.conf is a link, or below one"},
		{"another mode", func(t *testing.T, h *host) { os.Chmod(h.root+"/etc/sysctl.conf", 0o600) }, fmt.Sprintf("/etc/sysctl.conf has mode 0600 and owner %d:%d, and had 0644 and %[1]d:%[2]d when it was read", os.Getuid(), os.Getgid())},
		{"a live value", func(t *testing.T, h *host) { h.write(t, "/proc/sys/vm/max_map_count", "65531\n") }, "vm.max_map_count is 65531, and was 65530 when it was read"},
		{"a live value is gone", func(t *testing.T, h *host) { os.Remove(h.root + "/proc/sys/vm/max_map_count") }, "vm.max_map_count: /proc/sys/vm/max_map_count cannot be read"},
		{"read-only", func(t *testing.T, h *host) {
			h.write(t, "/proc/self/mountinfo", "1 0 8:1 / / rw shared:1 - ext4 /dev/sda rw\n2 1 8:2 / /etc ro,nosuid - ext4 /dev/sdb rw\n")
		}, "/etc/sysctl.conf is on a file system that is mounted read-only"},
		{"read-only as a whole", func(t *testing.T, h *host) {
			h.write(t, "/proc/self/mountinfo", "1 0 8:1 / / rw shared:1 - ext4 /dev/sda ro,errors=remount-ro\n")
		}, "/etc/sysctl.conf is on a file system that is mounted read-only"},
		{"an overlay", func(t *testing.T, h *host) {
			h.write(t, "/proc/self/mountinfo", "1 0 0:1 / / rw - overlay overlay rw,lowerdir=/a,upperdir=/b\n")
		}, "/etc/sysctl.conf is on an overlay file system: what is written there does not outlast it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, shell := range shells[:min(2, len(shells))] {
				h := newHost(t, oddFiles)
				h.shell = shell
				p := oddPlan(t, h)
				tt.change(t, h)
				before := h.tree(t)
				a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
				if a.Outcome != fix.Untouched || a.Reason != tt.reason {
					t.Errorf("%s: %s (%s), want untouched (%s)", shell, a.Outcome, a.Reason, tt.reason)
				}
				wantTree(t, h, before)
				if _, err := os.Stat(h.root + "/var/lib/tmdoctor"); err == nil {
					t.Errorf("%s: /var/lib/tmdoctor is left behind", shell)
				}
			}
		})
	}
}

func TestApplyRefusesAPlanThatIsNotWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, reason string
		run          string
		change       func(p *fix.Plan)
	}{
		{"a run that leaves its directory", `"../x" cannot name a run`, "../x", func(*fix.Plan) {}},
		{"no run", `"" cannot name a run`, "", func(*fix.Plan) {}},
		{"a path with a newline", `"/etc/a\nb" is not a plain path`, runID, func(p *fix.Plan) { p.Files[0].Path = "/etc/a\nb" }},
		{"a path that climbs", `"/etc/../x" is not a plain path`, runID, func(p *fix.Plan) { p.Files[0].Path = "/etc/../x" }},
		{"a hash that is none", `the plan for "/etc/sysctl.conf" is not whole`, runID, func(p *fix.Plan) { p.Files[0].AfterSHA256 = "x" }},
		{"a live value with a command", `the plan for sysctl "vm.max_map_count" is not whole`, runID, func(p *fix.Plan) { p.Live[0].After = "1;id" }},
		{"a unit with an option", `"--now" cannot name a unit`, runID, func(p *fix.Plan) { p.Restart = []string{"--now"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, oddFiles)
			before, p := h.tree(t), oddPlan(t, h)
			tt.change(p)
			a := h.answer(t, fix.Apply(nonce, tt.run, who, p, 30, true), fix.Keep(nonce))
			if a.Outcome != fix.Untouched || a.Reason != tt.reason {
				t.Errorf("%s (%s), want untouched (%s)", a.Outcome, a.Reason, tt.reason)
			}
			wantTree(t, h, before)
		})
	}
}
