package probes_test

import (
	"encoding/json"
	"testing"
)

// asJSON is facts as a report keeps them, for comparing.
func asJSON(t testing.TB, f any) string {
	t.Helper()
	b, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
