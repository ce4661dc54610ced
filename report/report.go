package report

import (
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Schema names the shape of a report.
const Schema = "tmdoctor/report/v1"

// Report is one audit of many hosts, as a saved report holds it.
type Report struct {
	Schema string `json:"schema"`
	Run    Run    `json:"run"`
	Hosts  []Host `json:"hosts"`
	// Cluster is what Flink's REST API said, nil if it was not asked.
	Cluster *Cluster `json:"cluster,omitempty"`
	Fleet   Fleet    `json:"fleet"`
	Summary Summary  `json:"summary"`
}

// Run says what was asked, when and by which tmdoctor.
type Run struct {
	ID           string    `json:"id"`
	Started      time.Time `json:"started"`
	Version      string    `json:"version"`
	ScriptSHA256 string    `json:"script_sha256"`
	Policy       string    `json:"policy"` // file, "" for the default policy
	// Horizon is the only one that was judged, "" where all were: a report of
	// one says nothing about the others.
	Horizon probes.Horizon `json:"horizon"`
	// Selected is how many hosts were selected: fewer in the report means
	// that the run was cut short.
	Selected int `json:"selected"`
}

// Host is one host of the report.
type Host struct {
	Name    string        `json:"name"`
	Address string        `json:"address"`
	Port    int           `json:"port"`
	User    string        `json:"user"`
	Groups  []string      `json:"groups"`
	Status  probes.Status `json:"status"`
	// Unreachable is null if the script came to its end on the host.
	Unreachable  *Unreachable     `json:"unreachable"`
	TaskManagers []TaskManager    `json:"taskmanagers"`
	Checks       []probes.Check   `json:"checks"`
	Findings     []probes.Finding `json:"findings"`
	Causes       []probes.Cause   `json:"causes"`
	Facts        *probes.Facts    `json:"facts"` // null if unreachable
	Timing       Timing           `json:"timing"`

	// Index is the host's place in the inventory; formats that promise the
	// order of the inventory sort by it.
	Index int `json:"-"`
}

// Unreachable says in which phase a host was lost, why, and what to do.
type Unreachable struct {
	Phase  string `json:"phase"`
	Reason string `json:"reason"`
	Hint   string `json:"hint"`
	// Kind tells apart reasons that fold: "unknown_key", "changed_key", ...
	Kind string `json:"-"`
}

// TaskManager is one running TaskManager of a host.
type TaskManager struct {
	PID        int        `json:"pid"`
	User       string     `json:"user"`
	ResourceID string     `json:"resource_id"`
	Version    string     `json:"version"`
	Started    *time.Time `json:"started"`
	Launch     Launch     `json:"launch"`
}

// Launch is what started a TaskManager.
type Launch struct {
	Kind string `json:"kind"` // systemd, user_unit, login, yarn, container, unknown
	Unit string `json:"unit"`
}

// Timing is how long the phases took, in milliseconds.
type Timing struct {
	ConnectMS int64 `json:"connect_ms"`
	AuthMS    int64 `json:"auth_ms"`
	ScriptMS  int64 `json:"script_ms"`
}

// Fleet is what comparing hosts shows. Its findings count for the exit status
// and never change a host's.
type Fleet struct {
	Findings []probes.Finding `json:"findings"`
}

// Summary counts hosts and ranks causes over them.
type Summary struct {
	// Finished is null if the run was cut short.
	Finished *time.Time     `json:"finished"`
	Hosts    int            `json:"hosts"`
	OK       int            `json:"ok"`
	Warn     int            `json:"warn"`
	Fail     int            `json:"fail"`
	Unknown  int            `json:"unknown"`
	Causes   []CauseSummary `json:"causes"`
}
