package conf

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestYAMLKeepsThePlaceOfEveryValue(t *testing.T) {
	t.Parallel()
	got, err := YAML("c.yaml", []byte("# head\na: 1\nb:\n  - x\n  - 'y z'\nc:\n"))
	if err != nil {
		t.Fatal(err)
	}
	scalar := func(value string, line, column int) Node {
		return Node{Kind: Scalar, Value: value, Line: line, Column: column}
	}
	want := Node{Kind: Mapping, Line: 2, Column: 1, Fields: []Field{
		{Name: "a", NameLine: 2, NameColumn: 1, Node: scalar("1", 2, 4)},
		{Name: "b", NameLine: 3, NameColumn: 1, Node: Node{Kind: List, Line: 4, Column: 3, Fields: []Field{
			{Node: scalar("x", 4, 5)}, {Node: scalar("y z", 5, 5)},
		}}},
		{Name: "c", NameLine: 6, NameColumn: 1, Node: Node{Kind: Nothing, Line: 6, Column: 3}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("document (-want +got):\n%s", d)
	}
}

func TestYAMLOfNothingIsNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# only a comment\n", "---\n"} {
		got, err := YAML("c.yaml", []byte(text))
		if err != nil || got.Kind != Nothing {
			t.Errorf("YAML(%q) = %+v, %v, want nothing", text, got, err)
		}
	}
}

func TestYAMLRefusesWhatItDoesNotRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"an alias", "a: &x 1\nb: *x\n", "c.yaml:2:4: aliases are not read"},
		{"a merge key", "a:\n  <<: {b: 1}\n", "c.yaml:2:3: a key is not a plain name"},
		{"a key twice", "a: 1\nb: 2\na: 3\n", `c.yaml:3:1: key "a" is there twice, first in line 1`},
		{"a bracket that stays open", "a: [1, 2\n", "c.yaml:1:1: not YAML: did not find expected ',' or ']'"},
		{"nested too deep", strings.Repeat("[", 70) + strings.Repeat("]", 70), "c.yaml:1:66: nested deeper than 64 levels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := YAML("c.yaml", []byte(c.text))
			var e *Error
			if !errors.As(err, &e) || e.Error() != c.want {
				t.Errorf("error = %v, want %s", err, c.want)
			}
		})
	}
}
