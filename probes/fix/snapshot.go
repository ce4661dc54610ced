package fix

import (
	"fmt"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Query is what is read of a host before a plan is made, and again to verify
// it.
type Query struct {
	Paths   []string `json:"paths"`   // files whose every byte is wanted
	Sysctls []string `json:"sysctls"` // keys of /proc/sys
	Users   []string `json:"users"`   // whose new session is tried
	PIDs    []int    `json:"pids"`    // processes whose limits may be raised
	Units   []string `json:"units"`   // systemd units that may be restarted
	// Run is a run of fix whose traces on the host are wanted, "" for none. The
	// latest that is unfinished is told in any case.
	Run string `json:"run"`
}

// Snapshot is a host as root sees it. Nothing in it is a guess: what could not
// be read says why.
type Snapshot struct {
	Files     []FileState
	Sysctls   map[string]probes.Value[string]
	Sessions  []Session
	Processes []Process
	Units     []UnitState
	// Run is what the host knows of the run that was asked for, nil for
	// nothing; Unfinished the latest run that was neither kept nor rolled back.
	Run, Unfinished *HostRun
	// Lock says who holds the lock, "" for nobody. A lock whose holder is gone
	// is nobody's.
	Lock string
	// Obstacle is why the host cannot be changed at all: not root, no
	// sha256sum, no place for backups. "" for none.
	Obstacle string
}

// FileState is a path of a host.
type FileState struct {
	Path string // as it was asked for
	// Real is the path without links; "" where there is no such file, and then
	// Dir is its directory without links, "" if that does not exist either.
	Real, Dir string
	Kind      probes.FileKind
	Content   []byte
	SHA256    string
	Mode      string // "0644"
	Owner     string // UID:GID
	Links     int    // hard links; more than 1 would be broken
	// Obstacle is why the file cannot be replaced or made: read-only, immutable,
	// full, an overlay. "" for none.
	Obstacle string
}

// Session is a new session of a user, opened by root.
type Session struct {
	User string
	By   string // "su" or "runuser"
	// Limits are the lines of /proc/self/limits in it by item of limits.conf:
	// SOFT:HARD.
	Limits map[string]string
	// Failed is why it did not open, "" if it did.
	Failed string
}

// Process is a running process.
type Process struct {
	PID     int
	Started string // field 22 of /proc/PID/stat
	Limits  map[string]string
	Gone    bool
}

// UnitState is a systemd unit.
type UnitState struct {
	Unit        string
	Active, Sub string
	// Reloaded is true where systemd says that it has read all there is of it.
	Reloaded bool
	Unknown  string // why it could not be asked
}

// RunState is how far a run is on a host.
type RunState string

// The states of a run on a host. One that stopped before its first change leaves
// no trace.
const (
	RunStaged     RunState = "staged"      // backups are there, nothing was changed
	RunApplying   RunState = "applying"    // some files are new, some old
	RunApplied    RunState = "applied"     // all is changed, nobody has verified it
	RunKept       RunState = "kept"        // verified, and to stay
	RunRolledBack RunState = "rolled-back" // all is as it was
)

// HostRun is a run of fix as the host remembers it, under /var/lib/tmdoctor.
type HostRun struct {
	Run   string
	State RunState
	Who   string // who began it: USER@MACHINE
	Files []RunFile
	Live  []LiveChange
	// Reload and Restart are as in [Plan].
	Reload  bool
	Restart []string
	// Cut says that what the host kept of it has no end: there may be more.
	Cut bool
}

// known reports whether a state is one of ours.
func (s RunState) known() bool {
	switch s {
	case RunStaged, RunApplying, RunApplied, RunKept, RunRolledBack:
		return true
	}
	return false
}

// Open says of a run that did not end on its host which it is, and what ends it.
func (r *HostRun) Open() string {
	return fmt.Sprintf("run %.64s of %.64s did not end there (it is %.16s): tmdoctor fix --resume %.64[1]s, or tmdoctor rollback %.64[1]s", r.Run, r.Who, string(r.State))
}

// RunFile is a file that a run changes: what it was, what it was to become and
// what it is now, by hash; "" is absent.
type RunFile struct {
	Path                string
	Before, After, Now  string
	BeforeText, NowText []byte
}
