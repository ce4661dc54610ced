package remote

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// turn waits until a host may be connected to. ssh logs in to the jump hosts on
// the way by itself, for each host anew, so that it is the first of them whose
// sshd must not have too many logins at work.
func (o *OpenSSH) turn(ctx context.Context, s *Settings, jump string, p *admission) *Error {
	first := s
	if jumps := jumpNames(jump); len(jumps) > 0 {
		for range jumps {
			o.opts.shared.pace.spend()
		}
		first = &jumps[0]
	}
	ip, _ := netip.ParseAddr(first.Address)
	return p.turn(ctx, o.limits.doorsTo(nil, first.HostPort(), ip))
}

// sshTries are the logins that one ssh tries: to a host, and to the jump hosts
// before it, which it does not share with others.
type sshTries struct {
	jump, host *account // jump is nil where there is none
	leave      []func()
}

// tries waits until it may be tried to log in to a host: not before it is known
// that the first host by this way, or by another name, was not refused. It is
// known of a jump host late, when the host behind it speaks: those that are
// silent for a moment do not keep others from it.
func (o *OpenSSH) tries(ctx context.Context, s *Settings, jump string) (*sshTries, *Error) {
	host := *s
	host.Jumps = jumpNames(jump)
	t := &sshTries{host: o.opts.shared.tried.get("ssh " + host.accountKey())}
	all := []*account{t.host}
	if len(host.Jumps) > 0 {
		t.jump = o.opts.shared.tried.get("ssh by " + jump)
		all = []*account{t.jump, t.host}
	}
	for _, a := range all {
		leave, e := a.enter(ctx)
		if e != nil {
			t.over()
			return nil, e
		}
		time.AfterFunc(o.opts.shared.silence, leave)
		t.leave = append(t.leave, leave)
	}
	return t, nil
}

// told remembers how the login ended.
func (t *sshTries) told(e *Error) {
	defer t.over()
	refused := e != nil && errors.Is(e, errRefused)
	if t.jump != nil {
		switch {
		case e == nil || e.Phase != PhaseJump && e.Phase != PhaseDeadline && e.Phase != PhaseConfig && e.Phase != PhaseConnect:
			t.jump.letsIn()
		case refused && e.Phase == PhaseJump:
			t.jump.refuses(e)
		}
	}
	switch {
	case e == nil:
		t.host.letsIn()
	case refused && e.Phase == PhaseAuth:
		t.host.refuses(e)
	}
}

func (t *sshTries) over() {
	for _, leave := range t.leave {
		leave()
	}
}
