package remote

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentTimeout bounds connecting to an agent and asking it for its keys. A
// forwarded agent whose connection died answers never.
const agentTimeout = 5 * time.Second

// keyAgent is one connection to an ssh-agent, shared by all hosts: an agent
// works on one request at a time anyway.
type keyAgent struct {
	ready   chan struct{} // closed when the rest is set
	conn    net.Conn
	signers []ssh.Signer
	err     error
}

// agents are the agents in use, by socket.
type agents struct {
	mu sync.Mutex
	by map[string]*keyAgent
}

// signers are the keys and certificates of the agent, those that want a touch
// last. The list is asked for once.
func (a *agents) signers(ctx context.Context, socket string) ([]ssh.Signer, error) {
	a.mu.Lock()
	k, ok := a.by[socket]
	if !ok {
		k = &keyAgent{ready: make(chan struct{})}
		if a.by == nil {
			a.by = map[string]*keyAgent{}
		}
		a.by[socket] = k
		go k.open(socket)
	}
	a.mu.Unlock()
	select {
	case <-k.ready:
		return k.signers, k.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (k *keyAgent) open(socket string) {
	defer close(k.ready)
	conn, err := net.DialTimeout("unix", socket, agentTimeout)
	if err != nil {
		k.err = fmt.Errorf("ssh-agent at %s: %w", socket, err)
		return
	}
	k.conn = conn
	dead := time.AfterFunc(agentTimeout, func() { conn.Close() })
	signers, err := agent.NewClient(conn).Signers()
	if !dead.Stop() || err != nil {
		conn.Close()
		k.err = fmt.Errorf("ssh-agent at %s does not answer", socket)
		return
	}
	for _, s := range signers {
		s = asCertificate(s)
		if s, err := withoutSHA1(s); err == nil {
			k.signers = append(k.signers, s)
		}
	}
	slices.SortStableFunc(k.signers, func(x, y ssh.Signer) int { return rank(x) - rank(y) })
}

// certSigner is a key of the agent known as the certificate it is.
type certSigner struct {
	ssh.AlgorithmSigner
	cert *ssh.Certificate
}

func (c certSigner) PublicKey() ssh.PublicKey { return c.cert }

// asCertificate makes a certificate of an agent one: the library gives all its
// keys as bytes and a type.
func asCertificate(s ssh.Signer) ssh.Signer {
	as, ok := s.(ssh.AlgorithmSigner)
	public, err := ssh.ParsePublicKey(s.PublicKey().Marshal())
	if cert, isCert := public.(*ssh.Certificate); ok && err == nil && isCert {
		return certSigner{as, cert}
	}
	return s
}

// rank orders what an agent holds: certificates first, as ssh does, and last
// what is in hardware that a person must touch.
func rank(s ssh.Signer) (n int) {
	if strings.HasPrefix(s.PublicKey().Type(), "sk-") {
		n += 2
	}
	if !isCert(s.PublicKey()) {
		n++
	}
	return n
}

// Close ends the connections, and with them every signature that still waits.
func (a *agents) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.by {
		<-k.ready // by agentTimeout
		if k.conn != nil {
			k.conn.Close()
		}
	}
	a.by = nil
}

// boundSigner gives up a signature when ctx ends: an agent may wait for a
// finger or a click that never comes.
type boundSigner struct {
	ssh.AlgorithmSigner
	ctx    context.Context
	signs  func(algorithm string)
	failed func(error)
}

func (b boundSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return b.SignWithAlgorithm(rand, data, "")
}

func (b boundSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	b.signs(algorithm)
	type answer struct {
		sig *ssh.Signature
		err error
	}
	done := make(chan answer, 1)
	go func() {
		sig, err := b.AlgorithmSigner.SignWithAlgorithm(rand, data, algorithm)
		done <- answer{sig, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			b.failed(a.err)
		}
		return a.sig, a.err
	case <-b.ctx.Done():
		return nil, context.Cause(b.ctx)
	}
}

// Algorithms keeps what withoutSHA1 chose.
func (b boundSigner) Algorithms() []string {
	if m, ok := b.AlgorithmSigner.(ssh.MultiAlgorithmSigner); ok {
		return m.Algorithms()
	}
	return []string{plainKey(b.PublicKey()).Type()} // RSA is a MultiAlgorithmSigner, see withoutSHA1
}
