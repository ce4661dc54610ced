package conf_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

const maps = "vm.max_map_count"

// vector is a tree of files and the value that real programs gave to
// vm.max_map_count on it; nil is not judged.
type vector struct {
	Name  string `json:"name"`
	Files map[string]struct {
		Text *string `json:"text"`
		Link string  `json:"link"`
	} `json:"files"`
	Systemd any `json:"systemd"`
	Procps  any `json:"procps"`
	Busybox any `json:"busybox"`
}

// files are the files of the tree with links followed.
func (v vector) files() (files []conf.File) {
	for name, f := range v.Files {
		file := conf.File{Path: name, Kind: conf.FileRegular, Target: f.Link}
		switch {
		case f.Text != nil:
			file.Content = *f.Text
		case f.Link == "/dev/null":
			file.Kind = conf.FileOther
		default:
			file.Kind = conf.FileDangling
			to := f.Link
			if !path.IsAbs(to) {
				to = path.Join(path.Dir(name), to)
			}
			if target, ok := v.Files[to]; ok && target.Text != nil {
				file.Kind, file.Content = conf.FileLink, *target.Text
			}
		}
		files = append(files, file)
	}
	return files
}

// goldenVersions reads sysctl-systemdNNN-procpsNNN.json.
var goldenVersions = regexp.MustCompile(`sysctl-systemd(\d+)-procps(\d)(\d)(\d+)\.json$`)

// replay judges all vectors of the files and gives judged and mismatched
// numbers for each program.
func replay(t *testing.T, glob string) (judged, wrong map[string]int) {
	t.Helper()
	names, _ := filepath.Glob(glob)
	judged, wrong = map[string]int{}, map[string]int{}
	for _, name := range names {
		m := goldenVersions.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var vectors []vector
		if err := json.Unmarshal(text, &vectors); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		systemd, procps := m[1], fmt.Sprintf("%s.%s.%s", m[2], m[3], m[4])
		for i, v := range vectors {
			h := &conf.SysctlHost{Files: v.files(), Marks: []string{"/proc/1/comm systemd"}, Systemd: systemd, Procps: procps, Live: "65530"}
			alpine := &conf.SysctlHost{
				Files: append(v.files(), conf.File{Path: "/etc/alpine-release", Content: "3.20.0\n"}),
				Marks: []string{"/proc/1/comm init", "/etc/runlevels/boot/sysctl"},
			}
			for _, c := range []struct {
				program string
				want    any
				got     func() conf.Resolution
			}{
				{"systemd " + systemd, v.Systemd, func() conf.Resolution { return conf.SysctlBoot(h, maps) }},
				{"procps " + procps, v.Procps, func() conf.Resolution { return conf.SysctlSystem(h, maps) }},
				{"busybox", v.Busybox, func() conf.Resolution { return conf.SysctlBoot(alpine, maps) }},
			} {
				if c.want == nil {
					continue
				}
				judged[c.program]++
				want := fmt.Sprint(c.want)
				if f, ok := c.want.(float64); ok {
					want = fmt.Sprint(int64(f))
				}
				if r := c.got(); !r.Known || r.Value != want {
					wrong[c.program]++
					t.Errorf("%s[%d] %s: %s gives %q (%s), want %q", filepath.Base(name), i, v.Name, c.program, r.Value, r.Why, want)
				}
			}
		}
	}
	return judged, wrong
}

func TestGoldenSysctlAgreesWithTheRealPrograms(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("TMDOCTOR_GOLDEN")
	if dir == "" {
		t.Skip("TMDOCTOR_GOLDEN names no directory of vectors")
	}
	judged, wrong := replay(t, filepath.Join(dir, "sysctl-*.json"))
	if len(judged) == 0 {
		t.Fatalf("no vectors in %s", dir)
	}
	for program, n := range judged {
		t.Logf("golden: %s: %d judged, %d mismatches", program, n, wrong[program])
	}
}

// The vectors of testdata were recorded by running systemd-sysctl 252,
// sysctl --system of procps 4.0.2 and busybox 1.35 on the trees, with a plain
// file system in place of /proc/sys.
func TestSysctlAgreesWithTheRealPrograms(t *testing.T) {
	t.Parallel()
	judged, _ := replay(t, "testdata/sysctl/sysctl-*.json")
	if judged["systemd 252"] < 20 || judged["procps 4.0.2"] < 20 || judged["busybox"] < 20 {
		t.Errorf("judged %v, want at least 20 each", judged)
	}
}

// tree reads "path: text" pairs, where -> means a link.
func tree(pairs ...string) (files []conf.File) {
	v := vector{}
	b, _ := json.Marshal(map[string]any{})
	_ = json.Unmarshal(b, &v.Files)
	for i := 0; i+1 < len(pairs); i += 2 {
		f := v.Files[pairs[i]]
		if to, ok := strings.CutPrefix(pairs[i+1], "-> "); ok {
			f.Link = to
		} else {
			f.Text = &pairs[i+1]
		}
		v.Files[pairs[i]] = f
	}
	return v.files()
}
