package remote

import "testing"

func TestHostsAtOnceFitTheFilesThatMayBeOpened(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		limit, wanted int
		needed, fit   int
	}{
		{"the usual limit", 1024, 256, 576, 256},
		{"just enough", 576, 256, 576, 256},
		{"one too few", 575, 256, 576, 255},
		{"macOS", 256, 256, 576, 96},
		{"less than is kept for the rest", 40, 256, 576, 1},
		{"no limit is known", 0, 5000, 10064, 5000},
		{"one host", 64, 1, 66, 1},
	} {
		got := fitDescriptors(c.limit, c.wanted)
		want := Descriptors{Limit: c.limit, Wanted: c.wanted, Needed: c.needed, Fit: c.fit}
		if got != want {
			t.Errorf("%s: fitDescriptors(%d, %d) = %+v, want %+v", c.name, c.limit, c.wanted, got, want)
		}
	}
	if got := (Limits{InFlight: 500}).Descriptors(3); got.Wanted != 3 {
		t.Errorf("three hosts: %+v", got)
	}
}
