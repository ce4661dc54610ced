package remote

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// silence is how long a login that has heard nothing keeps its places among
// those of its network and of its jump host. Hosts that are down or hang load
// neither, and a rack of them must not hold up its neighbours; once a host has
// spoken, its places are kept until the login is over.
const silence = 3 * time.Second

// door is what logins have to share: the sshd they go to, its network, the
// jump host they go through.
type door struct {
	key    string // tells it from all others
	name   string // for people
	places int
	strict bool // kept also by those who hear nothing
}

// doorsTo are the doors on the way to a host, the narrowest first: who waits at
// the second then keeps only those waiting who would wait there too. ip is not
// valid where the jump host looks the name up.
func (l Limits) doorsTo(way []Settings, hostPort string, ip netip.Addr) []door {
	through := wayKey(way)
	doors := []door{{key: through + hostPort, name: hostPort, places: l.AddressLogins, strict: true}}
	if network, err := ip.Unmap().Prefix(networkBits(ip)); err == nil && ip.IsValid() {
		doors = append(doors, door{key: through + network.String(), name: "network " + network.String(), places: l.NetworkLogins})
	}
	if len(way) > 0 {
		doors = append(doors, door{key: through, name: "what is behind jump host " + way[len(way)-1].Name, places: l.JumpLogins})
	}
	return doors
}

// networkBits are those of a rack or a subnet as networks are usually cut.
func networkBits(ip netip.Addr) int {
	if ip.Unmap().Is4() {
		return 24
	}
	return 64
}

// doorkeeper counts the logins at every door.
type doorkeeper struct {
	mu sync.Mutex
	at map[string]*crowd
}

// crowd are those at one door: in its places, or waiting for one.
type crowd struct {
	places chan struct{}
	size   int
}

// enter waits for a place, in the order of coming.
func (k *doorkeeper) enter(ctx context.Context, d door) (leave func(), e *Error) {
	k.mu.Lock()
	c, ok := k.at[d.key]
	if !ok {
		if k.at == nil {
			k.at = map[string]*crowd{}
		}
		c = &crowd{places: make(chan struct{}, d.places)}
		k.at[d.key] = c
	}
	c.size++
	k.mu.Unlock()
	gone := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if c.size--; c.size == 0 {
			delete(k.at, d.key)
		}
	}
	select {
	case c.places <- struct{}{}:
		return sync.OnceFunc(func() { <-c.places; gone() }), nil
	case <-ctx.Done():
		gone()
		return nil, ended(ctx, PhaseConnect, fmt.Sprintf("no place among the %d logins at a time to %s", d.places, d.name))
	}
}

// admission is all that one login holds, from before it connects until it is over.
type admission struct {
	shared *shared

	mu      sync.Mutex
	began   bool // by its own goroutine
	over    bool
	held    []func()
	lenient []func() // given back by those who hear nothing
	silence *time.Timer
}

// turn waits until a connection may be begun: for a place at each door, then by
// the rate. Where there is a rate, what a host waits for others is not its time.
func (p *admission) turn(ctx context.Context, doors []door) *Error {
	if p.shared.pace.limited() {
		defer standstill(ctx)()
	}
	for _, d := range doors {
		if p.began {
			break // a second try to connect has the places of the first
		}
		if e := p.enter(ctx, d); e != nil {
			return e
		}
	}
	if e := p.shared.pace.wait(ctx); e != nil {
		return e
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.began {
		p.began, p.silence = true, time.AfterFunc(p.shared.silence, p.heardNothing)
	}
	return nil
}

// another takes the place at a further address of the same host. The other
// doors are passed already, and the rate makes those after it wait.
func (p *admission) another(ctx context.Context, doors []door) *Error {
	p.shared.pace.spend()
	for _, d := range doors {
		if d.strict {
			if e := p.enter(ctx, d); e != nil {
				return e
			}
		}
	}
	return nil
}

func (p *admission) enter(ctx context.Context, d door) *Error {
	leave, e := p.shared.doors.enter(ctx, d)
	if e != nil {
		return e
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over:
		leave()
	case d.strict:
		p.held = append(p.held, leave)
	default:
		p.lenient = append(p.lenient, leave)
	}
	return nil
}

// spoke tells that the server has said something.
func (p *admission) spoke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silence != nil {
		p.silence.Stop()
	}
}

func (p *admission) heardNothing() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, leave := range p.lenient {
		leave()
	}
}

// leave gives all places back, also those that are entered later.
func (p *admission) leave() {
	p.spoke()
	p.heardNothing()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	for _, leave := range p.held {
		leave()
	}
}
