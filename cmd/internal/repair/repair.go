package repair

import (
	"time"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// Repair is one run of fix, rollback or resume.
type Repair struct {
	// Native reaches hosts, Local this machine.
	Native, Local remote.Connector
	// Audit judges hosts before and after; its Runner is not used.
	Audit   *audit.Audit
	Options fix.Options
	Limits  remote.Limits // InFlight bounds hosts at work at once
	Who     string        // USER@MACHINE, for the lock and the journal
	Run     string        // its id
	Journal *Journal      // nil while nothing is changed

	// Canary is how many hosts go first, alone; Batch how many at once after
	// them, 0 for all.
	Canary, Batch int
	// MaxFailures is how many hosts may fail or be rolled back before the run
	// stops; 0 stops at the first, a negative one at none.
	MaxFailures int
	Pause       time.Duration // between batches
	// Notify is called as things happen, from several goroutines at once.
	Notify func(Event)

	programs *programs // nil but in tests
}

// Event is a step of a run, for progress.
type Event struct {
	Host  string
	Step  Step
	Batch int   // 0 is the canary, -1 what a run before left open
	Of    int   // batches
	State State // with StepDone
}

// Step is what is done with a host, in words for progress.
type Step string

// The steps. StepDone is the last of a host; StepPause is of the run.
const (
	StepSurvey Step = "survey"
	StepApply  Step = "apply"
	StepVerify Step = "verify"
	StepKeep   Step = "keep"
	StepBack   Step = "roll back"
	StepLook   Step = "look"
	StepDone   Step = "done"
	StepPause  Step = "pause"
)

// Planned is a host and what it would get.
type Planned struct {
	Host  inventory.Host
	Index int
	// Before is what check shows of it.
	Before *report.Host
	// Plan is nil if Err is set.
	Plan *fix.Plan
	// Recheck says that the plan comes from a file that others may have written:
	// it is held against the host before anything is changed.
	Recheck bool
	// Err is why nothing could be planned: an *remote.Error, or what the host
	// answered. Unfinished is a run of fix that did not end there.
	Err        error
	Unfinished *fix.HostRun

	// opened are the users of whom a session opened before.
	opened map[string]bool
}

// State is how a host came out of a run.
type State string

// The states, the best first.
const (
	Nothing    State = "nothing"     // nothing to do
	Kept       State = "kept"        // applied, verified, to stay
	NotBegun   State = "not-begun"   // the run stopped before it
	Refused    State = "refused"     // not touched: it changed since it was planned, is locked, cannot be written
	RolledBack State = "rolled-back" // applied, failed verification, as it was before
	Unknown    State = "unknown"     // nobody knows what it is like: resume
	Stuck      State = "stuck"       // neither applied nor rolled back whole
)

// Done is a host after a run.
type Done struct {
	Planned *Planned
	State   State
	Reason  string
	Answer  *fix.Answer  // nil if it said nothing
	After   *report.Host // what check shows of it now, nil if it was not asked
	// Logins are the sessions that were tried afterwards, in words: "op by
	// ssh", "flink by su (PAM: su, common-session)".
	Logins []string
}

// Summary is a run after its end.
type Summary struct {
	Run     string
	Hosts   []Done // in the order of the plans
	Stopped string // why it stopped before all hosts were done, "" if it did not
}
