package fix_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// newLiveHost is this machine with its own kernel, PAM and mounts, and with
// copies of /etc and /var/lib and a plain file for vm.max_map_count, in a mount
// namespace. more are further commands before the shell.
func newLiveHost(t *testing.T, shell []string, more string) *host {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "root")
	}
	h := newHost(t, nil)
	h.live = true
	run(t, "cp", "-a", "/etc/.", h.root+"/etc/")
	h.write(t, "/etc/security/limits.conf", "# none\n")
	h.write(t, "/etc/sysctl.conf", odd)
	mounts := "set -e\n"
	for _, at := range []string{"/etc", "/var/lib", "/proc/sys/vm/max_map_count"} {
		mounts += fmt.Sprintf("mount --bind %s %s\n", quote(h.root+at), at)
	}
	h.shell = []string{"unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
		mounts + more + "\nexec " + strings.Join(shell, " ") + ` "$@"`, "sh"}
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		lacking(t, "a mount namespace: "+string(out))
	}
	return h
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		lacking(t, name)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// sleeper is a process with a soft limit of 512 open files.
func sleeper(t *testing.T) (pid int, hard string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", "ulimit -S -n 512; echo; exec sleep 600")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	out.Read(make([]byte, 1))
	var limit syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return cmd.Process.Pid, fmt.Sprint(limit.Max)
}

// TestOnTheKernelOfThisMachine: a file with an access list and an owner of its
// own, a new file, a value of the kernel and the limits of a process; sessions
// are opened by the PAM of this machine.
func TestOnTheKernelOfThisMachine(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			h := newLiveHost(t, shell, "")
			pid, hard := sleeper(t)
			q := fix.Query{
				Paths: []string{"/etc/security/limits.conf", "/etc/sysctl.conf"}, Sysctls: []string{"vm.max_map_count"},
				Users: []string{"nobody", "no-such-user"}, PIDs: []int{pid}, Run: runID,
			}
			run(t, "setfacl", "-m", "u:65534:r", h.root+"/etc/security/limits.conf")
			run(t, "chown", "7:8", h.root+"/etc/sysctl.conf")
			was := h.tree(t)
			list := run(t, "getfacl", "-n", "--omit-header", h.root+"/etc/security/limits.conf")

			s := h.inspect(t, q)
			if s.Obstacle != "" || s.Files[0].Obstacle != "" || s.Files[1].Owner != "7:8" {
				t.Errorf("obstacle %q, files %+v", s.Obstacle, s.Files)
			}
			ps := s.Processes[0]
			if ps.Limits["nofile"] != "512:"+hard || ps.Started == "" {
				t.Fatalf("process %+v, want nofile 512:%s", ps, hard)
			}
			if u := s.Sessions[0]; u.Failed != "" || u.Limits["nofile"] == "" {
				t.Errorf("session %+v", u)
			}
			if u := s.Sessions[1]; u.Failed == "" {
				t.Errorf("session %+v of nobody", u)
			}
			p := &fix.Plan{
				Files: []fix.FileChange{
					h.change(t, "/etc/security/limits.conf", "nobody soft nofile 300\nnobody hard nofile 400\n"),
					h.change(t, "/etc/sysctl.conf", odd+"\nvm.max_map_count = 262144\n"),
					h.change(t, "/etc/sysctl.d/zz-tmdoctor.conf", "vm.max_map_count = 262144\n"),
				},
				Live: []fix.LiveChange{mapCount, {Kind: fix.LiveProcess, Setting: "nofile", PID: pid, Started: ps.Started, Before: "512:" + hard, After: "1024:" + hard}},
			}
			var session fix.Session
			var limits string
			var listNow string
			second := *h
			h.during = func() {
				s := second.inspect(t, q)
				session, limits = s.Sessions[0], s.Processes[0].Limits["nofile"]
				listNow = run(t, "getfacl", "-n", "--omit-header", h.root+"/etc/security/limits.conf")
				wantNew(t, h, p)
			}
			a := h.answer(t, fix.Apply(nonce, runID, who, p, 60, true), fix.Back(nonce))
			if a.Outcome != fix.RolledBack || a.Reason != "told to go back" {
				t.Fatalf("%s (%s), notes %q", a.Outcome, a.Reason, a.Notes)
			}
			if session.Limits["nofile"] != "300:400" {
				t.Errorf("meanwhile a session is %+v, want nofile 300:400", session)
			}
			if limits != "1024:"+hard {
				t.Errorf("meanwhile the process has %s, want 1024:%s", limits, hard)
			}
			if listNow != list {
				t.Errorf("meanwhile the access list is %q, want %q", listNow, list)
			}
			wantTree(t, h, was)
			if got := h.inspect(t, q).Processes[0].Limits["nofile"]; got != "512:"+hard {
				t.Errorf("afterwards the process has %s, want 512:%s", got, hard)
			}
			h.during = nil
			if a := h.answer(t, fix.Apply(nonce, runID, who, p, 60, true), fix.Keep(nonce)); a.Outcome != fix.Kept {
				t.Fatalf("%s (%s)", a.Outcome, a.Reason)
			}
			if a := h.answer(t, fix.Rollback(nonce, runID, who, false), ""); a.Outcome != fix.RolledBack {
				t.Fatalf("%s (%s)", a.Outcome, a.Reason)
			}
			wantTree(t, h, was)
			if listNow = run(t, "getfacl", "-n", "--omit-header", h.root+"/etc/security/limits.conf"); listNow != list {
				t.Errorf("afterwards the access list is %q, want %q", listNow, list)
			}
		})
	}
}

// What keeps a file from being replaced is told by Inspect, and Apply touches
// nothing.
func TestObstacles(t *testing.T) {
	t.Parallel()
	const file = "/etc/security/limits.conf"
	for _, tt := range []struct {
		name, mount string
		attribute   string // of path, "" for none
		path        string
		without     string // a tool
		inspect     string
		apply       string
	}{
		{name: "an immutable file", attribute: "i", path: file, inspect: "immutable (chattr +i /etc/security/limits.conf)", apply: file + " is immutable (chattr +i /etc/security/limits.conf)"},
		{name: "an append-only file", attribute: "a", path: file, inspect: "append-only (chattr +a /etc/security/limits.conf)", apply: file + " is append-only (chattr +a /etc/security/limits.conf)"},
		{name: "an immutable directory", attribute: "i", path: "/etc/security", inspect: "immutable (chattr +i /etc/security)", apply: file + " is immutable (chattr +i /etc/security)"},
		{name: "an append-only directory", attribute: "a", path: "/etc/security", inspect: "append-only (chattr +a /etc/security)", apply: file + " is append-only (chattr +a /etc/security)"},
		{name: "an immutable file, and no lsattr", attribute: "i", path: file, without: "lsattr", apply: file + " cannot be linked to, so it may be immutable: "},
		{name: "read-only", mount: "mount -o remount,ro,bind /etc", inspect: "on a file system that is mounted read-only", apply: file + " is on a file system that is mounted read-only"},
		{name: "in memory", mount: "mount -t tmpfs tmpfs /etc/security\necho '# none' >/etc/security/limits.conf", inspect: "in memory (tmpfs), not on a disk", apply: file + " is in memory (tmpfs), not on a disk"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newLiveHost(t, shells[0], tt.mount)
			p := &fix.Plan{Files: []fix.FileChange{h.change(t, "/etc/sysctl.conf", odd+"\n"), h.change(t, file, "# all\n")}}
			if tt.attribute != "" {
				run(t, "chattr", "+"+tt.attribute, h.root+tt.path)
				t.Cleanup(func() { run(t, "chattr", "-"+tt.attribute, h.root+tt.path) })
			}
			if tt.without != "" {
				h.inject = func(text string) string { return strings.ReplaceAll(text, tt.without, "no-such-tool") }
			}
			was := h.tree(t)
			s := h.inspect(t, fix.Query{Paths: []string{file}})
			if s.Files[0].Obstacle != tt.inspect {
				t.Errorf("inspect: obstacle %q, want %q", s.Files[0].Obstacle, tt.inspect)
			}
			p.Files[0], p.Files[1] = p.Files[1], p.Files[0]
			a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
			if a.Outcome != fix.Untouched || !strings.HasPrefix(a.Reason, tt.apply) {
				t.Errorf("%s (%s), want untouched (%s)", a.Outcome, a.Reason, tt.apply)
			}
			wantTree(t, h, was)
		})
	}
}

// A file system that is full, or has no inodes left, as the directory of a
// file or as the place of the backups: refused before the first change, also
// where nothing told so before.
func TestAFullFileSystem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, at, options string
		blind             bool // the program cannot ask for what is free
		reason            string
	}{
		{"beside the file", "/etc/security", "size=64k", false, "/etc/security/limits.conf is on a file system that is full .0 KiB left."},
		{"beside the file, unseen", "/etc/security", "size=64k", true, `No space left on device|not written whole: the file system may be full`},
		{"no inodes beside the file", "/etc/security", "size=1m,nr_inodes=4", false, "/etc/security/limits.conf is on a file system that has no inodes left"},
		{"no inodes beside the file, unseen", "/etc/security", "size=1m,nr_inodes=4", true, `No space left on device|not written whole: the file system may be full`},
		{"of the backups, unseen", "/var/lib", "size=64k", true, `No space left on device|not written whole: the file system may be full`},
		{"no inodes for backups, unseen", "/var/lib", "size=1m,nr_inodes=4", true, `No space left on device|not written whole: the file system may be full`},
	} {
		for _, shell := range shells {
			t.Run(tt.name+"/"+shell[0], func(t *testing.T) {
				t.Parallel()
				if os.Getuid() != 0 {
					lacking(t, "root")
				}
				h := newHost(t, map[string]string{"/etc/sysctl.conf": odd})
				at := quote(h.root + tt.at)
				mount := "mount -t tmpfs -o " + tt.options + " tmpfs " + at + "\n"
				if tt.at == "/etc/security" {
					mount += "echo '# none' >" + at + "/limits.conf\n"
				}
				mount += "for i in 1 2 3 4 5; do touch " + at + "/$i; done 2>/dev/null\nhead -c 2000000 /dev/zero 2>/dev/null >" + at + "/1 \n"
				h.write(t, "/etc/security/limits.conf", "# none\n")
				p := &fix.Plan{Files: []fix.FileChange{h.change(t, "/etc/sysctl.conf", "x\n"), h.change(t, "/etc/security/limits.conf", strings.Repeat("# all\n", 2000))}}
				h.shell = []string{"unshare", "-m", "--propagation", "private", "/bin/sh", "-c", mount + "exec " + strings.Join(shell, " ") + ` "$@"`, "sh"}
				if tt.blind {
					h.inject = func(text string) string { return strings.ReplaceAll(text, "df -P", "false -P") }
				}
				was := h.tree(t)
				a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
				if a.Outcome != fix.Untouched || !regexp.MustCompile(tt.reason).MatchString(a.Reason) {
					t.Errorf("%s (%s), want untouched (%s)", a.Outcome, a.Reason, tt.reason)
				}
				wantTree(t, h, was)
			})
		}
	}
}

// systemctl of these tests writes down what it is asked, and its unit comes up
// only while the file says so.
const systemctl = `#!/bin/sh
echo "$*" >>"$0.log"
case $* in
*show*) printf 'ActiveState=%s\nSubState=running\nMainPID=7\n' "$(cat "$0.state")" ;;
*restart*) if grep -q 70000 /etc/systemd/system/tm.service.d/zz-tmdoctor.conf 2>/dev/null; then cat "$0.with"; else echo active; fi >"$0.state" ;;
esac
`

func TestAUnitThatDoesNotComeUpGoesBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, with string
		outcome    fix.Outcome
		reason     string
		asked      string
	}{
		{"it comes up", "active", fix.Kept, "", "daemon-reload,restart -- tm.service,restart -- tm2.service"},
		{"it does not", "failed", fix.RolledBack, "unit tm.service does not come up: failed", "daemon-reload,restart -- tm.service,daemon-reload,restart -- tm.service"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newLiveHost(t, shells[0], "")
			h.tools = t.TempDir()
			for name, text := range map[string]string{"systemctl": systemctl, "systemctl.state": "active", "systemctl.with": tt.with} {
				if err := os.WriteFile(h.tools+"/"+name, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			was := h.tree(t)
			p := &fix.Plan{
				Files:  []fix.FileChange{h.change(t, "/etc/systemd/system/tm.service.d/zz-tmdoctor.conf", "[Service]\nLimitNOFILE=70000\n")},
				Reload: true, Restart: []string{"tm.service", "tm2.service"},
			}
			a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce))
			if a.Outcome != tt.outcome || a.Reason != tt.reason {
				t.Errorf("%s (%s), want %s (%s)", a.Outcome, a.Reason, tt.outcome, tt.reason)
			}
			log, _ := os.ReadFile(h.tools + "/systemctl.log")
			var asked []string
			for line := range bytes.Lines(log) {
				if !bytes.HasPrefix(line, []byte("show")) {
					asked = append(asked, strings.TrimSpace(string(line)))
				}
			}
			if got := strings.Join(asked, ","); got != tt.asked {
				t.Errorf("systemd is asked %q, want %q", got, tt.asked)
			}
			if tt.outcome == fix.RolledBack {
				wantTree(t, h, was)
			}
		})
	}
}
