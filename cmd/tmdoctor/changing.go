package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// repairer carries out plans; see [repair.Repair].
type repairer interface {
	Survey(ctx context.Context, hosts []inventory.Host, each func(*repair.Planned) error) error
	Apply(ctx context.Context, plans []*repair.Planned) (*repair.Summary, error)
	Rollback(ctx context.Context, saved *repair.SavedRun, hosts []inventory.Host, force bool) (*repair.Summary, error)
	Look(ctx context.Context, saved *repair.SavedRun, hosts []inventory.Host, each func(name string, run *fix.HostRun, err error) error) error
	Resume(ctx context.Context, saved *repair.SavedRun, hosts []inventory.Host) (*repair.Summary, error)
}

// changing is one run of a command that changes hosts.
type changing struct {
	*ui
	ask  *askFlags
	pace paceFlags
	look lookFlags
	out  *outlets

	r       *repair.Repair
	do      repairer
	prepare func([]inventory.Host) // for hosts that will be connected to
	close   func()
	policy  *probes.Policy
	command string // as it was typed, for the journal
	typed   typedFlags
	again   string // of a roll back, what goes on with it
	began   time.Time
	started atomic.Bool // hosts may have been changed

	played   bool   // the demonstration confirms by itself, and says so
	planOnly bool   // nothing is to be changed
	stopped  string // why the run stopped early, "" if it did not
}

// newChanging prepares a run; what it returns must be closed. It connects to
// nothing yet.
func newChanging(u *ui, ask *askFlags, pace paceFlags, look lookFlags, options fix.Options, out *outlets) (*changing, error) {
	c := &changing{ui: u, ask: ask, pace: pace, look: look, out: out, began: time.Now().UTC(), prepare: func([]inventory.Host) {}, close: func() {}}
	var err error
	if c.policy, err = readPolicy(ask.policy); err != nil {
		return nil, err
	}
	script, err := newProbeScript()
	if err != nil {
		return nil, err
	}
	c.r = &repair.Repair{
		Audit: ask.audit(script, c.policy, audit.View{}), Options: options, Limits: ask.ssh.Limits,
		Who: operator(), Run: runID(c.began),
		Canary: pace.canary, Batch: pace.batch, MaxFailures: pace.maxFailures, Pause: pace.pause,
	}
	c.do = c.r
	if u.repairs != nil {
		c.do = u.repairs(c.r)
		return c, nil
	}
	askSudo, err := ask.askSudo(u)
	if err != nil {
		return nil, err
	}
	reach, err := ask.reach(u, askSudo)
	if err != nil {
		return nil, err
	}
	local := &remote.Local{Limits: ask.ssh.Limits, AskSudo: askSudo}
	c.r.Native, c.r.Local, c.prepare = reach, local, reach.Prepare
	c.close = func() {
		if u.verbose {
			for _, w := range reach.Warnings() {
				u.warnf("%s", w)
			}
		}
		reach.Close()
		local.Close()
	}
	return c, nil
}

// operator is USER@MACHINE, for the lock on hosts and for the journal.
func operator() string {
	name := "uid-" + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}

// stateDir is where runs are kept.
func (u *ui) stateDir() (string, error) {
	home := u.getenv("HOME")
	if home == "" && u.getenv("XDG_STATE_HOME") == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", usagef("set XDG_STATE_HOME to a directory", "where runs are kept: %w", err)
		}
	}
	return repair.StateDir(u.getenv, home), nil
}

// ready makes sure that what is about to be confirmed can be written down.
func (c *changing) ready() error {
	dir, err := c.stateDir()
	if err != nil {
		return err
	}
	return repair.CheckStateDir(dir)
}

// next is a command to type, with the flags that were given but those named.
func (c *changing) next(name string, not []string, words ...string) string {
	flags := c.typed.words(not...)
	if c.typed == nil {
		flags = c.ask.words()
	}
	return report.Escape(command(name, words, flags))
}

// interruptible is [interruptible] for a run that changes hosts.
func (c *changing) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	what := func() string {
		if !c.started.Load() {
			return "nothing was changed"
		}
		return "no further host is begun, those at work are finished or rolled back; interrupt again to end at once: they then roll back by themselves"
	}
	return interruptibleWith(ctx, c.ui, c.ask.deadline, what, func() {
		if c.started.Load() {
			c.printf("ended in the middle: %s brings every host to an end", cmp.Or(c.again, c.next("fix", ofThisRun, "--resume", c.r.Run)))
		}
	})
}

// survey asks hosts and plans, with a progress line. The plans are in the
// order of the hosts.
func (c *changing) survey(ctx context.Context, hosts []inventory.Host) ([]*repair.Planned, error) {
	// A host that is changed has two connections for a while.
	if err := c.checkDescriptors(c.ask.ssh.Limits.Descriptors(2 * len(hosts))); err != nil {
		return nil, err
	}
	p := c.startProgress(len(hosts))
	defer p.close()
	p.at("asking and planning, ", "")
	c.r.Notify = func(e repair.Event) {
		if e.Step == repair.StepSurvey {
			p.begin(e.Host)
		}
	}
	c.prepare(hosts)
	var all []*repair.Planned
	err := c.do.Survey(ctx, hosts, func(one *repair.Planned) error {
		p.end(one.Host.Name)
		if c.verbose {
			c.printf("%s: %s", one.Host.Name, plannedText(one))
		}
		all = append(all, one)
		return nil
	})
	slices.SortStableFunc(all, func(a, b *repair.Planned) int { return cmp.Compare(a.Index, b.Index) })
	return all, err
}
