package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// TestSavedReportsTellWhatSickHostsShare asks three hosts whose unit somebody
// changed and four that are well, each by itself, and judges the reports
// together.
func TestSavedReportsTellWhatSickHostsShare(t *testing.T) {
	t.Parallel()
	noShell(t)
	const unit = "/etc/systemd/system/flink-taskmanager.service"
	dir, now := fastTemp(t), time.Now()
	// By whatever zone ls prints, noon is on the same day.
	day := now.UTC().AddDate(0, 0, -6).Truncate(24 * time.Hour).Add(12 * time.Hour)
	args := []string{"check"}
	for i := range 7 {
		like, changed := "open-files", day
		if i >= 3 {
			like, changed = "healthy", day.AddDate(-1, 0, 0)
		}
		root := filepath.Join(dir, fmt.Sprintf("tm%03d", i+1))
		if err := os.Mkdir(root, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := demo.Unpack(root, like, demo.Archive(like), demo.Caller(now)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(root+unit, changed, changed); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		runFor(nil, &out, &out, noEnv, "check", "--root", root, "-o", "json="+root+".json")
		args = append(args, "--from", root+".json")
	}
	var out, errs bytes.Buffer
	if code := runFor(nil, &out, &errs, noEnv, args...); code != 2 {
		t.Errorf("exit status %d, want 2: %s", code, &errs)
	}
	for _, want := range []string{
		"PROVEN  tm[001-003] (3)  ",
		"proven on 3 of 3 failing hosts; first seen ",
		fmt.Sprintf("one line sets nofile on 3 of 3, last changed %s (others: %s): %s:9", day.Format(time.DateOnly), day.AddDate(-1, 0, 0).Format(time.DateOnly), unit),
		"shared by 3 of 3, and by 0 of 4 without it: limit nofile 4096 (others: 65536)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
}

func noEnv(string) string { return "" }
