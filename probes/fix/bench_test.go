package fix_test

import (
	"testing"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// BenchmarkMake is the plan of one host that needs the setting of the kernel
// and a limit of a user.
func BenchmarkMake(b *testing.B) {
	h := lowHost()
	f := h.facts()
	s := h.snapshot(fix.Ask(f, nil, fix.Options{}))
	for b.Loop() {
		if p := fix.Make("tm", f, s, nil, fix.Options{}); len(p.Files) != 2 {
			b.Fatal(shownMade(p))
		}
	}
}
