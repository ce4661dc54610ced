package probes

import "time"

// Horizon says which truth a value belongs to.
type Horizon string

// The horizons. Live also stands where nothing is a limit.
const (
	Running Horizon = "running" // the TaskManager process as it is
	Live    Horizon = "live"    // the kernel now, or a new session of the TaskManager's user
	Boot    Horizon = "boot"    // what will hold after a reboot
)

// Evidence is one line that shows a finding or a cause to be true.
type Evidence struct {
	Source string     `json:"source"`         // file:line, /proc path, or command
	Time   *time.Time `json:"time,omitempty"` // when it was written, nil if it does not say
	Text   string     `json:"text"`
}

// Finding is something a probe judged wrong on one host.
type Finding struct {
	Code     string  `json:"code"` // PROBE/slug
	Probe    string  `json:"probe"`
	Status   Status  `json:"status"` // warn or fail
	Horizon  Horizon `json:"horizon"`
	Subject  string  `json:"subject"`  // what it is about: "pid 4711", a path, a setting; "" for the host
	Observed string  `json:"observed"` // the value seen, with the host's own numbers
	Want     string  `json:"want"`
	Source   string  `json:"source"` // where observed was read
	// Message is one line without the host's own numbers (pids, usage), so
	// that the same finding on many hosts has the same message and folds.
	Message  string     `json:"message"`
	Evidence []Evidence `json:"evidence"`
	Remedy   string     `json:"remedy"`  // what to do on this host, as a command where there is one
	Fixable  bool       `json:"fixable"` // tmdoctor fix can do it
	Waived   *Waiver    `json:"waived"`  // the waiver that accepts it, or null
}

// Waiver is a finding that an operator accepted. It is still measured and
// shown.
type Waiver struct {
	Reason string `json:"reason"`
	Owner  string `json:"owner"`
	Until  string `json:"until"` // last day, YYYY-MM-DD, UTC
}

// NotSeen is an extra fact that could not be read: it leaves the verdict, but
// is said.
type NotSeen struct {
	Fact string `json:"fact"`
	Why  string `json:"why"`
}

// Check is one probe on one host, with its status.
type Check struct {
	Probe  string `json:"probe"`
	Status Status `json:"status"`
	// Observed is the cell of the table: the worst value over the host's
	// TaskManagers, short ("61204/65530", "?/262144").
	Observed string    `json:"observed"`
	Want     string    `json:"want"`
	Reason   string    `json:"reason"` // why unknown or skipped; else ""
	NotSeen  []NotSeen `json:"not_seen"`
	// Horizons are the values of the probe's setting on the three horizons;
	// empty for a probe that judges no limit.
	Horizons []Standing `json:"horizons"`
}

// Confidence is how well a cause is shown.
type Confidence string

// The confidences, the strongest first.
const (
	Proven   Confidence = "proven"   // the innermost error text and a host fact agree, or an hs_err file or kernel record shows it
	Likely   Confidence = "likely"   // one of the two, strong
	Possible Confidence = "possible" // a host fact alone
	History  Confidence = "history"  // was a cause; the TaskManager has recovered since
)

// Cause is why RocksDB, or the TaskManager around it, fails on this host.
type Cause struct {
	Cause      string     `json:"cause"` // a name of CauseDocs
	Confidence Confidence `json:"confidence"`
	Subject    string     `json:"subject"` // "pid 4711", a log file, a directory
	// Since is the time of the oldest evidence, nil where none tells a time.
	Since    *time.Time `json:"since"`
	Message  string     `json:"message"`
	Evidence []Evidence `json:"evidence"`
	Remedy   string     `json:"remedy"`
}

// Audit is the judgement of one host.
type Audit struct {
	Status   Status
	Checks   []Check
	Findings []Finding
	Causes   []Cause
	// implied are findings about the next boot that say nothing new beside one
	// about now: only At(Boot) shows them.
	implied []Finding
}
