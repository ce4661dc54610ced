package fix

import "github.com/tmdoctor/tmdoctor/probes"

// PersistIn is where values are written to hold after a reboot or at the next
// login.
type PersistIn string

// The places. Auto is the file that wins on the host: sysctl.conf and
// limits.conf where they do, else a drop-in that sorts last, else both. Units
// have drop-ins only, and lines that limit the address space are changed where
// they stand.
const (
	PersistAuto   PersistIn = "auto"
	PersistMain   PersistIn = "main"    // /etc/sysctl.conf, /etc/security/limits.conf
	PersistDropIn PersistIn = "drop-in" // a file of our own that sorts last
	PersistBoth   PersistIn = "both"
)

// Options are what the operator allows. The zero value is the most careful.
type Options struct {
	PersistIn PersistIn `json:"persist_in"` // "" is PersistAuto
	// ForceManaged changes files too that another tool says it manages.
	ForceManaged bool `json:"force_managed"`
	// Running raises the limits of running TaskManagers as well, with
	// prlimit(1): at once, and gone at their next start.
	Running bool `json:"running"`
	// VmemToAs makes the item of vmem lines, which is none, as.
	VmemToAs bool `json:"vmem_to_as"`
	// RestartUnit restarts the systemd units of TaskManagers whose limits were
	// raised.
	RestartUnit bool `json:"restart_unit"`
	// AcceptUnverified plans changes also where nobody can try afterwards if
	// the TaskManager's user can still log in.
	AcceptUnverified bool `json:"accept_unverified"`
}

// Plan is all that one host would get. Nothing that is not in it is done.
type Plan struct {
	Host string `json:"host"`
	// Files are in the order in which they are replaced.
	Files []FileChange `json:"files"`
	// Live are values of the kernel and of running processes.
	Live []LiveChange `json:"live"`
	// Reload is true if systemd must read its units again.
	Reload bool `json:"reload"`
	// Restart are units that are restarted, only with Options.RestartUnit.
	Restart []string `json:"restart"`
	// Expect is what must hold afterwards.
	Expect []Expect `json:"expect"`
	// Query is read before and after: files, sessions, processes.
	Query Query `json:"query"`
	// Refused is what could be fixed by its kind and is not, with the reason. A
	// host with a refusal and without a change is left alone.
	Refused []Refusal `json:"refused"`
	// Advice are findings that only a person can mend.
	Advice []Advice `json:"advice"`
	// Notes say what was decided and why: which file, and what it shadows.
	Notes []string `json:"notes"`
}

// IsEmpty reports whether there is nothing to do.
func (p *Plan) IsEmpty() bool { return len(p.Files)+len(p.Live)+len(p.Restart) == 0 && !p.Reload }

// FileChange is one file as it is and as it will be. Path has no link in it.
type FileChange struct {
	Path string `json:"path"`
	// Absent is true if there is no such file yet. Only what the host itself
	// calls absent is.
	Absent bool   `json:"absent"`
	Before []byte `json:"before"` // base64 in JSON
	After  []byte `json:"after"`
	// BeforeSHA256 and AfterSHA256 are hexadecimal; BeforeSHA256 is "" of a
	// file that is absent.
	BeforeSHA256 string `json:"before_sha256"`
	AfterSHA256  string `json:"after_sha256"`
	// Mode and Owner (UID:GID) are those of a new file, and what a file that
	// exists must still have: it keeps them.
	Mode  string `json:"mode"` // "0644"
	Owner string `json:"owner"`
	// MakeDir is true if its directory is made first, 0755 root:root, and goes
	// again with a roll back.
	MakeDir bool `json:"make_dir"`
	// Settings are the settings that it is changed for.
	Settings []string `json:"settings"`
	// Why says why it is this file.
	Why string `json:"why"`
	// Managed is the tool that says it manages the file, "" for none.
	Managed string `json:"managed"`
}

// LiveKind is what a live value belongs to.
type LiveKind string

// The kinds of a live value.
const (
	LiveSysctl  LiveKind = "sysctl"  // a key of /proc/sys
	LiveProcess LiveKind = "process" // a limit of a running process
)

// LiveChange is a value that is changed at once. It is never lowered.
type LiveChange struct {
	Kind    LiveKind `json:"kind"`
	Setting string   `json:"setting"` // "vm.max_map_count", "nofile", "as"
	// PID and Started (field 22 of /proc/PID/stat, clock ticks since boot)
	// name a process for sure.
	PID     int    `json:"pid,omitempty"`
	Started string `json:"started,omitempty"`
	// Before and After are a number, or SOFT:HARD of a process ("unlimited"
	// where there is none).
	Before string `json:"before"`
	After  string `json:"after"`
}

// Expect is a value that must hold after a plan was applied.
type Expect struct {
	Setting string `json:"setting"`
	// Subject is the Subject or the Start of a probes.Standing: a user or a unit
	// is still there when its process is another.
	Subject string         `json:"subject"`
	Horizon probes.Horizon `json:"horizon"`
	AtLeast probes.Limit   `json:"at_least"`
	// Soft says that the soft limit must reach it, not only the hard one.
	Soft bool `json:"soft,omitempty"`
}

// Refusal is something that is not done, and why.
type Refusal struct {
	Setting string `json:"setting"`
	Subject string `json:"subject"`
	Reason  string `json:"reason"`
	// Instead is what the operator can do: the change in the words of the tool
	// that manages the file, or the remedy.
	Instead string `json:"instead"`
}

// Advice is a finding that stays with a person.
type Advice struct {
	Code    string `json:"code"`
	Subject string `json:"subject"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}
