package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// repairHosts is fix: look, plan, show, confirm, apply.
func (f *fixFlags) repairHosts(ctx context.Context, u *ui, patterns []string) error {
	var saved *fix.Document
	if f.plan != "" {
		var err error
		if saved, err = readPlan(f.plan); err != nil {
			return err
		}
		if len(saved.Hosts) == 0 {
			return usagef("plan with hosts that are in the inventory", "%s has a plan for no host", f.plan)
		}
		// A file alone accepts nothing: whoever applies it does.
		switch accepts := f.options.AcceptUnverified; {
		case saved.Options.AcceptUnverified && !accepts:
			return usagef("give --accept-unverified here too, if you accept it", "%s was planned with --accept-unverified: whether the TaskManagers' users can still log in may stay unverified", f.plan)
		case accepts && !saved.Options.AcceptUnverified:
			return usagef("leave it out, or plan anew with it", "%s was planned without --accept-unverified", f.plan)
		}
		f.options = saved.Options
	}
	hosts, err := f.whom(u, saved, patterns)
	if err != nil {
		return err
	}
	out, err := openOutlets(u, f.outputs, fixFormats)
	if err != nil {
		return err
	}
	defer out.close()
	c, err := newChanging(u, &f.askFlags, f.paceFlags, f.lookFlags, f.options, out)
	if err != nil {
		return err
	}
	defer func() { c.close() }()
	c.typed, c.command = f.typed, command("fix", f.typed.words(), quoted(patterns))
	ctx, stop := c.interruptible(ctx)
	defer stop()
	planned := fromPlan(saved, hosts)
	if saved == nil {
		if planned, err = c.survey(ctx, hosts); err != nil {
			return err
		}
	}
	all, err := c.finish(ctx, f, planned, saved)
	if err != nil {
		return err
	}
	return c.status(ctx, all)
}

// finish is what follows when there are plans, and gives how each host came
// out.
func (c *changing) finish(ctx context.Context, f *fixFlags, planned []*repair.Planned, saved *fix.Document) ([]outcome, error) {
	doc := &fix.Document{Schema: fix.Schema, Run: c.r.Run, Created: c.began.Format(time.RFC3339), Version: versionString(), Options: f.options}
	if saved != nil {
		doc.Run, doc.Created, doc.Version = saved.Run, saved.Created, saved.Version
	}
	var todo []*repair.Planned
	for _, p := range planned {
		if p.Plan == nil {
			continue
		}
		doc.Hosts = append(doc.Hosts, p.Plan)
		if !p.Plan.IsEmpty() && p.Unfinished == nil {
			todo = append(todo, p)
		}
	}
	if err := c.show(planned, doc, len(todo)); err != nil {
		return nil, err
	}
	if err := c.out.plans(doc, c.r.Who, fix.DiffOptions{Fold: inventory.Fold}); err != nil {
		return nil, err
	}
	cutShort := ctx.Err() != nil
	summary := &repair.Summary{Run: c.r.Run}
	switch {
	case f.planOnly:
		c.sayPlanned(f, len(todo))
	case cutShort:
		c.printf("nothing was changed: the run was ended first")
	case len(todo) > 0:
		if c.played {
			c.printf("type the number of hosts (%d) to change them: %[1]d    (typed by the demonstration)", len(todo))
		}
		if err := c.ready(); err != nil {
			return nil, err
		}
		if err := c.confirmed(ctx, c.pace.yes, "change them", len(todo)); err != nil {
			return nil, err
		}
		doc.Hosts = nil
		for _, p := range todo {
			doc.Hosts = append(doc.Hosts, p.Plan)
		}
		var err error
		if summary, err = c.apply(ctx, doc, todo); err != nil {
			return nil, err
		}
	}
	c.planOnly = f.planOnly
	all := outcomes(planned, summary)
	return all, c.end(ctx, all, summary)
}

// apply carries out what was confirmed.
func (c *changing) apply(ctx context.Context, doc *fix.Document, todo []*repair.Planned) (*repair.Summary, error) {
	dir, err := c.stateDir()
	if err != nil {
		return nil, err
	}
	j, err := repair.CreateJournal(dir, repair.Record{Run: c.r.Run, Who: c.r.Who, Event: repair.EventBegin, Command: c.command}, doc)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	c.r.Journal = j
	c.printf("run %s: changing %s; its record is in %s", c.r.Run, counted(len(todo), "host"), dir)
	return c.carry(len(todo), goodEnds, func() (*repair.Summary, error) { return c.do.Apply(ctx, todo) })
}

// goodEnds are the states in which fix means a host to end, or not to begin.
var goodEnds = []repair.State{repair.Kept, repair.Nothing, repair.NotBegun}

// readPlan reads a saved plan.
func readPlan(file string) (*fix.Document, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, &usageError{err, "check the path after --plan"}
	}
	doc, err := fix.ReadDocument(file, b)
	if err != nil {
		return nil, &usageError{err, "--plan takes what tmdoctor fix --plan-only -o json=FILE wrote, unchanged"}
	}
	return doc, nil
}

// whom are the hosts that are asked: those of the patterns; of a saved plan,
// those of its hosts that the patterns select.
func (f *fixFlags) whom(u *ui, saved *fix.Document, patterns []string) ([]inventory.Host, error) {
	if saved == nil {
		return f.selectHosts(u, patterns)
	}
	var names []string
	for _, p := range saved.Hosts {
		names = append(names, p.Host)
	}
	return f.among(u, names, patterns, "the plan")
}

// among selects hosts of a set of names, all of them without a pattern. That a
// name is not in the inventory is an error: a plan is for a host, and not for
// whatever answers to its name.
func (f *hostFlags) among(u *ui, names, patterns []string, of string) ([]inventory.Host, error) {
	all := patterns
	if len(patterns) == 0 {
		all = names
	}
	hosts, err := f.selectHosts(u, all)
	if err != nil {
		return nil, err
	}
	hosts = slices.DeleteFunc(hosts, func(h inventory.Host) bool { return !slices.Contains(names, h.Name) })
	if len(hosts) == 0 && len(names) > 0 {
		return nil, usagef("its hosts are "+inventory.Fold(names), "no host of %s is selected", of)
	}
	return hosts, nil
}

// fromPlan are the plans of a saved plan for the hosts; nil for none.
func fromPlan(saved *fix.Document, hosts []inventory.Host) (all []*repair.Planned) {
	if saved == nil {
		return nil
	}
	for i, h := range hosts {
		for _, p := range saved.Hosts {
			if p.Host == h.Name {
				all = append(all, &repair.Planned{Host: h, Index: i, Plan: p, Recheck: true})
			}
		}
	}
	return all
}

// plannedText is a host after the survey, in a line.
func plannedText(p *repair.Planned) string {
	switch {
	case p.Err != nil:
		return p.Err.Error()
	case p.Plan == nil:
		return "no plan"
	case p.Plan.IsEmpty():
		return fmt.Sprintf("nothing to change, %d refused", len(p.Plan.Refused))
	}
	return fmt.Sprintf("%s and %s to change, %d refused", counted(len(p.Plan.Files), "file"), counted(len(p.Plan.Live), "live value"), len(p.Plan.Refused))
}
