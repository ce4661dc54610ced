package remote

import (
	"context"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Connect logs in to a host. The connection is asked for signs of life until
// it is closed, so that a host that went away in silence is noticed.
func (n *Native) Connect(ctx context.Context, h inventory.Host) (Conn, error) {
	_, r := n.reach(ctx, h)
	r.over()
	if r.res.Err != nil {
		return nil, r.res.Err
	}
	c := &sshConn{reached: r, sudo: asker{&n.sudo, forSudo, n.opts.AskSudo}, sign: askKeepAlive}
	c.close = sync.OnceFunc(c.close)
	life, end := context.WithCancel(n.life)
	c.end = end
	n.wg.Go(func() { c.watch(life, n) })
	return c, nil
}

// sshConn is a Conn over SSH.
type sshConn struct {
	*reached
	sudo asker
	end  context.CancelFunc
	sign func(*ssh.Client) error // asks for a sign of life

	mu     sync.Mutex
	asking *question // not answered yet; nil for none
}

// watch closes the connection when the other end gives no sign of life, or
// when nobody needs it any more.
func (c *sshConn) watch(life context.Context, n *Native) {
	defer c.end()
	gone := make(chan struct{})
	n.wg.Go(func() {
		defer close(gone)
		c.client.Wait()
	})
	keepAliveUntil(life, c.client, n.keepAlive, gone)
	c.close()
}

// Run runs a script as the login user.
func (c *sshConn) Run(ctx context.Context, s Script) Result { return c.run(ctx, s) }

// Start starts a program.
func (c *sshConn) Start(ctx context.Context, p Program) (Talk, error) {
	limited, stop := within(ctx, c.limits.Script)
	sh, e := c.exec(limited)
	stop()
	if e != nil {
		return nil, e
	}
	t := newTalk(sh, c.limits, c.res)
	if e := t.begin(ctx, p, c.sudo); e != nil {
		return nil, e
	}
	return t, nil
}

// question is a sign of life that was asked for.
type question struct {
	answered chan struct{} // closed when err is set
	err      error
}

// Alive reports whether the other end still answers. A question that was not
// answered stays asked, so that those after it wait for the same answer.
func (c *sshConn) Alive(ctx context.Context) error {
	c.mu.Lock()
	q := c.asking
	if q == nil {
		q = &question{answered: make(chan struct{})}
		c.asking = q
		go c.ask(q)
	}
	c.mu.Unlock()
	select {
	case <-q.answered:
		if q.err != nil {
			return lostConnection(PhaseSession, "the connection was lost", q.err)
		}
		return nil
	case <-ctx.Done():
		e := ended(ctx, PhaseSession, "no sign of life")
		if e.Kind == KindCanceled && context.Cause(ctx) == context.DeadlineExceeded {
			e = &Error{Phase: PhaseSession, Kind: KindTimeout, Reason: "the host gives no sign of life", Err: context.Cause(ctx)}
		}
		e.Hint = "the host hangs, or the network between"
		return e
	}
}

func (c *sshConn) ask(q *question) {
	q.err = c.sign(c.client)
	c.mu.Lock()
	c.asking = nil
	c.mu.Unlock()
	close(q.answered)
}

func askKeepAlive(client *ssh.Client) error {
	_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
	return err
}

// Close closes the connection. What runs sees the end of its input.
func (c *sshConn) Close() error {
	c.end()
	c.close()
	return nil
}
