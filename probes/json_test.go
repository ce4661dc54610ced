package probes_test

import (
	"encoding/json"
	"testing"

	"github.com/tmdoctor/tmdoctor/probes"
)

// asJSON is facts as a report keeps them, for comparing.
func asJSON(t testing.TB, f *probes.Facts) string {
	t.Helper()
	b, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
