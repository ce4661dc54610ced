package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// shell is the whole command: any login shell understands it, and the
	// script on its standard input is never seen in a list of processes.
	shell = "exec /bin/sh -s"
	// wholeGrace is how long the exit status and the end of stderr are waited
	// for after the whole answer has come. They come in the same flight.
	wholeGrace = 200 * time.Millisecond
	// statusGrace is how long more output is waited for after the exit status,
	// and the exit status after the end of output.
	statusGrace = 500 * time.Millisecond
	// completeEvery is the least time between two looks at incomplete output,
	// so that a host that prints byte by byte does not make us look each time.
	completeEvery = 100 * time.Millisecond
)

// exit is how the shell ended.
type exit struct {
	status int    // -1 if the host did not say
	signal string // of exit-signal
}

// session runs a script on a logged-in connection, which it closes when ctx
// ends. It is one exec and one channel; x/crypto's Session is not used because
// its Wait comes back only when the host closes the channel, which something
// the host left running may put off for ever.
func session(ctx context.Context, c connected, text []byte, lim Limits, s Script, res *Result) {
	type opened struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
	}
	o, err := bounded(ctx, c.client, func() (o opened, err error) {
		o.ch, o.reqs, err = c.client.OpenChannel("session", nil)
		return o, err
	})
	if err != nil {
		res.Err = sessionError(ctx, err)
		return
	}
	exits := make(chan exit, 1)
	go func() { exits <- awaitExit(o.reqs) }()
	ok, err := bounded(ctx, c.client, func() (bool, error) {
		return o.ch.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{shell}))
	})
	if err != nil || !ok {
		res.Err = execError(ctx, err)
		return
	}
	c.paced()
	r := running{stdout: newCapture(lim.Stdout, lim.Drain), stderr: newCapture(lim.Stderr, lim.Stdout+lim.Drain), exits: exits, ended: make(chan error, 1)}
	r.start(func() {
		if _, err := o.ch.Write(text); err == nil {
			o.ch.CloseWrite()
		}
	}, o.ch, o.ch.Stderr())
	e := r.wait(ctx, s)
	go c.client.Close() // ends what was started; behind a jump host it may wait
	res.settle(&r, s, lim, e)
}

// awaitExit reads the requests of a channel until it says how the shell
// ended, or closes, and throws the rest away.
func awaitExit(reqs <-chan *ssh.Request) exit {
	e := exit{status: -1}
	for req := range reqs {
		if req.WantReply {
			req.Reply(false, nil)
		}
		switch {
		case req.Type == "exit-status" && len(req.Payload) == 4:
			e.status = int(binary.BigEndian.Uint32(req.Payload))
		case req.Type == "exit-signal":
			var m struct {
				Signal     string
				CoreDumped bool
				Error      string
				Lang       string
			}
			e.signal = "unknown"
			if ssh.Unmarshal(req.Payload, &m) == nil {
				e.signal = excerptText(m.Signal)
			}
		default:
			continue
		}
		go ssh.DiscardRequests(reqs) // until the connection closes
		return e
	}
	return e
}

func sessionError(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		e := ended(ctx, PhaseSession, "logged in, but no session began")
		e.Hint = "the host hangs: fork, PAM or a home directory that does not answer"
		return e
	}
	var open *ssh.OpenChannelError
	if errors.As(err, &open) {
		return &Error{Phase: PhaseSession, Reason: "logged in, but the server refused a session: " + excerptText(open.Message), Err: err,
			Hint: "check MaxSessions and ForceCommand in its sshd_config"}
	}
	return lostConnection(PhaseSession, "the server closed the connection right after login", err)
}

func execError(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		e := ended(ctx, PhaseSession, "logged in, but no shell began")
		e.Hint = "the host hangs: fork, PAM or a home directory that does not answer"
		return e
	}
	if err != nil {
		return lostConnection(PhaseSession, "the server closed the connection when it should start a shell", err)
	}
	return &Error{Phase: PhaseSession, Reason: "logged in, but the server could not start a shell",
		Hint: "most often the user is at the limit of processes: compare nproc and pids.max with ps -L -u USER on the host"}
}

func lostConnection(phase Phase, reason string, err error) *Error {
	if !errors.Is(err, io.EOF) {
		reason += fmt.Sprintf(" (%s)", excerptText(err.Error()))
	}
	return &Error{Phase: phase, Reason: reason, Err: err, Hint: "the log of sshd on the host says why"}
}
