package probes

import "fmt"

// restartNeededCode is what restartNeeded finds, the same to every probe.
var restartNeededCode = Code{
	Slug: "restart-needed", Default: Warn,
	Title:   "the configured limit is enough, the running TaskManager is older",
	Means:   "Somebody mended the limit; this JVM was started before and still has the old one.",
	Measure: "/proc/PID/limits against what a start would get now",
	Source:  "getrlimit(2): limits are inherited when a process starts",
	Fix:     "restart the TaskManager from a new session, or its unit; prlimit --pid PID changes the running process",
}

// restartNeeded are TaskManagers that run with less than a start would get now,
// and suffer from it: they are below the floor, or near their limit.
func (l limitSpec) restartNeeded(in Input) (findings []Finding) {
	r := in.next
	for i := range r.startsOf() {
		s := &r.starts[i]
		live := r.live(s, l.item)
		for _, tm := range s.tms {
			pair, ok := tm.limit(l.item)
			has, would := l.counts(s, pair), l.counts(s, live.pair)
			if !ok || !live.known || has >= would {
				continue
			}
			used, counted := l.used(in.Facts, tm).Get()
			near := false
			if l.near && counted {
				_, _, near = usage(in, used, int64(has))
			}
			if !near && (has >= l.floor || would < l.floor) {
				continue
			}
			f := in.Find("restart-needed", Running, fmt.Sprintf("a TaskManager runs with %s %s, a new one would get %s", has, l.what, would))
			f.Subject, f.Source = fmt.Sprintf("pid %d", tm.PID), fmt.Sprintf("/proc/%d/limits", tm.PID)
			f.Observed, f.Want = has.String(), would.String()
			f.Evidence = append(f.Evidence, Evidence{Source: live.source, Text: l.item + " " + live.pair.show()})
			f.Remedy = restartFor(in, tm, l.item, would)
			findings = append(findings, f)
		}
	}
	return findings
}
