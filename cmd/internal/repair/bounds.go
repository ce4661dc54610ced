package repair

import (
	"time"

	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
)

// The bounds of the steps of a host grow with Limits.Host, which is what an
// operator raises for slow hosts. The host program's patience is longer than
// anything it may have to wait for, so that it gives up only if we are gone.

// restartTime is how long one systemd unit may take to stop and to come up, and to
// show that it stays: the bounds of restart_unit in units.sh of package fix, and
// more. DefaultTimeoutStopSec and DefaultTimeoutStartSec are 90 s each
// (systemd-system.conf(5)).
const restartTime = 4*time.Minute + 20*time.Second

// leastTime is half of what a host has by default.
const leastTime = 30 * time.Second

// lookEvery is how often a host is asked that is still at work.
const lookEvery = 2 * time.Second

// beginTime is how long a program that was sent over a connection, which broke
// then, may take until the host shows traces of it.
const beginTime = 6 * time.Second

// hostTime is what a host may take to do one thing. It is at least leastTime: to
// bring files to a slow disk takes longer than to read them, and who gives up
// too early has a host rolled back that was well.
func (r *Repair) hostTime() time.Duration {
	if r.Limits.Host <= 0 {
		return remote.DefaultLimits().Host + r.turnTime()
	}
	return max(r.Limits.Host, leastTime) + r.turnTime()
}

// turnTime is how long a login may have to wait for its turn by Limits.Rate,
// behind those of all other hosts at work and of their jump hosts: a host that
// is well must not be rolled back because it was not its turn.
func (r *Repair) turnTime() time.Duration {
	if r.Limits.Rate <= 0 {
		return 0
	}
	hosts := r.inFlight()
	if r.Batch > 0 {
		hosts = min(hosts, max(r.Batch, r.Canary))
	}
	return time.Duration(float64(2*hosts) / r.Limits.Rate * float64(time.Second))
}

// applyTime bounds a program that changes or undoes a plan.
func (r *Repair) applyTime(p *fix.Plan) time.Duration {
	return 2*r.hostTime() + time.Duration(len(p.Restart))*restartTime
}

// verifyTime bounds a verification: a login, an audit, a look.
func (r *Repair) verifyTime() time.Duration { return 2 * r.hostTime() }

// patience is how long the host waits for a verdict.
func (r *Repair) patience() time.Duration { return r.verifyTime() + r.hostTime() }

// lookTime bounds looking at a host that may still wait for a verdict.
func (r *Repair) lookTime(p *fix.Plan) time.Duration { return r.patience() + r.applyTime(p) }

// inFlight is how many hosts are at work at once.
func (r *Repair) inFlight() int {
	if r.Limits.InFlight > 0 {
		return r.Limits.InFlight
	}
	return remote.DefaultLimits().InFlight
}
