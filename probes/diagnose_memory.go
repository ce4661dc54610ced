package probes

import (
	"fmt"
	"slices"
	"strings"
)

// fewMaps is a limit on maps that a TaskManager with a job may reach: it
// normally has 300 to 3,000.
const fewMaps = 4096

// signs are what one process left of a refused map, thread or allocation:
// the texts by id, and its hs_err file.
type signs struct {
	run     int
	file    string // its log without .log or .out
	entries map[string]LogEntry
	crash   *HsErr
}

// memoryTexts are texts that a limit on maps, address space, threads or
// commit may all bring about.
var memoryTexts = []string{textNoThread, textPthread, textSystemErr, textMapNoMem, textNoMemory, textMapFailed, textCommit, textNative, textGuard, textReserve, textZGCMaps}

// memory judges refused maps, threads and allocations, all signs of a process
// together, because one text has many causes: a thread needs a map, an
// address, a task and memory that may be committed.
func (d *diagnosis) memory() {
	var list []signs
	of := func(run int, file string) *signs {
		file, _, _ = strings.Cut(file, ".out")
		file, _, _ = strings.Cut(file, ".log")
		for i := range list {
			if list[i].run == run && (run >= 0 || list[i].file == file) {
				return &list[i]
			}
		}
		list = append(list, signs{run: run, file: file, entries: map[string]LogEntry{}})
		return &list[len(list)-1]
	}
	for _, e := range d.entries {
		id := e.text()
		if !slices.Contains(memoryTexts, id) || d.skip(e) || e.byUser() || e.Kind == LogJobManager {
			continue
		}
		s := of(e.Run, e.File)
		if o, ok := s.entries[id]; ok {
			o.Count += e.Count
			o.First, o.Last = earlier(o.First, e.First), max(o.Last, e.Last)
			e = o
		}
		s.entries[id] = e
	}
	for i := range d.f.Logs.Crashes {
		h := &d.f.Logs.Crashes[i]
		if h.taskManager() && !h.crashed() {
			of(d.runOf(*h), h.LogFile).crash = h
		}
	}
	for _, s := range list {
		d.refused(s)
	}
}

// runOf is the run that ended in a crash: of the same log file, and the last
// that began before.
func (d *diagnosis) runOf(h HsErr) int {
	run := -1
	for i, r := range d.f.Logs.Runs {
		same := r.File == h.LogFile || strings.HasPrefix(r.File, h.LogFile+".")
		if h.LogFile != "" && same && (r.Started == 0 || h.Time == 0 || r.Started <= h.Time+1) && (run < 0 || r.Started >= d.f.Logs.Runs[run].Started) {
			run = i
		}
	}
	return run
}

// first is the entry to quote: what names the failure best.
func (s signs) first() (LogEntry, bool) {
	for _, id := range []string{textMapNoMem, textCommit, textNative, textReserve, textNoThread, textMapFailed, textSystemErr, textPthread, textNoMemory, textGuard} {
		if e, ok := s.entries[id]; ok {
			return e, true
		}
	}
	return LogEntry{}, false
}

func (s signs) has(ids ...string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { _, ok := s.entries[id]; return ok })
}

// base is the candidate with all that the signs have in common.
func (d *diagnosis) base(s signs) (c candidate, said string) {
	if e, ok := s.first(); ok {
		c, said = d.candidateOf("", e), d.said(e)
		if e.Kind == LogOut || e.Last == 0 {
			said = "`" + short(strings.TrimLeft(e.Innermost().Message, "# ")) + "`"
		}
	}
	c.run = s.run
	if h := s.crash; h != nil {
		text := h.Error
		if said == "" || !s.has(textNoThread, textMapNoMem, textMapFailed) {
			said = "`" + short(text) + "` at " + d.clock(h.Time)
			c.at, c.from = h.Time, h.Time
			if c.Subject == "" {
				c.Subject = h.Path
			}
		}
		c.at = max(c.at, h.Time)
		c.over = d.over(s.run, c.at, "")
		c.Evidence = append(c.Evidence, Evidence{Source: h.Path, Time: when(h.Time), Text: fmt.Sprintf("%s; %d maps; rlimit AS %s", text, h.Maps, limitText(h.Limits, "AS"))})
	}
	return c, said
}

func limitText(l map[string]Limit, name string) string {
	if v, ok := l[name]; ok {
		return v.String()
	}
	return "unknown"
}

// refused decides by facts, what is surest first.
func (d *diagnosis) refused(s signs) {
	c, said := d.base(s)
	for _, rule := range []func(signs, *candidate) (string, bool){
		d.mapsReached, d.forkRejected, d.addressSpace, d.commitReached, d.threadsReached, d.mapsProbable, d.sessionLimited, d.noMemory, d.threadsProbable, d.undecided,
	} {
		if what, ok := rule(s, &c); ok {
			c.Message = what + orNothing("; ", said)
			d.add(c)
			return
		}
	}
}
