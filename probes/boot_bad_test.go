//go:build unix

package probes_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// aBoot is a Debian 12 host without a TaskManager whose limits of the next
// boot are known: 262144 maps, and 65536 open files for its user.
func aBoot(change map[string]string) map[string]string {
	tree := map[string]string{
		"/.tmdoctor/id": "1000 flink 1000\n", "/.tmdoctor/id_flink": "uid=1000(flink) gid=1000(flink) groups=1000(flink)\n",
		"/etc/passwd":     "root:x:0:0:root:/root:/bin/sh\nflink:x:1000:1000::/home/flink:/bin/sh\n",
		"/etc/os-release": "ID=debian\nVERSION_ID=\"12\"\n", "/proc/1/comm": "systemd\n", "/proc/cmdline": "quiet\n",
		"/proc/sys/vm/max_map_count": "262144\n", "/proc/sys/fs/nr_open": "1048576\n", "/proc/sys/fs/file-nr": "100 0 80000\n",
		"/proc/1/limits":  "Max open files            1048576              1048576              files\n",
		"/etc/pam.d/sshd": "session required pam_limits.so\n", "/etc/ssh/sshd_config": "UsePAM yes\n",
		"/etc/security/limits.conf":   "flink soft nofile 65536\nflink hard nofile 65536\n",
		"/etc/sysctl.d/50-flink.conf": "vm.max_map_count=262144\n",
	}
	for path, text := range change {
		delete(tree, path)
		if text != absent {
			tree[path] = text
		}
	}
	return tree
}

const absent = "\x00absent"

// TestBadInputIsNeverAWrongValue: whatever stands where a file should be, a
// limit of the next boot is right, or unknown by name.
func TestBadInputIsNeverAWrongValue(t *testing.T) {
	t.Parallel()
	const maps, files = "maps", "nofile"
	many := func(n int, last string) string { return strings.Repeat("# nothing\n", n-1) + last }
	for _, c := range []struct {
		name   string
		change map[string]string
		probe  string
		want   string // VALUE SOURCE, or what unknown says
	}{
		{"as it should be", nil, maps, "262144 /etc/sysctl.d/50-flink.conf:1"},
		{"as it should be", nil, files, "65536 /etc/security/limits.conf:1, /etc/security/limits.conf:2"},
		{"comments, CRLF and no newline at the end", map[string]string{"/etc/sysctl.d/60.conf": "# a\r\n; b\r\n\r\n vm.max_map_count = 300000\r\nvm.swappiness=1"}, maps, "300000 /etc/sysctl.d/60.conf:4"},
		{"the value without a newline", map[string]string{"/etc/sysctl.d/60.conf": "vm.max_map_count=300000"}, maps, "300000 /etc/sysctl.d/60.conf:1"},
		{"10,000 lines", map[string]string{"/etc/sysctl.d/60.conf": many(10000, "vm.max_map_count=300000\n")}, maps, "300000 /etc/sysctl.d/60.conf:10000"},
		{"a million lines", map[string]string{"/etc/sysctl.d/60.conf": many(1000000, "vm.max_map_count=300000\n")}, maps, "/etc/sysctl.d/60.conf is longer than what was read"},
		{"a million lines that do not matter", map[string]string{"/etc/sysctl.d/10.conf": many(1000000, "")}, maps, "262144 /etc/sysctl.d/50-flink.conf:1"},
		{"a line of a megabyte", map[string]string{"/etc/sysctl.d/60.conf": "#" + strings.Repeat("x", 1<<20) + "\nvm.max_map_count=300000\n"}, maps, "/etc/sysctl.d/60.conf is longer than what was read"},
		{"zero bytes, which end a line for systemd", map[string]string{"/etc/sysctl.d/60.conf": "x\x00vm.max_map_count=300000\n"}, maps, "/etc/sysctl.d/60.conf is longer than what was read"},
		{"zero bytes behind a link", map[string]string{"/etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "/etc/sysctl.conf": "x\x00vm.max_map_count=300000\n"}, maps, "/etc/sysctl.d/99-sysctl.conf is longer than what was read"},
		{"junk that is no text", map[string]string{"/etc/sysctl.d/60.conf": "\xff\xfe\x1b[2Jvm.max_map_count\n\xe9=5\n"}, maps, "262144 /etc/sysctl.d/50-flink.conf:1"},
		{"a comment in Latin-1", map[string]string{"/etc/sysctl.d/60.conf": "# r\xe9gl\xe9\nvm.max_map_count=300000\n"}, maps, "300000 /etc/sysctl.d/60.conf:2"},
		{"a directory in place of the file", map[string]string{"/etc/sysctl.d/50-flink.conf": absent, "/etc/sysctl.d/50-flink.conf/x": ""}, maps, "65530 kernel default"},
		{"a directory that masks the file of a vendor", map[string]string{"/usr/lib/sysctl.d/60.conf": "vm.max_map_count=9\n", "/etc/sysctl.d/60.conf/x": ""}, maps, "262144 /etc/sysctl.d/50-flink.conf:1"},
		{"a link that loops", map[string]string{"/etc/sysctl.d/60.conf": "-> 61.conf", "/etc/sysctl.d/61.conf": "-> 60.conf"}, maps, "/etc/sysctl.d/60.conf cannot be read"},
		{"a link that would leave the root", map[string]string{"/etc/sysctl.d/60.conf": "-> ../../../../../../../../../../site.conf", "/site.conf": "vm.max_map_count=300000\n"}, maps, "300000 /site.conf:1"},
		{"a link to nothing", map[string]string{"/etc/sysctl.d/60.conf": "-> /nowhere"}, maps, "262144 /etc/sysctl.d/50-flink.conf:1"},
		{"a device", map[string]string{"/etc/sysctl.d/60.conf": "-> /dev", "/dev/x": ""}, maps, "262144 /etc/sysctl.d/50-flink.conf:1"},
		{"no sysctl file at all", map[string]string{"/etc/sysctl.d/50-flink.conf": absent}, maps, "65530 kernel default"},
		{"no /etc/security: Debian 12 opens no session", map[string]string{"/etc/security/limits.conf": absent}, files, "no session is opened: it cannot be opened"},
		{"limits.conf is a directory: nothing is read", map[string]string{"/etc/security/limits.conf": absent, "/etc/security/limits.conf/x": ""}, files, "1024:1048576 process 1"},
		{"limits.conf loops", map[string]string{"/etc/security/limits.conf": "-> limits.conf"}, files, "/etc/security/limits.conf could not be read"},
		{"a line of a megabyte in limits.d", map[string]string{"/etc/security/limits.d/a.conf": "#" + strings.Repeat("x", 1<<20) + "\n"}, files, "/etc/security/limits.d/a.conf was not read to its end"},
		{"limits.d with CRLF, blanks and no newline at the end", map[string]string{"/etc/security/limits.d/a.conf": "# a\r\n\tflink\t-\tnofile  70000"}, files, "70000 /etc/security/limits.d/a.conf:2"},
		{"a link to nothing in limits.d: Debian 12 opens no session", map[string]string{"/etc/security/limits.d/a.conf": "-> /nowhere"}, files, "no session is opened: it cannot be opened"},
		{"no os-release: which pam_limits is not known", map[string]string{"/etc/os-release": absent}, files, "the build of pam_limits on this host is not known"},
		{"sshd's configuration is a directory", map[string]string{"/etc/ssh/sshd_config": absent, "/etc/ssh/sshd_config/x": ""}, files, "whether sshd uses PAM"},
		{"the stack includes a file that is not there", map[string]string{"/etc/pam.d/sshd": "@include nothing\nsession required pam_limits.so\n"}, files, "nothing"},
	} {
		t.Run(c.probe+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			eachThrough(t, writeTree(t, aBoot(c.change)), func(t *testing.T, f *probes.Facts) { bootIs(t, f, c.probe, c.want) })
		})
	}
}

// bootIs compares the value of the next boot with VALUE SOURCE, or with what
// its reason has in it.
func bootIs(t *testing.T, f *probes.Facts, probe, want string) {
	t.Helper()
	for _, c := range probes.Evaluate(f, nil).At(probes.Boot).Checks {
		if c.Probe != probe {
			continue
		}
		if len(c.Horizons) != 1 {
			t.Fatalf("%d standings of %s, want 1", len(c.Horizons), probe)
		}
		boot := c.Horizons[0].Boot
		switch {
		case boot.Unknown == "" && boot.Value+" "+boot.Source != want:
			t.Errorf("%s after a reboot = %s from %s, want %q", probe, boot.Value, boot.Source, want)
		case boot.Unknown != "" && !strings.Contains(boot.Unknown, want):
			t.Errorf("%s after a reboot is unknown: %s, want %q", probe, boot.Unknown, want)
		case boot.Unknown != "" && c.Status != probes.StatusUnknown && c.Status != probes.Fail:
			t.Errorf("the check is %s where the value is unknown", c.Status)
		}
	}
}

// TestUnreadableIsUnknownByName runs as a user who may not read everything.
func TestUnreadableIsUnknownByName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, probe, want string }{
		{"/etc/sysctl.d/60.conf", "maps", "/etc/sysctl.d/60.conf cannot be read"},
		{"/etc/sysctl.d", "maps", "/etc/sysctl.d cannot be read whole"},
		{"/etc/security/limits.conf", "nofile", "/etc/security/limits.conf could not be read"},
		{"/etc/security/limits.d", "nofile", "/etc/security/limits.d"},
		{"/etc/pam.d/sshd", "nofile", "/etc/pam.d/sshd is unreadable"},
		{"/etc/pam.d", "nofile", "/etc/pam.d"},
		{"/etc/ssh/sshd_config", "nofile", "/etc/ssh/sshd_config cannot be read"},
		{"/etc/ssh/sshd_config.d", "nofile", "/etc/ssh/sshd_config.d cannot be read"},
		{"/etc/rc.local", "maps", "/etc/rc.local cannot be read"},
		{"/home/flink", "nofile", "/home/flink cannot be entered"},
	} {
		t.Run(strings.TrimPrefix(c.path, "/"), func(t *testing.T) {
			t.Parallel()
			root := writeTree(t, aBoot(map[string]string{
				"/etc/sysctl.d/60.conf": "vm.max_map_count=1\n", "/etc/security/limits.d/a.conf": "# a\n",
				"/etc/ssh/sshd_config.d/a.conf": "UsePAM no\n", "/etc/rc.local": "exit 0\n", "/home/flink/.profile": "ulimit -n 1\n",
			}))
			closed := filepath.Join(root, c.path)
			if err := os.Chmod(closed, 0); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(closed, 0o755) })
			for dir := root; dir != "/" && strings.HasPrefix(dir, os.TempDir()); dir = filepath.Dir(dir) {
				if dir != os.TempDir() {
					os.Chmod(dir, 0o755)
				}
			}
			for _, shell := range throughShells {
				if _, err := exec.LookPath(shell[0]); err != nil {
					lacking(t, shell[0])
				}
				script := probes.NewScript("c0ffee")
				cmd := exec.Command(shell[0], append(shell[1:], "-s")...)
				cmd.Stdin, cmd.Dir = bytes.NewReader(script.For(probes.HostSettings{Root: root})), "/"
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				if os.Geteuid() == 0 {
					cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 543218, Gid: 543218}
				}
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				f, err := probes.ParseFacts(out, script.Nonce())
				if err != nil {
					t.Fatal(err)
				}
				bootIs(t, f, c.probe, c.want)
			}
		})
	}
}
