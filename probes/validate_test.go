package probes

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var (
	probeName = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	codeSlug  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// validateTitle says what is wrong with a title: one line, no capital at its
// beginning but of a name, no full stop.
func validateTitle(title string, most int) error {
	first, _ := utf8.DecodeRuneInString(title)
	word, _, _ := strings.Cut(title, " ")
	switch n := utf8.RuneCountInString(title); {
	case title == "":
		return fmt.Errorf("no title")
	case n > most:
		return fmt.Errorf("title %q has %d letters, more than %d", title, n, most)
	case strings.ContainsAny(title, "\n"):
		return fmt.Errorf("title %q is not one line", title)
	case strings.HasSuffix(title, "."):
		return fmt.Errorf("title %q ends in a full stop", title)
	case unicode.IsUpper(first) && !strings.ContainsFunc(word[1:], unicode.IsUpper) && word != "Flink" && word != "Java":
		return fmt.Errorf("title %q begins with a capital", title)
	}
	return nil
}

// validate says everything that is wrong with a probe's words.
func validate(p *Probe) (errs []error) {
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !probeName.MatchString(p.Name) {
		wrong("the name is not lower-case words joined by hyphens")
	}
	title, text, _ := strings.Cut(p.Doc, "\n\n")
	if err := validateTitle(title, 80); err != nil {
		wrong("Doc: %v", err)
	}
	if strings.TrimSpace(text) == "" {
		wrong("Doc has no paragraph behind its title")
	}
	if len(p.Words) == 0 {
		wrong("no Words to be found by")
	}
	if p.Script == "" || p.Parse == nil || p.Judge == nil || p.Budget < 1 || p.Budget > 30 {
		wrong("Script, Parse, Judge or a Budget of 1 to 30 s is missing")
	}
	slugs := map[string]bool{}
	for _, c := range p.Codes {
		if err := validateTitle(c.Title, 80); err != nil {
			wrong("%s: %v", c.Slug, err)
		}
		if !codeSlug.MatchString(c.Slug) || slugs[c.Slug] {
			wrong("%s: not lower-case words joined by hyphens, or twice", c.Slug)
		}
		slugs[c.Slug] = true
		if c.Default != Warn && c.Default != Fail {
			wrong("%s: the default status %q is not warn or fail", c.Slug, c.Default)
		}
		for field, v := range map[string]string{"Means": c.Means, "Measure": c.Measure, "Source": c.Source, "Fix": c.Fix} {
			if strings.TrimSpace(v) == "" {
				wrong("%s: no %s", c.Slug, field)
			}
		}
	}
	return append(errs, validateThresholds(p)...)
}

func validateThresholds(p *Probe) (errs []error) {
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	names := map[string]bool{}
	for _, th := range p.Thresholds {
		slug, ok := strings.CutPrefix(th.Name, p.Name+"/")
		if !ok || !codeSlug.MatchString(slug) || names[th.Name] {
			wrong("threshold %s: not %s/ and lower-case words joined by hyphens, or twice", th.Name, p.Name)
		}
		names[th.Name] = true
		if th.Default <= 0 || th.Doc == "" || th.Source == "" {
			wrong("threshold %s: Default, Doc or Source is missing", th.Name)
		}
		if th.Unit == "%" && th.Default > 100 {
			wrong("threshold %s: more than 100 %%", th.Name)
		}
	}
	return errs
}

func TestEveryProbeIsDocumented(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, p := range All {
		for _, err := range validate(p) {
			t.Errorf("probe %s: %v", p.Name, err)
		}
		if names[p.Name] {
			t.Errorf("probe %s is there twice", p.Name)
		}
		names[p.Name] = true
		if ByName(p.Name) != p {
			t.Errorf("ByName(%q) is another probe", p.Name)
		}
	}
}

// TestValidateFindsWhatIsMissing proves the rules above by a probe that
// breaks them all.
func TestValidateFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	bad := &Probe{
		Name: "Bad_Name", Doc: "A title that ends.",
		Codes:      []Code{{Slug: "Low"}, {Slug: "x", Title: "fine", Default: OK, Means: "m", Measure: "m", Source: "s", Fix: "f"}},
		Thresholds: []Threshold{{Name: "other/near", Default: 101, Unit: "%"}},
	}
	if got, want := len(validate(bad)), 16; got != want {
		t.Errorf("%d errors, want %d: %v", got, want, validate(bad))
	}
}

func TestEveryCauseIsDocumented(t *testing.T) {
	t.Parallel()
	names, rows := map[string]bool{}, map[int]bool{}
	for _, d := range CauseDocs {
		if err := validateTitle(d.Title, 80); err != nil {
			t.Errorf("cause %s: %v", d.Name, err)
		}
		if names[d.Name] || !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(d.Name) {
			t.Errorf("cause %q: not lower-case words joined by underscores, or twice", d.Name)
		}
		if d.Means == "" || d.Shown == "" || d.Fix == "" || len(d.Words) == 0 {
			t.Errorf("cause %s: Means, Shown, Fix or Words is missing", d.Name)
		}
		if d.Probe != "" && ByName(d.Probe) == nil {
			t.Errorf("cause %s: there is no probe %q", d.Name, d.Probe)
		}
		names[d.Name], rows[d.Row] = true, true
	}
	for row := range 8 {
		if !rows[row] {
			t.Errorf("no cause for row %d of the runbook (0: a neighbour)", row)
		}
	}
	for _, c := range causeCodes() {
		if _, text, ok := strings.Cut(c.name, "cause/"); !ok || !codeSlug.MatchString(text) || c.byDefault != Warn && c.byDefault != Fail {
			t.Errorf("code %s of status %s is none", c.name, c.byDefault)
		}
	}
}
