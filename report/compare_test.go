package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

func TestFleetSaysWhichHostsRunAnotherFlink(t *testing.T) {
	t.Parallel()
	host := func(name string, groups []string, versions ...string) *Host {
		h := &Host{Name: name, Groups: groups}
		for _, v := range versions {
			h.TaskManagers = append(h.TaskManagers, TaskManager{Version: v})
		}
		return h
	}
	blue, green := []string{"blue"}, []string{"green"}
	for _, c := range []struct {
		name  string
		hosts []*Host
		want  []string // messages
	}{
		{"one version", []*Host{host("a1", nil, "1.20.0"), host("a2", nil, "1.20.0", "1.20.0")}, nil},
		{"an unknown version is no drift", []*Host{host("a1", nil, "1.20.0"), host("a2", nil, ""), host("a3", nil)}, nil},
		{
			"one host is behind",
			[]*Host{host("a1", nil, "1.20.0"), host("a2", nil, "1.20.0"), host("a3", nil, "1.18.1")},
			[]string{"TaskManagers run different versions of Flink: 1.20.0 on a[1-2] (2), 1.18.1 on a3"},
		},
		{
			"two on one host",
			[]*Host{host("a1", nil, "1.20.0", "1.18.1")},
			[]string{"TaskManagers run different versions of Flink: 1.18.1 on a1, 1.20.0 on a1"},
		},
		{"two clusters, a version each", []*Host{host("b1", blue, "1.20.0"), host("g1", green, "1.18.1")}, nil},
		{
			"a group and its parent say it once",
			[]*Host{host("b1", []string{"all", "blue"}, "1.20.0"), host("b2", []string{"all", "blue"}, "2.0.0")},
			[]string{"TaskManagers run different versions of Flink in group all: 1.20.0 on b1, 2.0.0 on b2"},
		},
		{
			"a version that would rewrite the screen",
			[]*Host{host("a1", nil, "1.20.0"), host("a2", nil, "\x1b[2J")},
			[]string{`TaskManagers run different versions of Flink: 1.20.0 on a1, \x1b[2J on a2`},
		},
	} {
		var compare Comparison
		for _, h := range c.hosts {
			compare.Add(h)
		}
		var got []string
		for _, f := range compare.Fleet().Findings {
			if f.Status != probes.Warn || f.Code != VersionDiffers {
				t.Errorf("%s: %s %s", c.name, f.Status, f.Code)
			}
			got = append(got, f.Message)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestFleetSaysWhichSettingsDiffer(t *testing.T) {
	t.Parallel()
	host := func(name, dir string, settings ...string) *Host {
		f := &probes.Facts{Version: 1}
		f.Flink.TaskManagers = []probes.TaskManager{{PID: 7, ConfigDir: "/opt/flink/conf/"}}
		c := probes.FlinkConfig{Path: dir + "/flink-conf.yaml", Settings: map[string]probes.ConfigSetting{}}
		for i := 0; i < len(settings); i += 2 {
			c.Settings[settings[i]] = probes.ConfigSetting{Value: settings[i+1]}
		}
		f.Flink.Configs = []probes.FlinkConfig{c}
		return &Host{Name: name, Facts: f}
	}
	const conf, size = "/opt/flink/conf", "taskmanager.memory.process.size"
	for _, c := range []struct {
		name  string
		hosts []*Host
		want  []string
	}{
		{"the same", []*Host{host("a1", conf, size, "4g"), host("a2", conf, size, "4g")}, nil},
		{"of an installation that does not run", []*Host{host("a1", conf, size, "4g"), host("a2", "/old/conf", size, "1g")}, nil},
		{"the host's own address", []*Host{host("a1", conf, "taskmanager.host", "a1", "taskmanager.rpc.port", "1"), host("a2", conf, "taskmanager.host", "a2", "taskmanager.rpc.port", "2")}, nil},
		{"without facts", []*Host{host("a1", conf, size, "4g"), {Name: "a2"}}, nil},
		{
			"one host is smaller",
			[]*Host{host("a1", conf, size, "4g", "state.backend", "rocksdb"), host("a2", conf, size, "1g", "state.backend", "rocksdb"), host("a3", conf, size, "4g")},
			[]string{"TaskManagers have different configurations: taskmanager.memory.process.size is 4g on a[1,3] (2), 1g on a2"},
		},
		{
			"in two settings",
			[]*Host{host("a1", conf, "x", "1", "y", "1"), host("a2", conf, "x", "2", "y", "2\x1b[2J")},
			[]string{`TaskManagers have different configurations: x is 1 on a1, 2 on a2; y is 1 on a1, 2\x1b[2J on a2`},
		},
	} {
		var compare Comparison
		for _, h := range c.hosts {
			compare.Add(h)
		}
		var got []string
		for _, f := range compare.Fleet().Findings {
			got = append(got, f.Message)
			if f.Code != ConfigurationDiffers {
				t.Errorf("%s: code %s", c.name, f.Code)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestFleetSaysWhichHostsRunOnSomethingElse(t *testing.T) {
	t.Parallel()
	host := func(name, kernel string, java ...string) *Host {
		f := &probes.Facts{Version: 1}
		f.Host.Kernel = probes.Known(kernel)
		f.Host.Java = map[int]probes.Value[string]{}
		for i, v := range java {
			f.Host.Java[i] = probes.Known(v)
		}
		return &Host{Name: name, Facts: f}
	}
	unknown := &Host{Name: "a9", Facts: &probes.Facts{Version: 1}}
	var compare Comparison
	for _, h := range []*Host{host("a1", "6.1.0", "17.0.9", "17.0.9"), host("a2", "6.1.0", "17.0.9"), host("a3", "5.10.0", "11.0.2"), unknown} {
		compare.Add(h)
	}
	want := []probes.Finding{{
		Code: HostDiffers, Probe: "host", Status: probes.Warn, Horizon: probes.Live, Want: "the same on every host",
		Observed: "Java is 17.0.9 on a[1-2] (2), 11.0.2 on a3; kernel is 6.1.0 on a[1-2] (2), 5.10.0 on a3",
		Message:  "hosts differ: Java is 17.0.9 on a[1-2] (2), 11.0.2 on a3; kernel is 6.1.0 on a[1-2] (2), 5.10.0 on a3",
		Source:   "uname, os-release and the running JVMs",
		Evidence: []probes.Evidence{
			{Source: "uname, os-release and the running JVMs", Text: "Java is 17.0.9 on a[1-2] (2), 11.0.2 on a3"},
			{Source: "uname, os-release and the running JVMs", Text: "kernel is 6.1.0 on a[1-2] (2), 5.10.0 on a3"},
		},
		Remedy: "bring the hosts to one version, or have a group for each kind of host",
	}}
	if diff := cmp.Diff(want, compare.Fleet().Findings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestComparisonIsBounded: what hosts say does not fill the memory.
func TestComparisonIsBounded(t *testing.T) {
	t.Parallel()
	var compare Comparison
	for i := range 3000 {
		compare.Add(&Host{Name: fmt.Sprintf("a%d", i), Groups: []string{fmt.Sprintf("g%d", i), "all"}, TaskManagers: []TaskManager{{Version: fmt.Sprint(i)}}})
	}
	if n := len(compare.seen); n != maxCompared {
		t.Errorf("%d things are compared, want %d", n, maxCompared)
	}
	f := compare.Fleet().Findings
	if len(f) != 1 || !strings.HasSuffix(f[0].Message, "0 on a0, 1 on a1, 10 on a10, 11 on a11, and other values") {
		t.Errorf("%+v", f)
	}
}

func TestPolicyDecidesWhatDriftIs(t *testing.T) {
	t.Parallel()
	compare := Comparison{Policy: &probes.Policy{Codes: map[string]probes.Status{VersionDiffers: probes.Fail}}}
	compare.Add(&Host{Name: "a1", TaskManagers: []TaskManager{{Version: "1"}, {Version: "2"}}})
	if got := compare.Fleet().Findings[0].Status; got != probes.Fail {
		t.Errorf("status = %s, want fail", got)
	}
}

// TestCodesOfTheFleetAreDeclared: explain and a policy know them.
func TestCodesOfTheFleetAreDeclared(t *testing.T) {
	t.Parallel()
	for _, tr := range traits {
		name, slug, _ := strings.Cut(tr.code, "/")
		p := probes.ByName(name)
		if p == nil || !slices.ContainsFunc(p.Codes, func(c probes.Code) bool { return c.Slug == slug }) {
			t.Errorf("no probe declares %s", tr.code)
		}
	}
}
