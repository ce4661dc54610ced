package probes

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is the probe of what TaskManagers keep on local disks.
var State = Probe{
	Name: "state",
	Doc: `local state directories: which are in use, which were left behind

RocksDB's local directory is scratch: each start of a task makes a new job_..._op_..._uuid_... directory and fills it from the last checkpoint, so damage there
is over with the next restart. A TaskManager that was killed (signal 9, OOM) leaves its directories behind; nobody uses them any more and they fill the disk.
Checkpoints and savepoints are another matter: they are the job's only way back. tmdoctor names them, says where local and durable directories
are mixed, and touches neither.`,
	Words:  []string{"corrupted state", "state directory", "state.backend.rocksdb.localdir", "IO error while opening RocksDB", "Corruption error", "clean state", "rocksdb-lib", "job_*_op_*_uuid_*", "tm_*"},
	Budget: 8,
	Script: stateScript,
	Codes: []Code{
		{
			Slug: "abandoned-directories", Default: Warn,
			Title:   "directories of TaskManagers that are gone use disk space",
			Means:   "Left behind when a TaskManager was killed. No process uses them; the next start makes new ones.",
			Measure: "job_*_op_*_uuid_*, tm_*, rocksdb-lib-* and other scratch in the local directories, older than every running TaskManager and not open in any; du under a time limit",
			Source:  "Flink RocksDBKeyedStateBackendBuilder, WorkingDirectory",
			Fix:     "look with fuser or lsof that no process holds them; what is named job_*_op_*_uuid_*, rocksdb-lib-* or tm_* there is scratch and may go",
		},
		{
			Slug: "local-dir-inside-checkpoint-dir", Default: Warn,
			Title:   "a local directory and a directory of checkpoints lie in one another",
			Means:   "Whoever cleans up scratch there reaches durable state, and a full disk stops both.",
			Measure: "paths of state.backend.rocksdb.localdir, working directory and local recovery against execution.checkpointing.dir and savepoint-dir",
			Source:  "Flink documentation, Working Directory; Checkpoints",
			Fix:     "give state.backend.rocksdb.localdir a directory of its own and restart the TaskManager",
		},
		{
			Slug: "checkpoint-local", Default: Warn,
			Title:   "checkpoints are written to a local disk of one host of several",
			Means:   `A task that is restarted on another host does not find them: "FileNotFoundException: .../chk-N/...".`,
			Measure: "execution.checkpointing.dir or state.checkpoints.dir is file: on a local file system, and the JobManager runs elsewhere",
			Source:  "Flink documentation, Checkpointing: the directory must be reachable from all processes",
			Fix:     "set execution.checkpointing.dir (before 1.20 state.checkpoints.dir) to a file system that all hosts share (HDFS, S3, NFS)",
		},
	},
	Thresholds: []Threshold{
		{Name: "state/abandoned", Default: 1 << 30, Unit: "bytes", Doc: "size of all directories left behind from which it warns", Source: "tmdoctor's choice"},
	},
	Parse: parseState,
	Judge: judgeState,
}

//go:embed state.sh
var stateScript string

// StateFacts are the scratch directories below the local directories, and
// where durable state is configured.
type StateFacts struct {
	// Listed is known if the local directories were listed.
	Listed Value[bool] `json:"listed" need:"needed"`
	// Scratch are the directories that TaskManagers made, at most 200.
	Scratch []ScratchDir `json:"scratch"`
	// Unreadable are local directories that the login may not list.
	Unreadable []string `json:"unreadable"`
	// Durable are the configured directories of checkpoints and savepoints,
	// also those that are not on this host (s3:, hdfs:).
	Durable []DurableDir `json:"durable"`
	// Kept are checkpoints and savepoints in those directories that the login
	// can see, the newest first, at most 20.
	Kept []KeptState `json:"kept,omitempty"`
	// Open says by pid which directories that TaskManager has files open in.
	Open map[int]Value[[]OpenDir] `json:"open"`
}

// ScratchDir is a directory that a TaskManager made for itself.
type ScratchDir struct {
	Path string `json:"path"`
	// Kind is "rocksdb" (one instance), "library", "work" (of one TaskManager
	// process), "localstate", or "other".
	Kind string `json:"kind"`
	UID  int64  `json:"uid"`
	// Modified is when an entry of it was made or removed last, seconds since
	// the epoch: for a directory of RocksDB that is never before its process
	// was started.
	Modified Value[int64] `json:"modified"`
	// Size is what it uses on disk, in bytes.
	Size Value[int64] `json:"size"`
}

// OpenDir is a directory that a process has files open in.
type OpenDir struct {
	Path  string `json:"path"`
	Files int    `json:"files"`
	SST   int    `json:"sst"` // of these, RocksDB's data files
}

// KeptState is a checkpoint or savepoint that is whole: it has a _metadata.
type KeptState struct {
	Path string `json:"path"` // .../JOB/chk-N or .../savepoint-...
	// Modified is when its _metadata was written, seconds since the epoch.
	Modified Value[int64] `json:"modified"`
}

// DurableDir is a configured directory of checkpoints or savepoints.
type DurableDir struct {
	Role    string `json:"role"` // checkpoint or savepoint
	Setting string `json:"setting"`
	Value   string `json:"value"` // as configured
	Path    string `json:"path"`  // on this host; "" for another file system
	Source  string `json:"source"`
}

func parseState(r Records, f *Facts) {
	s := &f.State
	s.Scratch, s.Unreadable, s.Durable = []ScratchDir{}, r.All("state.unreadable"), durableDirs(f)
	if s.Unreadable == nil {
		s.Unreadable = []string{}
	}
	s.Listed = Unknown[bool](r.why("state.listed"))
	if _, ok := r.String("state.listed").Get(); ok && r.sections["state"].ended {
		s.Listed = Known(true)
	}
	clock := parseClock(r.String("host.date"), Value[int64]{})
	sizes := map[string]int64{}
	for _, line := range r.All("state.du") {
		kib, name, ok := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		if n, err := strconv.ParseInt(kib, 10, 64); ok && err == nil && n >= 0 && n < 1<<50 {
			sizes[hostPath(name)] = n << 10
		}
	}
	lines := r.All("state.dir")
	for _, pid := range r.Pids("state") {
		lines = append(slices.Clone(lines), r.All(fmt.Sprintf("state.%d.dir", pid))...)
	}
	for _, line := range lines {
		m, ok := parseLs(line)
		if !ok || m.Mode[0] != 'd' || slices.ContainsFunc(s.Scratch, func(o ScratchDir) bool { return o.Path == m.Path }) {
			continue
		}
		d := ScratchDir{Path: m.Path, Kind: scratchKind(path.Base(m.Path)), UID: m.UID, Modified: clock.ls(line), Size: Unknown[int64](r.why("state.du"))}
		if n, ok := sizes[m.Path]; ok {
			d.Size = Known(n)
		}
		s.Scratch = append(s.Scratch, d)
	}
	for _, line := range r.All("state.kept") {
		if m, ok := parseLs(line); ok && path.Base(m.Path) == "_metadata" {
			s.Kept = append(s.Kept, KeptState{Path: path.Dir(m.Path), Modified: clock.ls(line)})
		}
	}
	s.Open = map[int]Value[[]OpenDir]{}
	for _, tm := range f.Flink.TaskManagers {
		s.Open[tm.PID] = parseOpen(r, tm.PID)
	}
}

// scratchKind tells what made a directory by its name.
func scratchKind(name string) string {
	for _, k := range [][2]string{{"job_*_op_*_uuid_*", "rocksdb"}, {"rocksdb-lib-*", "library"}, {"tm_*", "work"}, {"localState*", "localstate"}, {"aid_*", "localstate"}} {
		if ok, _ := path.Match(k[0], name); ok {
			return k[1]
		}
	}
	return "other"
}

// ls is the time that ls -l prints: "Nov 24 01:50" within six months, else
// "Nov 24  2025".
func (c hostClock) ls(line string) Value[int64] {
	word, name := cutLs(line)
	month, day, last := word[5], word[6], word[7]
	if name == "" || c.now.IsZero() {
		return Unknown[int64]("the host's clock is not known")
	}
	if strings.Contains(last, ":") {
		if len(day) == 1 {
			day = " " + day
		}
		if t := c.yearless(month + " " + day + " " + last + ":00"); t > 0 {
			return Known(t)
		}
	}
	stamp := month + " " + strings.TrimLeft(day, " ") + " " + last
	t, err := time.ParseInLocation("Jan 2 2006", stamp, c.now.Location())
	if err != nil {
		return Unknown[int64]("not a time: " + strconv.Quote(stamp))
	}
	return Known(t.Unix())
}

// parseOpen reads "COUNT KIND DIR" lines, KIND sst or file.
func parseOpen(r Records, pid int) Value[[]OpenDir] {
	name := fmt.Sprintf("state.%d.open", pid)
	lines := r.All(name)
	if _, ok := r.String(fmt.Sprintf("state.%d.read", pid)).Get(); !ok {
		return Unknown[[]OpenDir](r.why(name))
	}
	dirs := []OpenDir{}
	for _, line := range lines {
		w := strings.SplitN(strings.TrimLeft(line, " "), " ", 3)
		if len(w) != 3 {
			continue
		}
		n := atoi(w[0])
		i := slices.IndexFunc(dirs, func(d OpenDir) bool { return d.Path == w[2] })
		if i < 0 {
			i = len(dirs)
			dirs = append(dirs, OpenDir{Path: w[2]})
		}
		dirs[i].Files += n
		if w[1] == "sst" {
			dirs[i].SST += n
		}
	}
	return Known(dirs)
}

// durableSettings are the settings that name durable directories, with the
// old names that Flink still reads.
var durableSettings = []struct{ role, setting string }{
	{RoleCheckpoint, "execution.checkpointing.dir"},
	{RoleCheckpoint, "state.checkpoints.dir"},
	{RoleCheckpoint, "state.backend.fs.checkpointdir"},
	{RoleSavepoint, "execution.checkpointing.savepoint-dir"},
	{RoleSavepoint, "state.savepoints.dir"},
	{RoleSavepoint, "savepoints.state.backend.fs.dir"},
	{RoleCheckpoint, "state.backend.forst.primary-dir"},
	{RoleCheckpoint, "high-availability.storageDir"},
}

func durableDirs(f *Facts) []DurableDir {
	dirs := []DurableDir{}
	add := func(role, setting, value string, source func() string) {
		if value != "" && value != "checkpoint-dir" && value != "local-dir" && !slices.ContainsFunc(dirs, func(o DurableDir) bool { return o.Role == role && o.Value == value }) {
			dirs = append(dirs, DurableDir{Role: role, Setting: setting, Value: value, Path: localPath(value), Source: source()})
		}
	}
	for _, k := range durableSettings {
		for _, tm := range f.Flink.TaskManagers {
			add(k.role, k.setting, tm.Dynamic[k.setting], func() string { return fmt.Sprintf("/proc/%d/cmdline", tm.PID) })
		}
		for _, c := range f.Flink.Configs {
			if s, ok := c.Settings[k.setting]; ok {
				add(k.role, k.setting, s.Value, func() string { return fmt.Sprintf("%s:%d", c.Path, s.Line) })
			}
		}
	}
	return dirs
}

// localPath is the path of a file: URI or of a bare path, "" for any other
// file system. Bare paths are of fs.default-scheme, which is rarely set: they
// are taken for local ones.
func localPath(value string) string {
	if rest, ok := strings.CutPrefix(value, "file:"); ok {
		value = "/" + strings.TrimLeft(rest, "/")
	}
	if !strings.HasPrefix(value, "/") {
		return ""
	}
	return path.Clean(value)
}
