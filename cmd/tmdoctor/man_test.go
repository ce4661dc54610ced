package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// manPages writes the pages as make man does.
func manPages(t *testing.T, epoch string) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "man")
	var stderr bytes.Buffer
	getenv := func(name string) string { return map[string]string{"SOURCE_DATE_EPOCH": epoch}[name] }
	if got := runFor(nil, io.Discard, &stderr, getenv, "man", dir); got != 0 {
		t.Fatalf("exit status %d\n%s", got, &stderr)
	}
	pages := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(f)] = string(b)
	}
	return pages
}

func TestEveryCommandAndFlagHasAPlaceInTheManPages(t *testing.T) {
	t.Parallel()
	pages := manPages(t, "1772334000")
	if diff := cmp.Diff(pages, manPages(t, "1772334000")); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	for _, c := range newRoot(&ui{environment: processEnv()}).Commands() {
		page := pages[manName(c)+".1"]
		if c.Hidden {
			if page != "" || strings.Contains(pages["tmdoctor.1"], ".B "+c.Name()+"\n") {
				t.Errorf("%s is hidden and has a page", c.Name())
			}
			continue
		}
		if !strings.Contains(pages["tmdoctor.1"], "\n.B "+c.Name()+"\n") {
			t.Errorf("tmdoctor.1 does not name %s", c.Name())
		}
		if !strings.Contains(page, ` 1 "2026-03-01" `) {
			t.Errorf("%s has no page of 2026-03-01:\n%.100s", c.Name(), page)
		}
		if strings.Contains(c.Long, "Exit status:") && !strings.Contains(page, ".SH \"EXIT STATUS\"\n") {
			t.Errorf("%s.1 says nothing of the exit status", c.Name())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(page, roff("--"+f.Name)+`\fR`) {
				t.Errorf("%s.1 does not name --%s", c.Name(), f.Name)
			}
		})
	}
}

// TestGroffShowsTheHelp sets every page: without a warning, and with each
// example of the help on a line of its own.
func TestGroffShowsTheHelp(t *testing.T) {
	t.Parallel()
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not there")
	}
	pages := manPages(t, "1772334000")
	for _, c := range newRoot(&ui{environment: processEnv()}).Commands() {
		if c.Hidden {
			continue
		}
		cmd := exec.Command(groff, "-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=200n")
		cmd.Stdin = strings.NewReader(pages[manName(c)+".1"])
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil || stderr.Len() > 0 {
			t.Errorf("%s.1: %v %s", c.Name(), err, &stderr)
		}
		for line := range strings.SplitSeq(c.Long, "\n") {
			if example := strings.TrimSpace(line); strings.HasPrefix(line, "  ") && !strings.Contains(stdout.String(), " "+example+"\n") {
				t.Errorf("%s.1 lacks the line %q", c.Name(), example)
			}
		}
	}
	if lint, err := exec.LookPath("mandoc"); err == nil {
		for name, page := range pages {
			cmd := exec.Command(lint, "-T", "lint", "-W", "warning")
			cmd.Stdin = strings.NewReader(page)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
	}
}

func TestRoffShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""}, {"plain", "plain"}, {".SH X", `\&.SH X`}, {"'x'", `\&\(aqx\(aq`}, {"-o a\\b", `\-o a\eb`}, {"“x”", `\[u201C]x\[u201D]`},
	} {
		if got := roff(c.in); got != c.want {
			t.Errorf("roff(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if _, err := manDate("soon"); err == nil {
		t.Error("a date that is none is taken")
	}
}
