//go:build unix

package probes_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestNoHostGetsTheAnswerOfAnother: an Evaluator that has judged a host judges
// the next one as if it were the first, whatever single thing tells the two
// apart, and the first host's judgement stays as it was.
func TestNoHostGetsTheAnswerOfAnother(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/boot-*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			first := collected(t, file)
			e := probes.NewEvaluator(nil)
			judged := e.Evaluate(first)
			before := asJSON(t, judged)
			others := changed(t, first)
			if len(others) < 50 {
				t.Errorf("only %d hosts differ from the first", len(others))
			}
			var wait sync.WaitGroup
			for _, part := range slices.Collect(slices.Chunk(others, len(others)/4+1)) {
				wait.Go(func() {
					for _, o := range part {
						want, got := probes.Evaluate(o.facts, nil), e.Evaluate(o.facts)
						if d := cmp.Diff(asJSON(t, want), asJSON(t, got)); d != "" {
							t.Errorf("%s differs from the host before, and the judgement is (-alone +behind it):\n%s", o.what, d)
						}
					}
				})
			}
			wait.Wait()
			if d := cmp.Diff(before, asJSON(t, judged)); d != "" {
				t.Errorf("judging other hosts changed what was said of the first (-before +after):\n%s", d)
			}
		})
	}
}

// otherHost is a host that differs in one thing.
type otherHost struct {
	what  string
	facts *probes.Facts
}

// changed are copies of the facts, each with one number or text of what
// decides limits changed, or one file.
func changed(t *testing.T, f *probes.Facts) (others []otherHost) {
	t.Helper()
	add := func(what string, change func(*probes.Facts)) {
		g := copied(t, f)
		change(g)
		others = append(others, otherHost{what, g})
	}
	for i := range f.Files {
		name := f.Files[i].Path
		add("the content of "+name, func(g *probes.Facts) { g.Files[i].Content = swapped(g.Files[i].Content) })
		add("the end of "+name, func(g *probes.Facts) { g.Files[i].Cut = !g.Files[i].Cut })
		add("the kind of "+name, func(g *probes.Facts) { g.Files[i].Kind = probes.FileUnreadable })
		add("the place of "+name, func(g *probes.Facts) { g.Files[i].Path += ".conf" })
	}
	for _, part := range []struct {
		name string
		of   func(*probes.Facts) any
	}{
		{"maps", func(g *probes.Facts) any { return &g.Maps }}, {"nofile", func(g *probes.Facts) any { return &g.NoFile }},
		{"threads", func(g *probes.Facts) any { return &g.Threads }}, {"login", func(g *probes.Facts) any { return &g.Login }},
		{"host", func(g *probes.Facts) any { return &g.Host }}, {"session", func(g *probes.Facts) any { return &g.Session }},
	} {
		text := asJSON(t, part.of(f))
		for at, line := range strings.Split(text, "\n") {
			other := swapped(line)
			if other == line {
				continue
			}
			lines := strings.Split(text, "\n")
			lines[at] = other
			g := copied(t, f)
			into := reflect.ValueOf(part.of(g))
			fresh := reflect.New(into.Elem().Type())
			if json.Unmarshal([]byte(strings.Join(lines, "\n")), fresh.Interface()) != nil {
				continue // a key, or a number that is none any more
			}
			into.Elem().Set(fresh.Elem())
			others = append(others, otherHost{fmt.Sprintf("%s: %s", part.name, strings.TrimSpace(other)), g})
		}
	}
	probes.ForgetEach(f, "forgotten by a test", func(probe, path string, g *probes.Facts) {
		others = append(others, otherHost{probe + "." + path + " is forgotten", g})
	})
	return others
}

// swapped changes the digits of the values in a text.
func swapped(text string) string {
	return strings.NewReplacer("65536", "4096", "262144", "100000", "1048576", "524288", "yes", "no", "4096", "65536", "1000", "2000", "252", "245", "1.5.2", "1.7.0").Replace(text)
}

func copied(t *testing.T, f *probes.Facts) *probes.Facts {
	t.Helper()
	g, err := probes.UnmarshalFacts([]byte(asJSON(t, f)))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestConfigurationIsReadOnceAndForItsOwnHost: facts that are read behind those
// of others are as they are alone, also where only the text of a file differs,
// and those with the same text share what was made of it.
func TestConfigurationIsReadOnceAndForItsOwnHost(t *testing.T) {
	t.Parallel()
	const file = "/opt/flink/conf/config.yaml"
	answer := func(text string) []byte {
		return fmt.Appendf(nil, "tmdoctor-begin abc %d\n[flink\n=flink.config %s\n@f 0644 0 0 %d %s\n|%s\n$0\n]flink 1\ntmdoctor-end abc\n",
			probes.FactsVersion, file, len(text)+1, file, text)
	}
	read := func(parse func([]byte, string) (*probes.Facts, error), text string) *probes.Facts {
		f, err := parse(answer(text), "abc")
		if err != nil || len(f.Flink.Configs) != 1 {
			t.Fatalf("%q: %+v, %v", text, f, err)
		}
		return f
	}
	e := probes.NewEvaluator(nil)
	var first *probes.Facts
	for _, text := range []string{"rest.port: 8081", "rest.port: 8082", "rest.port: [", "rest.port: 8081"} {
		got := read(e.ParseFacts, text)
		if d := cmp.Diff(asJSON(t, read(probes.ParseFacts, text)), asJSON(t, got)); d != "" {
			t.Errorf("%q behind others (-alone +behind):\n%s", text, d)
		}
		if first == nil {
			first = got
		} else if text == "rest.port: 8081" && reflect.ValueOf(first.Flink.Configs[0].Settings).Pointer() != reflect.ValueOf(got.Flink.Configs[0].Settings).Pointer() {
			t.Error("the same text was read twice")
		}
	}
}
