package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

func names(plans []*repair.Planned) (all []string) {
	for _, p := range plans {
		all = append(all, p.Host.Name)
	}
	return all
}

func TestOnlyTheNumberOfHostsConfirms(t *testing.T) {
	t.Parallel()
	typed := func(s string) *string { return &s }
	for _, tt := range []struct {
		name   string
		typed  *string
		flags  []string
		status int
		change bool
		say    string
	}{
		{"the number", typed("2"), nil, 0, true, ""},
		{"the number with blanks", typed(" 2 "), nil, 0, true, ""},
		{"yes is no number", typed("yes"), nil, 3, false, "nothing was changed: the answer was not 2"},
		{"y", typed("y"), nil, 3, false, "the answer was not 2"},
		{"another number", typed("3"), nil, 3, false, "the answer was not 2"},
		{"the number in other digits", typed("02"), nil, 3, false, "the answer was not 2"},
		{"an empty line", typed("\n"), nil, 3, false, "the answer was not 2"},
		{"the end of the input", typed(""), nil, 3, false, "the answer was not 2"},
		{"no terminal", nil, nil, 64, false, "there is no terminal to ask on"},
		{"no terminal, and --yes", nil, []string{"--yes"}, 0, true, ""},
		{"--yes asks nothing", typed("3"), []string{"--yes"}, 0, true, ""},
		{"--plan-only asks nothing", typed("2"), []string{"--plan-only"}, 0, false, "nothing was changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.typed, d.fake.idle = tt.typed, map[string]bool{"tm3": true}
			status, stdout, stderr := d.run(append([]string{"fix", "tm1", "tm2", "tm3"}, tt.flags...)...)
			if status != tt.status || (d.fake.applied != nil) != tt.change {
				t.Errorf("exit status %d, changed %v; want %d, %v\n%s", status, d.fake.applied != nil, tt.status, tt.change, stderr)
			}
			if !strings.Contains(stderr, tt.say) || !strings.Contains(stdout, "+vm.max_map_count = 262144") {
				t.Errorf("it lacks %q or the diff:\n%s\n%s", tt.say, stderr, stdout)
			}
			if tt.change && !slices.Equal(names(d.fake.applied), []string{"tm1", "tm2"}) {
				t.Errorf("changed %v, and tm1 and tm2 were confirmed", names(d.fake.applied))
			}
			if asks := tt.typed != nil && tt.flags == nil; strings.Contains(d.asked, "type the number of hosts (2) to change them: ") != asks {
				t.Errorf("the terminal showed %q", d.asked)
			}
			if runs, _ := os.ReadDir(filepath.Join(d.dir, "state/tmdoctor/runs")); (len(runs) == 1) != tt.change {
				t.Errorf("%d journals", len(runs))
			}
		})
	}
}

// An answer is not waited for when the run is interrupted.
func TestAnInterruptIsNoConfirmation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	never := make(chan bool)
	defer close(never)
	var tty, stderr bytes.Buffer
	u := &ui{environment: &environment{stderr: &stderr}}
	read := func() ([]byte, error) { cancel(); <-never; return []byte("1"), nil }
	if ok, err := u.confirm(ctx, &terminal{Writer: &tty, line: read}, "sure? ", 1); ok || err == nil {
		t.Errorf("confirm = %v, %v", ok, err)
	}
}

// TestARunThatOnlyItsHostsKnow is undone on the hosts that are named, and what is
// done has a record of its own.
func TestARunThatOnlyItsHostsKnow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const run = "20260101T000000Z-aa"
	if status, _, stderr := d.run("rollback", run, "--yes"); status != 64 || !strings.Contains(stderr, "name its hosts") || d.fake.undone != nil {
		t.Errorf("without a host: exit status %d\n%s", status, stderr)
	}
	status, stdout, stderr := d.run("rollback", run, "tm1", "--yes", "--batch", "5")
	if status != 0 || len(d.fake.undone) != 1 || d.fake.undone[0].Name != "tm1" {
		t.Fatalf("exit status %d, undone %v\n%s", status, d.fake.undone, stderr)
	}
	for _, want := range []string{"run " + run, "-edited", "+old"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it does not show %q:\n%s", want, stdout)
		}
	}
	_, runs, _ := d.run("runs")
	if !strings.Contains(runs, "tmdoctor rollback "+run+" --batch 5 --yes tm1") || !strings.Contains(runs, "1 rolled back") {
		t.Errorf("the record is\n%s", runs)
	}
}

// TestARollBackThatFailsSaysHowToTryAgain, with the run that it undoes.
func TestARollBackThatFailsSaysHowToTryAgain(t *testing.T) {
	t.Parallel()
	const run = "20260101T000000Z-aa"
	for _, state := range []repair.State{repair.Refused, repair.Unknown, repair.Stuck} {
		d := newDesk(t)
		d.fake.ends = map[string]repair.State{"tm1": state}
		status, stdout, _ := d.run("rollback", run, "tm1", "tm2", "--yes", "--sudo")
		if status == 0 || !strings.Contains(stdout, "try again:     tmdoctor rollback "+run+" tm1 --sudo\n") || strings.Contains(stdout, "plan again") {
			t.Errorf("%s: exit status %d\n%s", state, status, stdout)
		}
		if status, _, stderr := d.run("rollback", "last", "--yes"); status != 64 || !strings.Contains(stderr, "try again: tmdoctor rollback "+run+" tm1") {
			t.Errorf("%s: rollback last: exit status %d\n%s", state, status, stderr)
		}
		if status, _, stderr := d.run("fix", "--resume", "last", "--yes"); status != 64 || !strings.Contains(stderr, "is the roll back of run "+run) {
			t.Errorf("%s: fix --resume last: exit status %d\n%s", state, status, stderr)
		}
	}
}

// TestARollBackShowsTheRestarts that it brings.
func TestARollBackShowsTheRestarts(t *testing.T) {
	t.Parallel()
	p := planOf("tm1")
	p.Restart, p.Reload = []string{"flink.service"}, true
	var b bytes.Buffer
	if err := fix.WriteDiffs(&b, []*fix.Plan{undone(p)}, fix.DiffOptions{}); err != nil || !strings.Contains(b.String(), "\n~ restart of flink.service\n") {
		t.Errorf("%v\n%s", err, &b)
	}
}

// TestAFileThatGoesIsShownAsRemoved, and one of which little is known without
// what is not known.
func TestAFileThatGoesIsShownAsRemoved(t *testing.T) {
	t.Parallel()
	p := planOf("tm1")
	p.Files[0].Absent, p.Files[0].Before, p.Files[0].BeforeSHA256 = true, nil, ""
	remembered := fix.FileChange{Path: "/etc/x.conf", Before: []byte("a\n"), After: []byte("b\n"), BeforeSHA256: "aa", AfterSHA256: "bb"}
	p.Files = append(p.Files, remembered)
	var b bytes.Buffer
	if err := fix.WriteDiffs(&b, []*fix.Plan{undone(p)}, fix.DiffOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/etc/sysctl.conf: removed; ", "\n+++ /dev/null\n", "/etc/x.conf: sha256 bb -> aa"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, &b)
		}
	}
}

// TestNextCommandsKeepWhatWasTyped: whoever copies the line for a fleet that
// needs more time, or goes slower, gets the same.
func TestNextCommandsKeepWhatWasTyped(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.fake.ends, d.fake.stopped = map[string]repair.State{"tm2": repair.NotBegun}, "enough"
	_, stdout, _ := d.run("fix", "tm1", "tm2", "--yes", "--script-timeout", "20s", "--canary", "2", "--running", "--pause", "1s", "--sudo")
	for _, want := range []*regexp.Regexp{
		regexp.MustCompile(`(?m)^go on: +tmdoctor fix --resume \S+ --canary 2 --pause 1s --script-timeout 20s --sudo$`),
		regexp.MustCompile(`(?m)^undo: +tmdoctor rollback \S+ --pause 1s --script-timeout 20s --sudo$`),
		regexp.MustCompile(`(?m)^after reboot: +tmdoctor fix --verify-after-reboot \S+ --script-timeout 20s --sudo$`),
	} {
		if !want.MatchString(stdout) {
			t.Errorf("no line is %s:\n%s", want, stdout)
		}
	}
	if _, runs, _ := d.run("runs"); !strings.Contains(runs, "tmdoctor fix --canary 2 --pause 1s --running --script-timeout 20s --sudo --yes tm1 tm2") {
		t.Errorf("the journal has another command line:\n%s", runs)
	}
}

// TestNobodyIsAskedWhereNothingCanBeWrittenDown.
func TestNobodyIsAskedWhereNothingCanBeWrittenDown(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := os.WriteFile(filepath.Join(d.dir, "state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	two := "2"
	d.typed = &two
	status, _, stderr := d.run("fix", "tm1", "tm2")
	if status == 0 || d.asked != "" || d.fake.applied != nil || !strings.Contains(stderr, "the journal: ") {
		t.Errorf("exit status %d, asked %q, changed %v\n%s", status, d.asked, names(d.fake.applied), stderr)
	}
}

func TestExitStatusOfFix(t *testing.T) {
	t.Parallel()
	of := func(name string) map[string]bool { return map[string]bool{name: true} }
	for _, tt := range []struct {
		name string
		fake fakeRepair
		want int
	}{
		{"all kept", fakeRepair{}, 0},
		{"nothing to fix on one", fakeRepair{idle: of("tm2")}, 0},
		{"something refused beside", fakeRepair{refused: of("tm2")}, 1},
		{"a host that cannot be asked", fakeRepair{lost: of("tm2"), refused: of("tm1")}, 3},
		{"rolled back", fakeRepair{ends: map[string]repair.State{"tm1": repair.RolledBack}, lost: of("tm2")}, 2},
		{"stuck", fakeRepair{ends: map[string]repair.State{"tm1": repair.Stuck}}, 2},
		{"not as planned", fakeRepair{ends: map[string]repair.State{"tm1": repair.Refused}}, 2},
		{"nobody knows", fakeRepair{ends: map[string]repair.State{"tm1": repair.Unknown}}, 3},
		{"not begun", fakeRepair{ends: map[string]repair.State{"tm1": repair.NotBegun}}, 3},
		{"stopped", fakeRepair{stopped: "enough"}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.fake = &tt.fake
			result := filepath.Join(d.dir, "result.json")
			status, stdout, stderr := d.run("fix", "tm1", "tm2", "--yes", "-o", "result="+result)
			if status != tt.want {
				t.Errorf("exit status %d, want %d\n%s\n%s", status, tt.want, stdout, stderr)
			}
			if strings.Contains(stdout+stderr, "\x1b") {
				t.Errorf("an escape sequence of a host comes through: %q", stdout+stderr)
			}
			checkResult(t, result, tt.want)
		})
	}
}

// checkResult holds a result against its schema.
func checkResult(t *testing.T, file string, status int) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("../../report/schema/result.json")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err == nil {
		err = schema.Validate(doc)
	}
	if err != nil {
		t.Error(err)
	}
	var r resultDoc
	if err := json.Unmarshal(b, &r); err != nil || r.ExitStatus != status || len(r.Hosts) != 2 {
		t.Errorf("exit_status %d of %d hosts (%v), want %d of 2", r.ExitStatus, len(r.Hosts), err, status)
	}
}

func TestNothingToFixAsksAndChangesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, lost string
		want       int
	}{{"all asked", "", 0}, {"a host that cannot be asked", "tm2", 3}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.fake.idle, d.fake.lost = map[string]bool{"tm1": true, "tm2": true}, map[string]bool{tt.lost: true}
			status, stdout, _ := d.run("fix", "tm1", "tm2")
			if status != tt.want || d.fake.applied != nil || !strings.Contains(stdout, "nothing to fix") {
				t.Errorf("exit status %d, want %d:\n%s", status, tt.want, stdout)
			}
		})
	}
}

func TestASavedPlanIsAppliedAsItIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	plan := filepath.Join(d.dir, "plan.json")
	if status, _, stderr := d.run("fix", "tm1", "tm2", "--plan-only", "--running", "-o", "json="+plan); status != 0 || !strings.Contains(stderr, "--plan "+plan) {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	planned := planOf("tm2")
	status, _, stderr := d.run("fix", "tm2", "--plan", plan, "--yes")
	if status != 0 || !slices.Equal(names(d.fake.applied), []string{"tm2"}) || !d.fake.Options.Running {
		t.Fatalf("exit status %d, changed %v\n%s", status, names(d.fake.applied), stderr)
	}
	if got := d.fake.applied[0].Plan; !bytes.Equal(got.Files[0].After, planned.Files[0].After) || cmp.Diff(got.Live, planned.Live) != "" {
		t.Errorf("applied %+v", got)
	}
	if d.fake.applied[0].Before != nil {
		t.Error("a saved plan was made anew")
	}
	b, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a value that is lowered": strings.Replace(string(b), `"after": "262144"`, `"after": "1"`, 1),
		"a hash of other bytes":   strings.Replace(string(b), planned.Files[0].AfterSHA256, planned.Files[0].BeforeSHA256, 1),
		"half a plan":             string(b[:len(b)/2]),
	} {
		bad := filepath.Join(d.dir, "bad.json")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d.fake.applied = nil
		if status, _, _ := d.run("fix", "tm1", "--plan", bad, "--yes"); status != 64 || d.fake.applied != nil {
			t.Errorf("%s: exit status %d, changed %v", name, status, names(d.fake.applied))
		}
	}
	if status, _, stderr := d.run("fix", "tm9", "--plan", plan, "--yes"); status != 64 || !strings.Contains(stderr, "its hosts are tm[1-2]") {
		t.Errorf("a host that has no plan: exit status %d\n%s", status, stderr)
	}
}

// TestAPlanAcceptsNothingByItself: what may stay unverified is said by whoever
// applies a plan, and not by the file alone.
func TestAPlanAcceptsNothingByItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, with := range []bool{true, false} {
		plan := filepath.Join(d.dir, fmt.Sprintf("plan-%v.json", with))
		line := []string{"fix", "tm1", "--plan-only", "-o", "json=" + plan}
		if with {
			line = append(line, "--accept-unverified")
		}
		if status, _, stderr := d.run(line...); status != 0 {
			t.Fatalf("exit status %d\n%s", status, stderr)
		}
		for _, accepts := range []bool{true, false} {
			d.fake.applied = nil
			line := []string{"fix", "tm1", "--plan", plan, "--yes"}
			if accepts {
				line = append(line, "--accept-unverified")
			}
			status, _, stderr := d.run(line...)
			if with == accepts && (status != 0 || d.fake.applied == nil || d.fake.Options.AcceptUnverified != with) {
				t.Errorf("planned %v, applied %v: exit status %d, %+v\n%s", with, accepts, status, d.fake.Options, stderr)
			}
			if with != accepts && (status != 64 || d.fake.applied != nil || !strings.Contains(stderr, "--accept-unverified")) {
				t.Errorf("planned %v, applied %v: exit status %d, changed %v\n%s", with, accepts, status, names(d.fake.applied), stderr)
			}
		}
	}
}

func TestFlagsOfFixThatCannotBeTogether(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, want string }{
		{"fix tm1 --plan p --running", "--plan and --running cannot be together"},
		{"fix tm1 --plan p --persist-in main", "--plan and --persist-in"},
		{"fix tm1 --plan-only --yes", "--plan-only and --yes"},
		{"fix tm1 --plan-only --canary 2", "--plan-only and --canary"},
		{"fix --resume last --plan p", "--resume and --plan cannot"},
		{"fix --resume last --plan-only", "--resume and --plan-only"},
		{"fix --resume last --force-managed", "--resume and --force-managed"},
		{"fix --resume last -o json=x", "makes no new plan"},
		{"fix --resume=", "--resume names nothing"},
		{"fix --verify-after-reboot last --yes", "--verify-after-reboot and --yes"},
		{"fix --verify-after-reboot last --resume last", "--verify-after-reboot and --resume"},
		{"fix tm1 --persist-in limits.conf", "use auto, main, drop-in, both"},
		{"fix tm1 --canary -1", "--canary -1 is not a number of hosts"},
		{"fix tm1 --batch -1", "--batch -1"},
		{"fix tm1 --max-failures -1", "--max-failures -1"},
		{"fix tm1 --pause -1s", "--pause -1s"},
		{"fix tm1 -o yaml", "the formats are diff, json, sh, ansible, result"},
		{"fix tm1 -o json=", "names no file"},
		{"fix tm1 -o sh -o json", "both go to standard output"},
		{"fix tm1 -o json --yes", "-o json on standard output only plans"},
		{"fix tm1 -o result", "or give --yes"},
		{"fix tm1 --plan-only -o result=x", "-o result and --plan-only"},
		{"fix tm1 --from x", "unknown flag: --from"},
		{"fix tm1 --root /", "unknown flag: --root"},
		{"fix tm1 -o json=no/such/dir/p", "no/such/dir"},
		{"fix tm1 --plan no-such-file", "no-such-file"},
		{"fix --resume 2099", `"2099": there is no such run in `},
		{"rollback", "which run?"},
		{"rollback 2099", `"2099": there is no such run in `},
		{"rollback last -o json", "the formats are"},
		{"check tm1 --compare last --only maps", "--compare needs every probe"},
		{"check tm1 --compare last --horizon boot", "--compare judges all horizons"},
		{"runs -o yaml", "the formats are table, json"},
		{"script --fix", "--fix is for --sudoers"},
		{"demo --fix --keep", "--keep and --fix"},
		{"demo --fix -o json", "leave out -o"},
	} {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			status, _, stderr := d.run(strings.Fields(tt.line)...)
			if status != 64 || !strings.Contains(stderr, tt.want) || d.fake.applied != nil {
				t.Errorf("exit status %d, want 64 and %q\n%s", status, tt.want, stderr)
			}
		})
	}
}

func TestAPlanInOtherForms(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, tt := range []struct{ format, want string }{{"sh", "#!/bin/sh\n"}, {"ansible", "ansible-playbook"}, {"json", `"tmdoctor/plan/v1"`}} {
		status, stdout, stderr := d.run("fix", "tm1", "-o", tt.format)
		if status != 0 || !strings.Contains(stdout, tt.want) || strings.Contains(stdout, "LIMITS") || d.fake.applied != nil {
			t.Errorf("-o %s: exit status %d\n%.300s\n%s", tt.format, status, stdout, stderr)
		}
	}
	if status, _, stderr := d.run("fix", "tm1", "tm2", "-o", "sh"); status != 64 || !strings.Contains(stderr, "-o sh=DIR/") {
		t.Errorf("a script for two hosts: exit status %d\n%s", status, stderr)
	}
	scripts := filepath.Join(d.dir, "scripts") + "/"
	if status, _, stderr := d.run("fix", "tm1", "tm2", "--plan-only", "-o", "sh="+scripts); status != 0 {
		t.Errorf("scripts in a directory: exit status %d\n%s", status, stderr)
	}
	for _, name := range []string{"tm1.sh", "tm2.sh"} {
		if _, err := os.Stat(scripts + name); err != nil {
			t.Error(err)
		}
	}
}

func TestResultOnANarrowTerminal(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.columns = "44"
	d.fake.ends = map[string]repair.State{"tm2": repair.RolledBack}
	_, stdout, _ := d.run("fix", "tm1", "tm2", "tm3", "--yes")
	_, result, _ := strings.Cut(stdout, "\nRESULT of run ")
	_, result, _ = strings.Cut(result, "\n")
	result, _, _ = strings.Cut(result, "undo:")
	const want = `ROLLED BACK  tm2  warn
  because of \x1b[31msome reason
KEPT  tm[1,3] (2 hosts)  warn -> ok
  changed: /etc/sysctl.conf,
    vm.max_map_count now (65530 -> 262144)
  vm.max_map_count: running 65530 -> 262144,
    live 65530 -> 262144, boot 65530 ->
    262144
  logins tried: op by ssh

3 hosts: 1 rolled back, 2 kept
`
	if diff := cmp.Diff(want, result); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for line := range strings.Lines(result) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 44 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestARunIsListedComparedAndUndone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if status, _, stderr := d.run("fix", "tm1", "tm2", "--yes"); status != 0 {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	run := d.fake.Run
	status, stdout, _ := d.run("runs")
	if status != 0 || !strings.Contains(stdout, run) || !strings.Contains(stdout, "ended  2 kept") || !strings.Contains(stdout, "tmdoctor fix --yes tm1 tm2") {
		t.Errorf("runs: exit status %d\n%s", status, stdout)
	}
	typed := "1"
	d.typed = &typed
	status, stdout, stderr := d.run("rollback", "last", "tm2", "--force")
	if status != 0 || len(d.fake.undone) != 1 || d.fake.undone[0].Name != "tm2" {
		t.Fatalf("rollback: exit status %d, undone %v\n%s", status, d.fake.undone, stderr)
	}
	for _, want := range []string{"-vm.max_map_count = 262144", "+vm.max_map_count = 65530", "edited since", "-edited", "ROLLED BACK  tm2"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("rollback lacks %q:\n%s", want, stdout)
		}
	}
	if strings.Contains(stderr, "warning") || d.asked != "type the number of hosts (1) to roll them back: \n" {
		t.Errorf("asked %q\n%s", d.asked, stderr)
	}
	if _, stdout, _ = d.run("runs"); !strings.Contains(stdout, "1 rolled back, 1 kept") {
		t.Errorf("runs after the roll back:\n%s", stdout)
	}
	if status, _, stderr := d.run("fix", "--resume", run, "--yes"); status != 0 || !strings.Contains(stderr, "nothing to resume") {
		t.Errorf("resume: exit status %d\n%s", status, stderr)
	}
}

// TestDemoFixComesOutAsItShould is not parallel: it sets TMPDIR.
func TestDemoFixComesOutAsItShould(t *testing.T) {
	noShell(t)
	dir := fastTemp(t)
	t.Setenv("TMPDIR", dir)
	var stdout, stderr bytes.Buffer
	getenv := func(name string) string { return map[string]string{"COLUMNS": "100", "LC_ALL": "C.UTF-8"}[name] }
	if got := runFor(nil, &stdout, &stderr, getenv, "demo", "--fix"); got != 0 {
		t.Fatalf("exit status %d, want 0\n%s", got, stderr.String())
	}
	for _, want := range []string{"KEPT  tm010  warn -> ok", "ROLLED BACK  tm005", "boot 65530 -> 262144", "not planned for: tm022"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, stdout.String())
		}
	}
	isEmpty(t, dir)
}
