package remote

import (
	"context"
	"io"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// PhaseSudo is when a host let us in, and its sudo did not make us root.
const PhaseSudo Phase = "sudo"

// Program is a program for /bin/sh that changes a host, or reads what root
// alone may see. Unlike a [Script] it may be spoken with while it runs.
type Program struct {
	// Text is the program, without a first line for the root of the host.
	Text []byte
	// Root runs it as root: by sudo where the login is another user. The text
	// is sent only after the host has printed READY with a nonce as root, so
	// that nothing of it can end as an attempt at a password.
	Root bool
	// End is the line with which the output is whole.
	End string
}

// Connector opens connections on which one thing after the other is run.
type Connector interface {
	// Connect logs in to a host. The error is an *Error. It retries what is
	// transient, and only before authentication.
	Connect(ctx context.Context, h inventory.Host) (Conn, error)
}

// Conn is a logged-in connection. Its methods are not for several goroutines
// at once.
type Conn interface {
	// Run runs a script as the login user, as [Transport] does.
	Run(ctx context.Context, s Script) Result
	// Start starts a program; ctx bounds the start alone. With an error, which
	// is an *Error, nothing of the program was sent. Without one it may have
	// begun, and it is never tried again: who does not know must look.
	Start(ctx context.Context, p Program) (Talk, error)
	// Alive reports whether the other end still answers, within ctx.
	Alive(ctx context.Context) error
	io.Closer
}

// Talk is a program under way. Its methods are not for several goroutines at
// once. When the context of one of them ends, or the connection, the talk is
// over: the program sees the end of its input, and is not killed.
type Talk interface {
	// Until waits for a whole line of standard output, after the one that was
	// waited for before, and gives all that was printed so far. The error is an
	// *Error: the program ended first, or the connection, or ctx.
	Until(ctx context.Context, line string) (stdout []byte, err error)
	// Say sends one line.
	Say(ctx context.Context, line string) error
	// Wait closes standard input and waits for the End line and the exit.
	Wait(ctx context.Context) Result
	// Abandon leaves the program as if the connection had been lost.
	Abandon()
}
