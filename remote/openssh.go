package remote

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// OpenSSH reaches hosts through ssh(1), for what only it can do: GSSAPI,
// hardware keys, a Match that runs a command, any ssh_config. One ssh process a
// connection logs in and verifies the host key, by the user's own
// configuration; it opens no session. Sessions are ours, through its control
// socket, by the same code as [Native]'s, so that scripts, conversations, sudo
// and their limits cannot differ.
type OpenSSH struct {
	opts    Options
	limits  Limits
	program sshProgram
	sudo    password
	slots   chan struct{} // one for each ssh at work

	life context.Context // of connections that stay open
	end  context.CancelFunc
	wg   sync.WaitGroup
}

// filesEach is how many descriptors one ssh at work costs: its log (twice),
// its standard input and error, the control socket, and a spare.
const filesEach = 6

// NewOpenSSH looks for ssh(1); it connects to nothing. The error is an *Error.
func NewOpenSSH(opts Options) (*OpenSSH, error) {
	opts = opts.withDefaults()
	program, e := findSSH()
	if e != nil {
		return nil, e
	}
	slots := opts.Limits.InFlight
	if limit := descriptorLimit(); limit > 0 {
		slots = min(slots, (limit-spareDescriptors)/filesEach)
	}
	life, end := context.WithCancel(context.Background()) // ends with Close
	return &OpenSSH{
		opts: opts, limits: opts.Limits, program: program, slots: make(chan struct{}, max(slots, 1)), life: life, end: end,
	}, nil
}

// Close ends the connections that are left and waits for it.
func (o *OpenSSH) Close() error {
	o.end()
	o.wg.Wait()
	o.sudo.forget()
	return nil
}

// Warnings says which ssh is used.
func (o *OpenSSH) Warnings() []string {
	return []string{fmt.Sprintf("transport openssh: %s is %s", o.program.path, o.program.version)}
}

// Run runs the script on a host, through the user's own ControlMaster where
// one is running.
func (o *OpenSSH) Run(ctx context.Context, h inventory.Host, s Script) Result {
	ctx, c := o.reach(ctx, h, true)
	defer c.over()
	if c.res.Err != nil {
		return c.res
	}
	defer c.close()
	return c.run(ctx, s)
}

// Connect logs in to a host. It never goes through a ControlMaster of the
// user's: who verifies that a login still works needs a login.
func (o *OpenSSH) Connect(ctx context.Context, h inventory.Host) (Conn, error) {
	_, r := o.reach(ctx, h, false)
	r.over()
	if r.res.Err != nil {
		return nil, r.res.Err
	}
	life, end := context.WithCancel(o.life)
	c := &sshConn{reached: r, sudo: asker{&o.sudo, forSudo, o.opts.AskSudo}, end: end, sign: askByChannel}
	c.close = sync.OnceFunc(c.close)
	o.wg.Go(func() { // ssh itself notices a host that is gone, see keepAliveArgs
		defer end()
		gone := make(chan struct{})
		o.wg.Go(func() {
			defer close(gone)
			c.client.Wait()
		})
		select {
		case <-life.Done():
		case <-gone:
		}
		c.close()
	})
	return c, nil
}

// askByChannel asks for a sign of life: a control socket passes no global
// requests on. A channel of a type that nobody has is refused by the server,
// which is an answer.
func askByChannel(client *ssh.Client) error {
	ch, reqs, err := client.OpenChannel("keepalive@tmdoctor", nil)
	if err == nil {
		go ssh.DiscardRequests(reqs)
		return ch.Close()
	}
	if _, refused := err.(*ssh.OpenChannelError); refused {
		return nil
	}
	return err
}

// reach is as [Native]'s. Through an ssh that the user has logged in with
// before, only if borrow says so.
func (o *OpenSSH) reach(ctx context.Context, h inventory.Host, borrow bool) (context.Context, *reached) {
	r := &reached{limits: o.limits, over: func() {}, res: Result{Host: h, Address: h.Address, Port: h.Port, User: h.User}}
	if e := checkTarget(h); e != nil {
		r.res.Err = e
		return ctx, r
	}
	select {
	case o.slots <- struct{}{}:
	case <-ctx.Done():
		r.res.Err = ended(ctx, PhaseConnect, "")
		return ctx, r
	}
	free := sync.OnceFunc(func() { <-o.slots })
	ctx, r.over = within(ctx, o.limits.Host)
	r.close = free
	if e := o.login(ctx, h, borrow, r); e != nil {
		free()
		r.res.Err = e
	}
	return ctx, r
}

// login resolves, connects and authenticates; what it finds out goes into r.
func (o *OpenSSH) login(ctx context.Context, h inventory.Host, borrow bool, r *reached) *Error {
	start := time.Now()
	settings, e := o.resolve(ctx, h)
	if e != nil {
		return e
	}
	r.res.Address, r.res.Port, r.res.User = settings.Address, settings.Port, settings.User
	r.paced = func(bool) {}
	if borrow {
		if client := borrowMaster(ctx, settings.controlPath); client != nil {
			free := r.close
			r.client, r.close = client, func() { client.Close(); free() }
			r.res.Timing.Connect = time.Since(start)
			return nil
		}
	}
	if h.Jump == "" && settings.proxyJump != "none" {
		h.Jump = settings.proxyJump
	}
	tries, e := o.tries(ctx, &settings.Settings, h.Jump)
	if e != nil {
		return e
	}
	e = o.loginAnew(ctx, h, &settings, start, r)
	tries.told(e)
	return e
}

// loginAnew is a login by an ssh of its own, when it is its turn.
func (o *OpenSSH) loginAnew(ctx context.Context, h inventory.Host, settings *opensshSettings, start time.Time, r *reached) *Error {
	p := &admission{shared: o.opts.shared}
	defer p.leave()
	if e := o.turn(ctx, &settings.Settings, h.Jump, p); e != nil {
		return e
	}
	free := r.close
	m, e := o.startMaster(h, settings.strictness())
	if e != nil {
		return e
	}
	client, e := m.login(ctx, o.limits)
	connected, ready := m.log.times()
	if !connected.IsZero() {
		r.res.Timing.Connect = connected.Sub(start)
		if !ready.IsZero() {
			r.res.Timing.Auth = ready.Sub(connected)
		}
	}
	if e != nil {
		m.stop()
		return m.explain(&settings.Settings, e)
	}
	r.res.Warnings = append(settings.Warnings, m.log.warnings()...)
	if settings.LegacyAlgorithms {
		r.res.Warnings = append(r.res.Warnings, "legacy algorithms are those that ssh_config allows: ssh(1) is not asked for others")
	}
	r.client, r.close = client, func() { client.Close(); m.stop(); free() }
	return nil
}

// borrowMaster is the connection of a ControlMaster that the user runs, nil if
// there is none that is the user's alone.
func borrowMaster(ctx context.Context, socket string) *ssh.Client {
	if socket == "" || socket == "none" {
		return nil
	}
	st, err := os.Lstat(socket)
	if err != nil || st.Mode().Type() != os.ModeSocket || st.Mode().Perm()&0o077 != 0 || !ownedByUs(st) {
		return nil
	}
	client, err := dialMaster(ctx, socket)
	if err != nil {
		return nil
	}
	return client
}

// dialMaster is a client over the control socket of an ssh that has logged in
// (PROTOCOL.mux, "proxy mode").
func dialMaster(ctx context.Context, socket string) (*ssh.Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	client, err := bounded(ctx, conn, func() (*ssh.Client, error) {
		c, chans, reqs, err := ssh.NewControlClientConn(conn)
		if err != nil {
			return nil, err
		}
		return ssh.NewClient(c, chans, reqs), nil
	})
	if err != nil {
		conn.Close()
	}
	return client, err
}
