package fix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func written(t testing.TB, d *Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hostile is a plan with every byte that a host may put into it.
func hostile() *Plan {
	p := mapsPlan("tm\u202e001\u00e9")
	p.Files[0] = changed("/etc/sysctl.d/caf\u00e9 {{ x }}.conf", "# \xff\x00\r\nvm.max_map_count=1", "# \xff\x00\r\nvm.max_map_count=262144")
	p.Notes = []string{"\x1b[31m\u202e\U0001f600</script>\x7f\u2028"}
	return p
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	t.Parallel()
	for name, plans := range map[string][]*Plan{
		"none": nil, "maps": fleet(3, mapsPlan), "unit": {unitPlan("tm001")}, "nothing to do": {{Host: "tm001"}}, "hostile": {hostile()},
	} {
		d := document(plans...)
		data := written(t, d)
		got, err := ReadDocument("plan.json", data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(d, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
		if again := written(t, got); !bytes.Equal(again, data) {
			t.Errorf("%s: written again it differs:\n%s", name, cmp.Diff(string(data), string(again)))
		}
		if bytes.Contains(data, []byte("null")) {
			t.Errorf("%s: it has null in it:\n%s", name, data)
		}
		for _, c := range data {
			if c >= 0x7F || c < ' ' && c != '\n' {
				t.Fatalf("%s: byte %#x would reach a terminal", name, c)
			}
		}
	}
}

func TestWriteLeavesTheDocumentAsItIs(t *testing.T) {
	t.Parallel()
	d := document(mapsPlan("tm001"))
	written(t, d)
	if d.Hosts[0].Restart != nil || d.Hosts[0].Query.PIDs != nil || d.Hosts[0].Files[0].Settings == nil {
		t.Error("Write changed what it wrote")
	}
}

func TestReadDocumentRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(*Document)
		want  string
	}{
		{"another schema", func(d *Document) { d.Schema = "tmdoctor/plan/v2" }, `schema: "tmdoctor/plan/v2" is not a plan of this tmdoctor, which reads "tmdoctor/plan/v1": ` + planAgain},
		{"a run that is a path", func(d *Document) { d.Run = "../x" }, `run: "../x" is not the id of a run`},
		{"no time", func(d *Document) { d.Created = "today" }, `created: "today" is not a time as in RFC 3339`},
		{"an option that is none", func(d *Document) { d.Options.PersistIn = "tape" }, `options.persist_in: "tape" is not one of auto, main, drop-in and both`},
		{"a host twice", func(d *Document) { d.Hosts[1].Host = "tm001" }, `hosts[1].host: "tm001" is hosts[0] too, and a host has one plan`},
		{"no host", func(d *Document) { d.Hosts[0].Host = "" }, `hosts[0].host: it is empty`},
		{"a host of two lines", func(d *Document) { d.Hosts[0].Host = "a\nb" }, `hosts[0].host: "a\nb" has a control character in it`},
		{"a plan that is null", func(d *Document) { d.Hosts[0] = nil }, `hosts[0]: it is null and no plan`},
		{"edited bytes", func(d *Document) { d.Hosts[0].Files[0].After = []byte("x") }, `hosts[0].files[0].after_sha256: it is not the hash of after: somebody edited the plan; ` + planAgain},
		{"edited bytes before", func(d *Document) { d.Hosts[0].Files[0].Before = []byte("x") }, `hosts[0].files[0].before_sha256: it is not the hash of before: somebody edited the plan; ` + planAgain},
		{"no change", func(d *Document) { d.Hosts[0].Files[0] = changed("/etc/sysctl.conf", "x", "x") }, `hosts[0].files[0].after: it is the same as before: nothing would change`},
		{"an absent file with bytes", func(d *Document) { d.Hosts[1].Files[0].Before = []byte("x") }, `hosts[1].files[0].absent: a file that is absent has no bytes before`},
		{"an empty new file", func(d *Document) { d.Hosts[1].Files[0] = made("/etc/sysctl.d/x.conf", "") }, `hosts[1].files[0].after: a new file is not made empty`},
		{"a directory of a file that is there", func(d *Document) { d.Hosts[0].Files[0].MakeDir = true }, `hosts[0].files[0].make_dir: the directory of a file that exists is there`},
		{"a file twice", func(d *Document) { d.Hosts[0].Files = append(d.Hosts[0].Files, d.Hosts[0].Files[0]) }, `hosts[0].files[1].path: "/etc/sysctl.conf" stands twice in the plan of "tm001"`},
		{"a mode that is none", func(d *Document) { d.Hosts[0].Files[0].Mode = "rw" }, `hosts[0].files[0].mode: "rw" is not a mode such as 0644`},
		{"a new file for all to write", func(d *Document) { d.Hosts[1].Files[0].Mode = "0666" }, `hosts[1].files[0].mode: a new file is 0644 of 0:0, not 0666 of 0:0`},
		{"a new file of another", func(d *Document) { d.Hosts[1].Files[0].Owner = "1000:0" }, `hosts[1].files[0].mode: a new file is 0644 of 0:0, not 0644 of 1000:0`},
		{"an owner by name", func(d *Document) { d.Hosts[0].Files[0].Owner = "root:root" }, `hosts[0].files[0].owner: "root:root" is not UID:GID`},
		{"a lowered sysctl", func(d *Document) { d.Hosts[0].Live[0].After = "1" }, `hosts[0].live[0].after: 1 does not raise 65530, and fix never lowers a value`},
		{"an octal sysctl", func(d *Document) { d.Hosts[0].Live[0].After = "0400000" }, `hosts[0].live[0].after: "0400000" is not a number`},
		{"a sysctl beyond the kernel", func(d *Document) { d.Hosts[0].Live[0].After = "2147483648" }, `hosts[0].live[0].after: 2147483648 is more than the kernel takes, 2147483647`},
		{"another sysctl", func(d *Document) { d.Hosts[0].Live[0].Setting = "kernel.core_pattern" }, `hosts[0].live[0].setting: "kernel.core_pattern" is not a key that fix sets`},
		{"a kind that is none", func(d *Document) { d.Hosts[0].Live[0].Kind = "x" }, `hosts[0].live[0].kind: "x" is neither sysctl nor process`},
		{"a lowered hard limit", func(d *Document) { d.Hosts[1].Live[0].After = "4096:4095" }, `hosts[1].live[0].after: 4096:4095 lowers 4096:4096, and fix never lowers a value`},
		{"a lowered unlimited", func(d *Document) { d.Hosts[1].Live[0].Before = "1:unlimited" }, `hosts[1].live[0].after: 65536:65536 lowers 1:unlimited, and fix never lowers a value`},
		{"soft above hard", func(d *Document) { d.Hosts[1].Live[0].After = "8000:5000" }, `hosts[1].live[0].after: 8000:5000 has a soft limit above its hard limit`},
		{"nofile unlimited", func(d *Document) { d.Hosts[1].Live[0].After = "5000:unlimited" }, `hosts[1].live[0].after: nofile is never unlimited: the kernel refuses what is above fs.nr_open`},
		{"pid 1", func(d *Document) { d.Hosts[1].Live[0].PID = 1 }, `hosts[1].live[0].pid: 1 is not the pid of a TaskManager`},
		{"a process without its start", func(d *Document) { d.Hosts[1].Live[0].Started = "" }, `hosts[1].live[0].started: "" is not a number of clock ticks: the pid alone may be another process by now`},
		{"a unit that is an option", func(d *Document) { d.Hosts[1].Restart[0] = "x;reboot" }, `hosts[1].restart[0]: "x;reboot" is not the name of a systemd service`},
		{"a user that is an option", func(d *Document) { d.Hosts[1].Query.Users[0] = "-c" }, `hosts[1].query.users[0]: "-c" is not the name of a user`},
		{"a horizon that is none", func(d *Document) { d.Hosts[0].Expect[0].Horizon = "soon" }, `hosts[0].expect[0].horizon: "soon" is none of running, live and boot`},
		{"a path with detours to read", func(d *Document) { d.Hosts[0].Query.Paths[0] = "/etc/../x" }, `hosts[0].query.paths[0]: "/etc/../x" is not an absolute path without detours`},
		{"a file that is huge", func(d *Document) {
			d.Hosts[0].Files[0] = changed("/etc/sysctl.conf", "x", strings.Repeat("x", maxContent+1))
		}, `hosts[0].files[0].after: 1048577 is more than a plan has, 1048576`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := document(mapsPlan("tm001"), unitPlan("tm002"))
			c.spoil(d)
			_, err := ReadDocument("plan.json", written(t, d))
			if want := "plan.json: " + c.want; fmt.Sprint(err) != want {
				t.Errorf("ReadDocument gives\n%v, want\n%s", err, want)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/etc/sysctl.conf": true, "/etc/sysctl.d/zz.conf": true, "/etc/security/limits.conf": true, "/etc/security/limits.d/a b.conf": true,
		"/etc/systemd/system/flink@1.service.d/zz.conf": true, "/etc/systemd/system/user-.slice.d/zz.conf": false, "/etc/systemd/system/service.d/x.conf": false,
		"etc/sysctl.conf": false, "/etc/sysctl.d/../shadow.conf": false, "/etc//sysctl.conf": false, "/etc/sysctl.d/.conf": false, "/etc/sysctl.d/zz": false,
		"/etc/sysctl.d/a/b.conf": false, "/etc/passwd": false, "/etc/systemd/system/x.service": false, "/etc/systemd/system/x.d/y.conf": false,
		"/etc/systemd/system/x.service.d/y.sh": false, "/etc/pam.d/x.conf": false, "": false, "/etc/systemd/system/a/b.service.d/y.conf": false,
	} {
		if got := isPlace(path); got != want {
			t.Errorf("isPlace(%q) = %v, want %v", path, got, want)
		}
	}
	d := document(mapsPlan("tm001"))
	d.Hosts[0].Files[0].Path = "/etc/passwd"
	if _, err := ReadDocument("plan.json", written(t, d)); err == nil {
		t.Error("a plan that writes /etc/passwd is accepted")
	}
}

func TestReadDocumentRefusesWhatGoWouldLetPass(t *testing.T) {
	t.Parallel()
	good := string(written(t, document(unitPlan("tm001"))))
	for _, c := range []struct{ name, old, new, want string }{
		{"an unknown key", `"host": "tm001"`, `"host": "tm001", "invented": 1`, `json: unknown field "invented"`},
		{"a key twice", `"host": "tm001"`, `"host": "tm001", "host": "tm002"`, `hosts[0]: the key "host" stands twice`},
		{"a key in other letters", `"host": "tm001"`, `"host": "tm001", "Host": "tm002"`, `hosts[0]: the key "Host" is not one of a plan`},
		{"something behind it", "\n}\n", "\n}\n{}", "line 99: invalid character '{' after top-level value"},
		{"no end", "\n}\n", "", "line 97: unexpected end of JSON input"},
		{"a number as host", `"host": "tm001"`, `"host": 1`, `line 16: hosts.host: not what stands there in a plan (number)`},
		{"bytes that are not UTF-8", "tm001", "\xff", "it is not UTF-8, so it is no JSON"},
		{"no JSON", `"host": "tm001"`, `"host": tm001`, "line 16: invalid character 'm' in literal true (expecting 'r')"},
	} {
		data := strings.Replace(good, c.old, c.new, 1)
		if c.old == "\n}\n" {
			data = strings.TrimSuffix(good, c.old) + c.new
		}
		_, err := ReadDocument("plan.json", []byte(data))
		if want := "plan.json: " + c.want; fmt.Sprint(err) != want {
			t.Errorf("%s: ReadDocument gives\n%v, want\n%s", c.name, err, want)
		}
	}
	for i := range good[:len(good)-2] {
		if _, err := ReadDocument("plan.json", []byte(good[:i])); err == nil {
			t.Fatalf("the first %d of %d bytes are accepted as a plan", i, len(good))
		}
	}
}

func planSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile("schema/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaRefusesEveryMutation removes each key and gives each value another
// type: whoever reads plans by the schema can rely on all of it.
func TestSchemaRefusesEveryMutation(t *testing.T) {
	t.Parallel()
	schema := planSchema(t)
	plan, err := jsonschema.UnmarshalJSON(bytes.NewReader(written(t, document(mapsPlan("tm001"), unitPlan("tm002"), hostile()))))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(plan); err != nil {
		t.Fatal(err)
	}
	mutants := 0
	refused := func(what string) {
		t.Helper()
		mutants++
		if schema.Validate(plan) == nil {
			t.Errorf("the schema accepts a plan %s", what)
		}
	}
	var visit func(path string, v any)
	visit = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			for i := range v {
				visit(fmt.Sprintf("%s[%d]", path, i), v[i])
			}
		case map[string]any:
			for key, old := range v {
				delete(v, key)
				refused("without " + path + "." + key)
				v[key] = []any{json.Number("1.5")}
				refused("with a list in " + path + "." + key)
				v[key] = old
				visit(path+"."+key, old)
			}
			v["invented"] = "x"
			refused("with " + path + ".invented")
			delete(v, "invented")
		}
	}
	visit("", plan)
	if mutants < 200 {
		t.Errorf("%d mutants: the plan is too poor for this test", mutants)
	}
}

// TestSchemaHasTheFieldsOfTheTypes compares the schema's required keys with
// the JSON tags of the Go types.
func TestSchemaHasTheFieldsOfTheTypes(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("schema/plan.json")
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
	schema.Defs["document"] = schema.object
	for name, v := range map[string]any{
		"document": Document{}, "options": Options{}, "plan": Plan{}, "file": FileChange{}, "sysctl": LiveChange{},
		"expect": Expect{}, "query": Query{}, "refusal": Refusal{}, "advice": Advice{},
	} {
		var want []string
		for i := range reflect.TypeOf(v).NumField() {
			if tag := reflect.TypeOf(v).Field(i).Tag.Get("json"); !strings.HasSuffix(tag, ",omitempty") {
				want = append(want, tag)
			}
		}
		if diff := cmp.Diff(want, schema.Defs[name].Required); diff != "" {
			t.Errorf("%s (-type +schema):\n%s", name, diff)
		}
	}
}

func FuzzReadDocument(f *testing.F) {
	for _, d := range []*Document{document(), document(mapsPlan("tm001"), unitPlan("tm002")), document(hostile())} {
		var b bytes.Buffer
		if err := d.Write(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"schema":"tmdoctor/plan/v1","hosts":[null,{"files":null}]}`))
	f.Add([]byte(`{"schema":"tmdoctor/plan/v1","run":"r","created":"2026-01-02T03:04:05Z","hosts":[{"host":"a"}]}`))
	schema := planSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ReadDocument("plan.json", data)
		if err != nil {
			if d != nil || !strings.HasPrefix(err.Error(), "plan.json: ") {
				t.Errorf("ReadDocument = %v, %v", d, err)
			}
			return
		}
		out := written(t, d)
		again, err := ReadDocument("plan.json", out)
		if err != nil {
			t.Fatalf("what was accepted is refused when it is written: %v\n%s", err, out)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("written and read again it differs:\n%s", diff)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			t.Errorf("what was accepted does not follow the schema: %v\n%s", err, out)
		}
	})
}
