package probes

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// aUnit is a host's systemd unit with this limit of open files.
func aUnit(soft, hard Limit) Value[UnitLimits] {
	return Known(UnitLimits{
		Limits:   map[string]LimitPair{"nofile": {soft, hard}, "as": {Unlimited, Unlimited}},
		TasksMax: Unlimited, Fragment: "/etc/systemd/system/flink.service", DropIns: []string{},
	})
}

func session(f *Facts, v Value[LimitPair]) *Facts {
	f.NoFile.Sessions["flink"] = v
	return f
}

func TestOpenFilesAreJudged(t *testing.T) {
	t.Parallel()
	nofile := func(pid int, soft, hard Limit) TaskManager {
		return limits(aTaskManager(pid), map[string]LimitPair{"nofile": {soft, hard}})
	}
	open := func(f *Facts, pid int, n int64) *Facts {
		f.NoFile.Descriptors[pid] = Known(n)
		return f
	}
	soft1024 := nofile(4711, 1024, 65536)
	soft1024.JVMOptions = append(soft1024.JVMOptions, "-XX:-MaxFDLimit")
	unseen := Unknown[LimitPair]("only a session of flink tells: log in as that user, or run with --sudo")
	runJudgeCases(t, &NoFile, []judgeCase{
		{"a healthy host is ok", aHost(aTaskManager(4711)), nil, judged{Check: "ok 90/65536, want 65536"}},
		{"a low limit of the JVM is low", session(aHost(nofile(4711, 4096, 4096)), unseen), nil, judged{
			Check: "warn 90/4096, want 65536", NotSeen: []string{"sessions.flink: " + unseen.Why()},
			Findings: []string{"warn nofile/low running pid 4711: 4096, want 65536 (/proc/4711/limits)"},
		}},
		{"configured since, the JVM is older", aHost(nofile(4711, 4096, 4096)), nil, judged{
			Check: "warn 90/4096, want 65536",
			Findings: []string{
				"warn nofile/low running pid 4711: 4096, want 65536 (/proc/4711/limits)",
				"warn nofile/restart-needed running pid 4711: 4096, want 65536 (/proc/4711/limits)",
			},
		}},
		{"the soft limit counts where the JVM does not raise it", aHost(soft1024), nil, judged{
			Check:    "warn 90/1024, want 65536",
			Findings: []string{"warn nofile/low running pid 4711: 1024, want 65536 (/proc/4711/limits)"},
		}},
		{"69 % is not near", open(aHost(nofile(4711, 100000, 100000)), 4711, 69999), nil, judged{Check: "ok 69999/100000, want 65536"}},
		{"70 % is near", open(aHost(nofile(4711, 100000, 100000)), 4711, 70000), nil, judged{
			Check:    "fail 70000/100000, want 65536",
			Findings: []string{"fail nofile/near running pid 4711: 70000 of 100000 files (70 %), want below 70 % (/proc/4711/fd)"},
		}},
		{"95 % is exhausted", open(aHost(nofile(4711, 100000, 100000)), 4711, 95000), nil, judged{
			Check:    "fail 95000/100000, want 65536",
			Findings: []string{"fail nofile/exhausted running pid 4711: 95000 of 100000 files (95 %), want below 70 % (/proc/4711/fd)"},
		}},
		{"each TaskManager is judged on its own", open(aHost(aTaskManager(4711), nofile(4712, 128, 128)), 4712, 125), nil, judged{
			Check: "fail 125/128, want 65536",
			Findings: []string{
				"warn nofile/low running pid 4712: 128, want 65536 (/proc/4712/limits)",
				"warn nofile/restart-needed running pid 4712: 128, want 65536 (/proc/4712/limits)",
				"fail nofile/exhausted running pid 4712: 125 of 128 files (97 %), want below 70 % (/proc/4712/fd)",
			},
		}},
		{"limits that cannot be read are unknown", with(aHost(aTaskManager(4711)), func(f *Facts) {
			f.Flink.TaskManagers[0].Limits = Unknown[map[string]LimitPair]("permission denied")
		}), nil, judged{Check: "unknown ?, want 65536", Reason: "limits of pid 4711: permission denied"}},
		{"without a TaskManager a session tells", session(aHost(), Known(LimitPair{1024, 4096})), nil, judged{
			Check:    "warn 4096, want 65536",
			Findings: []string{"warn nofile/session-low live user flink: 4096, want 65536 (/proc/self/limits of a session of flink)"},
		}},
		{"without a TaskManager the hard limit of a session is enough", session(aHost(), Known(LimitPair{1024, 1048576})), nil, judged{
			Check: "ok 1048576, want 65536",
		}},
		{"without a TaskManager and a session nothing is known", session(aHost(), unseen), nil, judged{
			Check: "unknown ?, want 65536", Reason: "no TaskManager runs, and what a new one would get is not known: " + unseen.Why(),
			NotSeen: []string{"sessions.flink: " + unseen.Why()},
		}},
		{"without a search nobody says that none runs", with(session(aHost(), unseen), func(f *Facts) {
			f.Flink.Searched = Unknown[bool]("the host refuses to start processes")
		}), nil, judged{
			Check: "unknown ?, want 65536", Reason: "it is not known if a TaskManager runs, and what a new one would get is not known: " + unseen.Why(),
			NotSeen: []string{"sessions.flink: " + unseen.Why()},
		}},
		{"a unit does not read limits.conf", with(aHost(inUnit(nofile(1618, 88, 88), "flink.service")), func(f *Facts) {
			f.NoFile.Units["flink.service"] = aUnit(88, 88)
			f.NoFile.Descriptors[1618] = Known(int64(73))
		}), nil, judged{
			Check: "fail 73/88, want 65536",
			Findings: []string{
				"warn nofile/low running pid 1618: 88, want 65536 (/proc/1618/limits)",
				"fail nofile/near running pid 1618: 73 of 88 files (82 %), want below 70 % (/proc/1618/fd)",
				"warn nofile/unit-low live flink.service: 88, want 65536 (systemctl show flink.service)",
			},
		}},
		{"a low session is nothing to a unit", session(with(aHost(inUnit(aTaskManager(1618), "flink.service")), func(f *Facts) {
			f.NoFile.Units["flink.service"] = aUnit(1024, 524288)
		}), Known(LimitPair{1024, 4096})), nil, judged{Check: "ok 90/65536, want 65536"}},
		{"a line above fs.nr_open is named", withFile(aHost(aTaskManager(4711)), "/etc/security/limits.d/90-flink.conf",
			"# open files\nflink soft nofile 65536\nflink hard nofile 2000000 # plenty\n* - nofile unlimited\n"), nil, judged{
			Check:    "warn 90/65536, want 65536",
			Findings: []string{"warn nofile/above-nr-open live /etc/security/limits.d/90-flink.conf:3: 2000000, want at most 1048576 (/etc/security/limits.d/90-flink.conf:3)"},
		}},
		{"a file that pam_limits does not read is nothing", withFile(aHost(aTaskManager(4711)), "/etc/security/limits.d/90-flink.conf.bak",
			"flink hard nofile 2000000\n"), nil, judged{Check: "ok 90/65536, want 65536"}},
		{"the host's own limit is near", with(aHost(aTaskManager(4711)), func(f *Facts) {
			f.NoFile.FileUsed, f.NoFile.FileMax = Known(int64(712)), Known(int64(657))
		}), nil, judged{
			Check:    "fail 90/65536, want 65536",
			Findings: []string{"fail nofile/file-max-near live fs.file-max: 712 of 657 files (108 %), want below 80 % (/proc/sys/fs/file-nr)"},
		}},
	})
}

func TestRemedyOfOpenFilesFollowsWhatStartsTheTaskManager(t *testing.T) {
	t.Parallel()
	launch := func(kind, unit string) TaskManager {
		tm := aTaskManager(4711)
		tm.Launch = Launch{Kind: kind, Unit: unit}
		return tm
	}
	host := withFile(aHost(), "/etc/security/limits.conf", "flink soft nofile 4096\n")
	for _, c := range []struct {
		name string
		tm   TaskManager
		want string
	}{
		{"login", launch("login", "session-3.scope"), "in /etc/security/limits.conf: flink soft nofile 65536 and flink hard nofile 65536 (instead of /etc/security/limits.conf:1); then restart the TaskManager from a new session"},
		{"systemd", launch("systemd", "flink.service"), "[Service] LimitNOFILE=65536 in /etc/systemd/system/flink.service.d/zz-tmdoctor.conf; then systemctl daemon-reload && systemctl restart flink.service"},
		{"a unit whose name is no word", launch("systemd", `a';rm -rf b.service`), `[Service] LimitNOFILE=65536 in '/etc/systemd/system/a'\'';rm -rf b.service.d/zz-tmdoctor.conf'; then systemctl daemon-reload && systemctl restart 'a'\'';rm -rf b.service'`},
		{"container", launch("container", ""), "start the container with --ulimit nofile=65536:65536 (limits.conf does not reach it)"},
		{"yarn", launch("yarn", ""), "raise nofile to 65536 for YARN's NodeManager, which hands its limits on: LimitNOFILE= of its unit, or limits.conf for its user; restart it; then kill 4711 (Flink asks YARN for a new container)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := raiseNoFile(Input{Facts: host, next: newResolver(host, nil)}, c.tm, 65536); got != c.want {
				t.Errorf("remedy = %q, want %q", got, c.want)
			}
		})
	}
}

// records parses the lines of one section.
func records(t *testing.T, text string) Records {
	t.Helper()
	r, err := parseRecords([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestASessionCountsOnlyForItsOwnUser(t *testing.T) {
	t.Parallel()
	other := aTaskManager(4711)
	other.UID, other.User = Known(int64(2000)), Known("yarn")
	for _, c := range []struct {
		name, records string
		want          map[string]Value[LimitPair]
	}{
		{"our own", "=nofile.session 1000 1024 4096\n", map[string]Value[LimitPair]{"flink": Known(LimitPair{1024, 4096})}},
		{"root's session says nothing of flink", "=nofile.session 0 1048576 1048576\n", map[string]Value[LimitPair]{
			"flink": Unknown[LimitPair]("only a session of flink tells: log in as that user, or run with --sudo"),
		}},
		{"by sudo", "=nofile.session 500 1 2\n=nofile.4711.session 1000 1024 65536\n", map[string]Value[LimitPair]{"flink": Known(LimitPair{1024, 65536})}},
		{"by su", "=nofile.session 0 1 2\n=nofile.4711.session 0 1 2\n=nofile.flink_session 1000 5 6\n", map[string]Value[LimitPair]{"flink": Known(LimitPair{5, 6})}},
		{"not allowed", "?nofile.4711 sudo refuses it\n", map[string]Value[LimitPair]{"flink": Unknown[LimitPair]("sudo refuses it")}},
		{"junk", "=nofile.session 1000 many 4096\n", map[string]Value[LimitPair]{"flink": Unknown[LimitPair](`only a session of flink tells: log in as that user, or run with --sudo`)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := aHost(aTaskManager(4711))
			got := parseSessions(records(t, "[nofile\n"+c.records+"]nofile 1\n"), f, "nofile")
			if d := cmp.Diff(c.want, got, cmp.Comparer(func(a, b Value[LimitPair]) bool { return a == b })); d != "" {
				t.Errorf("sessions (-want +got):\n%s", d)
			}
		})
	}
}

func TestUnitsAreReadAsSystemctlShowsThem(t *testing.T) {
	t.Parallel()
	lines := []string{
		"LimitNOFILE=524288", "LimitNOFILESoft=1024", "LimitAS=infinity", "TasksMax=1976", "MemoryMax=4294967296", "Id=a.service", "NeedDaemonReload=yes", "FragmentPath=/etc/systemd/system/a.service", "DropInPaths=/etc/systemd/system/a.service.d/x.conf",
		"",
		"LimitNOFILE=88", "LimitAS=18446744073709551615", "TasksMax=infinity", "Id=b.service", "NeedDaemonReload=no",
	}
	want := map[string]Value[UnitLimits]{
		"a.service": Known(UnitLimits{
			Limits: map[string]LimitPair{"nofile": {1024, 524288}, "as": {Unlimited, Unlimited}}, TasksMax: 1976, MemoryMax: Known[Limit](4 << 30), NeedReload: true,
			Fragment: "/etc/systemd/system/a.service", DropIns: []string{"/etc/systemd/system/a.service.d/x.conf"},
		}),
		"b.service": Known(UnitLimits{
			Limits: map[string]LimitPair{"nofile": {88, 88}, "as": {Unlimited, Unlimited}}, TasksMax: Unlimited,
			MemoryMax: Unknown[Limit]("systemctl show does not tell MemoryMax"), DropIns: []string{},
		}),
		"c.service": Unknown[UnitLimits]("systemctl show does not tell"),
	}
	got := parseUnits([]string{"a.service", "b.service", "c.service"}, slices.Clone(lines))
	if d := cmp.Diff(want, got, cmp.AllowUnexported(Value[UnitLimits]{}, Value[Limit]{})); d != "" {
		t.Errorf("units (-want +got):\n%s", d)
	}
}

func TestFileMaxBeyondSigned64BitsIsWithoutLimit(t *testing.T) {
	t.Parallel()
	r := records(t, "=nofile.file_max 18446744073709551615\n=nofile.file_used x\n")
	if got, ok := r.bigInt("nofile.file_max").Get(); !ok || got != int64(Unlimited) {
		t.Errorf("file_max = %d, %v, want the greatest number", got, ok)
	}
	if r.bigInt("nofile.file_used").IsKnown() {
		t.Error("a word is known as a number")
	}
}

func FuzzLimitsLines(f *testing.F) {
	f.Add("flink soft nofile 65536\n")
	f.Add("# x\n* - as unlimited # y\r\n@g hard VMEM 1 2 3\nu - \x00 4")
	f.Fuzz(func(t *testing.T, content string) {
		host := withFile(aHost(), "/etc/security/limits.conf", content)
		all := strings.Split(content, "\n")
		for _, l := range limitsLines(host) {
			number, err := strconv.Atoi(strings.TrimPrefix(l.At, "/etc/security/limits.conf:"))
			if err != nil || number < 1 || number > len(all) {
				t.Fatalf("%q is not a line of %q", l.At, content)
			}
			if text := all[number-1]; !strings.Contains(text, l.Domain) || !strings.Contains(strings.ToLower(text), l.Item) || strings.Contains(l.Value, "#") {
				t.Errorf("%+v is not what line %q says", l, text)
			}
		}
		for _, p := range []*Probe{&NoFile, &AddressSpace} {
			judgeAlone(p, host)
		}
	})
}
