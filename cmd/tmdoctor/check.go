package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// checkFlags are what check can be told.
type checkFlags struct {
	askFlags
	outputFlags
	only    []string
	horizon string
}

func newCheck(u *ui) *cobra.Command {
	f := &checkFlags{}
	cmd := &cobra.Command{
		Use:   "check [PATTERN...]",
		Short: "ask hosts and print which are unhealthy and why",
		Long: `check asks every host that a PATTERN selects (all of the inventory without one),
judges the answers and prints one report. It changes nothing on a host.

A PATTERN is a host, a group, a glob (tm1*), a range (tm[001-040]) or !PATTERN to
leave hosts out. Without -i the inventory is $TMDOCTOR_INVENTORY, ./tmdoctor.yaml
or $FLINK_HOME/conf/workers, and a PATTERN that is in none of them is a host of
its own.

  tmdoctor check -i hosts.txt 'tm[001-040]' '!tm017'
  tmdoctor check -i prod.yaml rack1 --sudo -o table -o json=audit.json
  tmdoctor check -q -i prod.yaml          from cron: silent when all is well
  tmdoctor check -i prod.yaml --horizon boot
                                          will the fleet come up healthy?
  tmdoctor check --from audit.json        judge again what was collected before
  tmdoctor check --root /mnt/rescue       a directory that stands for a host

Every limit is judged as the process runs (running), as a start now would get it
(live), and as a start after the next boot gets it (boot); --horizon asks for one
of them. --horizon boot is 0 only if the limits of every host after its next boot
are known and ok; nothing else is judged then.

` + exitHelp,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), u, args) },
	}
	f.addAsk(u, cmd)
	f.addOutput(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&f.only, "only", nil, "judge only these `PROBES`, joined by commas")
	flags.StringVar(&f.horizon, "horizon", "all", "judge only one `HORIZON`: "+strings.Join(horizonNames(), ", "))
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

func completeProbes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, p := range probes.All {
		names = append(names, p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
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
	if f.from != nil {
		return f.judgeSaved(u, policy, patterns)
	}
	hosts, err := f.hosts(u, patterns)
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
	run := newRun(script, f.policy, len(hosts))
	run.Horizon = f.view().Horizon
	out, err := f.open(u, f.options(patterns), run, policy)
	if err != nil {
		return err
	}
	defer out.close()
	if err := f.ask(ctx, u, f.audit(script, policy, f.view()), hosts, out.host); err != nil {
		return err
	}
	cutShort := ctx.Err() != nil
	return interruptedLate(ctx, cutShort, out.finish(whole(cutShort)))
}

// judgeSaved is check --from.
func (f *checkFlags) judgeSaved(u *ui, policy *probes.Policy, patterns []string) error {
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
	for _, h := range saved.Hosts {
		if err := out.host(h); err != nil {
			return err
		}
	}
	return out.finish(saved.Finished)
}

func (f *checkFlags) validate() error {
	if err := f.askFlags.check(); err != nil {
		return err
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
	words := f.words()
	if f.view().Horizon != "" {
		words = append(words, "--horizon", f.horizon)
	}
	return report.Options{
		Command: command("check", words, quoted(patterns)), Why: f.whyCommand, Hosts: f.hostsCommand(patterns), Probes: f.only,
	}
}

// runID names a run by when it began.
func runID(t time.Time) string {
	return fmt.Sprintf("%s-%06d", t.UTC().Format("20060102T150405Z"), t.Nanosecond()/1000)
}
