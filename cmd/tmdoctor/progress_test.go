package main

import (
	"fmt"
	"testing"
	"time"
)

// A line that names everything it waits for is none that can be read.
func TestProgressOfThousandsIsOneShortLine(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := &progress{total: 10000, done: 120, started: map[string]time.Time{}}
	for i := range 2000 {
		p.started[fmt.Sprintf("tm%04d", i)] = now.Add(-10 * time.Second)
	}
	p.started["tm-old"], p.started["tm\x1b[2J"] = now.Add(-30*time.Second), now.Add(-20*time.Second)
	p.started["tm-new"] = now.Add(-time.Second)
	if got, want := p.line(now), `120/10000 hosts, waiting for tm-old (30s), tm\x1b[2J (20s), tm0000 (10s), 1999 more`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
