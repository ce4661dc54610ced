package report

import (
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
			if f.Status != probes.Warn || f.Code != VersionDrift {
				t.Errorf("%s: %s %s", c.name, f.Status, f.Code)
			}
			got = append(got, f.Message)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestPolicyDecidesWhatDriftIs(t *testing.T) {
	t.Parallel()
	compare := Comparison{Policy: &probes.Policy{Codes: map[string]probes.Status{VersionDrift: probes.Fail}}}
	compare.Add(&Host{Name: "a1", TaskManagers: []TaskManager{{Version: "1"}, {Version: "2"}}})
	if got := compare.Fleet().Findings[0].Status; got != probes.Fail {
		t.Errorf("status = %s, want fail", got)
	}
}
