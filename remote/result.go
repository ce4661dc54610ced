package remote

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Phase is the step in which a host was lost. The names are those of the
// report ("unreachable": {"phase": ...}).
type Phase string

// The phases of a host, in their order.
const (
	PhaseConfig    Phase = "config"    // ssh_config or inventory cannot be honoured
	PhaseResolve   Phase = "resolve"   // the address has no IP
	PhaseJump      Phase = "jump"      // a jump host was lost
	PhaseConnect   Phase = "connect"   // no TCP connection
	PhaseHandshake Phase = "handshake" // no SSH server, or no common algorithm
	PhaseHostKey   Phase = "host_key"  // unknown, changed or revoked host key
	PhaseAuth      Phase = "auth"      // the server let us in with nothing we have
	PhaseSession   Phase = "session"   // logged in, but no shell was started
	PhaseScript    Phase = "script"    // the script did not come to its end
	PhaseDeadline  Phase = "deadline"  // --deadline or Ctrl-C ended the run first
)

// The further phases of a request to a REST API, which begins with resolve and
// connect too.
const (
	PhaseTLS    Phase = "tls"    // no TLS, or a certificate that is not trusted
	PhaseStatus Phase = "status" // no answer, or one with another status than 200
	PhaseDecode Phase = "decode" // the answer did not end, is too large or not what was asked for
)

// Error says why a host has no complete output.
type Error struct {
	Phase  Phase
	Reason string // one line, lower case, what happened; raw text from the host is escaped by the report
	Hint   string // what to do about it, often a command; may be empty
	Kind   Kind   // decided by code that must tell two reasons apart
	Err    error  // the cause, may be nil
}

// Kind tells apart reasons of one phase that callers treat differently.
type Kind string

// Kinds; the empty kind is everything else.
const (
	KindUnknownKey Kind = "unknown_key" // host key not in known_hosts: folded into one line that names --accept-new
	KindChangedKey Kind = "changed_key" // known_hosts has another key
	KindRevokedKey Kind = "revoked_key"
	// KindBadCertificate is a host certificate of an authority that is trusted,
	// with something else wrong: expired, or for other names.
	KindBadCertificate Kind = "bad_certificate"
	KindTimeout        Kind = "timeout"
	KindCanceled       Kind = "canceled" // the run ended first
)

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Phase, e.Reason) }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// Timing is how long each phase took; zero where it was not reached.
type Timing struct {
	Connect time.Duration // name look-up and TCP, through jump hosts if any
	Auth    time.Duration // SSH handshake and authentication
	Script  time.Duration // session, exec, output
}

// Result is what a script did on one host, before any judgement.
type Result struct {
	Host inventory.Host
	// Index is the place of the host in the slice given to Run.
	Index int
	// Address, Port and User are what was really used.
	Address string
	Port    int
	User    string
	// Stdout and Stderr are what was kept (see Limits); output beyond that
	// was read and thrown away, and Truncated says so.
	Stdout    []byte
	Stderr    []byte
	Truncated bool
	// ExitStatus is the script's own, meaningful only if Err is nil.
	ExitStatus int
	Timing     Timing
	// Ended is when the host's output was complete here; the script began
	// Timing.Script before it. Zero if it did not run to completion.
	Ended time.Time
	// Warnings are lines about how the host was reached (algorithms, keys
	// recorded), for -v.
	Warnings []string
	// Legacy are algorithms that only an old server needs, as "cipher
	// aes128-cbc", used because LegacyAlgorithms admits them.
	Legacy []string
	// Err is nil or an *Error: the script did not run to completion.
	Err error
}

// Script is what is run on a host: a program for /bin/sh on standard input.
type Script interface {
	// Text is the whole program for this host.
	Text(h inventory.Host) []byte
	// Complete reports whether stdout holds the whole answer, so that the
	// connection may be closed although something on the host still holds
	// the channel open. It is called as output arrives and must be cheap.
	Complete(stdout []byte) bool
}

// Transport runs a script on one host and comes back by the context's
// deadline, whatever the host does. The result's Err is nil only if the
// script's output came to its end.
type Transport interface {
	Run(ctx context.Context, h inventory.Host, s Script) Result
	io.Closer
}
