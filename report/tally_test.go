package report

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestExitStatusOfEveryCombination derives the status from the promise, word
// by word: 2 if anything failed, else 3 if anything is unknown or the run was
// cut short, else 1 if anything warned, else 0; failOn is the lowest status
// that is not 0; a run that was cut short is never 0 or 1.
func TestExitStatusOfEveryCombination(t *testing.T) {
	t.Parallel()
	order := []probes.Status{probes.OK, probes.Warn, probes.StatusUnknown, probes.Fail}
	lowest := map[FailOn]int{"": 1, FailOnWarn: 1, FailOnUnknown: 2, FailOnFail: 3, FailOnNever: 99}
	want := func(s Summary, fleet probes.Status, cut bool, failOn FailOn) int {
		level := 0
		if s.Warn > 0 || fleet == probes.Warn {
			level = 1
		}
		if s.Unknown > 0 || fleet == probes.StatusUnknown {
			level = 2
		}
		if s.Fail > 0 || fleet == probes.Fail {
			level = 3
		}
		exit := map[int]int{0: 0, 1: 1, 2: 3, 3: 2}[level]
		if cut {
			if level == 3 {
				return 2
			}
			return 3
		}
		if level < lowest[failOn] {
			return 0
		}
		return exit
	}
	for mask := range 16 {
		s := Summary{OK: mask & 1, Warn: mask >> 1 & 1, Unknown: mask >> 2 & 1, Fail: mask >> 3 & 1}
		for _, status := range order {
			for _, cut := range []bool{false, true} {
				for failOn := range lowest {
					fleet := Fleet{}
					if status != probes.OK {
						fleet.Findings = []probes.Finding{{Status: status}}
					}
					got := ExitStatus(s, fleet, cut, failOn)
					if want := want(s, status, cut, failOn); got != want {
						t.Errorf("ok %d, warn %d, unknown %d, fail %d, fleet %s, cut short %v, --fail-on %q: %d, want %d",
							s.OK, s.Warn, s.Unknown, s.Fail, status, cut, failOn, got, want)
					}
				}
			}
		}
	}
}

func TestExitStatusNamedCases(t *testing.T) {
	t.Parallel()
	waived := Fleet{Findings: []probes.Finding{{Status: probes.Fail, Waived: &probes.Waiver{}}}}
	for _, c := range []struct {
		name   string
		s      Summary
		fleet  Fleet
		cut    bool
		failOn FailOn
		want   int
	}{
		{"healthy", Summary{OK: 9}, Fleet{}, false, FailOnWarn, 0},
		{"a warning", Summary{OK: 9, Warn: 1}, Fleet{}, false, FailOnWarn, 1},
		{"unknown is worse than a warning", Summary{Warn: 1, Unknown: 1}, Fleet{}, false, FailOnWarn, 3},
		{"fail is worse than unknown", Summary{Unknown: 1, Fail: 1}, Fleet{}, false, FailOnWarn, 2},
		{"a warning, only unknown and fail count", Summary{Warn: 1}, Fleet{}, false, FailOnUnknown, 0},
		{"unknown, only fail counts", Summary{Unknown: 1}, Fleet{}, false, FailOnFail, 0},
		{"fail, nothing counts", Summary{Fail: 1}, Fleet{}, false, FailOnNever, 0},
		{"interrupted while healthy", Summary{OK: 9}, Fleet{}, true, FailOnWarn, 3},
		{"interrupted, nothing counts", Summary{OK: 9}, Fleet{}, true, FailOnNever, 3},
		{"interrupted after a failure", Summary{Fail: 1}, Fleet{}, true, FailOnNever, 2},
		{"a waived finding of the fleet", Summary{OK: 9}, waived, false, FailOnWarn, 0},
	} {
		if got := ExitStatus(c.s, c.fleet, c.cut, c.failOn); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestParseFailOnNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"warn", "unknown", "fail", "never"} {
		if got, err := ParseFailOn(s); err != nil || string(got) != s {
			t.Errorf("ParseFailOn(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "ok", "Warn", "always"} {
		want := fmt.Sprintf("%q is not one of warn, unknown, fail, never", s)
		if _, err := ParseFailOn(s); err == nil || err.Error() != want {
			t.Errorf("ParseFailOn(%q): %v, want %s", s, err, want)
		}
	}
}

func TestTallyCountsEachHostOnceAndRanksCauses(t *testing.T) {
	t.Parallel()
	var tally Tally
	host := func(name string, s probes.Status, causes ...probes.Cause) {
		tally.Add(&Host{Name: name, Status: s, Causes: causes})
	}
	cause := func(name string, c probes.Confidence) probes.Cause {
		return probes.Cause{Cause: name, Confidence: c}
	}
	host("tm001", probes.OK)
	host("tm002", probes.Skipped)
	host("tm003", probes.Warn, cause("inodes", probes.Possible))
	host("tm004", probes.Fail, cause("open_files", probes.Likely), cause("open_files", probes.Possible))
	host("tm005", probes.Fail, cause("max_map_count", probes.Possible), cause("open_files", probes.History))
	host("tm006", probes.Fail, cause("max_map_count", probes.Proven))
	host("tm007", probes.StatusUnknown)
	host("tm008", "") // a status that is none is unknown
	end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := Summary{
		Finished: &end, Hosts: 8, OK: 2, Warn: 1, Fail: 3, Unknown: 2,
		Causes: []CauseSummary{
			{Cause: "max_map_count", Confidence: probes.Proven, Hosts: 2, Names: "tm[005-006]", Proven: HostSet{1, "tm006"}, Possible: HostSet{1, "tm005"}},
			{Cause: "open_files", Confidence: probes.Likely, Hosts: 2, Names: "tm[004-005]", Likely: HostSet{1, "tm004"}, History: HostSet{1, "tm005"}},
			{Cause: "inodes", Confidence: probes.Possible, Hosts: 1, Names: "tm003", Possible: HostSet{1, "tm003"}},
		},
	}
	// Tests of what is compared have the rest.
	rest := cmpopts.IgnoreFields(CauseSummary{}, "Shown", "Fail", "Remedy", "RemedyHost", "RemedySame", "Traits", "Others", "NotCompared")
	if diff := cmp.Diff(want, tally.Summary(&end), rest); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}
