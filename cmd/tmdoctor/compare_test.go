package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

func TestChangesOfARunHoldOrDoNot(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	asked := began.Add(time.Hour)
	up := func(h *report.Host, d time.Duration) *report.Host {
		h.Facts = &probes.Facts{}
		h.Facts.Host.Uptime = probes.Known(int64(d.Seconds()))
		return h
	}
	held := up(sight("tm1", "262144", probes.OK), 30*time.Minute)
	lost := up(sight("tm1", "65530", probes.Warn), 2*time.Hour)
	gone := &report.Host{Name: "tm1", Status: probes.StatusUnknown, Unreachable: &report.Unreachable{Phase: "connect", Reason: "refused\x1b[2J"}}
	for _, tt := range []struct {
		name   string
		host   *report.Host
		state  repair.State
		partly bool
		status int
		want   string
	}{
		{"it holds, after a reboot", held, repair.Kept, false, 0,
			"\nCHANGES of run r1: 1 of 1 held, 0 not held, 0 not known\nHELD      tm1  vm.max_map_count (boot): now 262144, want at least 262144; decided by /etc/sysctl.conf:2\ntm1: rebooted since\n"},
		{"it does not hold, without one", lost, repair.Kept, false, 2,
			"\nCHANGES of run r1: 0 of 1 held, 1 not held, 0 not known\nNOT HELD  tm1  vm.max_map_count (boot): now 65530, want at least 262144; decided by /etc/sysctl.conf:2\ntm1: not rebooted since: running and live say nothing of a reboot yet\n"},
		{"the host does not answer", gone, repair.Kept, false, 3,
			"\nCHANGES of run r1: 0 of 1 held, 0 not held, 1 not known\nUNKNOWN   tm1  vm.max_map_count (boot): the host did not answer: connect: refused\\x1b[2J, want at least 262144\ntm1: not known if rebooted since\n"},
		{"the host was not asked", nil, repair.Kept, false, 3,
			"\nCHANGES of run r1: 0 of 0 held, 0 not held, 0 not known\nnot asked: tm1\n"},
		{"and was not meant to be", nil, repair.Kept, true, 0,
			"\nCHANGES of run r1: 0 of 0 held, 0 not held, 0 not known\nnot asked: tm1\n"},
		{"the run was undone there", lost, repair.RolledBack, false, 0,
			"\nCHANGES of run r1: none is left on a host (1 rolled back)\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			saved := &repair.SavedRun{Run: "r1", Began: began, Hosts: map[string]repair.State{"tm1": tt.state}, Plans: &fix.Document{Hosts: []*fix.Plan{planOf("tm1")}}}
			c := newCompared(saved, asked, tt.partly)
			if tt.host != nil {
				c.add(tt.host)
			}
			var out bytes.Buffer
			if err := c.write(&out, 0); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != tt.want {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
			if got := c.status("warn"); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			out.Reset()
			_ = c.write(&out, 50)
			for line := range strings.Lines(out.String()) {
				if len(line) > 51 {
					t.Errorf("%d columns: %s", len(line)-1, line)
				}
			}
		})
	}
}

func TestTheWorseOfTwoExitStatuses(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]int{{0, 0, 0}, {1, 0, 1}, {1, 3, 3}, {3, 2, 2}, {2, 1, 2}} {
		if got := worseVerdict(tt[0], tt[1]); got != tt[2] || worseVerdict(tt[1], tt[0]) != tt[2] {
			t.Errorf("worseVerdict(%d, %d) = %d, want %d", tt[0], tt[1], got, tt[2])
		}
	}
}
