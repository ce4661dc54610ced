package fix_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// madeHost is a host without a shell: its files by path ("-> TARGET" is a
// link), the value that runs, and who loads sysctl files.
type madeHost struct {
	files  map[string]string
	live   int64
	loader string // of releases
	// unit are the limits that systemd gives to tm.service, which then starts
	// the TaskManager; nil for a login.
	unit *probes.UnitLimits
}

// releases are /etc/os-release and the marks of the loader.
var releases = map[string]struct {
	release string
	marks   []string
}{
	"systemd":  {"ID=debian\nVERSION_ID=\"12\"\n", []string{"/run/systemd/system", "/proc/1/comm systemd"}},
	"debian13": {"ID=debian\nVERSION_ID=\"13\"\n", []string{"/run/systemd/system", "/proc/1/comm systemd"}},
	"el7":      {"ID=\"rhel\"\nVERSION_ID=\"7.9\"\n", []string{"/run/systemd/system", "/proc/1/comm systemd"}},
	"procps":   {"ID=debian\nVERSION_ID=\"12\"\n", []string{"/etc/init.d/procps", "/proc/1/comm init"}},
	"alpine":   {"ID=alpine\nVERSION_ID=3.19\n", []string{"/etc/runlevels/boot/sysctl", "/proc/1/comm init"}},
}

const procLimits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             96365                96365                processes
Max open files            1024                 4096                 files
Max address space         unlimited            unlimited            bytes
`

// newMadeHost is a host with a user flink, in group tm, who logs in by ssh and
// runs a TaskManager.
func newMadeHost(loader string, live int64, files map[string]string) *madeHost {
	h := &madeHost{files: map[string]string{
		"/etc/pam.d/sshd": "session required pam_limits.so\n", "/proc/1/limits": procLimits, "/proc/800/limits": procLimits,
		"/usr/lib/systemd/system/ssh.service": "[Service]\nLimitNOFILE=1024:4096\nExecStart=/usr/sbin/sshd -D\n",
		"/etc/os-release":                     releases[loader].release,
	}, live: live, loader: loader}
	maps.Copy(h.files, files)
	return h
}

// follow is a path without links, "" where it leads to nothing.
func (h *madeHost) follow(name string) string {
	for range 8 {
		text, ok := h.files[name]
		if !ok {
			return ""
		}
		to, link := strings.CutPrefix(text, "-> ")
		if !link {
			return name
		}
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(name), to)
		}
		name = path.Clean(to)
	}
	return ""
}

func (h *madeHost) facts() *probes.Facts {
	f := &probes.Facts{Version: probes.FactsVersion}
	for _, name := range slices.Sorted(maps.Keys(h.files)) {
		text := h.files[name]
		file := probes.File{Path: name, Kind: probes.FileRegular, Mode: "-rw-r--r--"}
		if to, link := strings.CutPrefix(text, "-> "); link {
			file.Kind, file.Target = probes.FileLink, to
			switch real := h.follow(name); {
			case to == "/dev/null":
				file.Kind = probes.FileOther
			case real == "":
				file.Kind = probes.FileDangling
			default:
				text = h.files[real]
			}
		}
		if file.Kind == probes.FileRegular || file.Kind == probes.FileLink {
			file.Content, file.Cut = probes.AsRead([]byte(text)), strings.Contains(text, "\x00") || len(text) > 512<<10
		}
		f.Files = append(f.Files, file)
	}
	for _, dir := range []string{"/etc/pam.d", "/etc/security/limits.d"} {
		f.Files = append(f.Files, probes.File{Path: dir, Kind: probes.FileDir})
	}
	f.Maps.MaxMapCount = probes.Known(h.live)
	f.Maps.Boot = probes.Known(releases[h.loader].marks)
	f.Maps.CommandLine, f.Maps.Writers = probes.Known([]string{}), probes.Known([]string{})
	f.Host.Kernel = probes.Known("6.1.0-28-amd64")
	n := &f.NoFile
	n.NrOpen, n.FileMax, n.FileUsed = probes.Known(int64(1<<20)), probes.Known(int64(800000)), probes.Known(int64(3000))
	n.Shell, n.SSHD = probes.Known([]string{}), probes.Known([]string{"/etc/ssh/sshd_config:1:UsePAM yes"})
	n.Units = map[string]probes.Value[probes.UnitLimits]{}
	n.Sessions = map[string]probes.Value[probes.LimitPair]{"flink": probes.Unknown[probes.LimitPair]("not seen")}
	f.AddressSpace.Sessions = n.Sessions
	f.Login.Accounts = map[string]probes.Value[probes.Account]{"flink": probes.Known(probes.Account{
		Name: "flink", UID: 1500, GID: 1500, Home: "/home/flink", Groups: []probes.Group{{GID: 1500, Name: "flink"}, {GID: 1501, Name: "tm"}},
	})}
	f.Login.SSHDPID = probes.Known(int64(800))
	f.Login.Packages = probes.Known(map[string]string{"pam": "1.5.2", "systemd": "252", "procps": "4.0.2"})
	f.Flink.Searched = probes.Known(true)
	f.Flink.TaskManagers = []probes.TaskManager{{
		PID: 4711, UID: probes.Known(int64(1500)), User: probes.Known("flink"),
		Launch: probes.Launch{Kind: probes.LaunchLogin, Services: []string{"sshd"}, Session: "sshd"},
		Limits: probes.Known(map[string]probes.LimitPair{"nofile": {Soft: 65536, Hard: 65536}, "as": {Soft: probes.Unlimited, Hard: probes.Unlimited}}),
	}}
	if h.unit != nil {
		n.Units["tm.service"] = probes.Known(*h.unit)
		f.Flink.TaskManagers[0].Launch = probes.Launch{Kind: probes.LaunchSystemd, Unit: "tm.service"}
		f.Flink.TaskManagers[0].Threads = probes.Known(int64(70))
		f.Threads.ThreadsMax, f.Threads.PidMax = probes.Known(int64(192731)), probes.Known(int64(4194304))
	}
	return f
}

func (h *madeHost) snapshot(q fix.Query) *fix.Snapshot {
	s := &fix.Snapshot{Sysctls: map[string]probes.Value[string]{}}
	for _, name := range q.Paths {
		st := fix.FileState{Path: name, Kind: probes.FileAbsent, Dir: path.Dir(name), Mode: "0644", Owner: "0:0", Links: 1}
		if text, ok := h.files[name]; ok {
			st.Kind = probes.FileRegular
			if strings.HasPrefix(text, "-> ") {
				st.Kind = probes.FileLink
			}
			if st.Real = h.follow(name); st.Real == "" {
				st.Kind = probes.FileDangling
			} else {
				hash := sha256.Sum256([]byte(h.files[st.Real]))
				st.Content, st.SHA256 = []byte(h.files[st.Real]), hex.EncodeToString(hash[:])
			}
			if text == "-> /dev/null" {
				st.Kind = probes.FileOther
			}
		}
		s.Files = append(s.Files, st)
	}
	for _, key := range q.Sysctls {
		s.Sysctls[key] = probes.Known(probes.Limit(h.live).String())
	}
	for _, u := range q.Users {
		s.Sessions = append(s.Sessions, fix.Session{User: u, By: "su"})
	}
	for _, pid := range q.PIDs {
		s.Processes = append(s.Processes, fix.Process{PID: pid, Started: "5000", Limits: map[string]string{"nofile": "65536:65536", "as": "unlimited:unlimited"}})
	}
	return s
}

func (h *madeHost) plan(o fix.Options) *fix.Plan {
	f := h.facts()
	return fix.Make("tm", f, h.snapshot(fix.Ask(f, nil, o)), nil, o)
}

// apply carries a plan out.
func (h *madeHost) apply(t *testing.T, p *fix.Plan) {
	t.Helper()
	for _, c := range p.Files {
		old, ok := h.files[c.Path]
		if ok == c.Absent || old != string(c.Before) || bytes.Equal(c.Before, c.After) && ok {
			t.Fatalf("%s is not what the plan says it is", c.Path)
		}
		h.files[c.Path] = string(c.After)
	}
	if p.Reload {
		h.reload()
	}
	for _, l := range p.Live {
		if l.Kind == fix.LiveSysctl {
			n, err := probes.ParseLimit(l.After)
			if err != nil || int64(n) <= h.live {
				t.Fatalf("live %s -> %s", l.Before, l.After)
			}
			h.live = int64(n)
		}
	}
}

// reload is systemctl daemon-reload: systemd gives what the files say.
func (h *madeHost) reload() {
	limits := map[string]probes.LimitPair{}
	tasks := h.unit.TasksMax
	for _, p := range probes.Proposals(h.facts(), nil) {
		switch {
		case p.Kind != probes.ProposeUnit || !p.Boot.Known:
		case p.Setting == "TasksMax":
			tasks = p.Boot.Pair.Hard
		default:
			limits[p.Setting] = p.Boot.Pair
		}
	}
	h.unit = &probes.UnitLimits{Limits: limits, TasksMax: tasks, MemoryMax: h.unit.MemoryMax, Fragment: h.unit.Fragment, State: "enabled"}
}
