package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fixPolicy asks for open files that a session can get also where the test may
// not raise its own hard limit: containers often have no CAP_SYS_RESOURCE.
const fixPolicy = `schema: tmdoctor/policy/v1
floors:
  vm.max_map_count: 262144
  nofile: 16384
`

// wantMaps and wantFiles are the values of fixPolicy.
const wantMaps, wantFiles = "262144", "16384"

// fixHostSpec is a host that fix works on: see testdata/fix/host.sh.
type fixHostSpec struct {
	name, lower, sudo, rules, flavour, prepare string
}

// fixLab is a lab of such hosts.
type fixLab struct {
	*lab
	flavours map[string]string // of the hosts
	texts    map[string]string // what files are like at the beginning, by host and path
}

func newFixLab(t *testing.T, specs ...fixHostSpec) *fixLab {
	t.Helper()
	require(t, "sudo", "su", "mkfs.ext4", "busybox", "chattr")
	l := &fixLab{newLab(t), map[string]string{}, map[string]string{}}
	l.write("policy.yaml", fixPolicy)
	wrapper, err := os.ReadFile("testdata/fix/sh.sh")
	if err != nil {
		t.Fatal(err)
	}
	l.write("sh.sh", string(wrapper))
	var waits []func()
	for _, s := range specs {
		l.flavours[s.name] = s.flavour
		waits = append(waits, l.begin(labHostSpec{name: s.name, script: "fix/host.sh", flavour: s.flavour,
			env: []string{"LOWER=" + s.lower, "SUDO=" + s.sudo, "RULES=" + s.rules, "PREPARE=" + s.prepare}}))
	}
	for _, wait := range waits {
		wait()
	}
	l.connect("")
	for _, s := range specs {
		l.remember(l.hosts[s.name])
	}
	return l
}

// remember keeps the bytes of all files that settings may be in.
func (l *fixLab) remember(h *labHost) {
	l.t.Helper()
	for path := range l.tree(h, "/etc") {
		if strings.HasSuffix(path, ".conf") {
			if info, err := os.Lstat(l.inHost(h, path)); err == nil && info.Mode().IsRegular() {
				l.texts[h.name+path] = l.file(h, path)
			}
		}
	}
}

// asks are the flags of every command that asks hosts.
func (l *fixLab) asks(args ...string) []string {
	return append(slices.Clone(args), "-F", l.path("ssh_config"), "-i", l.path("hosts.txt"), "--policy", l.path("policy.yaml"))
}

// fix is `tmdoctor fix` with the lab's flags.
func (l *fixLab) fix(args ...string) (stdout, stderr string, status int) {
	l.t.Helper()
	return l.run(append(l.asks("fix"), args...)...)
}

// inHost is the path of a host's file in the test's own sight. It is for paths
// without absolute links in them.
func (l *fixLab) inHost(h *labHost, path string) string {
	return fmt.Sprintf("/proc/%d/root%s", h.pid, path)
}

// file is a file of a host, "absent" if there is none.
func (l *fixLab) file(h *labHost, path string) string {
	l.t.Helper()
	b, err := os.ReadFile(l.inHost(h, path))
	if os.IsNotExist(err) {
		return "absent"
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// tree is all of a directory of a host: a line a path, with what it is, mode,
// owner, time of change, extended attributes, and what is in it. Directories
// have no time: a file that was made and is gone again leaves its trace there.
func (l *fixLab) tree(h *labHost, dir string) map[string]string {
	l.t.Helper()
	root := l.inHost(h, "")
	out := map[string]string{}
	err := filepath.WalkDir(root+dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		line := fmt.Sprintf("%o %d:%d", st.Mode, st.Uid, st.Gid)
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + to
		case e.Type().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" links %d size %d time %d.%d %x", st.Nlink, st.Size, st.Mtim.Sec, st.Mtim.Nsec, sha256.Sum256(b))
		}
		out[strings.TrimPrefix(path, root)] = line + attributes(path)
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

// attributes are a file's extended attributes: an ACL is one.
func attributes(path string) string {
	names := make([]byte, 4096)
	n, err := unix.Llistxattr(path, names)
	if err != nil || n == 0 {
		return ""
	}
	var out strings.Builder
	for _, name := range strings.Split(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		value := make([]byte, 4096)
		n, err := unix.Lgetxattr(path, name, value)
		fmt.Fprintf(&out, " %s=%x %v", name, value[:max(n, 0)], err)
	}
	return out.String()
}

// differences between two trees, a line a path. The times of the files named are
// left out: a file that was changed and restored has another.
func differences(before, after map[string]string, timeless ...string) []string {
	var out []string
	cut := func(path, line string) string {
		if i := strings.Index(line, " time "); i >= 0 && slices.Contains(timeless, path) {
			_, rest, _ := strings.Cut(line[i+len(" time "):], " ")
			return line[:i] + " " + rest
		}
		return line
	}
	for path, b := range before {
		switch a, ok := after[path]; {
		case !ok:
			out = append(out, path+" is gone")
		case cut(path, a) != cut(path, b):
			out = append(out, fmt.Sprintf("%s\n\twas %s\n\tis  %s", path, b, a))
		}
	}
	for path, a := range after {
		if _, ok := before[path]; !ok {
			out = append(out, path+" is new: "+a)
		}
	}
	slices.Sort(out)
	return out
}

// nofile is the limits of open files of a new session by ssh, "SOFT:HARD".
func (l *fixLab) nofile(h *labHost, user string) string {
	return limitsOf(l.sshOut(h, user, "cat /proc/self/limits"))
}

// nofileBySu is the same of a session that root opens.
func (l *fixLab) nofileBySu(h *labHost, user string) string {
	out, err := l.inside(h, "su", "-s", "/bin/sh", user, "-c", "cat /proc/self/limits").CombinedOutput()
	return limitsOf(string(out), err)
}

func limitsOf(text string, err error) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "Max open files "); ok {
			f := strings.Fields(rest)
			return f[0] + ":" + f[1]
		}
	}
	return fmt.Sprintf("no session: %v: %s", err, text)
}

// sshOut runs a command on a host by ssh on a new connection, without any
// password.
func (l *fixLab) sshOut(h *labHost, user, command string) (string, error) {
	cmd := exec.Command("ip", "netns", "exec", l.ctl, "ssh", "-F", l.path("ssh_config"), "-o", "BatchMode=yes",
		"-o", "ConnectTimeout=10", "-l", user, h.name, command)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, errs.String())
	}
	return out.String(), nil
}

// live is the host's vm.max_map_count.
func (l *fixLab) live(h *labHost) string {
	l.t.Helper()
	return strings.TrimSpace(l.file(h, "/run/lab/max_map_count"))
}

// logsIn checks that the operator comes in by ssh, and the TaskManager's user by
// su; it gives what does not work.
func (l *fixLab) logsIn(h *labHost) error {
	if out, err := l.sshOut(h, "op", "echo in"); err != nil || out != "in\n" {
		return fmt.Errorf("op by ssh: %v: %q", err, out)
	}
	if got := l.nofileBySu(h, "flink"); strings.HasPrefix(got, "no session") {
		return fmt.Errorf("flink by su: %s", got)
	}
	return nil
}

// with is the lab for a test of its own, with runs of its own.
func (l *fixLab) with(t *testing.T, state string) *fixLab {
	own := *l.lab
	own.t, own.state = t, l.path(state)
	return &fixLab{lab: &own, flavours: l.flavours, texts: l.texts}
}
