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
	// packetSize is how much is sent in a packet at most. x/crypto keeps three
	// buffers of the largest for each connection: to make and collect them costs
	// more than the packets do.
	packetSize = 8 << 10
	// wholeGrace is how long the exit status and the end of stderr are waited
	// for after the whole answer has come. They come in the same flight.
	wholeGrace = 200 * time.Millisecond
	// statusGrace is how long more output is waited for after the exit status,
	// and the exit status after the end of output. A host under heavy load may
	// lie long between the two; only where an answer is not whole is it waited.
	statusGrace = 3 * time.Second
	// completeEvery is the least time between two looks at incomplete output,
	// so that a host that prints byte by byte does not make us look each time.
	completeEvery = 100 * time.Millisecond
)

// exit is how the shell ended.
type exit struct {
	status int    // -1 if the host did not say
	signal string // of exit-signal
}

// streams are a started /bin/sh, here or on a host.
type streams struct {
	stdin          io.WriteCloser
	stdout, stderr io.Reader
	exits          <-chan exit
	// leave gives the streams up: what runs sees the end of its input. cut
	// ends all that it came through, where no more is to be read of it.
	leave, cut func()
}

// exec starts a shell on a logged-in connection, which it closes when ctx ends
// before there is one. It is one exec and one channel; x/crypto's Session is
// not used because its Wait comes back only when the host closes the channel,
// which something the host left running may put off for ever.
func (c *connected) exec(ctx context.Context) (*streams, *Error) {
	ch, reqs, err := c.openChannel(ctx)
	if err != nil {
		lost := "the server closed the connection right after login"
		if c.sessions > 1 {
			lost = "the connection was lost"
		}
		return nil, sessionError(ctx, err, lost)
	}
	exits := make(chan exit, 1)
	go func() { exits <- awaitExit(reqs) }()
	ok, err := bounded(ctx, c.client, func() (bool, error) {
		return ch.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{shell}))
	})
	if err != nil || !ok {
		go ch.Close()
		return nil, execError(ctx, err)
	}
	return &streams{
		stdin: channelInput{ch}, stdout: ch, stderr: ch.Stderr(), exits: exits,
		leave: func() { go ch.Close() }, // it writes, and the other end may not read
		cut:   func() { go c.client.Close() },
	}, nil
}

const (
	// reopenEvery and reopenFor are how a session is asked for again where the
	// one before it has ended but sshd has not cleared it away, so that
	// MaxSessions 1 is enough. Nothing was started by then.
	reopenEvery = 20 * time.Millisecond
	reopenFor   = 2 * time.Second
)

// openChannel opens a session.
func (c *connected) openChannel(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	type opened struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
	}
	for start := time.Now(); ; {
		o, err := bounded(ctx, c.client, func() (o opened, err error) {
			o.ch, o.reqs, err = c.client.OpenChannel("session", nil)
			return o, err
		})
		var refused *ssh.OpenChannelError
		if err == nil || !errors.As(err, &refused) || c.sessions == 0 || time.Since(start) > reopenFor {
			c.sessions++
			return o.ch, o.reqs, err
		}
		t := time.NewTimer(reopenEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, nil, err
		}
	}
}

// channelInput is the input of a channel. Its Close ends the input alone.
type channelInput struct{ ch ssh.Channel }

func (c channelInput) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		var k int
		k, err = c.ch.Write(p[:min(len(p), packetSize)])
		n, p = n+k, p[k:]
	}
	return n, err
}
func (c channelInput) Close() error { return c.ch.CloseWrite() }

// session runs a script on a logged-in connection.
func session(ctx context.Context, c *connected, text []byte, lim Limits, s Script, res *Result) {
	sh, e := c.exec(ctx)
	if e != nil {
		res.Err = e
		return
	}
	c.paced(true)
	defer c.paced(false)
	r := newRunning(sh, lim)
	go func() {
		if _, err := sh.stdin.Write(text); err == nil {
			sh.stdin.Close()
		}
	}()
	e = r.wait(ctx, s.Complete)
	sh.leave()
	res.settle(r, s.Complete, lim, e)
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

func sessionError(ctx context.Context, err error, lost string) *Error {
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
	return lostConnection(PhaseSession, lost, err)
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

// noChannel is what x/crypto/ssh says of a connection that ends while a channel
// is asked for.
const noChannel = "ssh: unexpected packet in response to channel open: <nil>"

func lostConnection(phase Phase, reason string, err error) *Error {
	if !errors.Is(err, io.EOF) && err.Error() != noChannel {
		reason += fmt.Sprintf(" (%s)", excerptText(err.Error()))
	}
	return &Error{Phase: phase, Reason: reason, Err: err, Hint: "the log of sshd on the host says why"}
}
