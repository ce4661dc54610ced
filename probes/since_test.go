//go:build unix

package probes_test

import (
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// TestCauseIsAsOldAsItsOldestEvidence: the text came three times; its evidence
// tells the last.
func TestCauseIsAsOldAsItsOldestEvidence(t *testing.T) {
	t.Parallel()
	causes := probes.Evaluate(collected(t, "testdata/causes/open-files.txtar"), &probes.Policy{}).Causes
	if len(causes) != 1 || causes[0].Since == nil || causes[0].Evidence[0].Time == nil {
		t.Fatalf("%+v", causes)
	}
	since, last := causes[0].Since.Format(time.TimeOnly), causes[0].Evidence[0].Time.Format(time.TimeOnly)
	if since != "11:41:02" || last != "11:42:05" {
		t.Errorf("since %s, last seen %s", since, last)
	}
}
