package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/probes/fix"
)

// exitFixHelp is the contract of the commands that change hosts.
const exitFixHelp = `Exit status: 2 if a host failed: it was rolled back, is stuck, or was not touched,
because it was not as planned, was locked, or was not reached when it was its turn;
else 3 if a host could not be asked, if nobody knows what it is like, or if the run
was cut short or not confirmed; else 1 if
something that could be fixed by its kind was refused; else 0, which means: all
that can be fixed is, and was verified. Advice does not count. 64 for a wrong
command line, or where there is nobody to confirm; 70 if a file could not be
written.`

// fixFlags are what fix can be told.
type fixFlags struct {
	askFlags
	paceFlags
	lookFlags
	options  fix.Options
	persist  string
	outputs  []string
	planOnly bool
	plan     string
	resume   string
	verify   string
	typed    typedFlags
}

func newFix(u *ui) *cobra.Command {
	f := &fixFlags{}
	cmd := &cobra.Command{
		Use:   "fix [PATTERN...]",
		Short: "plan, show, confirm, apply, verify, keep or roll back",
		Long: `fix raises what keeps RocksDB from working: vm.max_map_count, live and for good;
open files and address space in limits.conf for the user of the TaskManagers; the
limits of the systemd unit that starts them. Everything else it finds stays
advice. It asks the hosts as check does, shows each change as a diff, and changes
nothing before the number of hosts is typed on a terminal, or --yes is given.

  tmdoctor fix -i prod.yaml                       look, confirm, repair
  tmdoctor fix -i prod.yaml rack1 --canary 2 --batch 20 --pause 1m
  tmdoctor fix -i prod.yaml --plan-only -o json=plan.json
  tmdoctor fix -i prod.yaml --plan plan.json --yes
                                  apply exactly that plan; a host that changed
                                  since is not touched
  tmdoctor fix tm17 -o sh                         a script to review
  tmdoctor fix -i prod.yaml -o ansible=fix.yml    a playbook
  tmdoctor fix --resume last                      finish a run: hosts in doubt, not
                                  begun, not touched
  tmdoctor fix --verify-after-reboot last         did the changes hold?
  tmdoctor rollback last                          undo a run

A host is changed only while something stands ready to change it back: the
program that applied the plan waits on its connection until a second, new login
has shown that people can still log in (you by ssh, the TaskManager's user by su or
runuser) and that the values hold. If that fails,
or if anything on this side dies, the host rolls back by itself. --canary hosts go
first, one after the other; then batches. After more than --max-failures failures
no further host is begun. Ctrl-C begins no further host, and brings those at work
to an end.

It becomes root by sudo, with a password if need be, which is asked for once.
Nothing is lowered, no file is written that was not read, and a file that another
tool says it manages is left alone without --force-managed. Flink is never
restarted unless --restart-unit is given.

-o says what is written, to standard output or to a FILE: diff (the default), json
(the plan, for --plan), sh, ansible, result (how each host came out, as JSON). What
takes the place of the diff on standard output, other than result, only plans.

The record of a run, with the old and the new bytes of every file, is kept under
$XDG_STATE_HOME/tmdoctor/runs or ~/.local/state/tmdoctor/runs, for its owner
alone; what a host was like is kept there too, under /var/lib/tmdoctor/runs.

` + exitFixHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.typed = givenFlags(cmd)
			return f.run(cmd.Context(), u, args)
		},
	}
	f.addReach(u, cmd)
	f.addSudoPassword(cmd)
	f.addPace(cmd)
	f.addLook(cmd)
	f.addFix(cmd)
	return cmd
}

func (f *fixFlags) addFix(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&f.canary, "canary", 1, "how many hosts go first, one after the other; the rest only if they are kept")
	flags.IntVar(&f.maxFailures, "max-failures", 0, "how many hosts may fail or be rolled back before no further one is begun")
	flags.StringVar(&f.persist, "persist-in", string(fix.PersistAuto), "where values are written to last: auto (the file that wins on the host), main (sysctl.conf, limits.conf), drop-in, both")
	flags.BoolVar(&f.options.ForceManaged, "force-managed", false, "change files too that another tool says it manages")
	flags.BoolVar(&f.options.Running, "running", false, "raise the limits of running TaskManagers too, with prlimit: at once, and gone at their next start")
	flags.BoolVar(&f.options.VmemToAs, "vmem-to-as", false, "make lines of limits.conf with the item vmem, which is none, lines with as")
	flags.BoolVar(&f.options.RestartUnit, "restart-unit", false, "restart the systemd unit of a TaskManager whose limits were raised, one host at a time")
	flags.BoolVar(&f.options.AcceptUnverified, "accept-unverified", false, "change hosts too where nobody can try if the TaskManager's user still can log in")
	flags.StringArrayVarP(&f.outputs, "output", "o", nil, "`FORMAT` or FORMAT=FILE: "+strings.Join(fixFormats, ", ")+"; repeatable (default diff)")
	flags.BoolVar(&f.planOnly, "plan-only", false, "show the plan and change nothing")
	flags.StringVar(&f.plan, "plan", "", "apply the plan in `FILE`, which -o json=FILE wrote, and nothing else")
	flags.StringVar(&f.resume, "resume", "", "finish `RUN`: its hosts that are in doubt, not begun or not touched; an id, the begin of one, or last")
	flags.StringVar(&f.verify, "verify-after-reboot", "", "say of each change of `RUN` if it holds: check --horizon all --compare RUN on its hosts, with the exit status of check")
	fixed := func(flag string, words ...string) {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("persist-in", persistWords...)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(fixFormats, cobra.ShellCompDirectiveNoSpace))
	for _, flag := range []string{"resume", "verify-after-reboot"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, completeRuns)
	}
}

// paceFlags say how fast hosts are changed, and who may let it begin.
type paceFlags struct {
	yes                        bool
	canary, batch, maxFailures int
	pause                      time.Duration
}

// defaultBatch is how many hosts are changed at once: few enough to look at
// each when a batch goes wrong, enough for 500 hosts in some minutes.
const defaultBatch = 10

func (f *paceFlags) addPace(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.yes, "yes", false, "change hosts without being asked; nothing else confirms but the number of hosts, typed on a terminal")
	flags.IntVar(&f.batch, "batch", defaultBatch, "how many hosts are changed at once; 0 for all")
	flags.DurationVar(&f.pause, "pause", 0, "wait this `TIME` between batches")
}

func (f *paceFlags) check() error {
	for _, n := range []struct {
		flag  string
		value int
	}{{"canary", f.canary}, {"batch", f.batch}, {"max-failures", f.maxFailures}} {
		if n.value < 0 {
			return usagef("give a number of hosts", "--%s %d is not a number of hosts", n.flag, n.value)
		}
	}
	if f.pause < 0 {
		return usagef("give a duration such as 30s", "--pause %s is not a time", f.pause)
	}
	return nil
}

// lookFlags say what tables and diffs look like.
type lookFlags struct {
	color string
	ascii bool
	all   bool
}

func (f *lookFlags) addLook(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.color, "color", "auto", "auto, always or never; NO_COLOR is honoured")
	flags.BoolVar(&f.ascii, "ascii", false, "print nothing of our own outside ASCII")
	flags.BoolVar(&f.all, "all", false, "show healthy limits too")
}

// persistWords are the values of --persist-in.
var persistWords = []string{string(fix.PersistAuto), string(fix.PersistMain), string(fix.PersistDropIn), string(fix.PersistBoth)}

// planningFlags decide what is planned, applyingFlags how it is carried out.
var (
	planningFlags = []string{"persist-in", "force-managed", "running", "vmem-to-as", "restart-unit", "accept-unverified"}
	applyingFlags = []string{"canary", "batch", "max-failures", "pause"}
)

// check refuses what cannot be meant, and flags of which one would be ignored:
// who gives both expects something that will not happen.
func (f *fixFlags) check() error {
	if err := f.askFlags.check(); err != nil {
		return err
	}
	if err := f.paceFlags.check(); err != nil {
		return err
	}
	if !slices.Contains(persistWords, f.persist) {
		return usagef("use "+strings.Join(persistWords, ", "), "--persist-in %q is not a choice", f.persist)
	}
	f.options.PersistIn = fix.PersistIn(f.persist)
	for _, mode := range []string{"plan", "resume", "verify-after-reboot"} {
		if value := map[string]string{"plan": f.plan, "resume": f.resume, "verify-after-reboot": f.verify}[mode]; f.typed.has(mode) && value == "" {
			return usagef("name one", "--%s names nothing", mode)
		}
	}
	for _, c := range []struct {
		flag   string
		others []string
		hint   string
	}{
		{"verify-after-reboot", slices.Concat(planningFlags, applyingFlags, []string{"plan", "resume", "plan-only", "output", "yes", "sudo-password-file"}), "it only asks; tmdoctor check --compare RUN has -o"},
		{"resume", slices.Concat(planningFlags, []string{"plan", "plan-only"}), "a run is finished as it was planned"},
		{"plan", slices.DeleteFunc(slices.Clone(planningFlags), func(name string) bool { return name == "accept-unverified" }), "a saved plan is applied as it is; leave it out to plan anew"},
		{"plan-only", slices.Concat(applyingFlags, []string{"yes"}), "with --plan-only nothing is changed"},
	} {
		for _, other := range c.others {
			if f.typed.has(c.flag) && f.typed.has(other) {
				return usagef(c.hint, "--%s and --%s cannot be together", c.flag, other)
			}
		}
	}
	return f.checkOutputs()
}

// run is fix: one of its four kinds.
func (f *fixFlags) run(ctx context.Context, u *ui, patterns []string) error {
	if err := f.check(); err != nil {
		return err
	}
	switch {
	case f.verify != "":
		return f.verifyAfterReboot(ctx, u, patterns)
	case f.resume != "":
		return f.resumeRun(ctx, u, patterns)
	}
	return f.repairHosts(ctx, u, patterns)
}
