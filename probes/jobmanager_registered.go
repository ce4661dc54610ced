package probes

import (
	"cmp"
	"fmt"
	"strings"
)

// notRegistered judges the logs of running TaskManagers: the newer of the last
// success and the last failure of a registration counts.
func notRegistered(in Input) []Finding {
	var findings []Finding
	logs := in.Facts.Logs
	for _, tm := range in.Facts.Flink.TaskManagers {
		run := -1 // the newest in its log: the process itself
		for i, r := range logs.Runs {
			if r.Kind == LogTaskManager && r.File == tm.LogFile && (run < 0 || r.Last >= logs.Runs[run].Last) {
				run = i
			}
		}
		if run < 0 {
			continue
		}
		for _, e := range logs.Entries {
			if e.Run != run || e.Last <= logs.Runs[run].Registered || !registrationFailed(e) {
				continue
			}
			f := in.Find("not-registered", Running, "a TaskManager is not registered at the ResourceManager")
			f.Subject, f.Observed, f.Want = fmt.Sprintf("pid %d", tm.PID), "last attempt failed", "registered"
			f.Source = fmt.Sprintf("%s:%d", e.File, e.Line)
			f.Evidence = append(f.Evidence, Evidence{Source: f.Source, Time: when(e.Last), Text: cmp.Or(e.Head, e.Innermost().Message)})
			findings = append(findings, f)
			break
		}
	}
	return findings
}

func registrationFailed(e LogEntry) bool {
	for _, text := range []string{e.Head, e.Innermost().Class, e.Innermost().Message} {
		for _, part := range []string{"Could not resolve ResourceManager address", "RegistrationTimeoutException", "Registration at ResourceManager was declined", "Registration at ResourceManager failed"} {
			if strings.Contains(text, part) {
				return true
			}
		}
	}
	return false
}
