package fix

// Outcome is how a program that changes a host ended, or where it waits.
type Outcome string

// The outcomes.
const (
	Untouched  Outcome = "untouched"   // it stopped before the first change
	Applied    Outcome = "applied"     // all is changed; the host waits for a verdict
	Kept       Outcome = "kept"        // the verdict was keep
	RolledBack Outcome = "rolled-back" // all is as it was before
	// Stuck is a roll back that could not be carried out whole: Files tells
	// what is how.
	Stuck Outcome = "stuck"
)

// Answer is what a program that changes a host said.
type Answer struct {
	Outcome Outcome
	// Reason is why it is not what was asked for, "" if it is.
	Reason string
	Files  []FileResult
	Live   []LiveResult
	// Steps are the operations in their order, for a person who looks for the
	// one that failed.
	Steps []string
	// Notes are what a person should know: a label that could not be set, a
	// stale lock that was taken over.
	Notes []string
}

// FileResult is a file after the program.
type FileResult struct {
	Path   string
	State  FileNow
	SHA256 string // now; "" is absent
	Reason string
}

// FileNow is what a file of a plan is like on its host.
type FileNow string

// What a file is like: as it was, as it was to become, neither, or not known.
const (
	FileOld        FileNow = "old"
	FileNew        FileNow = "new"
	FileEdited     FileNow = "edited"
	FileUnreadable FileNow = "unreadable"
)

// LiveResult is a live value after the program, as it was read back.
type LiveResult struct {
	LiveChange
	Now    string
	Reason string // why it is not what was wanted
}
