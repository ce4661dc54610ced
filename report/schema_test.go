package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tmdoctor/tmdoctor/probes"
)

// compiled is a schema of report/schema, by the name of its file.
func compiled(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	const base = "https://github.com/tmdoctor/tmdoctor/report/schema/"
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, file := range []string{"report.json", "line.json", "why.json"} {
		b, err := os.ReadFile("schema/" + file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(base+file, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile(base + name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func withFacts(hosts []*Host) []*Host {
	for _, h := range hosts {
		if h.Unreachable == nil {
			h.Facts = &probes.Facts{Version: 1}
			h.Facts.Maps.MaxMapCount = probes.Known(int64(65530))
		}
	}
	return hosts
}

func TestEveryReportFollowsTheSchema(t *testing.T) {
	t.Parallel()
	document, line := compiled(t, "report.json"), compiled(t, "line.json")
	fleets := map[string][]*Host{
		"sick": sickFleet(), "limits": limitsFleet(), "hostile limits": hostileLimits(), "healthy": healthyFleet(), "lost": lostFleet(), "hostile": hostileFleet(),
		"with facts": withFacts(sickFleet()), "shared": sharedFleet(), "hostile sharing": hostileSharing(), "none": nil, "of zero values": {{Name: "x", Status: ""}},
	}
	for name, hosts := range fleets {
		for _, finished := range []bool{true, false} {
			out := render(t, "json", Options{}, testRun(len(hosts)), hosts, finished)
			if err := document.Validate(parse(t, out)); err != nil {
				t.Errorf("%s, finished %v: %v", name, finished, err)
			}
			out = render(t, "ndjson", Options{}, testRun(len(hosts)), hosts, finished)
			for l := range bytes.Lines(out) {
				if err := line.Validate(parse(t, l)); err != nil {
					t.Errorf("%s, finished %v: %v in %s", name, finished, err, l)
				}
			}
		}
	}
}

func parse(t testing.TB, b []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}

// TestSchemaRefusesEveryMutation removes each key of a report and gives each
// value another type: whoever reads reports by the schema can rely on all of
// it.
func TestSchemaRefusesEveryMutation(t *testing.T) {
	t.Parallel()
	schema := compiled(t, "report.json")
	hosts := withFacts(sickFleet())
	mapsStand(hosts[0], 1204, "262144", value("262144", flinkConf))
	for _, h := range hosts[3:6] { // one line sets what they have in common
		mapsStand(h, 61204, "65530", value("65530", flinkConf)).kernel("6.1.0-28")
	}
	for _, h := range hosts[:3] {
		h.kernel("6.1.0-25")
	}
	report := parse(t, render(t, "json", Options{}, testRun(14), hosts, true))
	if err := schema.Validate(report); err != nil {
		t.Fatal(err)
	}
	mutants := 0
	refused := func(path string) {
		t.Helper()
		mutants++
		if schema.Validate(report) == nil {
			t.Errorf("the schema accepts a report %s", path)
		}
	}
	var visit func(path string, v any)
	visit = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			// Elements of one list are alike: the first and the last will do.
			for i := range v {
				if i == 0 || i == len(v)-1 {
					visit(fmt.Sprintf("%s[%d]", path, i), v[i])
				}
			}
		case map[string]any:
			for key, old := range v {
				if key == "time" || strings.HasSuffix(path, ".facts") && key != "facts_version" {
					continue // a time may be missing; facts are loosely typed
				}
				delete(v, key)
				refused("without " + path + "." + key)
				v[key] = []any{json.Number("1.5")}
				refused("with a list in " + path + "." + key)
				v[key] = old
				visit(path+"."+key, old)
			}
			if strings.HasSuffix(path, ".facts") {
				return
			}
			v["invented"] = "x"
			refused("with " + path + ".invented")
			delete(v, "invented")
		}
	}
	visit("", report)
	if mutants < 250 {
		t.Errorf("%d mutants: the report is too poor for this test", mutants)
	}
}

// TestSchemaKnowsWhatUnknownMeans: what is unknown has a reason, and a host
// that was not reached is unknown.
func TestSchemaKnowsWhatUnknownMeans(t *testing.T) {
	t.Parallel()
	schema := compiled(t, "report.json")
	for _, c := range []struct {
		name   string
		spoil  func(*Host)
		wanted bool
	}{
		{"as it is", func(*Host) {}, true},
		{"a check unknown without a reason", func(h *Host) { h.Checks[0].Status = probes.StatusUnknown }, false},
		{"a check unknown with a reason", func(h *Host) { h.set("maps", probes.StatusUnknown, "", "why") }, true},
		{"not reached and ok", func(h *Host) { h.Unreachable = &Unreachable{Phase: "auth", Reason: "why"} }, false},
		{"a phase that is none", func(h *Host) {
			h.Status, h.Unreachable = probes.StatusUnknown, &Unreachable{Phase: "lunch", Reason: "why"}
		}, false},
		{"facts without a version key", func(h *Host) { h.Facts = &probes.Facts{} }, false},
	} {
		h := wellHost(1)
		c.spoil(h)
		err := schema.Validate(parse(t, render(t, "json", Options{}, testRun(1), []*Host{h}, true)))
		if (err == nil) != c.wanted {
			t.Errorf("%s: accepted %v, want %v", c.name, err == nil, c.wanted)
		}
	}
}

// TestSchemaHasTheFieldsOfTheTypes compares the schema's required keys with
// the JSON tags of the Go types.
func TestSchemaHasTheFieldsOfTheTypes(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("schema/report.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct{ Required []string }
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	schema.Defs["report"] = schema.object
	for name, v := range map[string]any{
		"report": Report{}, "run": Run{}, "host": Host{}, "unreachable": Unreachable{}, "taskmanager": TaskManager{},
		"check": probes.Check{}, "finding": probes.Finding{}, "cause": probes.Cause{}, "evidence": probes.Evidence{},
		"standing": probes.Standing{}, "horizon_value": probes.HorizonValue{},
		"fleet": Fleet{}, "summary": Summary{}, "cause_summary": CauseSummary{}, "host_set": HostSet{}, "place": Place{}, "trait": Trait{},
	} {
		var want []string
		for i := range reflect.TypeOf(v).NumField() {
			tag := reflect.TypeOf(v).Field(i).Tag.Get("json")
			if tag != "-" && !strings.HasSuffix(tag, ",omitempty") {
				want = append(want, tag)
			}
		}
		if diff := cmp.Diff(want, schema.Defs[name].Required); diff != "" {
			t.Errorf("%s (-type +schema):\n%s", name, diff)
		}
	}
}
