package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// checkFlags are what check can be told.
type checkFlags struct {
	askFlags
	outputFlags
	rest    restFlags
	only    []string
	horizon string
	compare string // a run of fix
}

func newCheck(u *ui) *cobra.Command {
	f := &checkFlags{}
	cmd := &cobra.Command{
		Use:   "check [PATTERN...]",
		Short: "ask hosts and print which are unhealthy and why",
		Long: `check asks every host that a PATTERN selects (all of the inventory without one),
judges the answers and prints one report. It changes nothing on a host.

A PATTERN is a host, a group, all, a glob (tm1*), a range (tm[001-040]), or
@unhealthy:REPORT.json for what was not ok in a saved report. Patterns add up;
&PATTERN keeps only what is in it too, !PATTERN leaves hosts out. Without -i the
inventory is $TMDOCTOR_INVENTORY, ./tmdoctor.yaml or $FLINK_HOME/conf/workers,
and a PATTERN that is in none of them is a host of its own.

  tmdoctor check -i hosts.txt 'tm[001-040]' '!tm017'
  tmdoctor check -i prod.yaml rack1 --sudo -o table -o json=audit.json
  tmdoctor check -q -i prod.yaml          from cron: silent when all is well
  tmdoctor check -i prod.yaml --horizon boot
                                          will the fleet come up healthy?
  tmdoctor check -i prod.yaml --flink-url https://jm1:8081 --flink-auth-file auth
                                          and what Flink itself knows
  tmdoctor check --from audit.json        judge again what was collected before
  tmdoctor check --root /mnt/rescue       a directory that stands for a host
  tmdoctor check -i prod.yaml --compare last
                                          do the changes of a run of fix hold?

Every limit is judged as the process runs (running), as a start now would get it
(live), and as a start after the next boot gets it (boot); --horizon asks for one
of them. --horizon boot is 0 only if the limits of every host after its next boot
are known and ok; nothing else is judged then.

--compare RUN says below the table of each value that a run of tmdoctor fix gave a
host if it holds, what decides it now, and if the host was rebooted since. A change
that does not hold is a failure; one that cannot be told, or whose host was not
asked, is unknown.

With --flink-url the JobManager is asked too, with GET requests only: why tasks
failed, also on TaskManagers that are gone, the state backend really in use,
checkpoints, and which TaskManagers are registered: hosts of the inventory that
have none, TaskManagers of no host, and those that registered as localhost are
findings of the fleet. Without an inventory and a PATTERN, the hosts are those of
the TaskManagers that are registered. What belongs to a host is judged with it,
the rest is told by itself. If the API cannot be read, the hosts are judged all
the same and the status is unknown. No proxy of the environment is used, no
redirect to another host is followed, and a password goes over https or to this
machine only.

` + exitHelp,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), u, args) },
	}
	f.addAsk(u, cmd)
	f.rest.addREST(cmd)
	f.addOutput(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&f.only, "only", nil, "judge only these `PROBES`, joined by commas")
	flags.StringVar(&f.horizon, "horizon", "all", "judge only one `HORIZON`: "+strings.Join(horizonNames(), ", "))
	flags.StringVar(&f.compare, "compare", "", "say of each change of a `RUN` of fix if it holds: an id, the begin of one, or last")
	_ = cmd.RegisterFlagCompletionFunc("compare", completeRuns)
	_ = cmd.RegisterFlagCompletionFunc("only", completeProbes)
	_ = cmd.RegisterFlagCompletionFunc("horizon", cobra.FixedCompletions(horizonNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// horizonNames are the values of --horizon.
func horizonNames() (names []string) {
	for _, h := range probes.Horizons {
		names = append(names, string(h))
	}
	return append(names, "all")
}

// run is check: read what to ask, ask, judge, print.
func (f *checkFlags) run(ctx context.Context, u *ui, patterns []string) error {
	if err := f.validate(); err != nil {
		return err
	}
	policy, err := readPolicy(f.policy)
	if err != nil {
		return err
	}
	var run *repair.SavedRun
	if f.compare != "" {
		if run, _, err = u.openRun(f.compare); err != nil {
			return err
		}
	}
	if f.from != nil {
		return f.judgeSaved(u, policy, patterns, run)
	}
	client, err := f.rest.open(u) // connects to nothing yet
	if err != nil {
		return err
	}
	f.told = f.quiet // cron is told of what is wrong, not of what stays as it is
	hosts, err := f.whom(ctx, u, client, patterns)
	if err != nil {
		return err
	}
	script, err := newProbeScript()
	if err != nil {
		return err
	}
	// Before the report begins: from its first byte to its last a signal ends
	// the run and not the process.
	ctx, stop := interruptible(ctx, u, f.deadline)
	defer stop()
	begun := newRun(script, f.policy, len(hosts))
	begun.Horizon = f.view().Horizon
	out, err := f.open(u, f.options(patterns), begun, policy)
	if err != nil {
		return err
	}
	defer out.close()
	if run != nil {
		out.compared = newCompared(run, begun.Started, len(patterns) > 0)
	}
	a := f.audit(script, policy, f.view())
	cluster, stopCluster := askCluster(ctx, client, hosts)
	defer stopCluster()
	if a.Cluster = cluster; cluster != nil {
		cluster.Inventory = f.known
	}
	if err := f.ask(ctx, u, a, hosts, out.host); err != nil {
		return err
	}
	if err := out.cluster(cluster); err != nil {
		return err
	}
	cutShort := ctx.Err() != nil
	finished := interruptedLate(ctx, cutShort, out.finish(whole(cutShort)))
	if out.compared != nil {
		return f.afterCompare(u, out.compared, finished)
	}
	return finished
}

// judgeSaved is check --from.
func (f *checkFlags) judgeSaved(u *ui, policy *probes.Policy, patterns []string, run *repair.SavedRun) error {
	if len(patterns) > 0 {
		return usagef("leave out the patterns, or ask the hosts with -i", "--from takes no PATTERN yet: %s", strings.Join(patterns, " "))
	}
	saved, err := f.saved(policy, f.view())
	if err != nil {
		return err
	}
	saved.Run.Version, saved.Run.Policy = versionString(), f.policy
	out, err := f.open(u, f.options(nil), saved.Run, policy)
	if err != nil {
		return err
	}
	defer out.close()
	if run != nil {
		out.compared = newCompared(run, saved.Run.Started, false)
	}
	for _, h := range saved.Hosts {
		if err := out.host(h); err != nil {
			return err
		}
	}
	if err := out.cluster(saved.Cluster); err != nil {
		return err
	}
	finished := out.finish(saved.Finished)
	if run != nil {
		return f.afterCompare(u, out.compared, finished)
	}
	return finished
}

func (f *checkFlags) validate() error {
	if err := f.askFlags.check(); err != nil {
		return err
	}
	if err := f.rest.check(f.from != nil); err != nil {
		return err
	}
	if f.compare != "" && f.root != "" {
		return usagef("leave out one of them", "--compare is about the hosts of a run, and --root is none of them")
	}
	if f.compare != "" && f.only != nil {
		return usagef("leave out --only", "--compare needs every probe that judges a limit")
	}
	if h, _ := probes.ParseHorizon(f.horizon); f.compare != "" && h != "" {
		return usagef("leave out --horizon", "--compare judges all horizons")
	}
	if f.only != nil && len(f.only) == 0 { // --only=: nothing judged would be a healthy fleet
		return usagef("the probes are "+strings.Join(probeNames(), ", "), "--only names no probe")
	}
	for _, name := range f.only {
		if probes.ByName(name) == nil {
			return usagef("the probes are "+strings.Join(probeNames(), ", "), "--only %q is not a probe", name)
		}
	}
	if err := f.checkHorizon(); err != nil {
		return err
	}
	return f.outputFlags.check()
}

// checkHorizon refuses a horizon that is none, and one at which nothing would
// be judged: that would be a healthy fleet.
func (f *checkFlags) checkHorizon() error {
	h, err := probes.ParseHorizon(f.horizon)
	if err != nil {
		return usagef("use "+strings.Join(horizonNames(), ", "), "--horizon %w", err)
	}
	if h == probes.Boot && f.rest.url != "" {
		return usagef("leave out one of the two", "--flink-url says nothing of the next boot, and --horizon boot judges nothing else")
	}
	judges := func(name string) bool { return probes.ByName(name).Setting != nil }
	if h != probes.Boot || f.only == nil || slices.ContainsFunc(f.only, judges) {
		return nil
	}
	var names []string
	for _, name := range probeNames() {
		if judges(name) {
			names = append(names, name)
		}
	}
	return usagef("the probes that judge a limit are "+strings.Join(names, ", "), "--horizon boot judges nothing of --only %s", strings.Join(f.only, ","))
}

func probeNames() []string {
	names := make([]string, len(probes.All))
	for i, p := range probes.All {
		names[i] = p.Name
	}
	return names
}

// view is what is to be judged; validate has read it.
func (f *checkFlags) view() audit.View {
	h, _ := probes.ParseHorizon(f.horizon)
	return audit.View{Only: f.only, Horizon: h}
}

// options are what the table needs of the command line: the next commands to
// type ask the same hosts in the same way.
func (f *checkFlags) options(patterns []string) report.Options {
	words := append(f.words(), f.rest.words()...)
	if f.view().Horizon != "" {
		words = append(words, "--horizon", f.horizon)
	}
	return report.Options{
		Command: command("check", words, quoted(patterns)), Why: f.whyCommand, Hosts: f.hostsCommand(patterns), Probes: f.only,
	}
}

// runID names a run by when it began.
func runID(t time.Time) string {
	return fmt.Sprintf("%s-%06d", t.UTC().Format(probes.RunLayout), t.Nanosecond()/1000)
}
