package inventory

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRenderWritesEachFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, text string
		format     Format
		want       string
	}{
		{"h", "a@tm[1-2]:22 [::1]:23 ::2", Plain, "a@tm1:22\na@tm2:22\n[::1]:23\n::2\n"},
		{"workers", "r/tm1\ntm2\ntm1", Workers, "tm1\ntm1\ntm2\n"},
		{"h", "tm1", Workers, "tm1\n"},
		{"y", head + "hosts: {tm1: {port: 22, labels: {b: yes, a: \"1\"}, sudo: true}, tm2: }\ngroups: {g: {hosts: [tm2]}, f: }", YAML, head + `hosts:
  tm1:
    port: 22
    sudo: true
    labels:
      a: "1"
      b: "yes"
  tm2: {}
groups:
  f:
    hosts: []
  g:
    hosts:
      - tm2
`},
	} {
		inv := mustLoad(t, tt.file, tt.text)
		got, err := inv.Render(tt.format)
		if err != nil || got != tt.want {
			t.Errorf("Render(%s) = %v\n%s\nwant\n%s", tt.format, err, got, tt.want)
		}
	}
}

func TestRenderRefusesWhatAFormatCannotHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, text string
		format     Format
		want       string
	}{
		{"y", head + "hosts: {tm1: {sudo: true}}", Plain, `host "tm1": the format plain has no place for sudo`},
		{"y", head + "groups: {g: {hosts: [tm1]}}", Plain, `group "g": the format plain has no groups`},
		{"h", "tm1:22", Workers, `host "tm1": the format workers has no place for user or port`},
		{"workers", "tm1", Plain, `host "tm1": the format plain has no place for task_managers`},
		{"workers", "tm1", YAML, `host "tm1": the format yaml has no place for task_managers`},
		{"h", "tm1", "toml", `format "toml" is not known`},
	} {
		_, err := mustLoad(t, tt.file, tt.text).Render(tt.format)
		wantError(t, err, tt.want)
	}
}

// reread renders what text says and reads it again: hosts and groups must be
// the same but for the lines they stand in.
func reread(t *testing.T, f Format, text string, parse func(file, text string) (contents, error)) {
	t.Helper()
	read := func(text string) (*Inventory, error) {
		c, err := parse("f", text)
		if err != nil {
			return nil, err
		}
		var j joiner
		if err := j.add(c); err != nil {
			return nil, err
		}
		inv, err := j.inventory()
		if err != nil {
			return nil, err
		}
		for i := range inv.Hosts {
			inv.Hosts[i].Source = ""
		}
		return inv, nil
	}
	first, err := read(text)
	if err != nil || len(first.Hosts) > 2000 {
		return
	}
	out, err := first.Render(f)
	if err != nil {
		t.Fatalf("what %s read, %s cannot write: %v", f, f, err)
	}
	second, err := read(out)
	if err != nil {
		t.Fatalf("%v, reading what was rendered:\n%s", err, out)
	}
	if diff := cmp.Diff(first.Hosts, second.Hosts); diff != "" {
		t.Fatalf("hosts changed (-first +second):\n%s\nrendered:\n%s", diff, out)
	}
	if diff := cmp.Diff(first.GroupNames(), second.GroupNames()); diff != "" {
		t.Fatalf("groups changed:\n%s\nrendered:\n%s", diff, out)
	}
	again, err := second.Render(f)
	if err != nil || again != out {
		t.Fatalf("rendered twice: %v\n%s\nthen\n%s", err, out, again)
	}
	for _, h := range first.Hosts {
		if f := checkName("host", h.Name); f != nil && !isIP(h.Name) {
			t.Fatalf("host %q was let in: %s", h.Name, f.msg)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, tt := range plainLists {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) { reread(t, Plain, text, parsePlain) })
}

func FuzzWorkers(f *testing.F) {
	for _, tt := range workersFiles {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) { reread(t, Workers, text, parseWorkers) })
}

func FuzzYAML(f *testing.F) {
	for _, tt := range yamlFiles {
		f.Add(head + tt.text)
	}
	for _, tt := range yamlErrors {
		f.Add(head + tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) { reread(t, YAML, text, parseYAML) })
}
