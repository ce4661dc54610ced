package probes

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func parseFlink(r Records, f *Facts) {
	fl := &f.Flink
	fl.Searched = Unknown[bool](r.String("flink.searched").Why())
	if _, ok := r.String("flink.searched").Get(); ok {
		fl.Searched = Known(true)
	}
	_, fl.More = r.String("flink.more").Get()
	fl.Homes, fl.LogDirs = nonNil(r.All("flink.home")), nonNil(r.All("flink.log_dir"))
	fl.StatePaths = nonNil(r.All("flink.state_path"))
	fl.JobManagers = []int{}
	for _, text := range r.All("flink.jobmanager") {
		if n, err := strconv.Atoi(text); err == nil {
			fl.JobManagers = append(fl.JobManagers, n)
		}
	}
	fl.Versions = map[string]string{}
	for _, line := range r.All("flink.dist") {
		if i := strings.LastIndexByte(line, ' '); i > 0 {
			fl.Versions[line[:i]] = distVersion(line[i+1:])
		}
	}
	fl.PidFiles = parsePidFiles(r.All("flink.pid_file"))
	fl.Configs = parseFlinkConfigs(f, r.memo, r.All("flink.config"))
	fl.TaskManagers = []TaskManager{}
	for _, pid := range r.Pids("flink") {
		name := fmt.Sprintf("flink.%d", pid)
		if class, ok := r.String(name + ".class").Get(); ok {
			fl.TaskManagers = append(fl.TaskManagers, parseTaskManager(r, name, pid, class, f))
		}
	}
}

func parseTaskManager(r Records, name string, pid int, class string, f *Facts) TaskManager {
	tm := TaskManager{
		PID: pid, MainClass: class,
		UID: r.Int(name + ".uid"), User: r.String(name + ".user"),
		JVMOptions: nonNil(r.All(name + ".option")), Dynamic: map[string]string{},
		LogFile: r.String(name + ".log_file").Or(""), ConfigDir: r.String(name + ".config_dir").Or(""),
		Home:    r.String(name + ".home").Or(""),
		Limits:  parseLimitRows(r, name+".limit"),
		Threads: r.Int(name + ".Threads"),
		VmSize:  kilobytes(r, name+".VmSize"), VmPeak: kilobytes(r, name+".VmPeak"), VmRSS: kilobytes(r, name+".VmRSS"),
		Cwd: r.String(name + ".cwd"), Stdout: r.String(name + ".stdout"),
		RocksDBLibrary: r.String(name + ".rocksdb_library"),
	}
	for _, line := range r.All(name + ".dynamic") {
		key, value, _ := strings.Cut(line, "=")
		tm.Dynamic[key] = strings.Trim(value, "'")
	}
	tm.ResourceID = tm.Dynamic["taskmanager.resource-id"]
	if dist, ok := r.String(name + ".dist").Get(); ok {
		tm.Version = distVersion(dist)
	} else {
		tm.Version = f.Flink.Versions[tm.Home]
	}
	nspid := r.String(name + ".NSpid")
	tm.Nested = Unknown[bool](nspid.Why())
	if ids, ok := nspid.Get(); ok {
		tm.Nested = Known(len(strings.Fields(ids)) > 1)
	}
	tm.Started = startedAt(r, name)
	tm.Launch = launchOf(tm, launchFacts{cgroup: r.All(name + ".cgroup"), parents: r.All(name + ".parent"), session: r.All(name + ".session")})
	return tm
}

// startedAt is when a process began: ticks of a hundredth of a second after
// the boot, USER_HZ on every architecture that Linux has a JVM for.
func startedAt(r Records, name string) Value[int64] {
	ticks, ok1 := r.Int(name + ".start_ticks").Get()
	clock, _ := parseDate(r.String("host.date"))
	up := parseUptime(r.String("host.uptime"))
	now, ok2 := clock.Get()
	uptime, ok3 := up.Get()
	switch {
	case !ok1:
		return Unknown[int64](r.Int(name + ".start_ticks").Why())
	case !ok2:
		return Unknown[int64]("the host's clock: " + clock.Why())
	case !ok3:
		return Unknown[int64]("the time since the boot: " + up.Why())
	}
	return Known(now - uptime + ticks/100)
}

// kilobytes reads a size of /proc/PID/status, "1234 kB", as bytes.
func kilobytes(r Records, name string) Value[int64] {
	text, ok := r.String(name).Get()
	if !ok {
		return Unknown[int64](r.String(name).Why())
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
	if err != nil || n < 0 || n > 1<<52 {
		return Unknown[int64]("not a size: " + strconv.Quote(clip(text, 40)))
	}
	return Known(n << 10)
}

// limitItems are the rows of /proc/PID/limits by their item of limits.conf.
var limitItems = map[string]string{
	"Max open files": "nofile", "Max processes": "nproc", "Max address space": "as", "Max resident set": "rss",
	"Max locked memory": "memlock", "Max core file size": "core", "Max stack size": "stack", "Max data size": "data",
	"Max file size": "fsize", "Max file locks": "locks",
}

// parseLimitRows reads rows of /proc/PID/limits: a name in 25 columns,
// soft, hard, and mostly a unit.
func parseLimitRows(r Records, name string) Value[map[string]LimitPair] {
	rows := map[string]LimitPair{}
	for _, line := range r.All(name) {
		name, rest, _ := strings.Cut(line, "  ")
		item, ok := limitItems[name]
		if !ok {
			continue
		}
		p := strings.Fields(rest)
		if len(p) < 2 {
			continue
		}
		if pair, ok := parsePair(p[0], p[1]); ok {
			rows[item] = pair
		}
	}
	if len(rows) == 0 {
		why := r.String(name).Why()
		if why == "" {
			why = "no row of it could be understood"
		}
		return Unknown[map[string]LimitPair](why)
	}
	return Known(rows)
}

// distVersion is the version in what follows flink-dist in a jar's name:
// "-1.17.2", "_2.12-1.13.6".
func distVersion(s string) string {
	if rest, ok := strings.CutPrefix(s, "_"); ok {
		_, s, _ = strings.Cut(rest, "-")
		return s
	}
	return strings.TrimPrefix(s, "-")
}

func parsePidFiles(lines []string) []PidFile {
	files := []PidFile{}
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		p := PidFile{Path: words[0], PIDs: []int{}}
		for _, w := range words[1:] {
			if n, err := strconv.Atoi(w); err == nil && n > 0 {
				p.PIDs = append(p.PIDs, n)
			}
		}
		files = append(files, p)
	}
	return files
}

func parseFlinkConfigs(f *Facts, m *memo, paths []string) []FlinkConfig {
	configs := []FlinkConfig{}
	for _, p := range paths {
		file, ok := f.File(p).Get()
		if !ok || slices.ContainsFunc(configs, func(c FlinkConfig) bool { return c.Path == p }) {
			continue
		}
		configs = append(configs, remember(m, func(h *hasher) { h.words("flink configuration", p, file.Content) }, func() FlinkConfig { return parseFlinkConfig(p, file.Content) }))
	}
	return configs
}

func parseFlinkConfig(file, text string) FlinkConfig {
	c := FlinkConfig{Path: file, Settings: map[string]ConfigSetting{}}
	var settings conf.FlinkSettings
	if path.Base(file) == "config.yaml" {
		var err error
		if settings, err = conf.FlinkYAML(file, text); err != nil {
			c.Error = err.Error()
		}
	} else {
		settings = conf.FlinkFlat(text)
	}
	for k, v := range settings {
		c.Settings[k] = ConfigSetting{Value: v.Value, Line: v.Line}
	}
	return c
}

// Setting is what a TaskManager takes for a key, and where it stands: an
// argument beats the configuration file of its directory, and there
// flink-conf.yaml beats config.yaml before Flink 2. Deprecated names count.
// tm may be nil: then the first configuration file that sets the key.
func (f *FlinkFacts) Setting(tm *TaskManager, key string) (value, source string, ok bool) {
	names := conf.FlinkNames(key)
	if tm != nil {
		for _, k := range names {
			if v, set := tm.Dynamic[k]; set {
				return v, fmt.Sprintf("/proc/%d/cmdline", tm.PID), true
			}
		}
	}
	for _, c := range f.effectiveConfigs(tm) {
		for _, k := range names {
			if s, set := c.Settings[k]; set {
				return s.Value, fmt.Sprintf("%s:%d", c.Path, s.Line), true
			}
		}
	}
	return "", "", false
}

// effectiveConfigs are the files that count for a TaskManager, at most one a
// directory.
func (f *FlinkFacts) effectiveConfigs(tm *TaskManager) []FlinkConfig {
	var found []FlinkConfig
	for _, c := range f.Configs {
		dir, base := path.Split(c.Path)
		dir = path.Clean(dir)
		version := f.Versions[path.Dir(dir)]
		if tm != nil {
			if dir != path.Clean(tm.ConfigDir) && tm.ConfigDir != "" && path.IsAbs(tm.ConfigDir) && f.hasConfigIn(tm.ConfigDir) {
				continue
			}
			version = tm.Version
		}
		two := strings.HasPrefix(version, "2.")
		switch {
		case two && base == "flink-conf.yaml":
			continue
		case !two && base == "config.yaml" && f.hasConfig(dir+"/flink-conf.yaml"):
			continue
		}
		found = append(found, c)
	}
	return found
}

func (f *FlinkFacts) hasConfig(p string) bool {
	return slices.ContainsFunc(f.Configs, func(c FlinkConfig) bool { return c.Path == p })
}

func (f *FlinkFacts) hasConfigIn(dir string) bool {
	return slices.ContainsFunc(f.Configs, func(c FlinkConfig) bool { return path.Dir(c.Path) == path.Clean(dir) })
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
