package probes

import (
	"strings"
	"testing"
)

func TestMapsAreJudged(t *testing.T) {
	t.Parallel()
	counted := func(f *Facts, counts map[int]int64) *Facts {
		for pid, n := range counts {
			f.Maps.Counts[pid] = Known(n)
		}
		return f
	}
	limited := func(f *Facts, limit int64) *Facts {
		f.Maps.MaxMapCount = Known(limit)
		return f
	}
	zgc := func(options ...string) TaskManager {
		tm := aTaskManager(4711)
		tm.JVMOptions = options
		return tm
	}
	low := "warn maps/low live vm.max_map_count: 65530, want 262144 (/proc/sys/vm/max_map_count)"
	runJudgeCases(t, &Maps, []judgeCase{
		{"a healthy host is ok", aHost(aTaskManager(4711)), nil, judged{Check: "ok 340/262144, want 262144"}},
		{"the kernel's default is low, not more", limited(aHost(aTaskManager(4711)), 65530), nil, judged{
			Check: "warn 340/65530, want 262144", Findings: []string{low},
		}},
		{"59 % is not near", counted(limited(aHost(aTaskManager(4711)), 100000), map[int]int64{4711: 59999}), &Policy{Numbers: map[string]int64{"maps/floor": 65530}},
			judged{Check: "ok 59999/100000, want 65530"}},
		{"60 % is near", counted(limited(aHost(aTaskManager(4711)), 65530), map[int]int64{4711: 39318}), nil, judged{
			Check:    "fail 39318/65530, want 262144",
			Findings: []string{low, "fail maps/near running pid 4711: 39318 of 65530 maps (60 %), want below 60 % (/proc/4711/maps)"},
		}},
		{"one more map than the limit is exhausted", counted(limited(aHost(aTaskManager(4711)), 65530), map[int]int64{4711: 65531}), nil, judged{
			Check:    "fail 65531/65530, want 262144",
			Findings: []string{low, "fail maps/exhausted running pid 4711: 65531 of 65530 maps (100 %), want below 60 % (/proc/4711/maps)"},
		}},
		{"each TaskManager is judged on its own", counted(aHost(aTaskManager(4711), aTaskManager(4712)), map[int]int64{4712: 240000}), nil, judged{
			Check:    "fail 240000/262144, want 262144",
			Findings: []string{"fail maps/exhausted running pid 4712: 240000 of 262144 maps (91 %), want below 60 % (/proc/4712/maps)"},
		}},
		{"use that is not seen leaves the verdict", with(aHost(aTaskManager(4711)), func(f *Facts) {
			f.Maps.Counts[4711] = Unknown[int64]("only flink and root may see it: run with --sudo")
		}), nil, judged{
			Check: "ok ?/262144, want 262144", NotSeen: []string{"counts.4711: only flink and root may see it: run with --sudo"},
		}},
		{"a host without a TaskManager shows the limit", limited(aHost(), 65530), nil, judged{
			Check: "warn 65530, want 262144", Findings: []string{low},
		}},
		{"an unknown limit is unknown", with(aHost(aTaskManager(4711)), func(f *Facts) {
			f.Maps.MaxMapCount = Unknown[int64]("/proc/sys/vm/max_map_count cannot be read")
		}), nil, judged{
			Check: "unknown ?, want 262144", Reason: "max_map_count: /proc/sys/vm/max_map_count cannot be read",
		}},
		{"ZGC with a heap of 64 GB needs 117964 maps", limited(aHost(zgc("-Xmx68719476736", "-XX:+UseZGC")), 65530),
			&Policy{Numbers: map[string]int64{"maps/floor": 65530}}, judged{
				Check:    "warn 340/65530, want 65530",
				Findings: []string{"warn maps/needs-more-for-zgc running pid 4711: 65530 maps for a heap of 65536 MB, want 117964 (/proc/sys/vm/max_map_count)"},
			}},
		{"ZGC that was switched off again needs none", limited(aHost(zgc("-Xmx64g", "-XX:+UseZGC", "-XX:-UseZGC")), 65530),
			&Policy{Numbers: map[string]int64{"maps/floor": 65530}}, judged{Check: "ok 340/65530, want 65530"}},
		{"a policy may make low fail", limited(aHost(aTaskManager(4711)), 65530), &Policy{Codes: map[string]Status{"maps/low": Fail}}, judged{
			Check: "fail 340/65530, want 262144", Findings: []string{strings.Replace(low, "warn", "fail", 1)},
		}},
	})
}

func TestMapsRemedyNeverLowersAndNamesTheFileOfTheHost(t *testing.T) {
	t.Parallel()
	host := aHost(aTaskManager(4711))
	host.Maps.Counts[4711] = Known(int64(200000))
	_, findings := judgeAlone(&Maps, host)
	want := "sysctl -w vm.max_map_count=400000 (at once, no restart needed); for the next boot the line vm.max_map_count=400000 in /etc/sysctl.d/zz-tmdoctor.conf"
	if len(findings) != 1 || findings[0].Remedy != want {
		t.Errorf("findings = %+v, want one with remedy %q", findings, want)
	}
	host = withFile(aHost(), "/etc/alpine-release", "3.20.0\n")
	host.Maps.MaxMapCount = Known(int64(65530))
	_, findings = judgeAlone(&Maps, host)
	boot := "for the next boot the line vm.max_map_count=262144 in /etc/sysctl.conf; " +
		"Alpine without sysctl in the boot runlevel: nothing applies the files (rc-update add sysctl boot)"
	want = "sysctl -w vm.max_map_count=262144 (at once, no restart needed); " + boot
	if len(findings) != 2 || findings[0].Remedy != want || findings[1].Horizon != Boot || findings[1].Remedy != boot {
		t.Errorf("findings on Alpine = %+v, want one now with remedy %q and one at boot with %q", findings, want, boot)
	}
}

func TestOneDigitOfMaxMapCountIsAFaultOfTheReading(t *testing.T) {
	t.Parallel()
	r, err := parseRecords([]byte("[maps\n=maps.max_map_count 6\n]maps 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := aHost()
	parseMaps(r, f)
	if got, want := f.Maps.MaxMapCount, Unknown[int64]("read as 6, which is not plausible"); got != want {
		t.Errorf("max_map_count 6 = %v, want %v", got, want)
	}
}

func TestJVMSizes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{
		"536870902": 536870902, "1k": 1024, "2M": 2 << 20, "3g": 3 << 30, "1T": 1 << 40,
		"": -1, "g": -1, "-1": -1, "1x": -1, "9999999999t": -1, "1 g": -1,
	} {
		got, ok := jvmSize(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("jvmSize(%q) = %d, want %d", in, got, want)
		}
	}
}
