package remote

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// The names of transports to hosts that are not this machine, as users write
// them.
const (
	TransportNative  = "native"
	TransportOpenSSH = "openssh"
)

// TransportNames are all of them, the default first.
var TransportNames = []string{TransportNative, TransportOpenSSH}

// Choice reaches each host by the transport that the inventory names for it,
// else by one for all. A transport is opened when it is needed first.
type Choice struct {
	opts Options
	name string

	nativeOnce, opensshOnce sync.Once
	native                  *Native
	openssh                 *OpenSSH
	nativeErr, opensshErr   error
}

// sshTransport is what both transports are.
type sshTransport interface {
	Transport
	Connector
	Resolve(inventory.Host) (Settings, error)
	Warnings() []string
}

// NewChoice opens the transport of the hosts for which none is named; "" is
// native. The error is that of [NewNative] or [NewOpenSSH].
func NewChoice(opts Options, name string) (*Choice, error) {
	c := &Choice{opts: opts.withDefaults(), name: cmp.Or(name, TransportNative)} // with what they share
	if _, err := c.open(c.name); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Choice) open(name string) (sshTransport, error) {
	switch name {
	case TransportNative:
		c.nativeOnce.Do(func() { c.native, c.nativeErr = NewNative(c.opts) })
		return c.native, c.nativeErr
	case TransportOpenSSH:
		c.opensshOnce.Do(func() { c.openssh, c.opensshErr = NewOpenSSH(c.opts) })
		return c.openssh, c.opensshErr
	}
	return nil, &Error{Phase: PhaseConfig, Reason: fmt.Sprintf("%q is not a transport", name), Hint: "the transports are native and openssh"}
}

// of is the transport of a host. An error is an *Error of that host.
func (c *Choice) of(h inventory.Host) (sshTransport, error) {
	t, err := c.open(cmp.Or(h.Transport, c.name))
	if _, ok := err.(*Error); err != nil && !ok {
		err = &Error{Phase: PhaseConfig, Reason: err.Error(), Err: err}
	}
	return t, err
}

// Run runs the script on a host.
func (c *Choice) Run(ctx context.Context, h inventory.Host, s Script) Result {
	t, err := c.of(h)
	if err != nil {
		return Result{Host: h, Address: h.Address, Port: h.Port, User: h.User, Err: err}
	}
	return t.Run(ctx, h, s)
}

// Prepare is that of [Native], for the hosts that it reaches.
func (c *Choice) Prepare(hosts []inventory.Host) {
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(h inventory.Host) bool { return cmp.Or(h.Transport, c.name) != TransportNative })
	if len(hosts) == 0 {
		return
	}
	if _, err := c.open(TransportNative); err == nil {
		c.native.Prepare(hosts)
	}
}

// Connect logs in to a host.
func (c *Choice) Connect(ctx context.Context, h inventory.Host) (Conn, error) {
	t, err := c.of(h)
	if err != nil {
		return nil, err
	}
	return t.Connect(ctx, h)
}

// Resolve says how a host would be reached, without connecting.
func (c *Choice) Resolve(h inventory.Host) (Settings, error) {
	t, err := c.of(h)
	if err != nil {
		return Settings{}, err
	}
	return t.Resolve(h)
}

// opened are the transports that were needed. It waits for one that is being
// opened, and keeps those from being opened that were not.
func (c *Choice) opened() (all []sshTransport) {
	c.nativeOnce.Do(func() { c.nativeErr = errNotOpened })
	c.opensshOnce.Do(func() { c.opensshErr = errNotOpened })
	if c.native != nil {
		all = append(all, c.native)
	}
	if c.openssh != nil {
		all = append(all, c.openssh)
	}
	return all
}

var errNotOpened = &Error{Phase: PhaseConfig, Reason: "the transports are closed"}

// Warnings are those of the transports in use, once the hosts are done with.
func (c *Choice) Warnings() (lines []string) {
	for _, t := range c.opened() {
		lines = append(lines, t.Warnings()...)
	}
	return lines
}

// Close ends what hosts share and waits for it.
func (c *Choice) Close() error {
	for _, t := range c.opened() {
		t.Close()
	}
	return nil
}
