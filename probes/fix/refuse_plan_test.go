package fix_test

import (
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// lowHost is a host on which the kernel's setting and a limit of the user are
// low and can be raised in the files of the runbook.
func lowHost() *madeHost {
	return newMadeHost("systemd", 65530, map[string]string{
		"/etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "/etc/sysctl.conf": "vm.max_map_count=65530\n",
		"/etc/security/limits.conf": "flink - nofile 4096\n",
	})
}

// onlyMain leaves one file for each setting, so that what is wrong with it is
// why nothing is planned.
var onlyMain = fix.Options{PersistIn: fix.PersistMain}

func state(s *fix.Snapshot, path string) *fix.FileState {
	for i := range s.Files {
		if s.Files[i].Path == path {
			return &s.Files[i]
		}
	}
	panic("no file " + path)
}

func TestWhatCannotBeDoneSafelyIsRefused(t *testing.T) {
	t.Parallel()
	const sysctl, limits = "/etc/sysctl.conf", "/etc/security/limits.conf"
	both := []string{"vm.max_map_count", "nofile"}
	for _, tt := range []struct {
		name    string
		change  func(f *probes.Facts, s *fix.Snapshot, o *fix.Options)
		refused []string // settings
		reason  string
	}{
		{"a container", func(f *probes.Facts, _ *fix.Snapshot, _ *fix.Options) {
			marks, _ := f.Maps.Boot.Get()
			f.Maps.Boot = probes.Known(append(marks[:len(marks):len(marks)], "/.dockerenv"))
		}, both, "is a container"},
		{"an unknown loader", func(f *probes.Facts, _ *fix.Snapshot, _ *fix.Options) {
			f.Maps.Boot = probes.Known([]string{"/proc/1/comm runit"})
		}, both, "not known what applies sysctl files"},
		{"marks that were not read", func(f *probes.Facts, _ *fix.Snapshot, _ *fix.Options) {
			f.Maps.Boot = probes.Unknown[[]string]("cut short")
		}, both, "cut short"},
		{"scripts of the boot that were not read", func(f *probes.Facts, _ *fix.Snapshot, _ *fix.Options) {
			f.Maps.Writers = probes.Unknown[[]string]("permission denied")
		}, both, "permission denied"},
		{"a lock", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { s.Lock = "ann@desk since 10:00" }, both, "another fix is at work on the host: ann@desk"},
		{"a run that did not end", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			s.Unfinished = &fix.HostRun{Run: "r1", Who: "ops@bastion", State: fix.RunApplying}
		}, both, "run r1 of ops@bastion did not end there (it is applying): tmdoctor fix --resume r1"},
		{"no root", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { s.Obstacle = "not root" }, both, "not root"},
		{"a place that is none", func(_ *probes.Facts, _ *fix.Snapshot, o *fix.Options) { o.PersistIn = "nowhere" }, both, "no place to persist"},
		{"files that were not read", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { s.Files = nil }, both, "was not read"},
		{"a value that root could not read", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			s.Sysctls["vm.max_map_count"] = probes.Unknown[string]("no such key")
		}, both[:1], "no such key"},
		{"a value that is no number", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			s.Sysctls["vm.max_map_count"] = probes.Known("6; reboot")
		}, both[:1], "no number"},
		{"a file that changed in between", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			*state(s, sysctl) = fileState(sysctl, "vm.max_map_count=65531\n")
		}, both[:1], "/etc/sysctl.conf was changed while it was looked at"},
		{"a file that came in between", func(f *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			f.Login.Packages = probes.Known(map[string]string{"pam": "1.7.0", "systemd": "252", "procps": "4.0.2"})
			for i := range f.Files {
				if f.Files[i].Path == limits {
					f.Files[i] = probes.File{Path: limits, Kind: probes.FileAbsent}
				}
			}
		}, both[1:], "/etc/security/limits.conf was changed"},
		{"a text that is not the hash's", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			state(s, sysctl).SHA256 = strings.Repeat("0", 64)
		}, both[:1], "was not read whole"},
		{"hard links", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { state(s, limits).Links = 2 }, both[1:], "2 hard links"},
		{"a directory", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { state(s, limits).Kind = probes.FileDir }, both[1:], "is a directory"},
		{"a device", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { state(s, limits).Kind = probes.FileOther }, both[1:], "not regular"},
		{"a file that root could not read", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			state(s, limits).Kind = probes.FileUnreadable
		}, both[1:], "unreadable"},
		{"a link to nothing", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { state(s, limits).Kind = probes.FileDangling }, both[1:], "a link to nothing"},
		{"a link out of the place", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			state(s, limits).Kind, state(s, limits).Real = probes.FileLink, "/srv/limits.conf"
		}, both[1:], "leads to /srv/limits.conf, which is another place"},
		{"a link into another place of ours", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			state(s, limits).Kind, state(s, limits).Real = probes.FileLink, "/etc/sysctl.conf"
		}, both[1:], "another place"},
		{"a directory that is a link", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			state(s, sysctl).Kind, state(s, sysctl).Real, state(s, sysctl).Dir = probes.FileAbsent, "", "/usr/etc"
		}, both[:1], "another place"},
		{"an immutable file", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			state(s, sysctl).Obstacle = "immutable (chattr +i)"
		}, both[:1], "immutable"},
		{"a full file system", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { state(s, limits).Obstacle = "no space left" }, both[1:], "no space left"},
		{"a user who cannot log in", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			s.Sessions[0].Failed = "Account locked"
		}, both[1:], "no session of flink could be opened (su): Account locked"},
		{"a user whose login nobody tried", func(_ *probes.Facts, s *fix.Snapshot, _ *fix.Options) { s.Sessions = nil }, both[1:], "was not tried"},
		{"fs.nr_open that is not known", func(f *probes.Facts, _ *fix.Snapshot, _ *fix.Options) {
			f.NoFile.NrOpen = probes.Unknown[int64]("one digit")
		}, both[1:], "fs.nr_open is not known: one digit"},
		{"fs.nr_open that is lower", func(f *probes.Facts, _ *fix.Snapshot, _ *fix.Options) { f.NoFile.NrOpen = probes.Known(int64(65535)) }, both[1:], "fs.nr_open"},
		{"a user without a name", func(f *probes.Facts, _ *fix.Snapshot, _ *fix.Options) {
			f.Flink.TaskManagers[0].User = probes.Known("")
			f.Login.Accounts = map[string]probes.Value[probes.Account]{}
		}, both[1:], "the name of uid 1500 is not known"},
		{"start files of the shell that nobody could read", func(f *probes.Facts, _ *fix.Snapshot, _ *fix.Options) {
			f.NoFile.Shell = probes.Unknown[[]string]("not asked")
			f.NoFile.Sessions = map[string]probes.Value[probes.LimitPair]{"flink": probes.Known(probes.LimitPair{Soft: 1024, Hard: 4096})}
		}, both[1:], "not asked"},
		{"a limits.conf that is not there", func(f *probes.Facts, s *fix.Snapshot, _ *fix.Options) {
			for i := range f.Files {
				if f.Files[i].Path == limits {
					f.Files[i] = probes.File{Path: limits, Kind: probes.FileAbsent}
				}
			}
			f.Login.Packages = probes.Known(map[string]string{"pam": "1.7.0", "systemd": "252", "procps": "4.0.2"})
			st := state(s, limits)
			*st = fix.FileState{Path: limits, Kind: probes.FileAbsent, Dir: "/etc/security"}
		}, both[1:], "would hide what the distribution has elsewhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := lowHost()
			f, o := h.facts(), onlyMain
			s := h.snapshot(fix.Ask(f, nil, o))
			tt.change(f, s, &o)
			p := fix.Make("tm", f, s, nil, o)
			for _, setting := range both {
				want := false
				for _, r := range tt.refused {
					want = want || r == setting
				}
				got := ""
				for _, r := range p.Refused {
					if r.Setting == setting {
						got += r.Reason
						if r.Instead == "" {
							t.Errorf("%s: nothing is said about what to do instead", setting)
						}
					}
				}
				changed := strings.Contains(shownMade(&fix.Plan{Files: p.Files, Live: p.Live}), map[string]string{"nofile": "soft nofile 65536", "vm.max_map_count": "262144"}[setting])
				switch {
				case want && changed:
					t.Errorf("%s is refused and changed:\n%s", setting, shownMade(p))
				case want && len(tt.refused) == 1 && !strings.Contains(got, tt.reason):
					t.Errorf("%s is refused for %q, want %q", setting, got, tt.reason)
				case !want && !changed:
					t.Errorf("%s is not changed:\n%s", setting, shownMade(p))
				}
			}
			if len(tt.refused) > 1 && !strings.Contains(shownMade(p), tt.reason) {
				t.Errorf("nobody says %q:\n%s", tt.reason, shownMade(p))
			}
		})
	}
}

func fileState(path, content string) fix.FileState {
	h := &madeHost{files: map[string]string{path: content}}
	return h.snapshot(fix.Query{Paths: []string{path}}).Files[0]
}

// TestALowHostIsRaisedWhole: what the cases above take away is enough without
// them.
func TestALowHostIsRaisedWhole(t *testing.T) {
	t.Parallel()
	h := lowHost()
	p := h.plan(onlyMain)
	if len(p.Files) != 2 || len(p.Live) != 1 || len(p.Refused) != 0 {
		t.Fatal(shownMade(p))
	}
	for _, c := range p.Files {
		if c.Mode != "0644" || c.Owner != "0:0" || c.BeforeSHA256 == "" || c.BeforeSHA256 == c.AfterSHA256 || c.Why == "" || c.Absent || c.MakeDir {
			t.Errorf("%+v", c)
		}
	}
}

func TestALoginThatCannotBeTriedIsAcceptedOnlyWhenAskedTo(t *testing.T) {
	t.Parallel()
	h := lowHost()
	f, o := h.facts(), fix.Options{AcceptUnverified: true}
	s := h.snapshot(fix.Ask(f, nil, o))
	s.Sessions[0].Failed = "Account locked"
	p := fix.Make("tm", f, s, nil, o)
	if len(p.Files) != 2 || !strings.Contains(strings.Join(p.Notes, "\n"), "flink can log in afterwards stays unverified: no session of flink could be opened (su): Account locked") {
		t.Error(shownMade(p))
	}
}

// TestNamesThatLimitsFilesCannotHaveAreRefused: a user of LDAP or a hostile
// host may have any.
func TestNamesThatLimitsFilesCannotHaveAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"@tm", "*", "a b", "a#b", "1:5", "%x", "-x", "a\nroot - nofile 1"} {
		h := lowHost()
		f := h.facts()
		f.Flink.TaskManagers[0].User = probes.Known(name)
		account, _ := f.Login.Accounts["flink"].Get()
		account.Name = name
		f.Login.Accounts = map[string]probes.Value[probes.Account]{name: probes.Known(account)}
		f.NoFile.Sessions = map[string]probes.Value[probes.LimitPair]{name: probes.Known(probes.LimitPair{Soft: 1024, Hard: 4096})}
		s := h.snapshot(fix.Ask(f, nil, fix.Options{}))
		for _, u := range fix.Ask(f, nil, fix.Options{}).Users {
			t.Errorf("a session of %q is asked for", u)
		}
		p := fix.Make("tm", f, s, nil, fix.Options{})
		for _, c := range p.Files {
			if strings.Contains(c.Path, "security") {
				t.Errorf("%q: %s becomes %q", name, c.Path, c.After)
			}
		}
		if len(p.Refused) == 0 {
			t.Errorf("%q is not refused", name)
		}
	}
}

func TestWithoutASnapshotNothingIsPlanned(t *testing.T) {
	t.Parallel()
	p := fix.Make("tm", lowHost().facts(), nil, nil, fix.Options{})
	if !p.IsEmpty() || len(p.Refused) != 2 {
		t.Error(shownMade(p))
	}
}
