package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes"
)

// readCSV reads csv back by the names of its columns. encoding/csv refuses a
// row with another number of cells.
func readCSV(t testing.TB, b []byte) (rows []map[string]string) {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// TestCSVSaysOfEveryHostWhatIsWrong counts in the file what is in the hosts.
func TestCSVSaysOfEveryHostWhatIsWrong(t *testing.T) {
	t.Parallel()
	hosts := sickFleet()
	want, got := map[string]int{}, map[string]int{}
	for _, h := range hosts {
		want[fmt.Sprintf("host %s %s", h.Name, h.Status)]++
		for _, c := range h.Causes {
			want[fmt.Sprintf("cause %s %s %s", h.Name, causeCode(c.Cause), c.Confidence)]++
		}
		for _, f := range h.Findings {
			if !strings.HasPrefix(f.Code, causePrefix) {
				want[fmt.Sprintf("finding %s %s %s", h.Name, f.Code, f.Horizon)]++
			}
		}
		for _, c := range h.Checks {
			if c.Status == probes.StatusUnknown {
				want[fmt.Sprintf("unknown %s %s %s", h.Name, c.Probe, c.Reason)]++
			}
		}
	}
	for _, r := range readCSV(t, render(t, "csv", Options{}, testRun(14), hosts, true)) {
		switch r["kind"] {
		case csvHost:
			got[fmt.Sprintf("host %s %s", r["host"], r["status"])]++
		case csvUnknown:
			got[fmt.Sprintf("unknown %s %s %s", r["host"], r["code"], r["message"])]++
		case csvFleet:
		default:
			got[fmt.Sprintf("%s %s %s %s", r["kind"], r["host"], r["code"], r["level"])]++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCSVHasTheOrderOfTheInventory(t *testing.T) {
	t.Parallel()
	want := render(t, "csv", Options{}, testRun(14), sickFleet(), true)
	hosts := sickFleet()
	for i := range hosts {
		j := (i*5 + 3) % len(hosts)
		hosts[i], hosts[j] = hosts[j], hosts[i]
	}
	got := render(t, "csv", Options{}, testRun(14), hosts, true)
	// What compares hosts names the first that came.
	cut := func(b []byte) string { before, _, _ := strings.Cut(string(b), ",fleet,"); return before }
	if diff := cmp.Diff(cut(want), cut(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNoCellIsAFormula reads what a spreadsheet would, whichever separator its
// locale has.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	evils := []string{
		"=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "＝1+1", "\t=1", "\r=1", " =1", `"=1`, `";=1`, "a;=1", "a; =1", "a;\"=1", "x\n=1", "a,=1", "-", "''=1",
	}
	var hosts []*Host
	for i, evil := range evils {
		h := nearMaps(i+1, evil)
		h.Name, h.Groups = evil, []string{evil, evil}
		h.Findings[0].Message, h.Findings[0].Remedy, h.Findings[0].Subject = evil, evil, evil
		h.Causes[0].Message, h.Causes[0].Evidence[0] = evil, probes.Evidence{Text: evil}
		h.set("disk", probes.StatusUnknown, evil, evil)
		hosts = append(hosts, h, lostHost(i+100, Unreachable{Phase: evil, Reason: evil, Hint: evil}))
	}
	out := render(t, "csv", Options{}, testRun(len(hosts)), hosts, true)
	for _, comma := range []rune{',', ';', '\t'} {
		r := csv.NewReader(bytes.NewReader(out))
		r.Comma, r.LazyQuotes, r.FieldsPerRecord = comma, true, -1
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range slices.Concat(rows...) {
			if begin := strings.TrimLeft(cell, ` "`); begin != "" && strings.ContainsAny(begin[:1], "=+-@") || strings.HasPrefix(begin, "＝") {
				t.Errorf("separator %q: a cell is a formula: %q", comma, cell)
			}
		}
	}
}

func TestCSVCellsStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""}, {"tm1", "tm1"}, {"-5", "-5"}, {"1204/65530", "1204/65530"}, {"a=b", "a=b"}, {"then systemctl x; -y", "then systemctl x; '-y"},
		{"=1", "'=1"}, {"-x", "'-x"}, {"a\x1b[2J\nb", `a\x1b[2J\nb`},
	} {
		if got := csvCell(c.in); got != c.want {
			t.Errorf("csvCell(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestWaivedAndCausesAreToldApart(t *testing.T) {
	t.Parallel()
	h := nearMaps(1, "61204")
	h.Findings[2].Waived = &probes.Waiver{Reason: "=known", Owner: "ops", Until: "2026-12-31"}
	h.Causes = append(h.Causes, probes.Cause{Cause: "open_files", Confidence: probes.Possible})
	var got []string
	for _, r := range readCSV(t, render(t, "csv", Options{}, testRun(1), []*Host{h}, true)) {
		got = append(got, strings.Join([]string{r["kind"], r["status"], r["code"], r["waiver"]}, "|"))
	}
	want := []string{
		"host|fail||", "cause|waived|cause/max-map-count|until 2026-12-31, ops: =known", "cause||cause/open-files|",
		"finding|fail|maps/near|", "finding|warn|maps/low|",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
