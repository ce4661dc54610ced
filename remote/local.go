package remote

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Local runs scripts on this machine, with the same limits as on any other.
// The zero value has the default limits.
type Local struct {
	Limits Limits
	// AskSudo is as in [Options].
	AskSudo func() ([]byte, error)

	sudo password
}

// Close does nothing: local hosts share nothing.
func (l *Local) Close() error { return nil }

// Run runs the script in a process group of its own. Whatever is left of the
// group when the result is known is killed.
func (l *Local) Run(ctx context.Context, h inventory.Host, s Script) Result {
	lim := l.Limits.withDefaults()
	res := Result{Host: h, Address: "localhost", User: h.User}
	start := time.Now()
	ctx, cancel := within(ctx, min(lim.Script, lim.Host))
	defer cancel()
	if ctx.Err() != nil {
		res.Err = ended(ctx, PhaseSession, "")
		return res
	}
	p, err := startShell()
	if err != nil {
		res.Err = shellError(err)
		return res
	}
	defer p.close()
	r := newRunning(p.streams(), lim)
	text := s.Text(h)
	go func() {
		p.stdin.Write(text)
		p.stdin.Close()
	}()
	e := r.wait(ctx, s.Complete)
	res.settle(r, s.Complete, lim, e)
	res.Timing.Script = time.Since(start)
	return res
}

// settle takes what was captured, and judges if it is the whole answer.
func (res *Result) settle(r *running, complete func([]byte) bool, lim Limits, e *Error) {
	var cut bool
	res.Stdout, res.Truncated = r.stdout.seal()
	res.Stderr, cut = r.stderr.seal()
	res.Truncated = res.Truncated || cut
	res.ExitStatus = r.exit.status
	if e == nil && !complete(res.Stdout) {
		e = incomplete(res, r.exit, lim)
	}
	if e != nil {
		res.Err = e
	}
}

// localShell is a started process, /bin/sh if it is for a script. Its pipes are plain files, so that what a
// script leaves running cannot hold up the wait for the shell itself.
type localShell struct {
	cmd                   *exec.Cmd
	stdin, stdout, stderr *os.File
	exits                 chan exit
	reaped                chan struct{}
}

func startShell() (*localShell, error) {
	cmd := exec.Command("/bin/sh", "-s")
	cmd.Dir = "/"
	ownGroup(cmd)
	return startPiped(cmd)
}

// startPiped starts a command that leads a process group.
func startPiped(cmd *exec.Cmd) (*localShell, error) {
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			f.Close()
		}
	}
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll()
			return nil, err
		}
		files = append(files, r, w)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[3], files[5]
	if err := cmd.Start(); err != nil {
		closeAll()
		return nil, err
	}
	for _, i := range []int{0, 3, 5} {
		files[i].Close()
	}
	p := &localShell{cmd: cmd, stdin: files[1], stdout: files[2], stderr: files[4], exits: make(chan exit, 1), reaped: make(chan struct{})}
	go p.wait()
	return p, nil
}

func (p *localShell) wait() {
	defer close(p.reaped)
	err := p.cmd.Wait()
	e := exit{status: p.cmd.ProcessState.ExitCode()}
	var ee *exec.ExitError
	if errors.As(err, &ee) && e.status < 0 {
		e.signal = ee.ProcessState.String()
	}
	p.exits <- e
}

// streams are the shell's, which is left alone when they are given up.
func (p *localShell) streams() *streams {
	leave := func() {
		p.stdin.Close()
		p.stdout.Close()
		p.stderr.Close()
	}
	return &streams{stdin: p.stdin, stdout: p.stdout, stderr: p.stderr, exits: p.exits, leave: leave, cut: leave}
}

// close kills what is left of the group. A group whose shell was waited for
// is killed too: it may hold what the script left behind, and the number is
// not given to others as long as it does.
func (p *localShell) close() {
	killGroup(p.cmd)
	p.stdin.Close()
	p.stdout.Close()
	p.stderr.Close()
	// A process in uninterruptible sleep is not reaped; it is not waited for.
	t := time.NewTimer(lingering)
	defer t.Stop()
	select {
	case <-p.reaped:
	case <-t.C:
	}
}

func shellError(err error) *Error {
	return &Error{Phase: PhaseSession, Reason: "starting /bin/sh: " + err.Error(), Err: err, Hint: shellHint(err)}
}

func shellHint(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "this machine has no /bin/sh"
	case errors.Is(err, syscall.EAGAIN):
		return "the limit of processes is reached: compare ulimit -u with ps -L -u USER"
	case errors.Is(err, syscall.EMFILE):
		return "no file descriptor left: raise ulimit -n, or work on fewer hosts at once"
	}
	return ""
}
