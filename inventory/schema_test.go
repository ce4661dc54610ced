package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// compileSchema is the schema, itself checked against draft 2020-12.
func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	const id = "https://github.com/tmdoctor/tmdoctor/inventory/schema/inventory.json"
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is YAML as a JSON decoder would give it.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return jsonValue(v)
}

func jsonValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = jsonValue(v[k])
		}
		return v
	case map[any]any:
		out := map[string]any{}
		for k, e := range v {
			out[fmt.Sprint(k)] = jsonValue(e)
		}
		return out
	case []any:
		for i := range v {
			v[i] = jsonValue(v[i])
		}
		return v
	}
	return v
}

func TestSchemaAcceptsWhatTheParserAccepts(t *testing.T) {
	t.Parallel()
	s := compileSchema(t)
	for _, tt := range yamlFiles {
		if err := s.Validate(asJSON(t, head+tt.text)); err != nil {
			t.Errorf("%s: the parser takes it, the schema does not: %v", tt.name, err)
		}
	}
}

func TestSchemaRefusesWhatTheParserRefuses(t *testing.T) {
	t.Parallel()
	s := compileSchema(t)
	for _, tt := range yamlErrors {
		if !tt.schema {
			continue
		}
		if err := s.Validate(asJSON(t, head+tt.text)); err == nil {
			t.Errorf("%s: the parser refuses it, the schema does not", tt.name)
		}
	}
	for _, text := range []string{"hosts: [tm1]", "schema: tmdoctor/inventory/v2", "[]", "schema: 1"} {
		if err := s.Validate(asJSON(t, text)); err == nil {
			t.Errorf("the schema takes %q", text)
		}
	}
}

func TestExamplesLoadAndKeepTheSchema(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file   string
		hosts  string
		groups string
	}{
		{"hosts.txt", "2001:db8::17,batch[01-02].flink.example.com,edge1.example.net,tm[001-016].flink.example.com", ""},
		{"tmdoctor.yaml", "batch[01-02],edge1,tm[001-016]", "batch rack1 rack2 streaming"},
		{"workers", "10.20.1.4,tm[001-003]", ""},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("..", "examples", tt.file)
			inv, err := Load([]string{path})
			if err != nil {
				t.Fatal(err)
			}
			if got := Fold(inv.HostNames()); got != tt.hosts {
				t.Errorf("hosts of %s = %s, want %s", tt.file, got, tt.hosts)
			}
			if got := strings.Join(inv.GroupNames(), " "); got != tt.groups {
				t.Errorf("groups of %s = %s, want %s", tt.file, got, tt.groups)
			}
			if filepath.Ext(path) != ".yaml" {
				return
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := compileSchema(t).Validate(asJSON(t, string(text))); err != nil {
				t.Error(err)
			}
		})
	}
}
