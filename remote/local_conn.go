package remote

import (
	"context"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Connect has nothing to connect to.
func (l *Local) Connect(ctx context.Context, h inventory.Host) (Conn, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx, PhaseSession, "")
	}
	return &localConn{local: l, host: h}, nil
}

// localConn is a Conn of Local.
type localConn struct {
	local *Local
	host  inventory.Host
	talks []*talk
}

// Run runs a script.
func (c *localConn) Run(ctx context.Context, s Script) Result { return c.local.Run(ctx, c.host, s) }

// Start starts a program in a process group of its own. It is never killed:
// like one on another host it ends by itself when its input does.
func (c *localConn) Start(ctx context.Context, p Program) (Talk, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx, PhaseSession, "")
	}
	sh, err := startShell()
	if err != nil {
		return nil, shellError(err)
	}
	t := newTalk(sh.streams(), c.local.Limits.withDefaults(), Result{Host: c.host, Address: "localhost", User: c.host.User})
	if e := t.begin(ctx, p, asker{&c.local.sudo, forSudo, c.local.AskSudo}); e != nil {
		return nil, e
	}
	c.talks = append(c.talks, t)
	return t, nil
}

// Alive is always so.
func (c *localConn) Alive(context.Context) error { return nil }

// Close leaves what still runs.
func (c *localConn) Close() error {
	for _, t := range c.talks {
		t.leave.Do(t.sh.leave)
	}
	return nil
}
