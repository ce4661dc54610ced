package demo

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// command is the only one that is executed.
const command = "exec /bin/sh -s"

// statusNotFound is what a shell answers for a command it does not have.
const statusNotFound = 127

// noLoginText is what nologin(8) prints.
const noLoginText = "This account is currently not available.\n"

// bigLineSize is how much BigLine prints, in bytes.
const bigLineSize = 1 << 30

// session serves one session channel: one exec and nothing else.
func (c *conn) session(ctx context.Context, nc ssh.NewChannel) {
	switch c.host.Behave.Fault {
	case NoChannelReply, ChannelFlood:
		return
	case NoSessions:
		nc.Reject(ssh.ConnectionFailed, "open failed") // sshd's words over MaxSessions
		return
	}
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	started := false
	for r := range requests {
		if r.Type != "exec" {
			reply(r, false) // no terminal, environment, shell or subsystem
			continue
		}
		c.execs.Add(1)
		fault := c.host.Behave.Fault
		if fault == NoExecReply {
			continue
		}
		if started || fault == ExecRefused {
			reply(r, false)
			continue
		}
		started = true
		reply(r, true)
		if fault == CloseExec {
			c.hangUp()
			continue
		}
		wg.Go(func() { c.exec(ctx, ch, r.Payload) })
	}
	cancel() // the channel is gone: so is its script
	wg.Wait()
	ch.Close()
}

func reply(r *ssh.Request, ok bool) {
	if r.WantReply {
		r.Reply(ok, nil)
	}
}

// exec answers one exec request to its end.
func (c *conn) exec(ctx context.Context, ch ssh.Channel, payload []byte) {
	var request struct{ Command string }
	if err := ssh.Unmarshal(payload, &request); err != nil || request.Command != command {
		io.WriteString(ch.Stderr(), "this host executes nothing but: "+command+"\n")
		c.status(ch, statusNotFound)
		c.finish(ctx, ch)
		return
	}
	b := c.host.Behave
	var stdout io.Writer = ch
	if b.Fault == OneBytePackets {
		stdout = byteWriter{stdout}
	}
	if b.CutStdout > 0 {
		stdout = &cutWriter{w: stdout, left: b.CutStdout, cut: c.hangUp}
	}
	line := []byte(strings.Repeat("flood ", 20) + "\n")
	switch b.Fault {
	case NoLogin:
		io.WriteString(stdout, b.Before+noLoginText)
		c.status(ch, 1)
		c.finish(ctx, ch)
	case Hang:
		io.Copy(io.Discard, ch)
		<-ctx.Done()
	case Flood:
		repeat(stdout, line)
	case FloodBytes:
		repeat(byteWriter{stdout}, []byte("x"))
	case DripOutput:
		drip(ctx, stdout, nil)
	case FloodStderr:
		repeat(ch.Stderr(), line)
	case BigLine:
		chunk := bytes.Repeat([]byte("x"), 32*1024)
		for n := 0; n < bigLineSize; n += len(chunk) {
			if _, err := stdout.Write(chunk); err != nil {
				return
			}
		}
		c.status(ch, 0)
		c.finish(ctx, ch)
	default:
		io.WriteString(stdout, b.Before)
		stdin := c.stdin(ch)
		p := process{ctx: ctx, server: c.ctx, stdin: stdin, held: &stdin.held, stdout: stdout, stderr: ch.Stderr()}
		status, told := 0, b.CutStdout == 0 // or it might be told before the cut
		c.host.run(p, func(n int) {
			if status = n; told {
				c.status(ch, status)
			}
		})
		io.WriteString(stdout, b.After)
		if !told {
			c.status(ch, status)
		}
		c.finish(ctx, ch)
	}
}

// input is what comes through a channel as something that can be closed: a
// read of the channel ends only with the channel, and that closes only after
// the script.
type input struct {
	*io.PipeReader
	held atomic.Bool // the channel is gone, and the client had not ended its input
}

func (c *conn) stdin(ch ssh.Channel) *input {
	r, w := io.Pipe()
	in := &input{PipeReader: r}
	c.wg.Go(func() {
		_, err := io.Copy(w, ch)
		// A channel that is gone reads like one whose input has ended, but
		// nothing can be sent on it.
		_, gone := ch.SendRequest("end-of-input@tmdoctor", false, nil)
		in.held.Store(gone != nil || c.net.lost.Load())
		w.CloseWithError(err)
	})
	return in
}

// process is what a script has around it.
type process struct {
	ctx            context.Context // ends with the channel
	server         context.Context // ends with the server
	stdin          io.ReadCloser
	held           *atomic.Bool // see input; valid once stdin has ended
	stdout, stderr io.Writer
}

// run gives the script to whatever stands for the host's shell. The status is
// told when that has ended, which may be before the end of its output.
func (h Host) run(p process, exited func(status int)) {
	defer p.stdin.Close()
	switch {
	case h.Root != "":
		runShell(h.Root, p, exited)
	case h.Exec != nil:
		exited(h.Exec(p.ctx, p.stdin, p.stdout, p.stderr))
	default:
		io.WriteString(p.stderr, "this host has no root\n")
		exited(statusNotFound)
	}
}

// hangUp sends the end of the connection and leaves the close to the client:
// a close with input unread is a reset, which may overtake what was sent.
func (c *conn) hangUp() {
	if t, ok := c.net.Conn.(*net.TCPConn); ok {
		t.CloseWrite()
	}
}

// status tells the exit status as the behaviour has it. A server that is gone
// tells nothing more.
func (c *conn) status(ch ssh.Channel, status int) {
	if c.ctx.Err() != nil {
		return
	}
	payload := ssh.Marshal(struct{ Status uint32 }{uint32(status)})
	switch c.host.Behave.Fault {
	case CloseWithoutStatus:
		return
	case ShortStatus:
		payload = payload[:1]
	}
	ch.SendRequest("exit-status", false, payload)
}

// finish ends a session as the behaviour has it.
func (c *conn) finish(ctx context.Context, ch ssh.Channel) {
	if c.ctx.Err() != nil {
		return
	}
	switch c.host.Behave.Fault {
	case CloseWithoutStatus, ShortStatus:
	case StatusWithoutClose:
		<-ctx.Done()
	default:
		ch.CloseWrite()
	}
	ch.Close()
}

// byteWriter writes a byte at a time: a packet each.
type byteWriter struct{ w io.Writer }

func (b byteWriter) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := b.w.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// cutWriter calls cut when left bytes have passed.
type cutWriter struct {
	w    io.Writer
	left int
	cut  func()
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if len(p) < c.left {
		n, err := c.w.Write(p)
		c.left -= n
		return n, err
	}
	n, err := c.w.Write(p[:c.left])
	c.left = 0
	c.cut()
	if err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}
