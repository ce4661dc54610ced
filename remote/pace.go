package remote

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// shared is what all transports of one run have in common, so that a fleet of
// which some hosts are reached natively and some with ssh(1) is treated as one.
type shared struct {
	pace    *pacer
	doors   doorkeeper
	tried   accounts
	silence time.Duration // see silence
}

func newShared(l Limits) *shared { return &shared{pace: newPacer(l.Rate), silence: silence} }

// pacer spaces new connections out by [Limits].Rate: the first at once, each
// other one no sooner than a period after the one before.
type pacer struct {
	limiter *rate.Limiter // nil for no limit
}

func newPacer(perSecond float64) *pacer {
	if perSecond <= 0 {
		return &pacer{}
	}
	return &pacer{rate.NewLimiter(rate.Limit(perSecond), 1)}
}

// wait waits for the turn of one connection, in the order of asking. It is
// tempting to use [rate.Limiter.Wait], but that refuses at once what would come
// after a deadline, and a run that will end first is to end when it ends.
func (p *pacer) wait(ctx context.Context) *Error {
	if p.limiter == nil {
		return nil
	}
	turn := p.limiter.Reserve()
	t := time.NewTimer(turn.Delay())
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return ended(ctx, PhaseConnect, "no turn to connect")
	}
}

// spend takes the turn of a connection that cannot wait: those after it wait
// longer.
func (p *pacer) spend() {
	if p.limiter != nil {
		p.limiter.Reserve()
	}
}

// limited reports whether connections wait for turns at all.
func (p *pacer) limited() bool { return p.limiter != nil }
