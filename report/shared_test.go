package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tmdoctor/tmdoctor/probes"
)

func TestWhatSickHostsShare(t *testing.T) {
	t.Parallel()
	const open = "open_files"
	// sick makes the first n hosts sick and gives them another kernel.
	sick := func(n int, more ...func(i int, h *Host)) func(i int, h *Host) {
		return func(i int, h *Host) {
			if i < n {
				h.has(open, probes.Proven).kernel("6.1.0-28")
			}
			for _, m := range more {
				m(i, h)
			}
		}
	}
	for _, c := range []struct {
		name  string
		hosts []*Host
		cause string
		want  []string
	}{
		{"all sick hosts and no other", fleetOf(10, sick(3)), open, []string{"kernel 6.1.0-28: 3/3 0/7 not 6.1.0-25"}},
		{"nothing", fleetOf(10, func(i int, h *Host) {
			if i < 3 {
				h.has(open, probes.Proven)
			}
		}), open, nil},
		{"one host", fleetOf(1, sick(1)), open, nil},
		{"all hosts are sick", fleetOf(10, sick(10)), open, nil},
		{"two hosts and one other: everything is so by chance", fleetOf(3, sick(2)), open, nil},
		{"two hosts and two others", fleetOf(4, sick(2)), open, nil},
		{"ten hosts and one other", fleetOf(11, sick(10)), open, nil},
		{"three hosts and three others", fleetOf(6, sick(3)), open, nil},
		{"two hosts and four others", fleetOf(6, sick(2)), open, []string{"kernel 6.1.0-28: 2/2 0/4 not 6.1.0-25"}},
		{"four hosts and three others", fleetOf(7, sick(4)), open, []string{"kernel 6.1.0-28: 4/4 0/3 not 6.1.0-25"}},
		{"twelve hosts and one other", fleetOf(13, sick(12)), open, []string{"kernel 6.1.0-28: 12/12 0/1 not 6.1.0-25"}},
		{"six others, of whom three tell", fleetOf(8, sick(2, func(i int, h *Host) {
			if i > 4 {
				h.kernel("")
			}
		})), open, nil},
		{"nine of ten sick", fleetOf(30, sick(10, func(i int, h *Host) {
			if i == 4 {
				h.kernel("6.1.0-25")
			}
		})), open, []string{"kernel 6.1.0-28: 9/10 0/20 not 6.1.0-25"}},
		{"eight of ten sick are too few", fleetOf(30, sick(10, func(i int, h *Host) {
			if i == 4 || i == 5 {
				h.kernel("6.1.0-25")
			}
		})), open, nil},
		{"one of ten others", fleetOf(13, sick(3, func(i int, h *Host) {
			if i == 12 {
				h.kernel("6.1.0-28")
			}
		})), open, []string{"kernel 6.1.0-28: 3/3 1/10 not 6.1.0-25"}},
		{"two of ten others are too many", fleetOf(13, sick(3, func(i int, h *Host) {
			if i > 10 {
				h.kernel("6.1.0-28")
			}
		})), open, nil},
		{"unknown is not different: the others do not tell", fleetOf(13, sick(3, func(i int, h *Host) {
			if i >= 7 {
				h.kernel("")
			}
		})), open, nil},
		{"half of the others tell", fleetOf(13, sick(3, func(i int, h *Host) {
			if i >= 8 {
				h.kernel("")
			}
		})), open, []string{"kernel 6.1.0-28: 3/3 0/5 not 6.1.0-25"}},
		{"too few of the sick tell", fleetOf(13, sick(3, func(i int, h *Host) {
			if i == 0 {
				h.kernel("")
			}
		})), open, nil},
		{"noise: each host has its own", fleetOf(300, func(i int, h *Host) {
			h.kernel(fmt.Sprintf("6.1.%d", i)).setting("cluster.id", h.Name)
			if i < 2 {
				h.has(open, probes.Proven)
			}
		}), open, nil},
		{"a host that was not reached is none of the others", append(fleetOf(6, sick(2)), lostHost(7, Unreachable{Phase: "auth", Reason: "x"})), open,
			[]string{"kernel 6.1.0-28: 2/2 0/4 not 6.1.0-25"}},
		{"nor is one whose check is unknown", fleetOf(7, sick(2, func(i int, h *Host) {
			if i == 3 {
				h.set("nofile", probes.StatusUnknown, "", "no limits")
			}
		})), open, []string{"kernel 6.1.0-28: 2/2 0/4 not 6.1.0-25"}},
		{"nor one whose logs were not read", fleetOf(7, sick(2, func(i int, h *Host) {
			if i == 3 {
				h.Facts.Logs.Read = probes.Unknown[bool]("permission denied")
			}
		})), open, []string{"kernel 6.1.0-28: 2/2 0/4 not 6.1.0-25"}},
		{"nor one where it is only possible, or over", fleetOf(8, sick(2, func(i int, h *Host) {
			switch i {
			case 3:
				h.has(open, probes.Possible)
			case 4:
				h.has(open, probes.History)
			}
		})), open, []string{"kernel 6.1.0-28: 2/2 0/4 not 6.1.0-25"}},
		{"two causes have each their own", fleetOf(20, sick(3, func(i int, h *Host) {
			if i > 16 {
				h.has("noexec", probes.Likely).Groups = []string{"rack9"}
			}
		})), "noexec", []string{"group rack9: 3/3 0/17 not rack1"}},
		{"the limit that concerns the cause, and its line, come first", fleetOf(10, sick(2, func(i int, h *Host) {
			if i < 2 {
				h.limit("4096", "/etc/security/limits.conf:5").setting("state.backend.type", "hashmap")
			}
		})), open, []string{
			"limit nofile 4096: 2/2 0/8 not 65536", "nofile set at /etc/security/limits.conf:5: 2/2 0/8 not " + unitOfFlink + ":9",
			"kernel 6.1.0-28: 2/2 0/8 not 6.1.0-25", "state.backend.type hashmap: 2/2 0/8 not rocksdb",
		}},
		{"a limit does not concern another cause", fleetOf(10, func(i int, h *Host) {
			if i < 2 {
				h.has("inodes", probes.Proven).limit("4096", "/etc/security/limits.conf:5")
			}
		}), "inodes", nil},
		{"a setting that the others have not", fleetOf(10, func(i int, h *Host) {
			if i < 2 {
				h.has(open, probes.Proven).setting("state.backend.rocksdb.files.open", "-1")
			}
		}), open, []string{"state.backend.rocksdb.files.open -1: 2/2 0/8 not (not set)"}},
		{"a setting that only the others have", fleetOf(10, func(i int, h *Host) {
			if i < 2 {
				h.has(open, probes.Proven)
			} else {
				h.setting("io.tmp.dirs", "/data/tmp")
			}
		}), open, []string{"io.tmp.dirs (not set): 2/2 0/8 not /data/tmp"}},
		{"the same beginning of a long value is not the same value", fleetOf(10, func(i int, h *Host) {
			h.setting("env.java.opts.all", strings.Repeat("x", 200)+fmt.Sprint(i))
			if i < 2 {
				h.has(open, probes.Proven)
			}
		}), open, nil},
		{"one host alone", fleetOf(5, sick(1)), open, []string{"kernel 6.1.0-28: 1/1 0/4 not 6.1.0-25"}},
		{"what all have is not in place of anything", fleetOf(9, func(i int, h *Host) {
			h.Groups = []string{"all", "rack1"}
			if i < 2 {
				h.has(open, probes.Proven).Groups[1] = "rack9"
			}
		}), open, []string{"group rack9: 2/2 0/7 not rack1"}},
		{"one host and a group of its own, as each has", fleetOf(9, func(i int, h *Host) {
			h.Groups = []string{"all", h.Name}
			if i < 1 {
				h.has(open, probes.Proven)
			}
		}), open, nil},
		{"one host and too few others", fleetOf(4, sick(1)), open, nil},
		{"one host, and the others do not agree", fleetOf(6, sick(1, func(i int, h *Host) {
			if i > 2 {
				h.kernel("6.1.0-27")
			}
		})), open, nil},
		{"a cause that is none", fleetOf(6, func(i int, h *Host) {
			if i < 2 {
				h.has("invented", probes.Proven).kernel("6.1.0-28")
			}
		}), "invented", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, got := range summaryOf(c.hosts).Causes {
				if got.Cause != c.cause {
					continue
				}
				var lines []string
				for _, trait := range got.Traits {
					line := fmt.Sprintf("%s %s: %d/%d %d/%d", trait.Trait, trait.Value, trait.Hosts, trait.Known, trait.Others, trait.OthersKnown)
					if trait.Instead != "" {
						line += " not " + trait.Instead
					}
					lines = append(lines, line)
				}
				if diff := cmp.Diff(c.want, lines); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				return
			}
			t.Errorf("no cause %s", c.cause)
		})
	}
}

func TestOnePlaceToMend(t *testing.T) {
	t.Parallel()
	unit := probes.Known(probes.UnitLimits{Fragment: unitOfFlink})
	for _, c := range []struct {
		name string
		of   func(i int, h *Host) // of four hosts, the first three sick
		want *Place
	}{
		{"one line, one day", func(int, *Host) {}, &Place{"nofile", unitOfFlink + ":9", 3, "2025-03-01", "2025-03-01"}},
		{"several days", func(i int, h *Host) { h.Facts.Files[0].Modified += int64(i) * 86400 }, &Place{"nofile", unitOfFlink + ":9", 3, "2025-03-01", "2025-03-03"}},
		{"a day by the clock of the host", func(i int, h *Host) {
			h.Facts.Host.ZoneOffset = probes.Known(int64(-3600))
		}, &Place{"nofile", unitOfFlink + ":9", 3, "2025-02-28", "2025-02-28"}},
		{"no day", func(_ int, h *Host) { h.Facts.Files = nil }, &Place{"nofile", unitOfFlink + ":9", 3, "", ""}},
		{"different lines", func(i int, h *Host) { h.limit("4096", fmt.Sprintf("/etc/security/limits.conf:%d", i)) }, nil},
		{"no line: a default", func(_ int, h *Host) { h.limit("1024:4096", "kernel default") }, nil},
		{"no line, but one text of the unit", func(_ int, h *Host) {
			h.limit("1024:4096", "default of systemd").Facts.NoFile.Units = map[string]probes.Value[probes.UnitLimits]{"flink-taskmanager.service": unit}
		}, &Place{"", unitOfFlink, 3, "2025-03-01", "2025-03-01"}},
		{"the line holds after the next start only", func(_ int, h *Host) {
			h.Checks[2].Horizons[0].Boot.Value = "131072"
		}, nil},
	} {
		hosts := fleetOf(4, func(i int, h *Host) {
			if i < 3 {
				h.has("open_files", probes.Proven)
			}
			c.of(i, h)
		})
		if diff := cmp.Diff(c.want, summaryOf(hosts).Causes[0].Place); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestPlaceOfSeveralLimits: the causes of one probe may be of several limits.
func TestPlaceOfSeveralLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		tasks, nproc string // of the others; the sick have 1024 of both
		want         *Place
	}{
		{"the one that tells them apart", "4096", "1024", &Place{Setting: "TasksMax", Source: unitOfFlink + ":12", Hosts: 2, FirstChanged: "2025-03-01", LastChanged: "2025-03-01"}},
		{"none does", "1024", "1024", nil},
		{"both do", "4096", "4096", nil},
	} {
		hosts := fleetOf(6, func(i int, h *Host) {
			stands := func(setting, v, source string) probes.Standing {
				return probes.Standing{Setting: setting, Used: -1, Running: value(v, "/proc/1/limits"), Live: value(v, ""), Boot: value(v, source)}
			}
			tasks, nproc := c.tasks, c.nproc
			if i < 2 {
				h.has("threads", probes.Proven)
				tasks, nproc = "1024", "1024"
			}
			h.Checks = append(h.Checks, probes.Check{Probe: "threads", Status: probes.OK, Horizons: []probes.Standing{
				stands("TasksMax", tasks, unitOfFlink+":12"), stands("nproc", nproc, "/etc/security/limits.conf:3"),
			}})
		})
		if diff := cmp.Diff(c.want, summaryOf(hosts).Causes[0].Place); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestCausesAreRankedByHowManyHostsTheyAreShownOn(t *testing.T) {
	t.Parallel()
	hosts := fleetOf(12, func(i int, h *Host) {
		switch {
		case i < 2:
			h.has("open_files", probes.Proven)
		case i == 2:
			h.has("max_map_count", probes.Proven)
		case i < 6:
			h.has("noexec", probes.Likely)
		default:
			h.has("max_map_count", probes.Possible)
		}
	})
	var got []string
	for _, c := range summaryOf(hosts).Causes {
		got = append(got, fmt.Sprintf("%s %s %d of %d", c.Cause, c.Confidence, c.Shown.Hosts, c.Hosts))
	}
	want := []string{"open_files proven 2 of 2", "max_map_count proven 1 of 7", "noexec likely 3 of 3"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCauseIsCountedByHowWellItIsShown(t *testing.T) {
	t.Parallel()
	at := func(minute int) *time.Time {
		when := started.Add(time.Duration(minute) * time.Minute)
		return &when
	}
	hosts := fleetOf(6, func(i int, h *Host) {
		h.has("open_files", []probes.Confidence{probes.Possible, probes.History, probes.Proven, probes.Likely, probes.Proven, probes.Likely}[i])
		h.Causes[0].Since = at(10 - i)
	})
	hosts[1].Causes[0].Since = at(-500) // over: not since then
	hosts[5].Status = probes.Warn       // its finding was waived
	hosts[3].has("open_files", probes.Proven)
	hosts[4].Causes[0].Remedy = "another"
	want := CauseSummary{
		Cause: "open_files", Confidence: probes.Proven, Hosts: 6, Names: "tm[001-006]",
		Proven: HostSet{3, "tm[003-005]"}, Likely: HostSet{1, "tm006"}, Possible: HostSet{1, "tm001"}, History: HostSet{1, "tm002"},
		Shown: HostSet{4, "tm[003-006]"}, Fail: 3, Since: at(5), Remedy: "mend open_files", RemedyHost: "tm003", RemedySame: false, NotCompared: []string{}, Traits: []Trait{},
	}
	if diff := cmp.Diff([]CauseSummary{want}, summaryOf(hosts).Causes, cmpopts.IgnoreFields(CauseSummary{}, "Place")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOrderOfHostsDoesNotMatter: fleets at random, with more values and more
// settings than are kept.
func TestOrderOfHostsDoesNotMatter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		hosts := fleetOf(300, func(i int, h *Host) {
			h.kernel([]string{"", "a", "b", "c"}[r.IntN(4)]).limit([]string{"4096", "65536"}[r.IntN(2)], fmt.Sprintf("/etc/x:%d", r.IntN(3)))
			h.Groups = []string{fmt.Sprintf("rack%d", r.IntN(3)), fmt.Sprintf("own%d", i%int(100+seed*20))}
			h.Facts.Files = append(h.Facts.Files, probes.File{Path: "/etc/x", Modified: 1740787200 + int64(r.IntN(9))*86400})
			for range 2 * int(seed) {
				h.setting(fmt.Sprintf("key.%d", r.IntN(350)), fmt.Sprint(r.IntN(2)))
			}
			if r.IntN(4) == 0 {
				h.has([]string{"open_files", "noexec", "threads"}[r.IntN(3)], []probes.Confidence{probes.Proven, probes.Likely, probes.Possible, probes.History}[r.IntN(4)])
			}
		})
		want := summaryOf(hosts)
		for range 2 {
			r.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
			if diff := cmp.Diff(want, summaryOf(hosts), cmp.AllowUnexported(Trait{})); diff != "" {
				t.Fatalf("seed %d (-in order +shuffled):\n%s", seed, diff)
			}
		}
	}
}

func TestTooManyDifferentValuesAreSaidAndNotCompared(t *testing.T) {
	t.Parallel()
	hosts := fleetOf(maxTraitValues+50, func(i int, h *Host) {
		h.setting("cluster.id", h.Name)
		if i < 2 {
			h.has("open_files", probes.Proven).kernel("6.1.0-28")
		}
	})
	hosts[7].Facts.Flink.Configs[0].Settings = map[string]probes.ConfigSetting{}
	for i := range maxTold + 1 { // one that tells without end spoils nothing for the others
		hosts[7].setting(fmt.Sprint("key", i), "x")
	}
	c := summaryOf(hosts).Causes[0]
	if len(c.Traits) != 1 || c.Traits[0].Value != "6.1.0-28" {
		t.Errorf("traits %+v", c.Traits)
	}
	if want := []string{"cluster.id"}; !slices.Equal(c.NotCompared, want) {
		t.Errorf("not compared %q, want %q", c.NotCompared, want)
	}
}

// TestHostsThatLieFillNoMemory: each host tells as much as is listened to, and
// nothing twice.
func TestHostsThatLieFillNoMemory(t *testing.T) {
	t.Parallel()
	var tally Tally
	for i := range 200 {
		h := factual(i).has("open_files", probes.Proven)
		for j := range maxTold - 10 {
			h.setting(fmt.Sprintf("key.%d", (i*j)%2000), fmt.Sprintf("%d.%d", i, j))
		}
		tally.Add(h)
	}
	n := 0
	for i := range tally.shared.kinds {
		for _, c := range tally.shared.kinds[i].keys {
			n += 1 + len(c.values)
		}
	}
	if n > 500 {
		t.Errorf("%d traits and values are kept", n)
	}
}

func TestSampleNamesItsHostOnlyAmongSeveral(t *testing.T) {
	t.Parallel()
	two := factual(1).has("open_files", probes.Proven).has("open_files", probes.Proven)
	two.Causes[1].Message, two.Causes[1].Remedy = "another TaskManager", "another remedy"
	one := string(render(t, "table", Options{}, testRun(1), []*Host{two}, true))
	if !strings.Contains(one, "  open_files on tm001 [open_files]\n") || strings.Contains(one, "tm001: ") {
		t.Errorf("one host:\n%s", one)
	}
	several := string(render(t, "table", Options{}, testRun(2), []*Host{two, factual(2).has("open_files", probes.Proven)}, true))
	if !strings.Contains(several, "  tm001: open_files on tm001 [open_files]\n") || !strings.Contains(several, "tm001: mend open_files\n") {
		t.Errorf("two hosts:\n%s", several)
	}
}

// TestReportFromBeforeIsWrittenWhole: a saved report whose causes were only
// counted.
func TestReportFromBeforeIsWrittenWhole(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	f, err := NewFormat("json", &out, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := Summary{Hosts: 1, Fail: 1, Causes: []CauseSummary{{Cause: "open_files", Confidence: probes.Proven, Hosts: 1, Names: "tm001"}}}
	if err := f.Begin(testRun(1)); err != nil {
		t.Fatal(err)
	}
	if err := f.End(Fleet{}, s); err != nil {
		t.Fatal(err)
	}
	if err := compiled(t, "report.json").Validate(parse(t, out.Bytes())); err != nil {
		t.Error(err)
	}
}

// TestNothingOfAHostIsKept is not parallel: it measures the heap. What a
// host says are pieces of one long text, its whole answer.
func TestNothingOfAHostIsKept(t *testing.T) {
	const answer = 1 << 20
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var tally Tally
	var compare Comparison
	before := heap()
	for i := range 100 {
		all := strings.Repeat("x", answer) + fmt.Sprintf("6.1.0-%d key.%d", i, i)
		release, key, _ := strings.Cut(all[answer:], " ")
		h := factual(i).kernel(release).setting(key, release)
		h.Groups = []string{release}
		if i < 50 {
			h.limit("4096", "/etc/limits."+key+":5").has("open_files", probes.Proven)
			h.Facts.Files = []probes.File{{Path: "/etc/limits." + key, Modified: 1740787200}}
		}
		tally.Add(h)
		compare.Add(h)
	}
	if kept := int64(heap()-before) >> 20; kept > 5 {
		t.Errorf("%d MiB are kept of 100 hosts", kept)
	}
	runtime.KeepAlive(&tally)
	runtime.KeepAlive(&compare)
}
