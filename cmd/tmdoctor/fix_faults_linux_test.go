package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The files that a fix of the lab's hosts changes.
var fixFiles = []string{"/etc/sysctl.conf", "/etc/security/limits.conf"}

// fixFault is what befalls a fix right before an operation of the program that
// changes the host.
type fixFault struct {
	name string
	// host is what the program's own shell does then: it runs on the host, as
	// root, inside the program.
	host string
	// test is done by the test, while the program waits on the host.
	test  func(d *disturbed, fix *exec.Cmd) error
	after func(d *disturbed)
	undo  string // what makes the host whole again, for its root
	// edits is what was written into the first file by hand: it is never lost.
	edits string
	// every is at which operations: 1 at each, 2 at every second.
	every int
	from  int // the first of them, 0 for 1
}

// endSession ends the sshd of the program's session, both its processes.
const endSession = `lab_p=$$
while [ "$lab_p" -gt 1 ]; do
	lab_c=; read -r lab_c </proc/$lab_p/comm; lab_s=; read -r lab_s </proc/$lab_p/stat
	lab_s=${lab_s##*") "}; lab_s=${lab_s#* }; lab_up=${lab_s%% *}
	case $lab_c in sshd*) [ "$lab_up" -le 1 ] || kill -9 "$lab_p" ;; esac
	lab_p=$lab_up
done
`

// The cut comes first, because it takes the longest: the host waits for a verdict
// as long as the plan says.
var fixFaults = []fixFault{
	{name: "cut of the network", every: 28, test: (*disturbed).cut, after: (*disturbed).mend},
	{name: "kill -9 of the remote shell", host: `kill -9 $$`, every: 1},
	{name: "kill -9 of sshd's session", host: endSession, every: 4},
	{name: "kill -9 of tmdoctor", every: 5, test: func(_ *disturbed, fix *exec.Cmd) error { return fix.Process.Kill() }},
	{name: "full disk", host: `dd if=/dev/zero of=/var/lib/fill bs=4k 2>/dev/null`, undo: `rm -f /var/lib/fill`, every: 7},
	{name: "read-only remount", host: `mount -o remount,bind,ro /etc`, undo: `mount -o remount,bind,rw /etc`, every: 7},
	{name: "immutable file", host: `chattr +i /etc/security/limits.conf`, undo: `chattr -i /etc/security/limits.conf /etc/security/.tmdoctor* 2>/dev/null || :`, every: 7},
	{name: "immutable directory", host: `chattr +i /etc`, undo: `chattr -i /etc`, every: 8},
	{name: "sudo revoked", host: `mv /etc/sudoers.d/op /run/lab/sudoers`, undo: `mv /run/lab/sudoers /etc/sudoers.d/op`, every: 8},
	{name: "line added by another", host: `printf '# by hand\n' >>/etc/sysctl.conf`, edits: "# by hand\n", every: 6},
	{name: "file replaced by another", host: `cp -p /etc/sysctl.conf /etc/.other && printf '# by hand\n' >>/etc/.other && mv /etc/.other /etc/sysctl.conf`,
		edits: "# by hand\n", every: 6},
	{name: "second fix", from: 5, every: 8, test: (*disturbed).secondFix},
}

// disturbed is a host on which fixes are disturbed, one after the other.
type disturbed struct {
	*fixLab
	h        *labHost
	before   map[string]string // all of /etc
	old, new map[string]string // the files, as they are and as a fix makes them
	steps    []string          // the operations of an undisturbed fix
	points   int
	said     string // by the last fix
}

// TestFixFaults steps through the program that changes a host operation by
// operation, on real hosts with sshd, sudo and PAM, and disturbs it before each.
func TestFixFaults(t *testing.T) {
	needLongFix(t)
	const hosts = 8
	var specs []fixHostSpec
	for i := range hosts {
		specs = append(specs, fixHostSpec{name: fmt.Sprintf("fault%d", i), flavour: "fault"})
	}
	l := newFixLab(t, specs...)
	l.disturb(t, 0) // the first of all makes directories, which the others find
	first := l.disturb(t, 0)
	var all []func(d *disturbed)
	for _, f := range fixFaults {
		for n := max(f.from, 1); n <= len(first.steps); n += f.every {
			all = append(all, func(d *disturbed) { d.point(f, n) })
		}
	}
	counts := make([]int, hosts)
	var next atomic.Int64 // of all, whoever comes to it
	t.Run("points", func(t *testing.T) {
		for i := range hosts {
			t.Run(specs[i].name, func(t *testing.T) {
				t.Parallel()
				d := l.disturb(t, i)
				for k := next.Add(1) - 1; int(k) < len(all); k = next.Add(1) - 1 {
					all[k](d)
				}
				counts[i] = d.points
			})
		}
	})
	sum := 0
	for _, n := range counts {
		sum += n
	}
	t.Logf("%d operations of a fix, %d points at which it was disturbed", len(first.steps), sum)
	if sum < 60 {
		t.Errorf("disturbed at %d points, want at least 60", sum)
	}
}

// disturb learns from one undisturbed fix and its rollback what there is to
// disturb.
func (l *fixLab) disturb(t *testing.T, i int) *disturbed {
	t.Helper()
	name := fmt.Sprintf("fault%d", i)
	d := &disturbed{fixLab: l.with(t, "state-"+name), h: l.hosts[name]}
	d.root(d.h, "mkdir -p /run/fault/on; mkfifo /run/fault/go 2>/dev/null || :; rm -f /run/fault/log")
	d.before, d.old = d.tree(d.h, "/etc"), d.files()
	if out, errs, status := d.fix("--yes", name); status != 0 {
		t.Fatalf("an undisturbed fix: %d\n%s%s", status, out, errs)
	}
	d.new = d.files()
	for line := range strings.Lines(d.file(d.h, "/run/fault/log")) {
		d.steps = append(d.steps, strings.TrimSpace(line))
	}
	if wrong := d.inEffect(d.h); wrong != nil {
		t.Fatalf("after an undisturbed fix: %q", wrong)
	}
	d.rollBack("undisturbed")
	return d
}

func (d *disturbed) files() map[string]string {
	d.t.Helper()
	out := map[string]string{}
	for _, f := range fixFiles {
		out[f] = d.file(d.h, f)
	}
	return out
}

// point disturbs a fix before its operation n and looks at what came of it.
func (d *disturbed) point(f fixFault, n int) {
	d.t.Helper()
	if n > len(d.steps) {
		return
	}
	at := fmt.Sprintf("%s before operation %d (%s)", f.name, n, d.steps[n-1])
	began := time.Now()
	if !d.run(f, n, at) {
		return // it ended before
	}
	d.points++
	d.settled(at)
	d.whole(f, at)
	if err := d.logsIn(d.h); err != nil {
		d.t.Errorf("%s: no login: %v", at, err)
	}
	d.told(f, at)
	if f.edits != "" {
		d.keepsEdit(f, at)
	} else {
		d.leftBehind(f, at)
		if n%2 == 0 {
			d.resume(at)
		}
		d.rollBack(at)
	}
	d.t.Logf("%s: %.1f s", at, time.Since(began).Seconds())
}

// run runs the fix, and reports whether the operation was come to.
func (d *disturbed) run(f fixFault, n int, at string) bool {
	d.t.Helper()
	text := fmt.Sprintf("rm -f /run/fault/%d\n", n) + f.host + "\n"
	if f.test != nil {
		text += ": >/run/fault/held\ncat /run/fault/go >/dev/null\n"
	}
	d.put("held", "")
	d.put(fmt.Sprint(n), text)
	cmd := d.command(append(d.asks("fix"), d.h.name, "--yes")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	if f.test != nil {
		d.within(20*time.Second, 20*time.Millisecond, at, func() bool { return d.file(d.h, "/run/fault/held") != "absent" }, out.String)
		err := f.test(d, cmd)
		d.root(d.h, "echo >/run/fault/go")
		if err != nil {
			d.t.Errorf("%s: %v", at, err)
		}
	}
	_ = cmd.Wait()
	d.said = out.String()
	if f.after != nil {
		f.after(d)
	}
	reached := d.file(d.h, fmt.Sprintf("/run/fault/%d", n)) == "absent"
	if !reached {
		d.t.Errorf("%s: the fix never came to it:\n%s", at, out.String())
		d.put(fmt.Sprint(n), "")
	}
	if f.undo != "" {
		d.root(d.h, f.undo)
	}
	return reached
}

// put writes a file that the program on the host looks for, or removes it.
func (d *disturbed) put(name, text string) {
	d.t.Helper()
	path := d.inHost(d.h, "/run/fault/"+name)
	err := os.Remove(path)
	if text != "" {
		err = os.WriteFile(path, []byte(text), 0o600)
	} else if os.IsNotExist(err) {
		err = nil
	}
	if err != nil && !os.IsNotExist(err) {
		d.t.Fatal(err)
	}
}

// settled waits until no program of a fix is left on the host.
func (d *disturbed) settled(at string) {
	d.t.Helper()
	d.within(5*time.Minute, 50*time.Millisecond, at+": the end of the program on the host", func() bool {
		running, err := filepath.Glob(d.inHost(d.h, "/proc/[0-9]*/cmdline"))
		if err != nil {
			d.t.Fatal(err)
		}
		return !slices.ContainsFunc(running, func(name string) bool {
			line, _ := os.ReadFile(name)
			return string(line) == "/run/lab/sh\x00-s\x00"
		})
	}, func() string { return d.root(d.h, "ls -l /var/lib/tmdoctor; ps axf 2>/dev/null || ps") })
}

// whole checks that each file is old or new, byte for byte, and each value.
func (d *disturbed) whole(f fixFault, at string) {
	d.t.Helper()
	for path, now := range d.files() {
		is := strings.TrimSuffix(now, f.edits)
		if is != d.old[path] && is != d.new[path] {
			d.t.Errorf("%s: %s is neither old nor new:\n%q", at, path, now)
		}
	}
	if v := d.live(d.h); v != "65530" && v != wantMaps {
		d.t.Errorf("%s: vm.max_map_count is %q", at, v)
	}
}

// leftBehind takes away what a fix could not: where a file system let nothing be
// removed any more, names of ours stay beside the files, and that is said.
func (d *disturbed) leftBehind(f fixFault, at string) {
	d.t.Helper()
	_, state := d.hostState()
	names := d.root(d.h, "find /etc -name '.tmdoctor.*'")
	if names == "" || state == "staged" || state == "applying" || state == "applied" || state == "kept" {
		return // whoever ends the run, or rolls it back, takes them away
	}
	if f.undo == "" || !strings.Contains(d.said, "left behind") {
		d.t.Errorf("%s: the host is %s, and this is there and not said:\n%s\n%s", at, state, names, d.said)
	}
	d.root(d.h, "find /etc -name '.tmdoctor.*' -delete")
}

// hostState is what the host's own record says of its last run.
func (d *disturbed) hostState() (run, state string) {
	d.t.Helper()
	entries, err := os.ReadDir(d.inHost(d.h, "/var/lib/tmdoctor/runs"))
	if err != nil || len(entries) == 0 {
		return "", ""
	}
	run = d.lastRun()
	state = strings.TrimSpace(d.file(d.h, "/var/lib/tmdoctor/runs/"+run+"/state"))
	return run, state
}

// lastRun is the id of the last run that the control side has a record of.
func (d *disturbed) lastRun() string {
	d.t.Helper()
	entries, err := filepath.Glob(filepath.Join(d.state, "tmdoctor", "runs", "*"))
	if err != nil || len(entries) == 0 {
		d.t.Fatalf("no run is recorded below %s: %v", d.state, err)
	}
	slices.SortFunc(entries, func(a, b string) int {
		x, errX := os.Stat(a)
		y, errY := os.Stat(b)
		if errX != nil || errY != nil {
			d.t.Fatal(errX, errY)
		}
		return y.ModTime().Compare(x.ModTime())
	})
	name, _, _ := strings.Cut(filepath.Base(entries[0]), ".")
	return name
}

// told checks that the next run says of the host what it is like: check names a
// run that is unfinished.
func (d *disturbed) told(f fixFault, at string) {
	d.t.Helper()
	run, state := d.hostState()
	switch state {
	case "staged", "applying", "applied":
		out, errs, _ := d.lab.run(d.asks("check", d.h.name)...)
		if !strings.Contains(out+errs, run) {
			d.t.Errorf("%s: the host is %s, and check does not name run %s:\n%s%s", at, state, run, out, errs)
		}
	}
	out, errs, _ := d.lab.run("runs")
	if !strings.Contains(out, d.lastRun()) {
		d.t.Errorf("%s: runs does not list %s:\n%s%s", at, d.lastRun(), out, errs)
	}
}

// resume finishes the run: all is new then, and in effect, or all is old.
func (d *disturbed) resume(at string) {
	d.t.Helper()
	out, errs, status := d.fix("--resume", d.lastRun(), "--yes")
	files := d.files()
	kept, back := true, true
	for path, now := range files {
		kept = kept && now == d.new[path]
		back = back && now == d.old[path]
	}
	switch {
	case !kept && !back:
		d.t.Errorf("%s: resume left files half old and half new (%d):\n%s%s", at, status, out, errs)
	case kept:
		if wrong := d.inEffect(d.h); wrong != nil {
			d.t.Errorf("%s: resumed, and not in effect: %q\n%s%s", at, wrong, out, errs)
		}
	case status == 0 && !strings.Contains(out+errs, "nothing to resume"):
		d.t.Errorf("%s: resume ends with 0 and nothing is applied:\n%s%s", at, out, errs)
	}
}

// rollBack undoes the last run: all of /etc is as it was.
func (d *disturbed) rollBack(at string, flags ...string) {
	d.t.Helper()
	args := append([]string{"rollback", d.lastRun(), "--yes"}, flags...)
	out, errs, status := d.lab.run(d.asks(args...)...)
	if diff := differences(d.before, d.tree(d.h, "/etc"), fixFiles...); diff != nil {
		d.t.Errorf("%s: after the rollback (%d):\n%s\n%s%s", at, status, strings.Join(diff, "\n"), out, errs)
	}
	if v := d.live(d.h); v != "65530" {
		d.t.Errorf("%s: vm.max_map_count is %s after the rollback:\n%s%s", at, v, out, errs)
	}
	if _, state := d.hostState(); state != "rolled-back" && state != "untouched" && state != "absent" && state != "" {
		d.t.Errorf("%s: the host says %q after the rollback:\n%s%s", at, state, out, errs)
	}
}

// keepsEdit checks that a line which another wrote meanwhile is there, that a
// rollback does not take it away, and that it does when it is forced to.
func (d *disturbed) keepsEdit(f fixFault, at string) {
	d.t.Helper()
	if now := d.file(d.h, fixFiles[0]); !strings.HasSuffix(now, f.edits) {
		d.t.Errorf("%s: the line that another wrote is lost:\n%q", at, now)
	}
	out, errs, _ := d.lab.run(d.asks("rollback", d.lastRun(), "--yes")...)
	if now := d.file(d.h, fixFiles[0]); !strings.HasSuffix(now, f.edits) {
		d.t.Errorf("%s: the rollback took away what another wrote:\n%s%s", at, out, errs)
	}
	// Of what somebody wrote into a file that was just replaced, the only copy is
	// beside it, and stays.
	d.root(d.h, "sed -i '/^# by hand$/d' "+fixFiles[0]+"; for f in /etc/.tmdoctor.*.old; do ! grep -qs '^# by hand$' \"$f\" || rm \"$f\"; done")
	d.rollBack(at)
}

// secondFix is another operator's fix while the first is under way: it says who
// is there, and changes nothing.
func (d *disturbed) secondFix(*exec.Cmd) error {
	before := d.files()
	other := d.fixLab.with(d.t, "other-"+d.h.name)
	out, errs, status := other.fix("--yes", d.h.name)
	if status == 0 && !strings.Contains(out+errs, "nothing to fix") { // all is changed already
		return fmt.Errorf("a second fix ends with 0:\n%s%s", out, errs)
	}
	if text := out + errs; status != 0 && !strings.Contains(text, "lock") && !strings.Contains(text, "under way") && !strings.Contains(text, "run ") {
		return fmt.Errorf("a second fix does not say who is there:\n%s", text)
	}
	for path, now := range d.files() {
		if now != before[path] {
			return fmt.Errorf("a second fix changed %s", path)
		}
	}
	return nil
}

// cut takes the network away, and mend gives it back once both sides have
// noticed.
func (d *disturbed) cut(*exec.Cmd) error {
	d.inNet(d.ctl, "ip", "link", "set", d.link(), "down")
	return nil
}

func (d *disturbed) mend() {
	d.settled("cut of the network")
	d.inNet(d.ctl, "ip", "link", "set", d.link(), "up")
}

// link is the host's end of the lab's bridge.
func (d *disturbed) link() string { return fmt.Sprintf("v%d", slices.Index(d.order, d.h.name)+10) }

// needLongFix skips what takes minutes where nobody asked for it.
func needLongFix(t *testing.T) {
	t.Helper()
	if os.Getenv("TMDOCTOR_FIX") == "" {
		t.Skip("TMDOCTOR_FIX is not set: see make fix")
	}
}
