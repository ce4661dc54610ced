package probes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RunLayout is how the name of a run begins: when it was begun, UTC, by the
// clock of whoever began it.
const RunLayout = "20060102T150405Z"

// runKept is the state of a run of fix that was verified.
const runKept = "kept"

// mapsRaised says that vm.max_map_count was raised by a run of fix after at, ""
// if not. The host must have kept the run, the file that decides must have been
// written since, and its value must hold. That a TaskManager was refused a map
// before is history then: it needs no restart.
func (d *diagnosis) mapsRaised(at int64) string {
	boot := d.in.next.bootSysctl(maxMapCount)
	w, ok := boot.Winner()
	live, known := d.f.Maps.MaxMapCount.Get()
	if !ok || !known || at <= 0 || boot.Value != strconv.FormatInt(live, 10) {
		return ""
	}
	written := d.in.next.file(w.Place.File).Modified
	runs, _ := d.f.Host.FixRuns.Get()
	for _, r := range slices.Backward(runs) {
		run, state, _ := strings.Cut(r, " ")
		stamp, _, _ := strings.Cut(run, "-")
		t, err := time.Parse(RunLayout, stamp)
		if err != nil || state != runKept {
			continue
		}
		// A clock that is behind makes what came after the run seem to lie before it.
		began := t.Unix() + min(0, d.f.Session.ClockSkew.Or(0))
		if began > at && written >= began-59 { // written is known to the minute
			return fmt.Sprintf("run %s of tmdoctor fix raised vm.max_map_count (%s)", clip(run, 80), w.Place)
		}
	}
	return ""
}
