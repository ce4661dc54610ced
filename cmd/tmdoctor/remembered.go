package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// remembered undoes a run that no journal here tells of, from what its hosts
// kept of it. They have to be named: nobody here knows which they are. missing
// is the error of who looked for a journal.
func (f *rollbackFlags) remembered(ctx context.Context, u *ui, run string, patterns []string, missing error) error {
	if len(patterns) == 0 {
		return &usageError{missing, "tmdoctor runs lists them; name its hosts to undo it from what they kept of it: tmdoctor rollback " + run + " HOST"}
	}
	hosts, err := f.selectHosts(u, patterns)
	if err != nil {
		return err
	}
	return f.undo(ctx, u, run, fix.Options{}, patterns, func(ctx context.Context, c *changing) error {
		saved, err := c.askRun(ctx, run, hosts)
		if err != nil {
			return err
		}
		hosts = slices.DeleteFunc(hosts, func(h inventory.Host) bool { return saved.Hosts[h.Name] == repair.Nothing })
		if len(hosts) == 0 {
			return &usageError{fmt.Errorf("none of the hosts has anything of run %s to undo", run), "tmdoctor check shows a run that did not end (host/unfinished-fix)"}
		}
		c.printf("no journal here tells of run %s: it is undone from what its hosts kept, and a login as another than %s is not tried", run, cmp.Or(f.ssh.User, "the one of ssh"))
		if err := f.confirmed(ctx, c, saved, hosts); err != nil {
			return err
		}
		dir, err := c.stateDir()
		if err != nil {
			return err
		}
		// What is undone has a record of its own.
		j, err := repair.CreateJournal(dir, repair.Record{Run: c.r.Run, Who: c.r.Who, Event: repair.EventBegin, Command: c.command, Undoes: run},
			&fix.Document{Schema: fix.Schema, Run: c.r.Run, Created: c.began.Format(time.RFC3339), Version: versionString()})
		if err != nil {
			return err
		}
		defer j.Close()
		return c.carried(ctx, j, repair.EventRollback, len(hosts), func() (*repair.Summary, error) {
			return c.do.Rollback(ctx, saved, hosts, f.force)
		})
	})
}

// askRun asks hosts what they kept of a run, and says of which it is nothing.
func (c *changing) askRun(ctx context.Context, run string, hosts []inventory.Host) (*repair.SavedRun, error) {
	saved, err := repair.Remembered(run, hosts)
	if err != nil {
		return nil, err
	}
	p := c.startProgress(len(hosts))
	defer p.close()
	left := newFolding()
	err = c.do.Look(ctx, saved, hosts, func(name string, kept *fix.HostRun, err error) error {
		p.end(name)
		why := ""
		if err != nil {
			why = "cannot be asked: " + err.Error()
		} else {
			why = saved.Remember(name, kept)
		}
		if why != "" {
			left.add(why, name)
		}
		return nil
	})
	for _, why := range left.keys {
		c.warnf("left out: %s: %s", left.hosts(why), report.Escape(why))
	}
	return saved, err
}
