package main

import (
	"os"
	"strings"
	"testing"

	"github.com/tmdoctor/tmdoctor/report"
)

// What loads csv knows its columns by name, from README.
func TestREADMENamesTheColumnsOfCSV(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\n`" + strings.Join(report.CSVColumns(), ",") + "`\n"; !strings.Contains(string(b), want) {
		t.Errorf("README.md lacks the line %q", want)
	}
}
