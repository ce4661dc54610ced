package remote

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// Native reaches hosts with golang.org/x/crypto/ssh: one connection and one
// exec a host, nine round trips after TCP. It never forwards the agent, asks
// for no terminal, and verifies every host key.
type Native struct {
	opts     Options
	limits   Limits
	resolver *Resolver
	keys     keyring
	logins   logins
	jumps    jumpPool
	sudo     password
	slots    chan struct{} // one for each key exchange at work
	proxies  chan struct{} // one for each ProxyCommand at work

	life context.Context // of what hosts share: jump hosts
	end  context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	known   map[string]*knownFiles // by their names
	revoked map[string]*revokedFiles
	noticed []string // see Warnings

	backoff   time.Duration // before the first retry, at most
	keepAlive time.Duration // see keepAlive
}

// knownFiles is one set of known_hosts files, read by the first who needs it.
type knownFiles struct {
	once sync.Once
	keys *hostKeys
	err  error
}

// NewNative reads ssh_config; it connects to nothing. Close ends the
// connections that hosts share.
func NewNative(opts Options) (*Native, error) {
	opts = opts.withDefaults()
	resolver, err := NewResolver(opts)
	if err != nil {
		return nil, err
	}
	// Jump hosts outlive the host that first needed them, so their context
	// has no parent: it ends with Close.
	life, end := context.WithCancel(context.Background())
	return &Native{
		opts: opts, limits: opts.Limits, resolver: resolver, keys: keyring{ask: opts.AskPassphrase}, logins: logins{ask: opts.AskLogin},
		slots: make(chan struct{}, opts.Limits.Handshakes), proxies: make(chan struct{}, proxyCommands(descriptorLimit())), life: life, end: end,
		known: map[string]*knownFiles{}, revoked: map[string]*revokedFiles{}, backoff: 500 * time.Millisecond, keepAlive: keepAlive,
	}, nil
}

// Close ends what hosts share and waits for it.
func (n *Native) Close() error {
	n.end()
	n.wg.Wait()
	n.keys.agents.Close()
	n.sudo.forget()
	n.logins.forget()
	return nil
}

// Resolve says how a host would be reached, without connecting.
func (n *Native) Resolve(h inventory.Host) (Settings, error) { return n.resolver.Resolve(h) }

// Run runs the script on a host. It comes back by the earliest of ctx's end
// and the host's limit, with the phase the host was lost in.
func (n *Native) Run(ctx context.Context, h inventory.Host, s Script) Result {
	ctx, c := n.reach(ctx, h)
	defer c.over()
	if c.res.Err != nil {
		return c.res
	}
	defer c.close()
	return c.run(ctx, s)
}

// reach resolves a host and logs in to it. The result it leaves has what is
// known of the host, or why it was lost. The context is bounded by the host's
// limit until over is called, which is always to be done.
func (n *Native) reach(ctx context.Context, h inventory.Host) (context.Context, *reached) {
	r := &reached{limits: n.limits, over: func() {}, res: Result{Host: h, Address: h.Address, Port: h.Port, User: h.User}}
	res := &r.res
	settings, err := n.Resolve(h)
	if err != nil {
		res.Err = err
		return ctx, r
	}
	res.Address, res.Port, res.User, res.Warnings = settings.Address, settings.Port, settings.User, settings.Warnings
	for _, j := range settings.Jumps {
		res.Warnings = append(res.Warnings, j.Warnings...)
	}
	keys := n.keys.keysFor(ctx, &settings)
	keys.respondent = n.logins.respondent(&settings, false)
	ctx, r.over = within(ctx, n.limits.Host)
	if ctx.Err() != nil {
		res.Err = ended(ctx, PhaseConnect, "")
		return ctx, r
	}
	r.connected, err = n.login(ctx, &settings, keys)
	res.Warnings = append(res.Warnings, r.notes...)
	res.Timing, res.Legacy = r.timing, r.legacy
	if err != nil {
		res.Err = err
	}
	return ctx, r
}

// reached is a host that was logged in to, or not.
type reached struct {
	connected
	limits Limits
	res    Result // of what runs there, but for what it does
	over   context.CancelFunc
}

// run runs one script and leaves the connection open.
func (r *reached) run(ctx context.Context, s Script) Result {
	res := r.res
	start := time.Now()
	ctx, stop := within(ctx, r.limits.Script)
	defer stop()
	session(ctx, &r.connected, s.Text(res.Host), r.limits, s, &res)
	if r.proxy != nil {
		res.Err = r.proxy.lost(res.Err)
	}
	res.Timing.Script = time.Since(start)
	return res
}

// connected is a logged-in connection.
type connected struct {
	client   *ssh.Client
	paced    func(bool) // while a script runs, see watched.paced
	close    func()
	proxy    *proxied // nil without a ProxyCommand
	timing   Timing
	notes    []string
	legacy   []string
	sessions int // asked for so far
}

// retries is how often a connection that ended before authentication is
// tried again. After authentication nothing is.
const retries = 2

// login connects, through jump hosts if need be, and authenticates.
func (n *Native) login(ctx context.Context, s *Settings, keys keySet) (c connected, err error) {
	if !keys.suffices(s) {
		return c, (&offer{s: s, set: keys}).failure(nil)
	}
	if e := n.opts.shared.tried.get(s.accountKey()).before(ctx); e != nil {
		return c, e
	}
	for try := 0; ; try++ {
		c, err = n.attempt(ctx, s, keys, try > 0)
		if err == nil || try == retries || !errors.Is(err, errBusy) && !errors.Is(err, errShortage) {
			return c, err
		}
		// Full jitter: hosts turned away together must not come back together.
		t := time.NewTimer(rand.N(n.backoff << try))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return c, err
		}
	}
}

func (n *Native) attempt(ctx context.Context, s *Settings, keys keySet, listen bool) (c connected, err error) {
	start := time.Now()
	p := &admission{shared: n.opts.shared}
	defer p.leave()
	conn, release, err := n.connect(ctx, s, p)
	c.timing.Connect = time.Since(start)
	if err != nil {
		return c, err
	}
	start = time.Now()
	client, l, err := n.handshake(ctx, conn, s, keys, listen, p.spoke)
	c.timing.Auth = time.Since(start)
	c.notes, c.legacy = l.notesSoFar()
	if err != nil {
		release()
		if command, ok := conn.(*proxied); ok {
			err = command.explain(err)
		}
		return c, err
	}
	c.proxy, _ = conn.(*proxied)
	if k, ok := l.offer.key(); ok {
		n.keys.remember(s.User, k)
	}
	c.client, c.paced = client, l.conn.paced
	c.close = func() {
		go client.Close() // behind a jump host it may wait
		release()
	}
	return c, nil
}

// connect opens the connection to a host, directly, through jump hosts or by
// its ProxyCommand. release is to be called when it is no longer used.
func (n *Native) connect(ctx context.Context, s *Settings, p *admission) (conn net.Conn, release func(), err error) {
	if len(s.Jumps) > 0 {
		return n.through(ctx, s.Jumps, s, p)
	}
	release = func() {}
	var e *Error
	if s.ProxyCommand != "" {
		var command *proxied
		if command, e = n.proxy(ctx, s, p); e == nil {
			return command, func() { command.Close() }, nil
		}
	} else if conn, e = n.dial(ctx, s, p); e == nil {
		return conn, release, nil
	}
	return nil, release, e
}

// hostKeysFor is the index of known_hosts files, read once.
func (n *Native) hostKeysFor(files []string) (*hostKeys, error) {
	name := strings.Join(files, "\x00")
	n.mu.Lock()
	k, ok := n.known[name]
	if !ok {
		k = &knownFiles{}
		n.known[name] = k
	}
	n.mu.Unlock()
	k.once.Do(func() {
		if k.keys, k.err = readHostKeys(files); k.err == nil {
			n.warn(k.keys.warnings...)
		}
	})
	return k.keys, k.err
}

// warn keeps lines that belong to no single host.
func (n *Native) warn(lines ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.noticed = append(n.noticed, lines...)
}

// Warnings are what was noticed so far that belongs to no single host: lines
// of known_hosts files that were skipped, keys of jump hosts recorded.
func (n *Native) Warnings() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := slices.Clone(n.noticed)
	slices.Sort(lines)
	return slices.Compact(lines)
}
