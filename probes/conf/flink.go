package conf

import (
	"slices"
	"strings"
)

// FlinkSetting is one key of a Flink configuration file as it counts.
type FlinkSetting struct {
	Key   string
	Value string
	Line  int // where the value stands, from 1
}

// FlinkSettings are the settings of one file by key; of a key that stands
// repeatedly only the one that wins.
type FlinkSettings map[string]FlinkSetting

// FlinkFlat reads flink-conf.yaml as Flink's own parser does before 1.19, and
// in 1.19 and 1.20 where that file exists: a # begins a comment anywhere, the
// first ": " divides key and value, a later line wins, quotes and nesting mean
// nothing. A line it cannot divide is left out, as Flink does with a warning
// (org.apache.flink.configuration.GlobalConfiguration, loadYAMLResource).
func FlinkFlat(text string) FlinkSettings {
	s := FlinkSettings{}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if ok && key != "" && value != "" {
			s[key] = FlinkSetting{Key: key, Value: value, Line: i + 1}
		}
	}
	return s
}

// FlinkYAML reads config.yaml, which is YAML 1.2: nested keys, flat keys
// ("a.b.c: v") and any mixture of both become flat ones. A list becomes its
// items joined by commas, which is how options that name several directories
// are written flat. The error is an *Error with the place.
func FlinkYAML(file, text string) (FlinkSettings, error) {
	root, err := YAML(file, []byte(text))
	if err != nil {
		return nil, err
	}
	s := FlinkSettings{}
	if root.Kind != Mapping && root.Kind != Nothing {
		return nil, &Error{File: file, Line: root.Line, Column: root.Column, Msg: "not a mapping of keys to values"}
	}
	s.flatten("", root)
	return s, nil
}

func (s FlinkSettings) flatten(prefix string, n Node) {
	for _, f := range n.Fields {
		key := prefix + f.Name
		switch f.Kind {
		case Mapping:
			s.flatten(key+".", f.Node)
		case List:
			s[key] = FlinkSetting{Key: key, Value: strings.Join(scalars(f.Node), ","), Line: f.Line}
		case Scalar:
			s[key] = FlinkSetting{Key: key, Value: f.Value, Line: f.Line}
		}
	}
}

// scalars are the values of a list, those of lists in it included.
func scalars(n Node) []string {
	if n.Kind == Scalar {
		return []string{n.Value}
	}
	var all []string
	for _, f := range n.Fields {
		all = append(all, scalars(f.Node)...)
	}
	return all
}

// Resolve is what Flink takes for key: the key itself, else the first of its
// deprecated names that is set. Key may be a deprecated name too.
func (s FlinkSettings) Resolve(key string) (FlinkSetting, bool) {
	for _, k := range FlinkNames(key) {
		if v, ok := s[k]; ok {
			return v, true
		}
	}
	return FlinkSetting{}, false
}

// FlinkNames are all names of a setting: today's first, then the deprecated
// ones in the order in which Flink asks for them.
func FlinkNames(key string) []string {
	for _, names := range flinkNames {
		if slices.Contains(names, key) {
			return names
		}
	}
	return []string{key}
}

// flinkNames are settings with their deprecated names, from the option
// classes named in the comments.
var flinkNames = [][]string{
	// StateBackendOptions, CheckpointingOptions
	{"state.backend.type", "state.backend"},
	{"execution.checkpointing.storage", "state.checkpoint-storage"},
	{"execution.checkpointing.dir", "state.checkpoints.dir", "state.backend.fs.checkpointdir"},
	{"execution.checkpointing.savepoint-dir", "state.savepoints.dir", "savepoints.state.backend.fs.dir"},
	{"execution.checkpointing.incremental", "state.backend.incremental"},
	{"execution.checkpointing.num-retained", "state.checkpoints.num-retained"},
	{"execution.checkpointing.local-backup.enabled", "state.backend.local-recovery"},
	{"execution.checkpointing.local-backup.dirs", "taskmanager.state.local.root-dirs"},
	{"execution.state-recovery.from-local", "state.backend.local-recovery"},
	// CoreOptions, ClusterOptions
	{"io.tmp.dirs", "taskmanager.tmp.dirs"},
	{"process.taskmanager.working-dir", "process.working-dir"},
	{"env.java.opts.all", "env.java.opts"},
	// TaskManagerOptions
	{"taskmanager.registration.timeout", "taskmanager.maxRegistrationDuration"},
	{"taskmanager.memory.process.size", "taskmanager.heap.size", "taskmanager.heap.mb"},
	// HighAvailabilityOptions, RestOptions
	{"high-availability.type", "high-availability", "recovery.mode"},
	{"high-availability.storageDir", "high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"},
	{"rest.port", "rest.web.port", "jobmanager.web.port"},
}
