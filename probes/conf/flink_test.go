package conf_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func TestFlinkFlatReadsAsTheOldParserDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"a setting", "io.tmp.dirs: /data", "/data"},
		{"a comment anywhere", "io.tmp.dirs: /data#1", "/data"},
		{"a whole line of comment", "# io.tmp.dirs: /data", ""},
		{"the later line wins", "io.tmp.dirs: /a\nio.tmp.dirs: /b", "/b"},
		{"the first colon with a blank divides", "io.tmp.dirs: C: /a", "C: /a"},
		{"a colon alone divides nothing", "io.tmp.dirs:/a", ""},
		{"no value", "io.tmp.dirs: ", ""},
		{"quotes stay", `io.tmp.dirs: "/a"`, `"/a"`},
		{"nesting means nothing", "io:\n  tmp:\n    dirs: /a", ""},
		{"blanks around", "  io.tmp.dirs:   /a  \r", "/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := conf.FlinkFlat(tt.text)["io.tmp.dirs"].Value; got != tt.want {
				t.Errorf("FlinkFlat(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestFlinkYAMLFlattens(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       conf.FlinkSettings
	}{
		{"flat", "a.b: 1", conf.FlinkSettings{"a.b": {Key: "a.b", Value: "1", Line: 1}}},
		{"nested", "a:\n  b: 1", conf.FlinkSettings{"a.b": {Key: "a.b", Value: "1", Line: 2}}},
		{"mixed", "a.b:\n  c:\n    d.e: x # no", conf.FlinkSettings{"a.b.c.d.e": {Key: "a.b.c.d.e", Value: "x", Line: 3}}},
		{"a list", "a:\n- /x\n- /y", conf.FlinkSettings{"a": {Key: "a", Value: "/x,/y", Line: 2}}},
		{"a list in a line", "a: [/x, '/y']", conf.FlinkSettings{"a": {Key: "a", Value: "/x,/y", Line: 1}}},
		{"# in quotes", `a: "/x #1"`, conf.FlinkSettings{"a": {Key: "a", Value: "/x #1", Line: 1}}},
		{"no value", "a:\nb: 1", conf.FlinkSettings{"b": {Key: "b", Value: "1", Line: 2}}},
		{"lines that were withheld", "\n\na: 1\n\n", conf.FlinkSettings{"a": {Key: "a", Value: "1", Line: 3}}},
		{"nothing", "", conf.FlinkSettings{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := conf.FlinkYAML("config.yaml", tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("FlinkYAML(%q) differs (-want +got):\n%s", tt.text, d)
			}
		})
	}
}

func TestFlinkYAMLNamesThePlaceOfAnError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"a list at the top", "- a", "config.yaml:1:1: not a mapping"},
		{"bad indentation", "a:\n  b: 1\n c: 2", "config.yaml:"},
		{"an alias", "a: &x 1\nb: *x", "config.yaml:2:4: aliases are not read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := conf.FlinkYAML("config.yaml", tt.text); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("FlinkYAML(%q): %v, want %s...", tt.text, err, tt.want)
			}
		})
	}
}

func TestResolveKnowsDeprecatedNames(t *testing.T) {
	t.Parallel()
	s := conf.FlinkFlat("state.backend: rocksdb\nstate.checkpoints.dir: /old\nexecution.checkpointing.dir: /new\nstate.backend.local-recovery: true")
	for _, tt := range []struct{ name, key, want string }{
		{"by today's name", "state.backend.type", "rocksdb"},
		{"by a deprecated name", "state.backend", "rocksdb"},
		{"today's name wins", "state.checkpoints.dir", "/new"},
		{"one old name of two settings", "execution.state-recovery.from-local", "true"},
		{"not set", "io.tmp.dirs", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, _ := s.Resolve(tt.key); got.Value != tt.want {
				t.Errorf("Resolve(%q) = %q, want %q", tt.key, got.Value, tt.want)
			}
		})
	}
}

func FuzzFlinkSettings(f *testing.F) {
	f.Add("a.b: 1\nc:\n  d: [x, y]\n")
	f.Add("a: b # c\n- x")
	f.Add("a: # c\n\r x")
	breaks := regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]") // of lines, to YAML 1.1
	f.Fuzz(func(t *testing.T, text string) {
		yaml, err := conf.FlinkYAML("f", text)
		if err != nil {
			yaml = nil
		}
		for _, read := range []struct {
			settings conf.FlinkSettings
			lines    int
		}{
			{yaml, len(breaks.FindAllString(text, -1)) + 1},
			{conf.FlinkFlat(text), strings.Count(text, "\n") + 1},
		} {
			for k, v := range read.settings {
				if v.Key != k || v.Line < 1 || v.Line > read.lines {
					t.Errorf("%q: setting %q is %+v, with %d lines", text, k, v, read.lines)
				}
			}
		}
		// What was read, written flat, reads the same.
		var b strings.Builder
		flat := conf.FlinkFlat(text)
		for k, v := range flat {
			b.WriteString(k + ": " + v.Value + "\n")
		}
		again := conf.FlinkFlat(b.String())
		for k, v := range flat {
			if again[k].Value != v.Value {
				t.Errorf("%q: %q reads %q, written and read again %q", text, k, v.Value, again[k].Value)
			}
		}
	})
}
