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

// resumeRun is fix --resume: what is open is brought to an end, what was
// confirmed and not done is done. It is confirmed like any change.
func (f *fixFlags) resumeRun(ctx context.Context, u *ui, patterns []string) error {
	saved, dir, err := u.openRun(f.resume)
	if err != nil {
		return err
	}
	names := inStates(saved, repair.Unknown, repair.NotBegun, repair.Refused)
	if len(names) == 0 {
		u.printf("nothing to resume: every host of run %s has its end (%s)", saved.Run, hostsOfRun(saved))
		return nil
	}
	hosts, err := f.among(u, names, patterns, "run "+saved.Run+" that is open")
	if err != nil {
		return err
	}
	out, err := openOutlets(u, f.outputs, fixFormats)
	if err != nil {
		return err
	}
	defer out.close()
	c, err := newChanging(u, &f.askFlags, f.paceFlags, f.lookFlags, saved.Plans.Options, out)
	if err != nil {
		return err
	}
	defer func() { c.close() }()
	c.r.Run, c.command = saved.Run, command("fix", f.typed.words(), quoted(patterns))
	c.typed = f.typed
	ctx, stop := c.interruptible(ctx)
	defer stop()
	if err := c.showOpen(saved, hosts); err != nil {
		return err
	}
	if err := c.ready(); err != nil {
		return err
	}
	if err := c.confirmed(ctx, f.yes, "go on with them", len(hosts)); err != nil {
		return err
	}
	return c.continued(ctx, dir, saved, repair.EventResume, len(hosts), func() (*repair.Summary, error) {
		return c.do.Resume(ctx, saved, hosts)
	})
}

// showOpen shows which hosts are looked at first, and the plans of the others.
func (c *changing) showOpen(saved *repair.SavedRun, hosts []inventory.Host) error {
	look, err := c.look.diffs(c.ui)
	if err != nil {
		return err
	}
	w := c.out.view
	fmt.Fprintf(w, "%s\n", c.wrapped(fmt.Sprintf("run %s, begun %s by %s, is resumed on %s", saved.Run, saved.Began.Local().Format("2006-01-02 15:04:05"),
		report.Escape(saved.Who), counted(len(hosts), "host")), "  "))
	names := hostNames(hosts)
	open := slices.DeleteFunc(inStates(saved, repair.Unknown), func(n string) bool { return !slices.Contains(names, n) })
	if len(open) > 0 {
		fmt.Fprintln(w, c.wrapped("looked at first: what is applied is verified, and kept or rolled back; what is half done is rolled back and done again: "+hostsText(open), "  "))
	}
	var plans []*fix.Plan
	for _, p := range saved.Plans.Hosts {
		if slices.Contains(names, p.Host) {
			plans = append(plans, p)
		}
	}
	fmt.Fprintln(w)
	if err := fix.WriteDiffs(w, plans, look); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w)
	return err
}

// verifyAfterReboot is fix --verify-after-reboot: check of all horizons on the
// hosts of a run, compared with what it was to give them.
func (f *fixFlags) verifyAfterReboot(ctx context.Context, u *ui, patterns []string) error {
	saved, _, err := u.openRun(f.verify)
	if err != nil {
		return err
	}
	kept := inStates(saved, repair.Kept)
	if len(kept) == 0 {
		u.printf("nothing to verify: run %s left no change on a host (%s)", saved.Run, hostsOfRun(saved))
		return nil
	}
	hosts, err := f.among(u, kept, patterns, "run "+saved.Run+" that was changed")
	if err != nil {
		return err
	}
	patterns = hostNames(hosts)
	c := &checkFlags{askFlags: f.askFlags, horizon: "all", compare: saved.Run}
	c.by, c.failOn, c.color, c.ascii = "host", "warn", f.color, f.ascii
	return c.run(ctx, u, patterns)
}
