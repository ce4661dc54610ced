//go:build unix

package fix_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// TestAnyBytesArrive: each byte after each other byte, long lines and many
// lines, through every shell and the printf of each set of tools.
func TestAnyBytesArrive(t *testing.T) {
	t.Parallel()
	var pairs []byte
	for a := range 256 {
		for b := range 256 {
			pairs = append(pairs, byte(a), byte(b))
		}
	}
	texts := map[string]string{
		"/etc/pairs": string(pairs),
		"/etc/long":  strings.Repeat("-%s\\", 50_000),
		"/etc/lines": strings.Repeat("* soft nofile 65536 # comment\n", 10_000),
		"/etc/digit": "\x001\x01234\n\\0101\n",
	}
	eachWorld(t, nil, func(t *testing.T, h *host) {
		p := &fix.Plan{}
		for path, text := range texts {
			p.Files = append(p.Files, h.change(t, path, text))
		}
		if a := h.answer(t, fix.Apply(nonce, runID, who, p, 30, true), fix.Keep(nonce)); a.Outcome != fix.Kept {
			t.Fatalf("%s (%s)", a.Outcome, a.Reason)
		}
		for _, f := range p.Files {
			if got := h.read(t, f.Path); got != string(f.After) {
				t.Errorf("%s arrived otherwise", f.Path)
			}
		}
	})
}

// programs are all kinds of them, for what looks at their text.
func programs(t testing.TB) map[string][]byte {
	h := newHost(t, oddFiles)
	p := oddPlan(t, h)
	p.Reload, p.Restart = true, []string{"tm.service"}
	q := fix.Query{Paths: []string{"/etc/a'b"}, Sysctls: []string{"vm.max_map_count"}, Users: []string{"$(id)"}, PIDs: []int{1}, Units: []string{"a@b.service"}}
	return map[string][]byte{
		"inspect": fix.Inspect(nonce, q), "apply": fix.Apply(nonce, runID, who, p, 30, true),
		"rollback": fix.Rollback(nonce, runID, who, true), "settle": fix.Settle(nonce, runID, who),
	}
}

func TestProgramsArePOSIX(t *testing.T) {
	t.Parallel()
	for name, text := range programs(t) {
		if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(bytes.NewReader(text), name); err != nil {
			t.Error(err)
		}
		if bytes.Contains(text, []byte("<<")) {
			t.Errorf("%s: a here-document needs a temporary file in some shells", name)
		}
		if len(text) > 64<<10 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
}

func TestProgramsPassShellcheck(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		lacking(t, "shellcheck")
	}
	for name, text := range programs(t) {
		// SC2034: each program has all words. SC2317, SC2329: called by name.
		// SC2059, SC2016: a content is a format, and no expansion is meant in it.
		cmd := exec.Command("shellcheck", "-s", "sh", "-e", "SC2034,SC2317,SC2329,SC2059,SC2016", "-f", "gcc", "-")
		cmd.Stdin = bytes.NewReader(append([]byte("#!/bin/sh\nroot=''\n"), text...))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
