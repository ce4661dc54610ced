package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// labHosts are the hosts of the end-to-end tests, each with what an operator
// really meets.
var labHosts = []labHostSpec{
	{name: "plain"},
	{name: "noisy", flavour: "noisy"},
	{name: "fish", shell: "/usr/bin/fish"},
	{name: "csh", shell: "/bin/csh"},
	{name: "noprocps", flavour: "noprocps"},
	{name: "hashed"},
	{name: "jump"},
	{name: "inner", behind: "jump"},
	{name: "jvm", flavour: "sudo"},
	{name: "pair", flavour: "sudo"},
}

// newFleet starts all hosts, and writes inventory, ssh_config and known_hosts,
// one of them with a hashed name.
func newFleet(t *testing.T) *lab {
	require(t, "fish", "csh", "sudo")
	l := newLab(t)
	for _, spec := range labHosts {
		l.start(spec)
	}
	known := l.connect("hashed")
	l.write("hashed_known", l.hosts["hashed"].address+" "+l.read("hostkey_ecdsa.pub"))
	l.must("ssh-keygen", "-q", "-H", "-f", l.path("hashed_known"))
	l.write("known_hosts", known+l.read("hashed_known"))
	return l
}

func TestRealHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts ten sshd hosts")
	}
	l := newFleet(t)
	const (
		maps, files = 9000, 3000
		softLimit   = 4096
	)
	big, bigInside := l.taskManager(l.hosts["jvm"], javaSpec{
		maps: maps, files: files, limits: []string{fmt.Sprintf("--nofile=%d:%d", softLimit, softLimit)},
	})
	_, calmInside := l.taskManager(l.hosts["pair"], javaSpec{index: 0, limits: []string{"--nofile=20000:20000"}})
	_, sickInside := l.taskManager(l.hosts["pair"], javaSpec{index: 1, files: 900, limits: []string{"--nofile=1100:1100"}})

	r, stderr := l.check("--sudo")
	t.Log(stderr)
	for _, spec := range labHosts {
		t.Run("reaches "+spec.name, func(t *testing.T) {
			h := l.host(r, spec.name)
			if h.Unreachable != nil {
				t.Fatalf("unreachable: %+v", *h.Unreachable)
			}
			if got := h.Facts.Session.User.Or("?"); got != "op" {
				t.Errorf("session user %q, want op", got)
			}
		})
	}
	t.Run("the numbers are those of proc", func(t *testing.T) { l.compareWithProc(t, big, bigInside, l.host(r, "jvm").Facts) })
	t.Run("of two TaskManagers the sick one is named", func(t *testing.T) {
		h := l.host(r, "pair")
		subjects := map[string]bool{}
		for _, f := range h.Findings {
			if f.Code == "nofile/near" || f.Code == "nofile/exhausted" {
				subjects[f.Subject] = true
			}
		}
		if want := fmt.Sprintf("pid %d", sickInside); !subjects[want] || subjects[fmt.Sprintf("pid %d", calmInside)] {
			t.Errorf("open files found for %v, want %s alone", subjects, want)
		}
	})
	t.Run("no secret leaves a host", func(t *testing.T) {
		stdout, stderr, _ := l.run("check", "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"), "-o", "json", "--sudo", "-v")
		if strings.Contains(stdout+stderr, "do-not-tell-anyone") {
			t.Error("a secret from the command line or the configuration is in the report")
		}
	})
	t.Run("nothing stays behind on a host", func(t *testing.T) { l.nothingLeft(t) })
	t.Run("the files foretell what a session gets", func(t *testing.T) { l.foretells(t) })
	t.Run("an unprivileged reading is not unknown", func(t *testing.T) { l.unprivileged(t, bigInside) })
	t.Run("an unknown key names the flag", func(t *testing.T) { l.unknownKey(t) })
	t.Run("a changed key is its own result", func(t *testing.T) { l.changedKey(t) })
}

// compareWithProc reads /proc without tmdoctor and compares.
func (l *lab) compareWithProc(t *testing.T, outside, inside int, f *probes.Facts) {
	lines := 0
	file, err := os.Open(fmt.Sprintf("/proc/%d/maps", outside))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		lines++
	}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", outside))
	if err != nil {
		t.Fatal(err)
	}
	limit := l.must("cat", "/proc/sys/vm/max_map_count")
	if got := f.Maps.MaxMapCount.Or(-1); fmt.Sprint(got) != strings.TrimSpace(limit) {
		t.Errorf("max_map_count %d, want %s", got, limit)
	}
	if got, ok := f.Maps.Counts[inside].Get(); !ok || abs(got-int64(lines)) > 50 {
		t.Errorf("maps %d (known %v), /proc has %d lines", got, ok, lines)
	}
	if got, ok := f.NoFile.Descriptors[inside].Get(); !ok || abs(got-int64(len(fds))) > 10 {
		t.Errorf("descriptors %d (known %v), /proc has %d", got, ok, len(fds))
	}
	for _, tm := range f.Flink.TaskManagers {
		if tm.PID != inside {
			continue
		}
		limits, _ := tm.Limits.Get()
		if got := limits["nofile"]; got.Soft != 4096 || got.Hard != 4096 {
			t.Errorf("nofile %v:%v, want 4096:4096", got.Soft, got.Hard)
		}
		if got := tm.User.Or("?"); got != "flink" {
			t.Errorf("user %q, want flink", got)
		}
	}
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// nothingLeft looks for processes of the operator's user on every host.
func (l *lab) nothingLeft(t *testing.T) {
	for _, name := range l.order {
		h := l.hosts[name]
		l.until("the end of all sessions on "+name, func() bool {
			out, _ := l.inside(h, "/bin/sh", "-c", `for d in /proc/[0-9]*; do
				while read -r k v _; do [ "$k" != Uid: ] || [ "$v" != 7002 ] || echo "$d"; done <"$d/status"; done 2>/dev/null`).Output()
			return strings.TrimSpace(string(out)) == ""
		}, func() string { return "processes of op are still there" })
		out, err := l.inside(h, "find", "/tmp", "/home/op", "/var/tmp", "-user", "op", "-newer", l.path(name+"/up"), "-type", "f", "-not", "-path", l.dir+"/*").CombinedOutput()
		if err == nil && strings.TrimSpace(string(out)) != "" {
			t.Errorf("%s: files were written: %s", name, out)
		}
	}
}

// foretells writes limits for the operator's user, where no TaskManager runs:
// what the resolver says of a session through PAM and a real sshd is what the
// session of the audit got, now and, since nothing else is to change, at boot.
func (l *lab) foretells(t *testing.T) {
	const limits = "/etc/security/limits.d/50-op.conf"
	for _, c := range []struct{ text, want, source string }{
		{"op soft nofile 3000\nop hard nofile 5000\n", "3000:5000", limits + ":1, " + limits + ":2"},
		{"@op - nofile 7000\n* - nofile 100\n", "7000", limits + ":1"},
		{"op hard nofile 900\nop soft nofile 2000\nop - nofiles 9000\n", "900", limits + ":1"},
	} {
		write := l.inside(l.hosts["plain"], "/bin/sh", "-c", `printf %s "$1" >"$2"`, "sh", c.text, limits)
		if out, err := write.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		r, _ := l.check("--flink-user", "op", "plain")
		h := l.host(r, "plain")
		measured, ok := h.Facts.NoFile.Sessions["op"].Get()
		if got := measured.Soft.String() + ":" + measured.Hard.String(); !ok || got != c.want && measured.Soft.String() != c.want {
			t.Fatalf("%q gives a session %s (known %t), want %s", c.text, got, ok, c.want)
		}
		for _, check := range h.Checks {
			if check.Probe != "nofile" {
				continue
			}
			if len(check.Horizons) != 1 || check.Horizons[0].Boot != (probes.HorizonValue{Value: c.want, Source: c.source}) {
				t.Errorf("%q: horizons %+v, want %s from %s after a reboot", c.text, check.Horizons, c.want, c.source)
			}
		}
		stdout, _, status := l.run("why", "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"), "--flink-user", "op", "plain", "nofile")
		if status != 0 || !strings.Contains(stdout, "through sshd") || !strings.Contains(stdout, limits) {
			t.Errorf("why: exit status %d\n%s", status, stdout)
		}
	}
}

// unprivileged checks that without --sudo the usage is unknown with a reason,
// and the verdict still stands on what everybody may read.
func (l *lab) unprivileged(t *testing.T, inside int) {
	r, _ := l.check()
	h := l.host(r, "jvm")
	if v := h.Facts.Maps.Counts[inside]; v.IsKnown() || v.Why() == "" {
		t.Errorf("the maps of another user's process read as known: %v", v.Or(-1))
	}
	for _, c := range h.Checks {
		if c.Probe == "nofile" && c.Status == probes.StatusUnknown {
			t.Errorf("nofile is unknown (%s): /proc/PID/limits is for everybody", c.Reason)
		}
	}
}

func (l *lab) unknownKey(t *testing.T) {
	l.write("empty_known", "")
	stdout, _, status := l.run("check", "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"), "--known-hosts", l.path("empty_known"), "plain", "noisy")
	if status != 3 || !strings.Contains(stdout, "--accept-new") {
		t.Errorf("exit status %d, want 3 and a line that names --accept-new:\n%s", status, stdout)
	}
	_, _, _ = l.run("check", "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"), "--known-hosts", l.path("empty_known"), "--accept-new", "plain", "noisy")
	if got := strings.Count(l.read("empty_known"), "\n"); got != 2 {
		t.Errorf("--accept-new recorded %d lines, want 2:\n%s", got, l.read("empty_known"))
	}
	for _, host := range []string{"plain", "noisy"} {
		cmd := exec.Command("ip", "netns", "exec", l.ctl, "ssh", "-F", l.path("ssh_config"), "-o", "StrictHostKeyChecking=yes",
			"-o", "BatchMode=yes", "-o", "UserKnownHostsFile="+l.path("empty_known"), host, "true")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("ssh does not trust what was recorded for %s: %v\n%s", host, err, out)
		}
	}
}

func (l *lab) changedKey(t *testing.T) {
	l.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", l.path("other"))
	l.write("changed_known", l.hosts["plain"].address+" "+l.read("other.pub"))
	stdout, _, status := l.run("check", "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"),
		"--known-hosts", l.path("changed_known"), "--accept-new", "plain")
	if status != 3 || !strings.Contains(stdout, "ssh-keygen -R") {
		t.Errorf("exit status %d, want 3 and the command that mends a changed key:\n%s", status, stdout)
	}
}
