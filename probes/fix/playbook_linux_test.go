package fix

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// require skips a test whose tools are missing, and fails it in CI.
func require(t testing.TB, tools ...string) {
	t.Helper()
	missing := func(what string) {
		t.Helper()
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must have %s", what)
		}
		t.Skipf("needs %s", what)
	}
	if os.Geteuid() != 0 {
		missing("root, for namespaces")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(tool)
		}
	}
}

// sandbox is a copy of this machine's /etc that stands for a host: programs
// that run in it see it as /etc, an empty /var/lib, and a plain file as
// vm.max_map_count.
type sandbox struct {
	t   *testing.T
	dir string
}

func newSandbox(t *testing.T, plans ...*Plan) *sandbox {
	t.Helper()
	s := &sandbox{t, t.TempDir()}
	for _, dir := range []string{"var", "bin"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("cp", "-a", "/etc", s.path("etc")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.write("max_map_count", "65530\n", 0o644)
	s.write("bin/systemctl", "#!/bin/sh\necho \"$*\" >>"+s.path("systemctl.log")+"\n", 0o755)
	for _, p := range plans {
		for _, f := range p.Files {
			s.remove(f.Path)
			if f.MakeDir {
				s.remove(filepath.Dir(f.Path))
				continue
			}
			if err := os.MkdirAll(s.path(filepath.Dir(f.Path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if !f.Absent {
				s.write(f.Path, string(f.Before), 0)
				s.own(&f)
			}
		}
	}
	return s
}

func (s *sandbox) path(name string) string { return filepath.Join(s.dir, name) }

func (s *sandbox) write(name, text string, mode fs.FileMode) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sandbox) remove(name string) {
	s.t.Helper()
	if err := os.RemoveAll(s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

// new is a new file with the mode and owner of its plan.
func (s *sandbox) new(f *FileChange) entry {
	s.t.Helper()
	e := entry{}
	if _, err := fmt.Sscanf(f.Mode+" "+f.Owner, "%o %d:%d", &e.Mode, &e.UID, &e.GID); err != nil {
		s.t.Fatal(err)
	}
	return e
}

// own gives a file the mode and owner that its plan knows.
func (s *sandbox) own(f *FileChange) {
	s.t.Helper()
	e := s.new(f)
	if err := os.Chown(s.path(f.Path), int(e.UID), int(e.GID)); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(s.path(f.Path), e.Mode); err != nil {
		s.t.Fatal(err)
	}
}

// run runs a command in the sandbox.
func (s *sandbox) run(args ...string) (string, error) {
	const enter = `set -e
mount --make-rprivate /
mount -t tmpfs none /var/lib
mkdir /var/lib/tmdoctor
mount --bind "$0/var" /var/lib/tmdoctor
mount --bind "$0/max_map_count" /proc/sys/vm/max_map_count
mount --bind "$0/etc" /etc
exec "$@"`
	cmd := exec.Command("unshare", append([]string{"-m", "sh", "-c", enter, s.dir}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+s.path("bin")+":"+os.Getenv("PATH"), "HOME="+s.dir, "ANSIBLE_NOCOLOR=1", "ANSIBLE_PIPELINING=1", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// entry is what is compared of a file.
type entry struct {
	Mode     fs.FileMode
	UID, GID uint32
	Content  string
}

// tree is all of a sandbox's /etc.
func (s *sandbox) tree() map[string]entry {
	s.t.Helper()
	tree := map[string]entry{}
	root := s.path("etc")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := entry{Mode: info.Mode()}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			e.UID, e.GID = st.Uid, st.Gid
		}
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			e.Content = fmt.Sprintf("%x", sha256.Sum256(b))
		}
		tree["/etc"+strings.TrimPrefix(path, root)] = e
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return tree
}

// applied is a tree as it should be once a plan was applied.
func (s *sandbox) applied(tree map[string]entry, p *Plan) map[string]entry {
	want := map[string]entry{}
	for path, e := range tree {
		want[path] = e
	}
	for _, f := range p.Files {
		e := want[f.Path]
		if f.Absent {
			e = s.new(&f)
		}
		e.Content = f.AfterSHA256
		want[f.Path] = e
		if f.MakeDir {
			want[filepath.Dir(f.Path)] = entry{Mode: fs.ModeDir | 0o755}
		}
	}
	return want
}

func (s *sandbox) live() string {
	s.t.Helper()
	b, err := os.ReadFile(s.path("max_map_count"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// playbook writes a playbook and runs it.
func (s *sandbox) playbook(p *Plan, args ...string) (string, error) {
	s.t.Helper()
	b, err := Playbook("run1", []*Plan{p})
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("plan.yaml", string(b), 0o600)
	// The program itself, and not what a version manager has in its place.
	python, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return s.run(append([]string{"ansible-playbook", "-i", p.Host + ",", "-c", "local",
		"-e", "ansible_become=false", "-e", "ansible_python_interpreter=" + strings.TrimSpace(string(python)), s.path("plan.yaml")}, args...)...)
}

// everyFile is a plan with every kind of file that a host may have.
func everyFile(host string) *Plan {
	p := mapsPlan(host)
	p.Query.Users = []string{"nobody"}
	p.Reload = true
	limits := changed("/etc/security/limits.conf", "flink\tsoft nofile 4096\r\n# {{ 1 + 1 }} {% raw %} {# x #}\r\n", "flink\tsoft nofile 65536\r\n# {{ 1 + 1 }} {% raw %} {# x #}\r\n")
	limits.Mode, limits.Owner = "0600", "1:2"
	dropIn := made("/etc/systemd/system/flink it's {{ 1 }}.service.d/zz-tmdoctor.conf", "[Service]\nLimitNOFILE=65536:65536\n")
	dropIn.MakeDir = true
	p.Files = append(p.Files, limits, dropIn,
		changed("/etc/sysctl.d/20-caf\u00e9 $(id) {{ 7 * 7 }} 'q' \"d\".conf", "# \xff\xfe\x00\x1b[31m caf\u00e9\nvm.max_map_count=1", "# \xff\xfe\x00\x1b[31m caf\u00e9\nvm.max_map_count=262144"),
		changed("/etc/sysctl.d/30-empty.conf", "", "{\"a\": 1}"),
		made("/etc/sysctl.d/zz-tmdoctor.conf", strings.Repeat("# a line of a file that is long\n", 10000)))
	last := &p.Files[len(p.Files)-1]
	last.Mode, last.Owner = "0640", "0:10" // a number in base 60 to YAML
	return p
}

// requireAnsible skips what takes a minute where only the Go code is looked at.
func requireAnsible(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("Ansible is slow")
	}
	require(t, "unshare", "mount", "ansible-playbook", "python3", "su")
}

func TestAnsibleAppliesAPlan(t *testing.T) {
	t.Parallel()
	requireAnsible(t)
	p := everyFile("tm001")
	s := newSandbox(t, p)
	old := s.tree()

	out, err := s.playbook(p, "--check")
	if err != nil {
		t.Fatalf("--check: %v\n%s", err, out)
	}
	if diff := cmp.Diff(old, s.tree()); diff != "" || s.live() != "65530" {
		t.Errorf("--check changed something: %s\n%s\n%s", s.live(), diff, out)
	}

	if out, err = s.playbook(p); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if diff := cmp.Diff(s.applied(old, p), s.tree()); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, out)
	}
	if s.live() != "262144" {
		t.Errorf("vm.max_map_count is %s, want 262144\n%s", s.live(), out)
	}
	if log, err := os.ReadFile(s.path("systemctl.log")); err != nil || !bytes.Contains(log, []byte("daemon-reload")) {
		t.Errorf("systemd did not read its units again: %v %s\n%s", err, log, out)
	}
	for i, f := range p.Files {
		b, err := os.ReadFile(s.path("var/ansible/run1/" + fmt.Sprintf("%d-%.12s", i, f.AfterSHA256)))
		if !f.Absent && (err != nil || !bytes.Equal(b, f.Before)) {
			t.Errorf("the backup of %s: %q, %v", f.Path, b, err)
		}
	}

	out, err = s.playbook(p)
	if err != nil || !strings.Contains(out, "changed=0 ") {
		t.Errorf("the second time: %v, want changed=0\n%s", err, out)
	}
}

func TestAnsibleRefusesAHostThatChanged(t *testing.T) {
	t.Parallel()
	requireAnsible(t)
	for _, c := range []struct {
		name  string
		spoil func(s *sandbox)
	}{
		{"another byte", func(s *sandbox) { s.write("/etc/sysctl.conf", "vm.swappiness = 2\n", 0) }},
		{"a file that is gone", func(s *sandbox) { s.remove("/etc/sysctl.conf") }},
		{"a link", func(s *sandbox) {
			s.remove("/etc/sysctl.conf")
			if err := os.Symlink("sysctl.d/x.conf", s.path("/etc/sysctl.conf")); err != nil {
				t.Error(err)
			}
		}},
		{"a new file that is there", func(s *sandbox) { s.write("/etc/sysctl.d/zz-tmdoctor.conf", "x=1\n", 0o644) }},
		{"another mode", func(s *sandbox) {
			if err := os.Chmod(s.path("/etc/sysctl.conf"), 0o600); err != nil {
				t.Error(err)
			}
		}},
		{"another live value", func(s *sandbox) { s.write("max_map_count", "65531\n", 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mapsPlan("tm001")
			p.Files = append(p.Files, made("/etc/sysctl.d/zz-tmdoctor.conf", "vm.max_map_count = 262144\n"))
			s := newSandbox(t, p)
			c.spoil(s)
			old, live := s.tree(), s.live()
			out, err := s.playbook(p)
			if err == nil || !strings.Contains(out, "nothing is changed; plan again") {
				t.Errorf("it is not refused: %v\n%s", err, out)
			}
			if diff := cmp.Diff(old, s.tree()); diff != "" || s.live() != live {
				t.Errorf("it was changed: %s\n%s", s.live(), diff)
			}
		})
	}
}

func TestAnsibleUndoesWhatFails(t *testing.T) {
	t.Parallel()
	requireAnsible(t)
	p := everyFile("tm001")
	p.Query.Users = []string{"no-such-user"}
	s := newSandbox(t, p)
	old := s.tree()
	out, err := s.playbook(p)
	if err == nil || !strings.Contains(out, "put back what was changed: a session of no-such-user opens") {
		t.Errorf("it is not told: %v\n%s", err, out)
	}
	if diff := cmp.Diff(old, s.tree()); diff != "" || s.live() != "65530" {
		t.Errorf("not all is as it was: %s\n%s\n%s", s.live(), diff, out)
	}
}
