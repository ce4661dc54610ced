package remote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// login is one handshake with a server, up to and with authentication.
type login struct {
	n     *Native
	s     *Settings
	keys  *hostKeys
	stop  []revokedFile // keys that are refused whatever keys says
	conn  *watched
	offer *offer

	account *account
	leave   func() // the account's turn; nil until authentication begins
	over    bool   // nobody waits for the login any more
	before  *Error // the login was refused by another name of the host

	mu      sync.Mutex
	keyErr  *Error // from the host key
	keySeen bool
	banner  []byte // the begin of the last: after what all are shown comes what PAM has to say
	banners int
	notes   []string // warnings
	legacy  []string // algorithms, see Result.Legacy
}

var errBanner = errors.New("banner without end")

// handshake logs in over a connection. The connection is closed on error.
func (n *Native) handshake(ctx context.Context, conn net.Conn, s *Settings, keys keySet, listen bool, spoke func()) (*ssh.Client, *login, error) {
	ctx, cancel := within(ctx, n.limits.Handshake)
	defer cancel()
	l := &login{n: n, s: s, conn: &watched{Conn: conn, ctx: ctx, slots: n.slots, spoke: spoke}, offer: &offer{ctx: ctx, s: s, set: keys},
		account: n.opts.shared.tried.get(s.accountKey())}
	l.offer.gone = l.conn.ended.Load
	var err error
	if l.keys, err = n.hostKeysFor(s.KnownHosts); err != nil {
		conn.Close()
		return nil, l, &Error{Phase: PhaseConfig, Reason: "known_hosts: " + err.Error(), Err: err,
			Hint: "make it readable, or name another file with --known-hosts"}
	}
	if l.stop, err = n.revokedFor(s.RevokedHostKeys); err != nil {
		conn.Close()
		return nil, l, &Error{Phase: PhaseConfig, Reason: "RevokedHostKeys: " + err.Error(), Err: err,
			Hint: "make it a file of public keys, one a line, or one of ssh-keygen -k: without it no host key is accepted"}
	}
	defer l.conn.done()
	client, err := bounded(ctx, conn, func() (*ssh.Client, error) {
		if listen {
			if err := l.conn.listen(min(time.Second, n.limits.Handshake/4)); err != nil {
				return nil, err
			}
		}
		c, chans, reqs, err := ssh.NewClientConn(l.conn, s.HostPort(), l.config())
		if err != nil {
			return nil, err
		}
		if agreed, ok := c.(ssh.AlgorithmsConnMetadata); ok {
			l.agreed(agreed.Algorithms())
		}
		client := ssh.NewClient(c, chans, reqs)
		l.conn.client.Store(client)
		return client, nil
	})
	l.offer.end(err)
	if err != nil {
		conn.Close()
		err = l.failure(ctx, err)
	}
	l.told(err)
	return client, l, err
}

func (l *login) config() *ssh.ClientConfig {
	return &ssh.ClientConfig{
		Config:            offered(l.s.LegacyAlgorithms),
		User:              l.s.User,
		HostKeyCallback:   l.hostKey,
		HostKeyAlgorithms: l.keys.hostKeyAlgorithms(l.s),
		BannerCallback:    l.showBanner,
		AuthCallback:      l.authenticate,
		ClientVersion:     "SSH-2.0-tmdoctor",
	}
}

func (l *login) hostKey(_ string, _ net.Addr, key ssh.PublicKey) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keySeen = true
	e := l.judge(key)
	// A host that only an authority vouches for is not known by a key: it may
	// be recorded like any unknown one, but not with a certificate gone bad.
	if e != nil && l.s.AcceptNew && e.Kind == KindUnknownKey {
		note, err := l.keys.record(l.s, key)
		if note != "" {
			l.notes = append(l.notes, note)
		}
		if err == nil {
			return nil
		}
		if !errors.As(err, &e) {
			e = &Error{Phase: PhaseHostKey, Reason: err.Error(), Err: err}
		}
	}
	if e != nil {
		l.keyErr = e
		return e
	}
	return nil
}

func (l *login) judge(key ssh.PublicKey) *Error {
	for _, f := range l.stop {
		if e := f.check(key); e != nil {
			return e
		}
	}
	return l.keys.check(l.s, key)
}

// showBanner keeps the first bytes of what the server shows before login. A
// server may send banners without end; then the connection is closed.
//
// It is tempting to return errBanner. The reading goroutine of x/crypto/ssh
// would wait forever to hand over the packets it has already read (its queue
// holds 16), because nobody asks for them any more. Without an error the
// login goes on until it has read what is left and finds the connection
// closed.
func (l *login) showBanner(message string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.endless() {
		return nil
	}
	l.banners += len(message) + 1
	if l.endless() {
		l.conn.Close()
		return nil
	}
	if strings.TrimSpace(message) != "" {
		l.banner = append(l.banner[:0], message[:min(len(message), maxHead)]...)
	}
	return nil
}

// endless is true once the server showed more than it may. l.mu is held.
func (l *login) endless() bool { return l.banners > l.n.limits.Banner }

// failure tells from how far the login got why it went no further.
func (l *login) failure(ctx context.Context, err error) error {
	l.mu.Lock()
	keyErr, keySeen, said := cmp.Or(l.keyErr, l.before), l.keySeen, bytes.Clone(l.banner)
	if l.endless() {
		err = errBanner
	}
	l.mu.Unlock()
	if keyErr != nil {
		return keyErr
	}
	head, spoke := l.conn.begun()
	l.offer.mu.Lock()
	authStarted, refused := l.offer.started, l.offer.refused && (!isLost(err) || len(l.offer.notes) > 0)
	refused = refused || l.offer.err != nil || l.offer.wrong
	l.offer.mu.Unlock()
	if ctx.Err() != nil && err != errBanner {
		return l.timedOut(ctx, head, spoke, keySeen)
	}
	var algo *ssh.AlgorithmNegotiationError
	switch {
	case errors.Is(err, errBanner):
		return &Error{Phase: PhaseAuth, Reason: fmt.Sprintf("banner of more than %d bytes: %s", l.n.limits.Banner, excerpt(said)), Err: err,
			Hint: "this is no well-behaved SSH server"}
	case errors.As(err, &algo):
		return algorithmError(algo)
	case refused:
		return l.offer.failure(err).says(said)
	case !spoke:
		return noVersion(head, err)
	case authStarted || keySeen:
		return l.lost(err).says(said)
	}
	e := &Error{Phase: PhaseHandshake, Err: err, Reason: "key exchange: " + excerptText(strings.TrimPrefix(err.Error(), "ssh: handshake failed: ")),
		Hint: "what answers is " + excerpt(head)}
	if isLost(err) {
		e.Reason = "server closed the connection during the key exchange"
	}
	return e
}

// notTheAccount is the hint where the connection ended once a key was offered.
const notTheAccount = "it may take the key and not the account (PAM: /etc/nologin, an expired account, access.conf): the log of sshd on the host says why"

// pamWaits is the hint for a login that does not end.
const pamWaits = "the server waits for something: a directory service, PAM, or a key that wants a touch"

// lost is for a connection that ended during login.
func (l *login) lost(err error) *Error {
	e := &Error{Phase: PhaseAuth, Err: err, Reason: "the server closed the connection during login", Hint: "the log of sshd on the host says why"}
	if !isLost(err) {
		e.Reason += ": " + excerptText(strings.TrimPrefix(err.Error(), "ssh: handshake failed: "))
	}
	if k, ok := l.offer.last(); ok {
		e.Reason += ", after " + k.label + " was offered as " + l.s.User
		e.Hint = notTheAccount
	}
	return e
}

// says adds what the server showed before it ended a login.
func (e *Error) says(said []byte) *Error {
	if t := tellIn(said); t != nil {
		said, e.Hint = t.line(said), t.hint
	}
	if text := excerptEnds(said); text != "" {
		e.Reason += "; it says " + text
	}
	return e
}

// isLost is true for errors that say only that the connection is no more.
func isLost(err error) bool {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (l *login) timedOut(ctx context.Context, head []byte, spoke, keySeen bool) error {
	e := ended(ctx, PhaseHandshake, "key exchange did not end")
	switch {
	case e.Phase == PhaseDeadline:
		return e
	case len(head) > 0 && !spoke && len(head) == maxHead:
		return noVersion(head, e.Err) // it spoke, and not SSH
	case keySeen:
		e.Phase = PhaseAuth
		e.Reason, _ = limitReason("login did not end", e.Err)
		e.Hint = pamWaits
	case !spoke:
		what := "connected, but no SSH server spoke"
		if len(head) > 0 {
			what = "the server said " + excerpt(head) + " and not its whole SSH version"
		}
		e.Reason, _ = limitReason(what, e.Err)
		e.Hint = "the host is overloaded or hangs, or something else listens on this port"
	default:
		e.Hint = "the host is overloaded or hangs"
	}
	return e
}

// errBusy marks a server that closed before it spoke, which is worth a retry.
var errBusy = errors.New("closed before the version")

// noVersion is for a connection that ended before the server's version line.
func noVersion(head []byte, err error) *Error {
	e := &Error{Phase: PhaseHandshake, Err: fmt.Errorf("%w: %w", errBusy, err),
		Reason: "server closed the connection before it said its SSH version",
		Hint:   "too many connections at once (MaxStartups, PerSourcePenalties), hosts.deny, or no SSH server on this port"}
	if text := excerpt(head); text != "" {
		if bytes.HasPrefix(head, []byte("SSH-")) {
			e.Reason = "server closed the connection in the middle of its SSH version: " + text
			return e
		}
		if strings.Contains(text, "MaxStartups") {
			e.Reason = "server takes no more connections: it says " + text
			e.Hint = "raise MaxStartups in its sshd_config, or work on fewer hosts at once"
			return e
		}
		if strings.Contains(text, "Not allowed at this time") { // for 15 s at least: no retry will be let in
			e.Reason, e.Err = "server takes no connections from here for a while: it says "+text, err
			e.Hint = "it punishes what came from here before (PerSourcePenalties in its sshd_config): wait some minutes, find out what failed, or exempt this machine (PerSourcePenaltyExemptList)"
			return e
		}
		e.Reason, e.Err = "not an SSH server: it says "+text, err
		e.Hint = "check the port: something else listens there"
	}
	return e
}

func algorithmError(a *ssh.AlgorithmNegotiationError) *Error {
	offers := slices.DeleteFunc(slices.Clone(a.RequestedAlgorithms), func(name string) bool {
		return strings.HasPrefix(name, "kex-strict-") || strings.HasPrefix(name, "ext-info-") // marks, no algorithms
	})
	return &Error{
		Phase: PhaseHandshake, Err: a,
		Reason: fmt.Sprintf("no common %s: the server offers only %s", excerptText(a.What), excerptText(strings.Join(offers, ", "))),
		Hint:   "update the SSH server; until then --legacy-algorithms, or legacy_algorithms: true for this host in YAML, admits what it offers",
	}
}

// agreed notes what only an old server needs.
func (l *login) agreed(n ssh.NegotiatedAlgorithms) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.legacy = legacyOf(n)
}

// notesSoFar are warnings about this login, and old algorithms it needed.
func (l *login) notesSoFar() (notes, legacy []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.offer.mu.Lock()
	defer l.offer.mu.Unlock()
	legacy = slices.Clone(l.legacy)
	if l.offer.sha1 {
		legacy = append(legacy, "user key "+ssh.KeyAlgoRSA)
	}
	return slices.Clone(l.notes), legacy
}
