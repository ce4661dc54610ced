//go:build unix

package probes_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// everyVector is how many golden vectors there are for one that goes the way
// through the script: package conf judges all of them.
const everyVector = 7

// throughShells are a light shell of most hosts and that of small ones.
var throughShells = [][]string{{"dash"}, {"busybox", "ash"}}

// writeTree makes a directory that stands for a host. A value that begins with
// "-> " is a link.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		at := filepath.Join(root, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		err := error(nil)
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, at)
		} else {
			err = os.WriteFile(at, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// goldenVectors are some of the vectors of a file.
func goldenVectors[V any](t *testing.T, name string) (some []V) {
	t.Helper()
	data, err := os.ReadFile("conf/testdata/golden/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var all []V
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(all); i += everyVector {
		some = append(some, all[i])
	}
	return some
}

// TestGoldenSysctlThroughTheScript: what the real systemd-sysctl and sysctl
// made of a tree is what comes out when the tree goes through the script, the
// wire and the facts.
func TestGoldenSysctlThroughTheScript(t *testing.T) {
	t.Parallel()
	type vector struct {
		Files map[string]struct {
			Text string  `json:"text"`
			Link *string `json:"link"`
		} `json:"files"`
		Systemd, Procps any
	}
	for name, packages := range map[string]string{
		"sysctl-systemd247-procps3317.json": "procps\t2:3.3.17-5\nsystemd\t247.3-7\n",
		"sysctl-systemd252-procps402.json":  "procps\t2:4.0.2-3\nsystemd\t252.38-1\n",
		"sysctl-systemd257-procps404.json":  "procps\t2:4.0.4-9\nsystemd\t257.7-1\n",
	} {
		for i, v := range goldenVectors[vector](t, name) {
			t.Run(fmt.Sprintf("%s-%d", name, i*everyVector), func(t *testing.T) {
				t.Parallel()
				tree := map[string]string{
					"/.tmdoctor/packages": packages, "/proc/1/comm": "systemd\n", "/proc/cmdline": "quiet\n",
					"/proc/sys/vm/max_map_count": "65530\n",
				}
				for path, f := range v.Files {
					tree[path] = f.Text
					if f.Link != nil {
						tree[path] = "-> " + *f.Link
					}
				}
				eachThrough(t, writeTree(t, tree), func(t *testing.T, f *probes.Facts) {
					h := probes.SysctlHost(f, "vm.max_map_count")
					for _, c := range []struct {
						program string
						got     conf.Resolution
						want    any
					}{
						{"systemd-sysctl", conf.SysctlBoot(h, "vm.max_map_count"), v.Systemd},
						{"sysctl --system", conf.SysctlSystem(h, "vm.max_map_count"), v.Procps},
					} {
						if c.want != nil && c.got.Value != fmt.Sprint(c.want) {
							t.Errorf("%s: %q (%s), want %v\n%v", c.program, c.got.Value, c.got.Why, c.want, tree)
						}
					}
				})
			})
		}
	}
}

// TestGoldenLimitsThroughTheScript: limits files that went through the script
// give every user what they give as they lie there.
func TestGoldenLimitsThroughTheScript(t *testing.T) {
	t.Parallel()
	type vector struct {
		Files map[string]string
	}
	user := conf.LoginUser{Name: "flink", UID: 1500, GID: 1500, Groups: []conf.LoginGroup{{Name: "flink", GID: 1500}, {Name: "tm", GID: 1501}}}
	for name, variant := range map[string]conf.Variant{
		"pam-debian-1.5.2.json": conf.DebianVariant("1.5.2"), "pam-upstream-1.5.2.json": conf.UpstreamVariant("1.5.2"),
	} {
		for i, v := range goldenVectors[vector](t, name) {
			t.Run(fmt.Sprintf("%s-%d", name, i*everyVector), func(t *testing.T) {
				t.Parallel()
				tree := map[string]string{
					"/.tmdoctor/id": "1500 flink 1500 1501\n",
					"/etc/passwd":   "root:x:0:0:root:/root:/bin/sh\nflink:x:1500:1500::/home/flink:/bin/sh\n",
					"/etc/group":    "root:x:0:\nflink:x:1500:\ntm:x:1501:other,flink\nflinks:x:1502:flinky\n",
				}
				var files []conf.File
				for path, text := range v.Files {
					tree[path] = text
					files = append(files, conf.File{Path: path, Kind: conf.FileRegular, Content: text})
				}
				login := func(files []conf.File, user conf.LoginUser) conf.LoginLimits {
					return conf.ResolveLogin(conf.Login{
						User: user, Files: files, Modules: []conf.LimitsModule{{}}, Variants: []conf.Variant{variant}, NROpen: 1 << 20,
						Start: map[string]conf.Rlimits{"nofile": {Soft: 20000, Hard: 20000}, "nproc": {Soft: 96365, Hard: 96365}},
						PID1:  map[string]conf.Rlimits{"nofile": {Soft: 20000, Hard: 20000}, "nproc": {Soft: 96365, Hard: 96365}},
					})
				}
				want := login(files, user)
				eachThrough(t, writeTree(t, tree), func(t *testing.T, f *probes.Facts) {
					who := probes.LoginUser(f, "flink")
					if d := cmp.Diff(user, who); d != "" {
						t.Errorf("the user (-want +got):\n%s", d)
					}
					if d := cmp.Diff(want, login(probes.LoginFiles(f), who)); d != "" {
						t.Errorf("limits (-want +got):\n%s", d)
					}
				})
			})
		}
	}
}

// eachThrough runs the script over a directory in both shells.
func eachThrough(t *testing.T, root string, test func(*testing.T, *probes.Facts)) {
	t.Helper()
	for _, shell := range throughShells {
		if _, err := exec.LookPath(shell[0]); err != nil {
			lacking(t, shell[0])
		}
		t.Run(shell[0], func(t *testing.T) {
			test(t, collect(t, slices.Clone(shell), probes.HostSettings{Root: root}))
		})
	}
}
