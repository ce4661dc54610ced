package probes

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// setting is the value of the first of the keys that is set, and where: by
// arguments of a TaskManager, which beat the file, else in a configuration.
func (f *Facts) setting(keys ...string) (value, source string, ok bool) {
	for _, key := range keys {
		for _, tm := range f.Flink.TaskManagers {
			if v := tm.Dynamic[key]; v != "" {
				return v, fmt.Sprintf("/proc/%d/cmdline", tm.PID), true
			}
		}
		for _, c := range f.Flink.Configs {
			if s, found := c.Settings[key]; found {
				return s.Value, fmt.Sprintf("%s:%d", c.Path, s.Line), true
			}
		}
	}
	return "", "", false
}

// newerThan reports whether Flink here is of at least this release; known is
// false where no version is told.
func (f *Facts) newerThan(major, minor int) (newer, known bool) {
	version := ""
	for _, tm := range f.Flink.TaskManagers {
		version = cmp.Or(version, tm.Version)
	}
	for _, home := range f.Flink.Homes {
		version = cmp.Or(version, f.Flink.Versions[home])
	}
	var a, b int
	if n, _ := fmt.Sscanf(version, "%d.%d", &a, &b); n != 2 {
		return false, false
	}
	return a > major || a == major && b >= minor, true
}

// named is a setting by its name in the release that runs here.
func (f *Facts) named(since1_20, before string) string {
	newer, known := f.newerThan(1, 20)
	switch {
	case !known:
		return since1_20 + " (before Flink 1.20 " + before + ")"
	case newer:
		return since1_20
	}
	return before
}

// goBack is how a job is started from an earlier checkpoint or savepoint: the
// directory, what is kept there as far as this host sees it, and the command.
func (d *diagnosis) goBack(job string) string {
	from, seen := d.earlier(job)
	flink := "flink"
	if homes := d.f.Flink.Homes; len(homes) == 1 {
		flink = shellWord(homes[0] + "/bin/flink")
	}
	text := fmt.Sprintf("start the job from an earlier checkpoint or savepoint: %s run -s %s ... (in application mode or SQL set %s to that path)", flink, from,
		d.f.named("execution.state-recovery.path", "execution.savepoint.path"))
	return text + seen + d.retained()
}

// earlier is the checkpoint to go back to, as a word for a command, and what
// else is to be seen.
func (d *diagnosis) earlier(job string) (from, seen string) {
	var own, other []KeptState
	for _, k := range d.f.State.Kept {
		if job != "" && path.Base(path.Dir(k.Path)) == job {
			own = append(own, k)
		} else if job == "" || !strings.HasPrefix(path.Base(k.Path), "chk-") {
			other = append(other, k) // savepoints; checkpoints of other jobs are no use
		}
	}
	kept := append(own, other...)
	if len(kept) == 0 {
		return "PATH", d.whereToLook(job)
	}
	// The newest of the job is what Flink restores by itself, and that fails.
	at := min(1, len(kept)-1)
	var names []string
	for _, k := range kept[:min(4, len(kept))] {
		names = append(names, k.Path+orNothing(" of ", d.date(k.Modified.Or(0))))
	}
	seen = "; seen on this host, the newest first: " + strings.Join(names, ", ")
	if len(own) == 1 && len(other) == 0 || job == "" && len(kept) == 1 {
		seen += " (the only one: most likely the one that fails)"
	} else {
		seen += " (the first is most likely the one that fails; if another fails the same way, the damaged file lies in shared/, which several use: go further back)"
	}
	return shellWord("file://" + kept[at].Path), seen
}

// whereToLook names the configured directory, and how to list it.
func (d *diagnosis) whereToLook(job string) string {
	var dirs []string
	for _, dir := range d.f.State.Durable {
		value := strings.TrimSuffix(dir.Value, "/")
		if dir.Role == RoleCheckpoint && strings.Contains(dir.Setting, "check") && job != "" {
			value += "/" + job
		}
		list := "ls -lt " + shellWord(cmp.Or(localPath(value), value))
		switch scheme, _, _ := strings.Cut(value, ":"); scheme {
		case "s3", "s3a", "s3p":
			list = "aws s3 ls " + shellWord("s3:"+value[len(scheme)+1:]+"/")
		case "hdfs", "viewfs", "abfs", "abfss", "wasb", "wasbs", "gs", "oss":
			list = "hdfs dfs -ls " + shellWord(value)
		}
		if !strings.HasPrefix(dir.Setting, "high-availability") && !slices.Contains(dirs, list) {
			dirs = append(dirs, list)
		}
	}
	if len(dirs) == 0 {
		return "; where checkpoints lie is not configured on this host: the JobManager's web page names the path (Checkpoints, External Path)"
	}
	return "; look for chk-N and savepoint-* directories that have a _metadata: " + strings.Join(dirs[:min(3, len(dirs))], ", ")
}

// retained says how many checkpoints Flink keeps, and that it may delete them.
func (d *diagnosis) retained() string {
	text := ""
	if v, source, ok := d.f.setting("execution.checkpointing.externalized-checkpoint-retention", "execution.checkpointing.externalized-checkpoint"); !ok || !strings.EqualFold(v, "RETAIN_ON_CANCELLATION") {
		text = "; copy the directory before you cancel the job: unless externalized-checkpoint-retention is RETAIN_ON_CANCELLATION, Flink deletes the checkpoints of a cancelled job" + orNothing(", set in ", source)
	}
	key := d.f.named("execution.checkpointing.num-retained", "state.checkpoints.num-retained")
	n, source, ok := d.f.setting("execution.checkpointing.num-retained", "state.checkpoints.num-retained")
	switch {
	case !ok:
		text += "; for the next time " + key + ": 3 (the default, 1, keeps no earlier one)"
	case strings.TrimSpace(n) == "1":
		text += fmt.Sprintf("; for the next time %s: 3 (it is 1 in %s, which keeps no earlier one)", key, source)
	}
	return text
}

// date is when something was made, for a list.
func (d *diagnosis) date(t int64) string {
	if t == 0 {
		return ""
	}
	return time.Unix(t, 0).In(d.zone).Format("2006-01-02 15:04")
}

// durableDir is the directory of checkpoints as it is configured, "" if it is
// not.
func (d *diagnosis) durableDir() string {
	for _, dir := range d.f.State.Durable {
		if dir.Role == RoleCheckpoint && !strings.HasPrefix(dir.Setting, "high-availability") {
			return cmp.Or(dir.Path, dir.Value)
		}
	}
	return ""
}
