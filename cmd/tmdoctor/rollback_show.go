package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// showUndo shows what a roll back restores: the plans the other way round. With
// force it asks the hosts what somebody edited since, which would be lost.
func (c *changing) showUndo(ctx context.Context, saved *repair.SavedRun, hosts []inventory.Host, force bool) error {
	look, err := c.look.diffs(c.ui)
	if err != nil {
		return err
	}
	var undo []*fix.Plan
	for _, h := range hosts {
		for _, p := range saved.Plans.Hosts {
			if p.Host == h.Name {
				undo = append(undo, undone(p))
			}
		}
	}
	w := c.out.view
	fmt.Fprintf(w, "%s\n\n", c.wrapped(fmt.Sprintf("run %s, begun %s by %s, is undone on %s: %s", saved.Run, saved.Began.Local().Format("2006-01-02 15:04:05"),
		report.Escape(saved.Who), counted(len(hosts), "host"), foldedNames(hostNames(hosts))), "  "))
	if err := fix.WriteDiffs(w, undo, look); err != nil {
		return err
	}
	if force {
		return c.showEdited(ctx, saved, hosts, look)
	}
	_, err = fmt.Fprintln(w)
	return err
}

func hostNames(hosts []inventory.Host) (names []string) {
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return names
}

// undone is a plan the other way round, to be shown.
func undone(p *fix.Plan) *fix.Plan {
	u := &fix.Plan{Host: p.Host, Reload: p.Reload, Restart: p.Restart}
	for _, f := range slices.Backward(p.Files) {
		f.Before, f.After, f.BeforeSHA256, f.AfterSHA256 = f.After, f.Before, f.AfterSHA256, f.BeforeSHA256
		f.Why, f.Managed, f.MakeDir = "as it was before", "", false
		if f.Absent {
			f.Absent, f.After = false, nil
		}
		u.Files = append(u.Files, f)
	}
	for _, l := range p.Live {
		l.Before, l.After = l.After, l.Before
		u.Live = append(u.Live, l)
	}
	return u
}

// showEdited shows what force undoes beside the run: files that are not as the
// run left them.
func (c *changing) showEdited(ctx context.Context, saved *repair.SavedRun, hosts []inventory.Host, look fix.DiffOptions) error {
	p := c.startProgress(len(hosts))
	var edited []*fix.Plan
	lost := newFolding()
	err := c.do.Look(ctx, saved, hosts, func(name string, run *fix.HostRun, err error) error {
		p.end(name)
		switch {
		case err != nil:
			lost.add("cannot be asked: "+err.Error(), name)
		case run == nil:
			lost.add("knows nothing of the run", name)
		default:
			if e := editedSince(name, run); len(e.Files)+len(e.Notes) > 0 {
				edited = append(edited, e)
			}
		}
		return nil
	})
	p.close()
	if err != nil {
		return err
	}
	w := c.out.view
	if len(edited) > 0 {
		slices.SortFunc(edited, func(a, b *fix.Plan) int {
			return slices.Index(hostNames(hosts), a.Host) - slices.Index(hostNames(hosts), b.Host)
		})
		fmt.Fprintf(w, "\nedited since, and undone by --force:\n\n")
		if err := fix.WriteDiffs(w, edited, look); err != nil {
			return err
		}
	}
	for _, why := range lost.keys {
		fmt.Fprintln(w, c.wrapped(lost.hosts(why)+": "+report.Escape(why), "  "))
	}
	_, err = fmt.Fprintln(w)
	return err
}

// editedSince is what a forced roll back undoes on a host beside the run.
func editedSince(host string, run *fix.HostRun) *fix.Plan {
	e := &fix.Plan{Host: host}
	for _, f := range run.Files {
		if f.Now == f.After || f.Now == f.Before {
			continue
		}
		if f.NowText == nil && f.Now != "" || f.BeforeText == nil && f.Before != "" {
			e.Notes = append(e.Notes, f.Path+" was edited since, and is too long to show or no file")
			continue
		}
		e.Files = append(e.Files, fix.FileChange{
			Path: f.Path, Absent: f.Now == "", Before: f.NowText, After: f.BeforeText, BeforeSHA256: f.Now, AfterSHA256: f.Before, Why: "edited since",
		})
	}
	return e
}
