package fix_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// script runs what Shell writes as a person would: sh FILE, or sh FILE undo.
func (h *host) script(t *testing.T, p *fix.Plan, args ...string) (stdout string, status int) {
	t.Helper()
	text := string(fix.Shell(runID, who, p))
	if strings.Count(text, "\nroot=''\n") != 1 {
		t.Fatal("the script has not one line that says where the root is")
	}
	text = strings.Replace(text, "\nroot=''\n", "\nroot="+quote(h.root)+"\n", 1)
	if h.inject != nil {
		text = h.inject(text)
	}
	file := filepath.Join(t.TempDir(), "fix.sh")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(h.shell[0], append(append(h.shell[1:len(h.shell):len(h.shell)], file), args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "root=/nonexistent"}
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		lacking(t, h.shell[0])
	}
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		t.Fatal(err)
	}
	if stderr.Len() > 0 && h.inject == nil { // a shell tells who was killed
		t.Errorf("stderr: %s", stderr.Bytes())
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// scriptHost is a host and the plan for it.
func scriptHost(t *testing.T) (*host, *fix.Plan) {
	h := newHost(t, map[string]string{
		"/etc/sysctl.conf":          "vm.swappiness=1\r\nvm.max_map_count=65530",
		"/etc/security/limits.conf": "# it's \xff %s \\n $(id)\nflink - nofile 4096\n",
	})
	if err := os.MkdirAll(h.root+"/etc/systemd/system", 0o755); err != nil {
		t.Fatal(err)
	}
	return h, &fix.Plan{
		Host: "tm'001\x1b[31m\n# not a comment\nexit 0",
		Files: []fix.FileChange{
			h.change(t, "/etc/sysctl.conf", "vm.swappiness=1\r\nvm.max_map_count=262144"),
			h.change(t, "/etc/security/limits.conf", "# it's \xff %s \\n $(id)\nflink - nofile 65536\n"),
			h.change(t, "/etc/systemd/system/flink.service.d/zz-tmdoctor.conf", "[Service]\nLimitNOFILE=65536:65536\n"),
		},
		Live: []fix.LiveChange{mapCount},
	}
}

func TestScriptForAPersonAppliesAndSaysSo(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			h, p := scriptHost(t)
			h.shell = shell
			out, status := h.script(t, p)
			_, out, _ = strings.Cut(out, "\n") // this is HOST
			want := "/etc/sysctl.conf: new\n/etc/security/limits.conf: new\n/etc/systemd/system/flink.service.d/zz-tmdoctor.conf: new\n" +
				"vm.max_map_count: now 262144, planned 65530 -> 262144\napplied\n"
			if status != 0 || out != want {
				t.Errorf("status %d, (-want +got):\n%s", status, cmp.Diff(want, out))
			}
			for _, f := range p.Files {
				if got := h.read(t, f.Path); got != string(f.After) {
					t.Errorf("%s has %q, want %q", f.Path, got, f.After)
				}
			}
			out, status = h.script(t, p)
			if !strings.HasSuffix(out, "\nnothing was changed: run "+runID+" is kept here already\n") || status != 1 {
				t.Errorf("the second time: status %d, %s", status, out)
			}
		})
	}
}

func TestScriptForAPersonLeavesAHostThatChanged(t *testing.T) {
	t.Parallel()
	h, p := scriptHost(t)
	h.write(t, "/etc/security/limits.conf", "edited\n")
	old := h.tree(t)
	out, status := h.script(t, p)
	if !strings.HasSuffix(out, "\nnothing was changed: /etc/security/limits.conf has changed since it was read\n") || status != 1 {
		t.Errorf("status %d, %s", status, out)
	}
	if diff := cmp.Diff(old, h.tree(t)); diff != "" {
		t.Errorf("it changed something:\n%s", diff)
	}
}

func TestScriptForAPersonUndoes(t *testing.T) {
	t.Parallel()
	for _, shell := range shells {
		for name, inject := range map[string]func(text string) string{
			"what it applied": nil,
			"what it was killed in": func(text string) string {
				return strings.Replace(text, "\nchange_live() {\n", "\nchange_live() {\nsh -c 'kill -9 $PPID'\n", 1)
			},
		} {
			h, p := scriptHost(t)
			h.shell = shell
			was := h.tree(t)
			out, status := h.script(t, p, "undo")
			if status != 1 || !strings.HasSuffix(out, "\nnothing was changed: this host knows nothing of run "+runID+"\n") {
				t.Errorf("%s, before: status %d, %s", shell, status, out)
			}
			h.inject = inject
			h.script(t, p)
			if h.read(t, "/etc/sysctl.conf") != string(p.Files[0].After) {
				t.Fatalf("%s, %s: nothing is changed: the test tests nothing", shell, name)
			}
			h.inject = nil
			if out, status := h.script(t, p, "undo"); status != 0 || !strings.HasSuffix(out, "\nundone: all is as it was before\n") {
				t.Errorf("%s, %s: status %d, %s", shell, name, status, out)
			}
			wantTree(t, h, was)
		}
	}
	_, p := scriptHost(t)
	if out, err := exec.Command("sh", "-c", string(fix.Shell(runID, who, p)), "sh", "und").CombinedOutput(); err == nil || string(out) != "usage: sh FILE [undo]\n" {
		t.Errorf("a slip says %q, %v", out, err)
	}
}

func TestScriptForAPersonSaysWhatStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	h, p := scriptHost(t)
	h.inject = func(text string) string {
		return strings.Replace(text, "\nchange_live() {\n", "\nchange_live() {\nexit 9\n", 1)
	}
	out, status := h.script(t, p)
	if !strings.HasSuffix(out, "\nthe program has no end: run this script with undo, and all is as it was\n") || status != 1 {
		t.Errorf("status %d, %s", status, out)
	}
}

// TestScriptForAPersonIsHarmlessWhenCut: every beginning of it does nothing.
func TestScriptForAPersonIsHarmlessWhenCut(t *testing.T) {
	t.Parallel()
	h, p := scriptHost(t)
	old := h.tree(t)
	whole := len(fix.Shell(runID, who, p)) + len(h.root)
	for n := whole - 20; n > 0; n -= whole / 40 {
		h.inject = func(text string) string { return text[:min(n, len(text)-20)] + "\n" }
		file := filepath.Join(t.TempDir(), "cut.sh")
		text := h.inject(strings.Replace(string(fix.Shell(runID, who, p)), "\nroot=''\n", "\nroot="+quote(h.root)+"\n", 1))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = exec.Command("sh", file).Run() // most are a syntax error
		if diff := cmp.Diff(old, h.tree(t)); diff != "" {
			t.Fatalf("its first %d bytes change something:\n%s", n, diff)
		}
	}
}

func TestScriptForAPersonIsCleanAndAscii(t *testing.T) {
	t.Parallel()
	_, p := scriptHost(t)
	text := fix.Shell(runID, "who\n#\x1b", p)
	for i, c := range text {
		if c >= 0x7F || c < ' ' && c != '\n' && c != '\t' {
			t.Fatalf("byte %#x at %d does something to a terminal", c, i)
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "exit") {
			t.Errorf("the name of a host became a command: %s", line)
		}
	}
	if _, err := exec.LookPath("shellcheck"); err != nil {
		lacking(t, "shellcheck")
	}
	cmd := exec.Command("shellcheck", "-s", "sh", "-S", "warning", "-e", "SC2034", "-") // one program has all words, and uses some
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}
