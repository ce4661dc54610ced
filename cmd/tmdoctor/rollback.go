package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// rollbackFormats are what rollback writes, the default first.
var rollbackFormats = []string{"diff", "result"}

// rollbackFlags are what rollback can be told.
type rollbackFlags struct {
	askFlags
	paceFlags
	lookFlags
	force   bool
	outputs []string
	typed   typedFlags
}

func newRollback(u *ui) *cobra.Command {
	f := &rollbackFlags{}
	cmd := &cobra.Command{
		Use:   "rollback RUN [PATTERN...]",
		Short: "undo a run of fix: bytes, modes and live values",
		Long: `rollback gives the hosts of a run of fix back what they had: each file byte for
byte with its mode and owner, live values, units. RUN is an id (tmdoctor runs lists
them), the begin of one, or last. PATTERN selects among the hosts of the run. It
shows what it will restore and confirms like fix. There is no canary: --batch hosts
at once, and one that refuses keeps no other from it. A run that nothing here tells
of, of a script (fix -o sh) or begun on another machine, is undone from what its
hosts kept of it, if they are named.

  tmdoctor rollback last -i prod.yaml
  tmdoctor rollback 20261126T0314 -i prod.yaml tm17 --yes

A host where somebody edited one of the files since is left as it is. --force undoes
that edit too; what would be lost is shown first.

` + exitFixHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("tmdoctor runs lists them; last is the latest", "which run?")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.typed = givenFlags(cmd)
			return f.run(cmd.Context(), u, args[0], args[1:])
		},
	}
	f.addReach(u, cmd)
	f.addSudoPassword(cmd)
	f.addPace(cmd)
	f.addLook(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.force, "force", false, "undo also what somebody edited since; it is shown first")
	flags.StringArrayVarP(&f.outputs, "output", "o", nil, "`FORMAT` or FORMAT=FILE: diff, result; repeatable (default diff)")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(rollbackFormats, cobra.ShellCompDirectiveNoSpace))
	hosts := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return completeRuns(cmd, args, word)
		}
		return hosts(cmd, args, word)
	}
	return cmd
}

func (f *rollbackFlags) check() error {
	if err := f.askFlags.check(); err != nil {
		return err
	}
	if err := f.paceFlags.check(); err != nil {
		return err
	}
	stdout, err := checkOutlets(f.outputs, rollbackFormats)
	if err == nil && stdout == "result" && !f.yes {
		err = usagef("send it to a file, -o result=FILE, or give --yes", "-o result on standard output leaves no place for what has to be confirmed")
	}
	return err
}

func (f *rollbackFlags) run(ctx context.Context, u *ui, name string, patterns []string) error {
	if err := f.check(); err != nil {
		return err
	}
	saved, dir, err := u.openRun(name)
	if errors.Is(err, repair.ErrNoRun) && fix.IsRun(name) && name != "last" {
		return f.remembered(ctx, u, name, patterns, err)
	}
	if err != nil {
		return err
	}
	names := inStates(saved, repair.Kept, repair.Unknown, repair.Stuck)
	if len(names) == 0 {
		u.printf("nothing to roll back: run %s left nothing on its hosts (%s)%s", saved.Run, hostsOfRun(saved), earlier(dir))
		return nil
	}
	hosts, err := f.among(u, names, patterns, "run "+saved.Run+" that was changed")
	if err != nil {
		return err
	}
	return f.undo(ctx, u, saved.Run, saved.Plans.Options, patterns, func(ctx context.Context, c *changing) error {
		if err := f.confirmed(ctx, c, saved, hosts); err != nil {
			return err
		}
		return c.continued(ctx, dir, saved, repair.EventRollback, len(hosts), func() (*repair.Summary, error) {
			return c.do.Rollback(ctx, saved, hosts, f.force)
		})
	})
}

// earlier names the last run that left something on hosts.
func earlier(dir string) string {
	runs, _ := repair.ListRuns(dir)
	for _, s := range runs {
		if n := len(inStates(s, repair.Kept, repair.Unknown, repair.Stuck)); n > 0 {
			return fmt.Sprintf("; the last that did is %s, on %s", s.Run, counted(n, "host"))
		}
	}
	return ""
}

// undo prepares what changes hosts, and ends it.
func (f *rollbackFlags) undo(ctx context.Context, u *ui, run string, options fix.Options, patterns []string, do func(context.Context, *changing) error) error {
	out, err := openOutlets(u, f.outputs, rollbackFormats)
	if err != nil {
		return err
	}
	defer out.close()
	c, err := newChanging(u, &f.askFlags, f.paceFlags, f.lookFlags, options, out)
	if err != nil {
		return err
	}
	defer func() { c.close() }()
	c.typed, c.command = f.typed, command("rollback", []string{run}, f.typed.words(), quoted(patterns))
	c.again = c.next("rollback", notOfUndo, append([]string{run}, quoted(patterns)...)...)
	ctx, stop := c.interruptible(ctx)
	defer stop()
	return do(ctx, c)
}

// confirmed shows what is undone on the hosts, and has it confirmed.
func (f *rollbackFlags) confirmed(ctx context.Context, c *changing, saved *repair.SavedRun, hosts []inventory.Host) error {
	if err := c.showUndo(ctx, saved, hosts, f.force); err != nil {
		return err
	}
	if ctx.Err() != nil {
		c.printf("nothing was changed: the run was ended first")
		return verdict(exitCutShort)
	}
	if err := c.ready(); err != nil {
		return err
	}
	return c.ui.confirmed(ctx, f.yes, "roll them back", len(hosts))
}

// continued carries out what goes on with a saved run, and prints how it came
// out.
func (c *changing) continued(ctx context.Context, dir string, saved *repair.SavedRun, event repair.RecordEvent, hosts int, do func() (*repair.Summary, error)) error {
	j, err := repair.Continue(dir, saved, repair.Record{Run: saved.Run, Who: c.r.Who, Event: event, Command: c.command})
	if err != nil {
		return err
	}
	defer j.Close()
	c.r.Run = saved.Run
	return c.carried(ctx, j, event, hosts, do)
}

// carried carries out what goes on with a run, under an open journal.
func (c *changing) carried(ctx context.Context, j *repair.Journal, event repair.RecordEvent, hosts int, do func() (*repair.Summary, error)) error {
	c.r.Journal = j
	good := goodEnds
	if event == repair.EventRollback {
		good = []repair.State{repair.RolledBack, repair.Nothing, repair.NotBegun}
	}
	s, err := c.carry(hosts, good, do)
	if err != nil {
		return err
	}
	var planned []*repair.Planned
	for i := range s.Hosts {
		planned = append(planned, s.Hosts[i].Planned)
	}
	all := outcomes(planned, s)
	if event == repair.EventRollback {
		wantRolledBack(all)
	}
	if err := c.end(ctx, all, s); err != nil {
		return err
	}
	return c.status(ctx, all)
}

// wantRolledBack turns what is a failure of fix into what rollback is for.
func wantRolledBack(all []outcome) {
	for i := range all {
		if all[i].state == string(repair.RolledBack) {
			all[i].state = stateUndone
		}
		if all[i].Plan != nil { // what was refused then is none of ours
			p := *all[i].Plan
			p.Refused = nil
			planned := *all[i].Planned
			planned.Plan = &p
			all[i].Planned = &planned
		}
	}
}
