package fix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// plays is a playbook as a parser that did not write it reads it.
func plays(t testing.TB, plans ...*Plan) []map[string]any {
	t.Helper()
	b, err := Playbook("run1", plans)
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := yaml.Unmarshal(b, &list); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return list
}

func TestPlaybookHasAPlayForHostsThatAreAlike(t *testing.T) {
	t.Parallel()
	idle := &Plan{Host: "tm006"}
	other := unitPlan("tm005")
	other.Live[0].PID = 99
	list := plays(t, mapsPlan("tm001"), unitPlan("tm002"), mapsPlan("tm003"), unitPlan("tm004"), other, idle)
	var got []string
	for _, play := range list {
		got = append(got, fmt.Sprint(play["hosts"], play["serial"]))
	}
	// A process of another number is another change.
	want := "[tm001 tm003] [1 100%]; [tm002 tm004] 1; [tm005] 1"
	if s := strings.ReplaceAll(strings.Join(got, "; "), "][", "] ["); s != want && strings.ReplaceAll(s, "]1", "] 1") != want {
		t.Errorf("plays for %s, want %s", s, want)
	}
	if got := plays(t, idle); len(got) != 0 {
		t.Errorf("nothing to do gives %v", got)
	}
}

func TestPlaybookRefusesHostsThatArePatterns(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"tm001": true, "tm-1.example.org": true, "10.0.0.1": true, "fe80::1": true,
		"all": false, "ungrouped": false, "tm[1:3]": false, "!tm1": false, "&x": false, "~tm.*": false, "tm*": false, "a:b": false, "a,b": false, "-x": false, "{{ x }}": false, "": false,
	} {
		if _, err := Playbook("run1", []*Plan{mapsPlan(host)}); (err == nil) != want {
			t.Errorf("a playbook for host %q: %v, want one %v", host, err, want)
		}
	}
	p := mapsPlan("a")
	p.Files[0].Path = "/etc/sysctl.d/\xff.conf"
	if _, err := Playbook("run1", []*Plan{p}); err == nil {
		t.Error("a path that YAML cannot name is not refused")
	}
}

// TestPlaybookTemplatesNothingFromHosts: Ansible takes {{, {% and {# in every
// text that is not tagged for the start of a template.
func TestPlaybookTemplatesNothingFromHosts(t *testing.T) {
	t.Parallel()
	p := everyFile("tm001")
	p.Query.Users = []string{"{{ lookup('pipe','id') }}", "{%x", "{#"}
	p.Restart = []string{"{{ 1 }}.service"}
	p.Notes = []string{"{{ 1 }}\n- hosts: all"}
	b, err := Playbook("{{ run }}", []*Plan{p})
	if err != nil {
		t.Fatal(err)
	}
	inScript := false
	for line := range strings.Lines(string(b)) {
		if inScript = strings.Contains(line, "!unsafe |") || inScript && strings.HasPrefix(line, "      "); inScript {
			continue
		}
		ours := strings.Contains(line, `"{{ tmdoctor_`) || strings.Contains(line, "{{ ansible_failed_task.name }}")
		if strings.Contains(line, "{") && !ours && !strings.Contains(line, "!unsafe \"") && !strings.HasPrefix(line, "#") {
			t.Errorf("Ansible would take this for a template: %s", line)
		}
	}
}

// A condition is evaluated on the operator's machine: what a host says is never
// a part of one, unless it is a number or a hash.
func TestPlaybookEvaluatesNothingFromHosts(t *testing.T) {
	t.Parallel()
	const evil = "lookup('pipe','id>/tmp/x')"
	hash := strings.Repeat("0", 64)
	for name, spoil := range map[string]func(*Plan){
		"an owner":       func(p *Plan) { p.Files[0].Owner = "0:" + evil },
		"a mode":         func(p *Plan) { p.Files[0].Mode = "0644' or " + evil + " or '" },
		"a hash":         func(p *Plan) { p.Files[0].BeforeSHA256 = hash + "' or " + evil + " or '" },
		"a sysctl":       func(p *Plan) { p.Live[0].Before = "1' or " + evil + " or '" },
		"a wanted value": func(p *Plan) { p.Live[0].After = evil },
	} {
		p := everyFile("tm001")
		if len(p.Live) == 0 {
			p.Live = []LiveChange{{Kind: LiveSysctl, Setting: "vm.max_map_count", Before: "65530", After: "262144"}}
		}
		if _, err := Playbook("run1", []*Plan{p}); err != nil {
			t.Fatalf("unspoiled: %v", err)
		}
		spoil(p)
		if b, err := Playbook("run1", []*Plan{p}); err == nil {
			t.Errorf("%s is in the playbook: %v", name, strings.Contains(string(b), evil))
		}
	}
	answer := "tmdoctor:begin:n\nfile /etc/sysctl.conf\nstat 0644 0:" + evil + " 1\ntmdoctor:end:n\n"
	if _, err := ParseSnapshot([]byte(answer), "n"); err == nil {
		t.Error("a snapshot takes such an owner")
	}
}

func FuzzYAMLText(f *testing.F) {
	for _, s := range []string{"", "no", "0644", "1:2", "a\"b\\c", "\x00\x7f\u0085\u2028\U0001f600", "- x: {y}", "# c", "\xff", " x\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := yamlText(s)
		for _, c := range []byte(text) {
			if c < ' ' || c >= 0x7F {
				t.Fatalf("byte %#x in %q", c, text)
			}
		}
		if !utf8.ValidString(s) {
			return
		}
		var got any
		if err := yaml.Unmarshal([]byte(text), &got); err != nil || got != s {
			t.Errorf("%q is written %s and read %q, %v", s, text, got, err)
		}
	})
}

// sleeper is a process whose limits may be raised without privilege: its soft
// limit of open files is below its hard limit.
func sleeper(t *testing.T) (pid int, started string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", "ulimit -Sn 64; ulimit -Hn 128; echo; exec sleep 600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil { // its limits are set
		t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	return cmd.Process.Pid, strings.Fields(fields)[19]
}

func TestAnsibleProcessProgramRaisesAndNeverLowers(t *testing.T) {
	t.Parallel()
	require(t, "prlimit", "dash", "bash", "busybox", "mksh")
	for _, shell := range [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "ash"}, {"mksh"}} {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			pid, started := sleeper(t)
			for _, c := range []struct {
				name, started, want string
				undo                []string
				says, soft          string
			}{
				{"another process by now", started + "1", "100:128", nil, "the process is gone\n", "64"},
				{"lower", started, "32:100", nil, "", "64"},
				{"higher", started, "100:128", nil, "changed\n", "100"},
				{"again", started, "100:128", nil, "", "100"},
				{"hard is lower than it is", started, "110:1", nil, "changed\n", "110"},
				{"raised since, and undone", started, "64:128", []string{"100:128"}, "it is 110:128, which was not given: left as it is\n", "110"},
				{"undone", started, "64:128", []string{"110:128"}, "changed\n", "64"},
			} {
				soft, hard, _ := strings.Cut(c.want, ":")
				args := append(shell[1:len(shell):len(shell)], "-c", ansibleProcess, "sh", strconv.Itoa(pid), c.started, "nofile", soft, hard)
				out, err := exec.Command(shell[0], append(args, c.undo...)...).CombinedOutput()
				if err != nil || string(out) != c.says {
					t.Errorf("%s: it says %q, %v, want %q", c.name, out, err, c.says)
				}
				out, err = exec.Command("prlimit", "--pid", strconv.Itoa(pid), "--nofile", "--noheadings", "-o", "SOFT,HARD").Output()
				if got := strings.Join(strings.Fields(string(out)), ":"); err != nil || got != c.soft+":128" {
					t.Errorf("%s: the limits are %s, %v, want %s:128", c.name, got, err, c.soft)
				}
			}
		})
	}
}

func TestAnsibleSysctlProgramRaisesAndNeverLowers(t *testing.T) {
	t.Parallel()
	require(t, "dash", "bash", "busybox", "mksh")
	for _, shell := range [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "ash"}, {"mksh"}} {
		dir := t.TempDir()
		text := strings.Replace(ansibleSysctl, "/proc/sys/", dir+"/", 1)
		file := filepath.Join(dir, "x", "y")
		if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("100\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, want, given string
			says, now         string
		}{
			{"lower", "99", "", "", "100"},
			{"higher", "200", "", "changed\n", "200"},
			{"again", "200", "", "", "200"},
			{"raised since, and undone", "100", "150", "it is 200, which was not given: left as it is\n", "200"},
			{"undone", "100", "200", "changed\n", "100"},
		} {
			out, err := exec.Command(shell[0], append(shell[1:len(shell):len(shell)], "-c", text, "sh", "x.y", c.want, c.given)...).CombinedOutput()
			if err != nil || string(out) != c.says {
				t.Errorf("%s, %s: it says %q, %v, want %q", shell, c.name, out, err, c.says)
			}
			if now, _ := os.ReadFile(file); strings.TrimSpace(string(now)) != c.now {
				t.Errorf("%s, %s: it is %q, want %s", shell, c.name, now, c.now)
			}
		}
	}
}

func TestAnsibleProgramsAreClean(t *testing.T) {
	t.Parallel()
	require(t, "shellcheck")
	for name, text := range map[string]string{"write": ansibleWrite, "restore": ansibleRestore, "sysctl": ansibleSysctl, "process": ansibleProcess} {
		cmd := exec.Command("shellcheck", "-s", "sh", "-")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
