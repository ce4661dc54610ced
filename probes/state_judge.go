package probes

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// clockSlack is how much older than its process a directory of that process
// may look: ls prints whole minutes.
const clockSlack = 120

// abandoned are the scratch directories that no TaskManager of the host uses:
// none runs, or the directory was touched last before each of them was
// started and none has a file open in it. Where any of that is not known, the
// directory is taken for one in use.
func (f *Facts) abandoned() []ScratchDir {
	var gone []ScratchDir
	if _, ok := f.Flink.Searched.Get(); !ok {
		return nil
	}
	for _, d := range f.State.Scratch {
		used := slices.ContainsFunc(f.Flink.TaskManagers, func(tm TaskManager) bool { return f.uses(tm, d) })
		inner := slices.ContainsFunc(gone, func(o ScratchDir) bool { return within(d.Path, o.Path) })
		if !used && !inner {
			gone = append(gone, d)
		}
	}
	return gone
}

// uses reports whether a TaskManager uses a directory, or may.
func (f *Facts) uses(tm TaskManager, d ScratchDir) bool {
	started, ok1 := tm.Started.Get()
	touched, ok2 := d.Modified.Get()
	if !ok1 || !ok2 || touched >= started-clockSlack {
		return true
	}
	if tm.ResourceID != "" && path.Base(d.Path) == "tm_"+tm.ResourceID {
		return true
	}
	if lib, ok := tm.RocksDBLibrary.Get(); ok && lib != "" && within(lib, d.Path) {
		return true
	}
	open, _ := f.State.Open[tm.PID].Get()
	return slices.ContainsFunc(open, func(o OpenDir) bool { return within(o.Path, d.Path) || within(d.Path, o.Path) })
}

func judgeState(in Input) Judgement {
	j := Judgement{Want: "below " + gib(in.Threshold("state/abandoned")) + " left behind"}
	judgeAbandoned(in, &j)
	judgeMixed(in, &j)
	judgeCheckpointLocal(in, &j)
	return j
}

func judgeAbandoned(in Input, j *Judgement) {
	gone := in.abandonedBySize()
	var bytes int64
	for _, d := range gone {
		bytes += d.Size.Or(0)
	}
	if _, ok := in.Facts.State.Listed.Get(); ok {
		j.Observed = gib(bytes)
	}
	if len(gone) == 0 || bytes < in.Threshold("state/abandoned") {
		return
	}
	f := in.Find("abandoned-directories", Live, "directories of TaskManagers that are gone use disk space")
	f.Observed = fmt.Sprintf("%s in %d directories", gib(bytes), len(gone))
	f.Want, f.Source = "below "+gib(in.Threshold("state/abandoned")), "du"
	var safe []string
	for i, d := range gone {
		if i < 20 {
			f.Evidence = append(f.Evidence, Evidence{Source: "uid " + fmt.Sprint(d.UID), Time: when(d.Modified.Or(0)), Text: fmt.Sprintf("%s, %s", d.Path, gib(d.Size.Or(0)))})
		}
		if !in.nearDurable(d.Path) && len(safe) < 5 {
			safe = append(safe, shellWord(d.Path))
		}
	}
	if len(safe) > 0 {
		f.Remedy = "look that no process holds them: fuser -v " + strings.Join(safe, " ") + " (" + in.notHeld() + "); they are scratch of a process that is gone and may be removed by hand; " + noRestart
		if len(safe) < len(gone) {
			f.Remedy += " (the rest is in the evidence)"
		}
	} else {
		f.Remedy = "they lie in one directory tree with durable state: give state.backend.rocksdb.localdir a directory of its own first, and leave these alone"
	}
	j.Findings = append(j.Findings, f)
}

// nearDurable reports whether a path lies above, below or at a configured
// directory of durable state: nothing there is ever proposed to go.
func (in Input) nearDurable(p string) bool {
	return slices.ContainsFunc(in.Facts.State.Durable, func(d DurableDir) bool {
		return d.Path != "" && (within(p, d.Path) || within(d.Path, p))
	})
}

func judgeMixed(in Input, j *Judgement) {
	for _, dir := range in.Facts.Disk.Dirs {
		if !dir.has(RoleLocalDir, RoleWork, RoleLocalState) {
			continue
		}
		for _, d := range in.Facts.State.Durable {
			if d.Path == "" || !within(dir.Path, d.Path) && !(within(d.Path, dir.Path) && dir.Path != "/tmp") {
				continue
			}
			f := in.Find("local-dir-inside-checkpoint-dir", Live, "a local directory and a directory of durable state lie in one another")
			f.Subject, f.Observed = dir.Path, dir.Path+" and "+d.Path
			f.Want, f.Source = "directories of their own", d.Source
			f.Evidence = append(f.Evidence, Evidence{Source: d.Source, Text: d.Setting + ": " + d.Value})
			j.Findings = append(j.Findings, f)
		}
	}
}

// judgeCheckpointLocal speaks only where the JobManager is known to be on
// another host: a cluster of one host may keep its checkpoints on its disk.
func judgeCheckpointLocal(in Input, j *Judgement) {
	f := in.Facts
	elsewhere := slices.ContainsFunc(f.JobManager.Targets, func(t JobManagerTarget) bool {
		local, ok := f.local(t)
		return ok && !local && len(t.PIDs) > 0
	})
	if !elsewhere || len(f.Flink.JobManagers) > 0 {
		return
	}
	for _, d := range f.State.Durable {
		if d.Path == "" {
			continue
		}
		i := slices.IndexFunc(f.Disk.Dirs, func(o DirFacts) bool { return o.Path == d.Path })
		if i < 0 {
			continue
		}
		m, ok := f.Disk.Dirs[i].Mount.Get()
		if !ok || m.Network() {
			continue
		}
		x := in.Find("checkpoint-local", Live, d.Role+"s are written to a local disk of one host of several")
		x.Subject, x.Observed = d.Path, d.Value+" on "+m.Type
		x.Want, x.Source = "a file system that all hosts share", d.Source
		j.Findings = append(j.Findings, x)
	}
}
