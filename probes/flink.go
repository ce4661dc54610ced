package probes

import _ "embed"

//go:embed flink.sh
var flinkScript string

// FlinkFacts are the processes and files of Flink on a host.
type FlinkFacts struct {
	// Searched is known if the process table was read to its end: only then
	// does an empty list mean that none runs.
	Searched Value[bool] `json:"searched" need:"needed"`
	// TaskManagers are the running ones, by pid.
	TaskManagers []TaskManager `json:"taskmanagers"`
	// JobManagers are pids of JobManagers on the same host.
	JobManagers []int `json:"jobmanagers"`
	// More is true if there are more TaskManagers than the script reads.
	More bool `json:"more"`
	// Homes are Flink installations: of running processes, of the inventory,
	// and where one usually lies, in that order, without repeats.
	Homes []string `json:"homes"`
	// LogDirs are directories with Flink logs, likewise.
	LogDirs []string `json:"log_dirs"`
	// Versions are what the jars of each home say, by home.
	Versions map[string]string `json:"versions"`
	// StatePaths are the directories that Flink uses here, as "ROLE PATH".
	StatePaths []string `json:"state_paths"`
	// PidFiles are what flink-daemon.sh left: a hint only, stale lines are
	// normal.
	PidFiles []PidFile `json:"pid_files"`
	// Configs are the configuration files, flattened; the content of keys
	// that are not on the allow-list never leaves the host.
	Configs []FlinkConfig `json:"configs"`
}

// TaskManager is one running TaskManager process.
type TaskManager struct {
	PID  int           `json:"pid"`
	UID  Value[int64]  `json:"uid" need:"needed"`
	User Value[string] `json:"user"`
	// MainClass is the class in argv by which it was recognised.
	MainClass string `json:"main_class"`
	// Started is when the process began, seconds since the epoch.
	Started Value[int64] `json:"started"`
	// JVMOptions are the allow-listed options before the class: -Xmx, -XX:,
	// -Dlog.file=, -Djava.io.tmpdir=.
	JVMOptions []string `json:"jvm_options"`
	// Dynamic are the allow-listed -D settings behind the class; they beat the
	// configuration file.
	Dynamic map[string]string `json:"dynamic"`
	// LogFile, ConfigDir, Home and Version are "" where argv does not tell.
	LogFile   string `json:"log_file"`
	ConfigDir string `json:"config_dir"`
	Home      string `json:"home"`
	Version   string `json:"version"`
	// ResourceID is taskmanager.resource-id if it was set.
	ResourceID string `json:"resource_id"`
	// Launch is how it was started, as far as the cgroup and parents tell.
	Launch Launch `json:"launch"`
	// Limits are the rows of /proc/PID/limits by item of limits.conf
	// ("nofile", "as", "nproc", "memlock", "core", "stack", ...), in the units
	// of /proc (bytes, counts).
	Limits Value[map[string]LimitPair] `json:"limits" need:"needed"`
	// Threads, VmSize, VmPeak and VmRSS are from /proc/PID/status; sizes in bytes.
	Threads Value[int64] `json:"threads" need:"needed"`
	VmSize  Value[int64] `json:"vm_size" need:"needed"`
	VmPeak  Value[int64] `json:"vm_peak" need:"needed"`
	VmRSS   Value[int64] `json:"vm_rss"`
	// Nested is true if the process is in a pid namespace below the host's
	// own: a container.
	Nested Value[bool] `json:"nested"`
	// Cwd is where hs_err files land; only its own user may see it.
	Cwd Value[string] `json:"cwd"`
	// Stdout is what file descriptor 1 points to, likewise: the .out file.
	Stdout Value[string] `json:"stdout"`
	// RocksDBLibrary is the librocksdbjni that the process has mapped, ""
	// where it has none, likewise.
	RocksDBLibrary Value[string] `json:"rocksdb_library"`
}

// What starts a TaskManager, as Launch.Kind names it.
const (
	LaunchSystemd   = "systemd"   // a unit of the system's manager
	LaunchUserUnit  = "user_unit" // a unit of a user's own manager
	LaunchLogin     = "login"     // a session that PAM opened
	LaunchYARN      = "yarn"      // a NodeManager, which hands its limits on
	LaunchContainer = "container"
	LaunchUnknown   = "unknown"
)

// Launch says what started a TaskManager.
type Launch struct {
	// Kind is one of the constants above.
	Kind string `json:"kind"`
	// Unit is the unit or scope, "" where there is none. Of a container or of
	// YARN it is the unit of what owns it (docker.service, the NodeManager's),
	// where the cgroup tells.
	Unit string `json:"unit"`
	// Services are the PAM services through which its session may have come, of
	// a login: one where it is known ("sshd", "cron").
	Services []string `json:"services"`
	// Session is the PAM service that opened the login session it is in, "" where
	// that is not known. A TaskManager of another user than the session's came
	// through one more of Services.
	Session string `json:"session,omitempty"`
	// Slices are those above it, the closest first: they limit tasks as well.
	Slices []string `json:"slices,omitempty"`
	// Owner is who decides its limits where neither a unit nor limits.conf
	// does: "docker", "YARN's NodeManager".
	Owner string `json:"owner,omitempty"`
	// Evidence is the cgroup path, session or parents that say so.
	Evidence string `json:"evidence"`
}

// LimitPair is the soft and the hard limit of a resource.
type LimitPair struct {
	Soft Limit `json:"soft"`
	Hard Limit `json:"hard"`
}

// PidFile is a file of flink-daemon.sh with one pid a line.
type PidFile struct {
	Path string `json:"path"`
	PIDs []int  `json:"pids"`
}

// FlinkConfig is a flink-conf.yaml or config.yaml, flattened.
type FlinkConfig struct {
	Path string `json:"path"`
	// Settings are the allow-listed keys as they stand in the file, with the
	// line each was read from.
	Settings map[string]ConfigSetting `json:"settings"`
	// Error is why the file could not be understood, with its line; else "".
	Error string `json:"error,omitempty"`
}

// ConfigSetting is one value of a configuration file.
type ConfigSetting struct {
	Value string `json:"value"`
	Line  int    `json:"line"`
}
