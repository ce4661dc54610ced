package conf_test

import (
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// standIns are the keys of the file system that stands in for /proc/sys, and
// what they hold before a program runs. A number that no tree writes marks a
// key whose default the resolver cannot know.
var standIns = map[string]string{
	"vm/max_map_count": "65530", "vm/swappiness": "60", "vm/overcommit_memory": "0",
	"vm/min_free_kbytes": unset, "vm/overcommit_ratio": unset,
	"fs/nr_open": unset, "fs/file-max": unset, "fs/inotify/max_user_watches": unset,
	"fs/protected_fifos": unset, "fs/protected_hardlinks": unset, "fs/protected_regular": unset, "fs/protected_symlinks": unset,
	"kernel/threads-max": unset, "kernel/pid_max": unset,
	"net/core/somaxconn": unset, "net/ipv4/tcp_rmem": unset,
	"net/ipv4/conf/all/rp_filter": unset, "net/ipv4/conf/lo/rp_filter": unset, "net/ipv4/conf/eth0.100/rp_filter": unset,
}

const unset = "31415926"

const sysctlConf = "/etc/sysctl.conf"

// sysctlTruthDirs leaves /lib out, which is a link to /usr/lib in all three.
var sysctlTruthDirs = []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"}

// sysctls judges what systemd-sysctl and sysctl(8) of the release make of
// random trees. A plain file system stands in for /proc/sys, so that nothing
// of the machine is changed; it refuses nothing, and the trees hold only
// values that the kernel would take.
func (tr *truth) sysctls() {
	if err := unix.Mount("tmpfs", "/proc/sys", "tmpfs", 0, "mode=755"); err != nil {
		tr.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount("/proc/sys", 0); err != nil {
			tr.Fatal(err)
		}
	}()
	own, err := gather(sysctlTruthDirs, sysctlConf)
	if err != nil {
		tr.Fatal(err)
	}
	programs := []struct {
		name    string
		argv    []string
		resolve func(*conf.SysctlHost, string) conf.Resolution
	}{
		{"systemd-sysctl", []string{"/lib/systemd/systemd-sysctl"}, conf.SysctlBoot},
		{"sysctl --system", []string{"/sbin/sysctl", "--system"}, conf.SysctlSystem},
		{"sysctl -p", []string{"/sbin/sysctl", "-p"}, conf.SysctlLoad},
	}
	for n := range *truthTrees {
		for _, p := range programs {
			g := sysctlTrees{rng: tr.rng, bare: tr.release != "11" || p.name == "systemd-sysctl"}
			g.tree(own, p.name == "sysctl -p")
			if err := plant(sysctlTruthDirs, []string{sysctlConf}, g.files); err != nil {
				tr.Fatal(err)
			}
			tr.resetSysctls()
			files, err := gather(sysctlTruthDirs, sysctlConf, "/etc/os-release", "/etc/alpine-release", "/etc/systemd/system/systemd-sysctl.service")
			if err != nil {
				tr.Fatal(err)
			}
			host := &conf.SysctlHost{Files: files, Marks: []string{"/proc/1/comm systemd", "/run/systemd/system"}, Kernel: "6.1.0"}
			if n%2 == 1 { // otherwise the release alone tells them
				host.Systemd, host.Procps = tr.version("systemd"), strings.TrimPrefix(tr.version("procps"), "2:")
			}
			out, errs, status := tr.run(p.argv...)
			told, wrong := tr.compareSysctls(host, p.resolve)
			if wrong != nil {
				wrong = append(wrong, fmt.Sprintf("%s: status %d\n%s%s", p.name, status, out, errs))
			}
			tr.verdict(p.name, n, g.files, told, wrong)
		}
	}
}

func (tr *truth) resetSysctls() {
	for key, value := range standIns {
		name := "/proc/sys/" + key
		if err := os.MkdirAll(path.Dir(name), 0o755); err != nil {
			tr.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(value+"\n"), 0o644); err != nil {
			tr.Fatal(err)
		}
	}
}

// compareSysctls says whether the program changed a key, and for which keys
// the resolver gives something else.
func (tr *truth) compareSysctls(host *conf.SysctlHost, resolve func(*conf.SysctlHost, string) conf.Resolution) (told bool, wrong []string) {
	for key, initial := range standIns {
		text, err := os.ReadFile("/proc/sys/" + key)
		if err != nil {
			tr.Fatal(err)
		}
		// A program writes a line over what stands there. A file keeps the rest
		// of a longer text behind it, which the kernel does not.
		real, _, _ := strings.Cut(string(text), "\n")
		told = told || real != initial
		host.Live = initial
		r := resolve(host, strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(key, ".", "\x00"), "/", "."), "\x00", "/"))
		switch {
		case r.Known && r.Value == real:
		case !r.Known && r.Source == "" && real == unset && strings.HasPrefix(r.Why, "no file sets it"):
		case r.Known:
			wrong = append(wrong, fmt.Sprintf("%s is %q, resolved to %q (%s)", key, real, r.Value, r.Source))
		default:
			wrong = append(wrong, fmt.Sprintf("%s is %q, resolved to nothing: %s", key, real, r.Why))
		}
	}
	return told, wrong
}
