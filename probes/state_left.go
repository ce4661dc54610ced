package probes

import (
	"fmt"
	"slices"
	"strings"
)

// leftBehind names the directories below dir that TaskManagers that are gone
// left behind, the biggest first, with their size, and says whether any
// TaskManager has a file open in them; "" for none. What lies in one tree with
// durable state is never named.
func (in Input) leftBehind(dir string) string {
	var names []string
	var bytes int64
	count := 0
	for _, s := range in.abandonedBySize() {
		if !within(s.Path, dir) || in.nearDurable(s.Path) {
			continue
		}
		count++
		bytes += s.Size.Or(0)
		if len(names) < 4 {
			size := "size not known"
			if n, ok := s.Size.Get(); ok {
				size = gib(n)
			}
			names = append(names, fmt.Sprintf("%s (%s)", shellWord(s.Path), size))
		}
	}
	if count == 0 {
		return ""
	}
	more := ""
	if count > len(names) {
		more = fmt.Sprintf(" and %d more, %s in all", count-len(names), gib(bytes))
	}
	return fmt.Sprintf("left behind by TaskManagers that are gone: %s%s; %s; it is scratch that may be removed by hand", strings.Join(names, ", "), more, in.notHeld())
}

// notHeld says how it is known that nobody uses what was left behind.
func (in Input) notHeld() string {
	tms := in.Facts.Flink.TaskManagers
	if len(tms) == 0 {
		return "no TaskManager runs (fuser -v tells whether anything else has files open there)"
	}
	for _, tm := range tms {
		if open := in.Facts.State.Open[tm.PID]; !open.IsKnown() {
			return "they are older than every TaskManager that runs, but the open files of pid " + fmt.Sprint(tm.PID) + " may not be read: look with fuser -v first"
		}
	}
	return "they are older than every TaskManager that runs, and none has a file open there"
}

// abandonedBySize are the abandoned directories, the biggest first.
func (in Input) abandonedBySize() []ScratchDir {
	gone := in.Facts.abandoned()
	slices.SortStableFunc(gone, func(a, b ScratchDir) int { return int((b.Size.Or(0) - a.Size.Or(0)) >> 10) })
	return gone
}
