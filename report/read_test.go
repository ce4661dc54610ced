package report

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tmdoctor/tmdoctor/probes"
)

// saved is what a report of hosts holds.
func saved(t testing.TB, hosts []*Host) *Report {
	t.Helper()
	s, fleet := renderTo(t, &collector{}, testRun(len(hosts)), hosts, true)
	r := &Report{Schema: Schema, Run: testRun(len(hosts)), Hosts: []Host{}, Fleet: fleet, Summary: s}
	for _, h := range hosts {
		r.Hosts = append(r.Hosts, *h)
	}
	return r
}

var sameReport = []cmp.Option{
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(Unreachable{}, "Kind"),
	cmpopts.IgnoreFields(Host{}, "Facts"), // unexported fields; see the test of facts
}

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	for name, hosts := range map[string][]*Host{"sick": sickFleet(), "lost": lostFleet(), "none": nil} {
		for _, format := range []string{"json", "ndjson"} {
			out := render(t, format, Options{}, testRun(len(hosts)), hosts, true)
			got, err := Read(bytes.NewReader(out))
			if err != nil {
				t.Errorf("%s %s: %v", name, format, err)
				continue
			}
			if diff := cmp.Diff(saved(t, hosts), got, sameReport...); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", name, format, diff)
			}
			if again := render(t, "json", Options{}, got.Run, pointers(got), true); format == "json" && !bytes.Equal(again, out) {
				t.Errorf("%s: written again it differs", name)
			}
		}
	}
}

func pointers(r *Report) []*Host {
	var hosts []*Host
	for i := range r.Hosts {
		hosts = append(hosts, &r.Hosts[i])
	}
	return hosts
}

func TestReadKeepsFacts(t *testing.T) {
	t.Parallel()
	hosts := withFacts(sickFleet())
	got, err := Read(bytes.NewReader(render(t, "json", Options{}, testRun(14), hosts, true)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Hosts {
		if (got.Hosts[i].Facts == nil) != (hosts[i].Facts == nil) {
			t.Errorf("%s: facts %v, want %v", hosts[i].Name, got.Hosts[i].Facts, hosts[i].Facts)
		}
		if f := got.Hosts[i].Facts; f != nil && f.Maps.MaxMapCount.Or(0) != 65530 {
			t.Errorf("%s: max_map_count = %v", hosts[i].Name, f.Maps.MaxMapCount)
		}
	}
}

// TestSavedReportLooksTheSame: check --from of a report shows what check
// showed, unknown host keys included.
func TestSavedReportLooksTheSame(t *testing.T) {
	t.Parallel()
	hosts := sickFleet()
	o := Options{Width: 80, Command: command, Hosts: hostsCommand}
	want := render(t, "table", o, testRun(len(hosts)), hosts, true)
	got, err := Read(bytes.NewReader(render(t, "ndjson", Options{}, testRun(len(hosts)), hosts, true)))
	if err != nil {
		t.Fatal(err)
	}
	if again := render(t, "table", o, got.Run, pointers(got), true); !bytes.Equal(again, want) {
		t.Errorf("got:\n%s\nwant:\n%s", again, want)
	}
}

func TestReadRefusesWhatIsNoReport(t *testing.T) {
	t.Parallel()
	const head = `{"schema":"tmdoctor/report/v1","run":{"selected":1}`
	const host = `{"name":"a","status":"ok"}`
	const tail = `"fleet":{"findings":[]},"summary":{"hosts":1}}`
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", "byte 0: the report is truncated"},
		{"no JSON", "HOST STATUS", "byte 1: invalid character 'H' looking for beginning of value"},
		{"a list", "[1]", `byte 1: not a report of schema tmdoctor/report/v1: [ in place of {`},
		{"other JSON", `{"a":1}`, `byte 4: not a report of schema tmdoctor/report/v1: it begins with "a"`},
		{"another schema", `{"schema":"tmdoctor/report/v2"}`, `byte 30: not a report of schema tmdoctor/report/v1, but of "tmdoctor/report/v2"`},
		{"a schema that is no text", `{"schema":1}`, `byte 11: not a report of schema tmdoctor/report/v1, but of "1"`},
		{"a port that is no number", head + `,"hosts":[{"name":"a","port":"x","status":"ok"}],` + tail, `byte 83: json: cannot unmarshal string into Go struct field Host.port of type int`},
		{"a host without a name", head + `,"hosts":[{"status":"ok"}],` + tail, `byte 76: not a report of schema tmdoctor/report/v1: host 1 has no name`},
		{"a host without a status", head + `,"hosts":[{"name":"a"}],` + tail, `byte 73: host "a": not a report of schema tmdoctor/report/v1: status ""`},
		{"a status that is none", head + `,"hosts":[{"name":"a","status":"ok","checks":[{"status":"fine"}]}],` + tail, `byte 116: host "a": not a report of schema tmdoctor/report/v1: status "fine"`},
		{"facts of no version", head + `,"hosts":[{"name":"a","status":"ok","facts":{}}],` + tail, `byte 98: host "a": not a report of schema tmdoctor/report/v1: facts without facts_version`},
		{"facts of a newer tmdoctor", head + `,"hosts":[{"name":"a","status":"ok","facts":{"facts_version":99}}],` + tail,
			fmt.Sprintf(`byte 116: host "a": facts version is newer than this tmdoctor: 99, this one reads up to %d`, probes.FactsVersion)},
		{"hosts twice", head + `,"hosts":[],"hosts":[],` + tail, `byte 70: not a report of schema tmdoctor/report/v1: "hosts" is not where tmdoctor writes it`},
		{"no hosts", head + `,` + tail, `byte 59: not a report of schema tmdoctor/report/v1: "fleet" is not where tmdoctor writes it`},
		{"no summary", head + `,"hosts":[]}`, `byte 63: not a report of schema tmdoctor/report/v1: it has no summary`},
		{"a second report behind the first", head + `,"hosts":[` + host + `],` + tail + head, `byte 136: text behind the end of the report`},
		{"a document whose host is a line", head + `,"host":` + host + `,` + tail, `byte 58: not a report of schema tmdoctor/report/v1: "host" is not where tmdoctor writes it`},
	} {
		_, err := Read(strings.NewReader(c.in))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
}

// TestEveryCutIsNoticed cuts a report at every byte: it is never read as a
// whole one, and what was read before the cut is right.
func TestEveryCutIsNoticed(t *testing.T) {
	t.Parallel()
	hosts := sickFleet()[5:10]
	for _, format := range []string{"json", "ndjson"} {
		out := render(t, format, Options{}, testRun(len(hosts)), hosts, true)
		end := len(bytes.TrimRight(out, "\n"))
		for cut := range end {
			got, err := Read(bytes.NewReader(out[:cut]))
			if !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s cut at byte %d of %d: %v", format, cut, end, err)
			}
			if got.Summary.Finished != nil {
				t.Fatalf("%s cut at byte %d of %d has an end", format, cut, end)
			}
			for i := range got.Hosts {
				if got.Hosts[i].Name != hosts[i].Name || got.Hosts[i].Status != hosts[i].Status {
					t.Fatalf("%s cut at byte %d: host %d is %s", format, cut, i, got.Hosts[i].Name)
				}
			}
		}
	}
}

func TestReportOfACutRunIsWhole(t *testing.T) {
	t.Parallel()
	hosts := sickFleet()
	came := []*Host{hosts[9], hosts[3], hosts[5]} // the first three never end
	for _, format := range []string{"json", "ndjson"} {
		got, err := Read(bytes.NewReader(render(t, format, Options{}, testRun(14), came, false)))
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if got.Run.Selected != 14 || len(got.Hosts) != 3 || got.Summary.Finished != nil {
			t.Errorf("%s: selected %d, %d hosts, finished %v", format, got.Run.Selected, len(got.Hosts), got.Summary.Finished)
		}
		if format == "json" && got.Hosts[0].Name != "tm004" {
			t.Errorf("hosts of the document begin with %s, want tm004", got.Hosts[0].Name)
		}
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	f.Add(render(f, "json", Options{}, testRun(2), sickFleet()[:4], true))
	f.Add(render(f, "ndjson", Options{}, testRun(2), sickFleet()[3:5], true))
	f.Add([]byte(`{"schema":"tmdoctor/report/v1","run":{}}` + "\n" + `{"fleet":{}}` + "\n" + `{"summary":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		// What is read can be shown, harmlessly, and written and read again.
		out := render(t, "table", Options{Width: 70}, r.Run, pointers(r), true)
		if !harmless(strings.ReplaceAll(string(out), "\n", "")) {
			t.Errorf("table lets something through: %q", out)
		}
		again, err := Read(bytes.NewReader(render(t, "json", Options{}, r.Run, pointers(r), true)))
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if len(again.Hosts) != len(r.Hosts) {
			t.Errorf("%d hosts, written again %d", len(r.Hosts), len(again.Hosts))
		}
	})
}

func TestScanGivesHostsOneByOne(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	hosts := healthyFleet()
	f := &stopper{after: 3, err: stop}
	err := Scan(bytes.NewReader(render(t, "json", Options{}, testRun(12), hosts, true)), f)
	if !errors.Is(err, stop) || f.seen != 3 {
		t.Errorf("%d hosts, %v; want 3 and %v", f.seen, err, stop)
	}
}

type stopper struct {
	after, seen int
	err         error
}

func (s *stopper) Begin(Run) error { return nil }
func (s *stopper) Host(h *Host) error {
	if s.seen++; s.seen == s.after {
		return s.err
	}
	return nil
}
func (s *stopper) Cluster(*Cluster) error { return nil }

func (s *stopper) End(Fleet, Summary) error { return nil }
