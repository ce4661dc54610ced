//go:build unix

package fix_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

func TestInspectTellsWhatStandsAtAPath(t *testing.T) {
	t.Parallel()
	me := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	eachWorld(t, oddFiles, func(t *testing.T, h *host) {
		big := strings.Repeat("x", 1<<20+1)
		for path, text := range map[string]string{"/etc/big": big, "/etc/empty": "", "/etc/d/two": "2\n"} {
			h.write(t, path, text)
		}
		syscall.Chmod(h.root+"/etc/empty", 0o4701)
		os.Link(h.root+"/etc/d/two", h.root+"/etc/two")
		os.Symlink("../sysctl.conf", h.root+"/etc/sysctl.d/99-sysctl.conf")
		os.Symlink("/etc/d", h.root+"/etc/e")
		os.Symlink("/nowhere", h.root+"/etc/dangling")
		os.Symlink("loop", h.root+"/etc/loop")
		file := func(path, real, dir, text, mode string, kind probes.FileKind, links int) fix.FileState {
			return fix.FileState{Path: path, Real: real, Dir: dir, Kind: kind, Content: []byte(text), SHA256: sum(text), Mode: mode, Owner: me, Links: links}
		}
		want := []fix.FileState{
			file("/etc/sysctl.conf", "/etc/sysctl.conf", "/etc", odd, "0644", probes.FileRegular, 1),
			file("/etc/sysctl.d/99-sysctl.conf", "/etc/sysctl.conf", "/etc", odd, "0644", probes.FileLink, 1),
			file("/etc/empty", "/etc/empty", "/etc", "", "4701", probes.FileRegular, 1),
			file("/etc/security/limits.d/a b.conf", "/etc/security/limits.d/a b.conf", "/etc/security/limits.d", "", "0644", probes.FileRegular, 1),
			file("/etc/e/two", "/etc/d/two", "/etc/d", "2\n", "0644", probes.FileRegular, 2),
			{Path: "/etc/none", Dir: "/etc", Kind: probes.FileAbsent},
			{Path: "/etc/e/none", Dir: "/etc/d", Kind: probes.FileAbsent},
			{Path: "/etc/no/none", Kind: probes.FileAbsent},
			{Path: "/etc/dangling", Kind: probes.FileDangling},
			{Path: "/etc/loop", Kind: probes.FileUnreadable, Obstacle: "too many links"},
			{Path: "/etc/big", Real: "/etc/big", Dir: "/etc", Kind: probes.FileUnreadable, Mode: "0644", Owner: me, Links: 1, Obstacle: "it is too long to be read"},
		}
		q := fix.Query{Sysctls: []string{"vm.max_map_count", "vm.none", "vm/evil"}}
		for _, f := range want {
			q.Paths = append(q.Paths, f.Path)
		}
		was := h.tree(t)
		s := h.inspect(t, q)
		if d := cmp.Diff(want, s.Files, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("files (-want +got):\n%s", d)
		}
		if v, _ := s.Sysctls["vm.max_map_count"].Get(); v != "65530" || s.Sysctls["vm.none"].Why() != "/proc/sys/vm/none cannot be read" || len(s.Sysctls) != 2 {
			t.Errorf("sysctls: %+v", s.Sysctls)
		}
		if s.Obstacle != "" || s.Lock != "" || s.Run != nil || s.Unfinished != nil {
			t.Errorf("of a host that is fine it tells %+v", s)
		}
		wantTree(t, h, was)
	})
}

func TestInspectReadsRecordedAnswers(t *testing.T) {
	t.Parallel()
	const limits = "Limit                     Soft Limit           Hard Limit           Units     \n" +
		"Max open files            1024                 524288               files     \n" +
		"Max address space         unlimited            unlimited            bytes     \n" +
		"Max nice priority         0                    0                    \n"
	items := map[string]string{"nofile": "1024:524288", "as": "unlimited:unlimited", "nice": "0:0"}
	for _, shell := range shells {
		h := newHost(t, map[string]string{
			"/.tmdoctor/session_flink":              limits,
			"/.tmdoctor/session_bad":                "su: Permission denied\n",
			"/.tmdoctor/systemctl_show_tm.service":  "ActiveState=active\nSubState=running\nNeedDaemonReload=yes\n",
			"/proc/77/stat":                         "77 (a) b (java) S 1 77 77 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 9 0 4711 1 1 1",
			"/proc/77/limits":                       limits,
			"/var/lib/tmdoctor/runs/x/kept/ignored": "",
		})
		h.shell = shell
		s := h.inspect(t, fix.Query{Users: []string{"flink", "bad", "none"}, PIDs: []int{77, 78}, Units: []string{"tm.service", "none.service"}})
		want := &fix.Snapshot{
			Sysctls: map[string]probes.Value[string]{},
			Sessions: []fix.Session{
				{User: "flink", By: "su", Limits: items},
				{User: "bad", By: "su", Limits: map[string]string{}, Failed: "it ended with 1: su: Permission denied"},
				{User: "none", By: "su", Limits: map[string]string{}, Failed: "needs a live kernel"},
			},
			Processes: []fix.Process{{PID: 77, Started: "4711", Limits: items}, {PID: 78, Limits: map[string]string{}, Gone: true}},
			Units: []fix.UnitState{
				{Unit: "tm.service", Active: "active", Sub: "running"},
				{Unit: "none.service", Unknown: "needs a live kernel"},
			},
			Unfinished: &fix.HostRun{Run: "x", State: fix.RunStaged, Cut: true},
		}
		if d := cmp.Diff(want, s, cmp.AllowUnexported(probes.Value[string]{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", shell, d)
		}
	}
}

func TestAHostWithoutATool(t *testing.T) {
	t.Parallel()
	h := newHost(t, smallFiles)
	h.path = appletTools(t, "busybox", "sha256sum", "stat")
	// An ash that prefers its own applets would have them all the same.
	h.shell = shells[0]
	p := smallPlan(t, h)
	if s := h.inspect(t, fix.Query{Paths: []string{"/etc/sysctl.conf"}}); s.Obstacle != "this host has no sha256sum stat" {
		t.Errorf("obstacle %q", s.Obstacle)
	}
	if a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce)); a.Outcome != fix.Untouched || a.Reason != "this host has no sha256sum stat" {
		t.Errorf("%s (%s)", a.Outcome, a.Reason)
	}
}

// An answer stays below what the other side reads of one: 4 MiB.
func TestInspectIsBounded(t *testing.T) {
	t.Parallel()
	h := newHost(t, nil)
	var q fix.Query
	for i := range 6 {
		path := fmt.Sprintf("/etc/%d", i)
		h.write(t, path, strings.Repeat("x", 1<<20))
		q.Paths = append(q.Paths, path)
	}
	if out := h.talk(t, fix.Inspect(nonce, q), ""); len(out) > 4<<20-1<<19 {
		t.Errorf("an answer has %d bytes", len(out))
	}
	for i, f := range h.inspect(t, q).Files {
		if whole := len(f.Content) == 1<<20 && f.Obstacle == ""; whole != (i < 3) || !whole && f.Obstacle != "it is too long to be read" {
			t.Errorf("%s has %d bytes and obstacle %q", f.Path, len(f.Content), f.Obstacle)
		}
	}
}

// A process can only be given limits where its kernel is.
func TestAProcessNeedsALiveKernel(t *testing.T) {
	t.Parallel()
	h := newHost(t, smallFiles)
	p := smallPlan(t, h)
	p.Live = append(p.Live, fix.LiveChange{Kind: fix.LiveProcess, Setting: "nofile", PID: 77, Started: "1", Before: "1:1", After: "2:2"})
	a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
	if a.Outcome != fix.Untouched || a.Reason != "the limits of a running process: needs a live kernel" {
		t.Errorf("%s (%s)", a.Outcome, a.Reason)
	}
}
