package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// examplesDir holds the files that README and the user's first attempts use.
const examplesDir = "../../examples"

// TestExamples runs each example the way its own words say.
func TestExamples(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	getenv := func(name string) string {
		if name == "HOME" {
			return home
		}
		return ""
	}
	for _, row := range []struct {
		name, args, stdout string
	}{
		{"plain list", "hosts -F none -i hosts.txt", "tm001"},
		{"YAML", "hosts -F none -i tmdoctor.yaml", "tmdoctor.yaml:"},
		{"conf/workers", "hosts -F none -i workers", "workers:"},
		{"policy", "explain --policy policy.yaml", "policy.yaml"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(row.args)
			args[len(args)-1] = filepath.Join(examplesDir, args[len(args)-1])
			var stdout, stderr bytes.Buffer
			if status := runFor(strings.NewReader(""), &stdout, &stderr, getenv, args...); status != 0 {
				t.Fatalf("tmdoctor %s: exit status %d\n%s", row.args, status, stderr.String())
			}
			if !strings.Contains(stdout.String(), row.stdout) {
				t.Errorf("tmdoctor %s does not say %q:\n%s", row.args, row.stdout, stdout.String())
			}
		})
	}
}

// TestExampleCronLine runs the command of the cron line against an inventory
// without a reachable host: it must parse, end and keep a report.
func TestExampleCronLine(t *testing.T) {
	t.Parallel()
	crontab, err := os.ReadFile(filepath.Join(examplesDir, "crontab"))
	if err != nil {
		t.Fatal(err)
	}
	var command string
	for line := range strings.Lines(string(crontab)) {
		if _, after, ok := strings.Cut(line, "tmdoctor check"); ok && !strings.HasPrefix(line, "#") {
			command = strings.TrimSpace("check" + after)
		}
	}
	dir := t.TempDir()
	inventory := filepath.Join(dir, "inventory")
	if err := os.WriteFile(inventory, []byte("[127.0.0.1]:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(dir, "last.json")
	args := strings.Fields(strings.NewReplacer("tmdoctor.yaml", inventory, "policy.yaml", examplesDir+"/policy.yaml",
		"last.json", report).Replace(command))
	args = append(args, "-F", "none", "--known-hosts", filepath.Join(dir, "known_hosts"))
	var stdout, stderr bytes.Buffer
	status := runFor(strings.NewReader(""), &stdout, &stderr, func(name string) string {
		return map[string]string{"HOME": dir}[name]
	}, args...)
	if status != 0 || stdout.Len() > 0 { // --fail-on fail: an unreachable host is unknown, not failed
		t.Errorf("exit status %d, output %q; stderr %s", status, stdout.String(), stderr.String())
	}
	info, err := os.Stat(report)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the report has mode %v, want 0600", info.Mode().Perm())
	}
}
