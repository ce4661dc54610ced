package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// checkFlags are what check can be told.
type checkFlags struct {
	hostFlags
	outputFlags
	policy    string
	only      []string
	sudo      bool
	flinkUser string
	root      string
	from      []string
	deadline  time.Duration
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
  tmdoctor check --from audit.json        judge again what was collected before
  tmdoctor check --root /mnt/rescue       a directory that stands for a host

` + exitHelp,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), u, args) },
	}
	f.addInventory(u, cmd)
	f.addSSH(cmd)
	f.addOutput(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "policy `FILE`: floors, thresholds, and warn or fail for a code")
	flags.StringSliceVar(&f.only, "only", nil, "judge only these `PROBES`, joined by commas")
	flags.BoolVar(&f.sudo, "sudo", false, "read with sudo what only the TaskManager's user or root may see; tmdoctor script --sudoers prints the rules it needs")
	flags.StringVar(&f.flinkUser, "flink-user", "", "`USER` that runs the TaskManagers, where a host does not tell")
	flags.StringVar(&f.root, "root", "", "ask a `DIR` that stands for a host, instead of hosts")
	flags.StringArrayVar(&f.from, "from", nil, "judge a saved report or the output of the script in `FILE`, instead of asking hosts; repeatable")
	flags.DurationVar(&f.deadline, "deadline", 0, "end the whole run after this `TIME`; what is not known by then is unknown")
	flags.BoolVarP(&u.verbose, "verbose", "v", false, "say on standard error how each host was reached")
	cmd.MarkFlagsMutuallyExclusive("root", "from")
	cmd.MarkFlagsMutuallyExclusive("root", "inventory")
	cmd.MarkFlagsMutuallyExclusive("from", "inventory")
	_ = cmd.RegisterFlagCompletionFunc("only", completeProbes)
	return cmd
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
	out, err := f.open(u, f.command(patterns), newRun(script, f.policy, len(hosts)), policy, f.only)
	if err != nil {
		return err
	}
	defer out.close()
	a := &audit.Audit{Script: script, Policy: policy, Sudo: f.sudo, FlinkUser: f.flinkUser, Root: f.absRoot(), Only: f.only}
	if err := f.ask(ctx, u, a, hosts, out, nil); err != nil {
		return err
	}
	cutShort := ctx.Err() != nil
	return interruptedLate(ctx, cutShort, out.finish(whole(cutShort)))
}

// ask runs the audit over ssh (and on this machine), with a progress line. also
// is told of each host beside the output; nil is nobody.
func (f *checkFlags) ask(ctx context.Context, u *ui, a *audit.Audit, hosts []inventory.Host, out *output, also func(*report.Host)) error {
	native, err := f.native(u)
	if err != nil {
		return err
	}
	defer native.Close()
	p := u.startProgress(len(hosts))
	defer p.close()
	a.Runner = &remote.Runner{
		Transport: native, Limits: f.ssh.Limits,
		Started:  func(_ int, h inventory.Host) { p.begin(h.Name) },
		Finished: func(r remote.Result) { p.end(r.Host.Name); u.reached(r) },
	}
	err = a.Run(ctx, hosts, func(h *report.Host) error {
		if also != nil {
			also(h)
		}
		return out.host(h)
	})
	if u.verbose {
		for _, w := range native.Warnings() {
			u.warnf("%s", w)
		}
	}
	return err
}

// reached says with -v how a host was reached, and always what was recorded or
// worked around on the way.
func (u *ui) reached(r remote.Result) {
	for _, w := range r.Warnings {
		u.warnf("%s: %s", r.Host.Name, w)
	}
	if !u.verbose {
		return
	}
	t := r.Timing
	if r.Err != nil {
		u.printf("%s: %v", r.Host.Name, r.Err)
		return
	}
	u.printf("%s: %s@%s port %d: connect %d ms, authentication %d ms, script %d ms, %d bytes", r.Host.Name,
		r.User, r.Address, r.Port, t.Connect.Milliseconds(), t.Auth.Milliseconds(), t.Script.Milliseconds(), len(r.Stdout))
}

// judgeSaved is check --from.
func (f *checkFlags) judgeSaved(u *ui, policy *probes.Policy, patterns []string) error {
	if len(patterns) > 0 {
		return usagef("leave out the patterns, or ask the hosts with -i", "--from takes no PATTERN yet: %s", strings.Join(patterns, " "))
	}
	saved, err := audit.Saved(f.from, policy, f.only)
	if err != nil {
		return &usageError{err, "--from takes what -o json=FILE or -o ndjson=FILE wrote, or the whole output of tmdoctor script"}
	}
	saved.Run.Version, saved.Run.Policy = versionString(), f.policy
	out, err := f.open(u, f.command(nil), saved.Run, policy, f.only)
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

// hosts are whom to ask: the selection, or the directory of --root.
func (f *checkFlags) hosts(u *ui, patterns []string) ([]inventory.Host, error) {
	if f.root == "" {
		return f.selectHosts(u, patterns)
	}
	if len(patterns) > 0 {
		return nil, usagef("leave out the patterns: the directory is the only host", "--root takes no PATTERN: %s", strings.Join(patterns, " "))
	}
	if err := existingDir("root", f.root); err != nil {
		return nil, err
	}
	return []inventory.Host{{Name: filepath.Base(f.absRoot()), Local: true, Source: "--root"}}, nil
}

func (f *checkFlags) absRoot() string {
	if f.root == "" {
		return ""
	}
	abs, err := filepath.Abs(f.root)
	if err != nil {
		return f.root
	}
	return abs
}

func (f *checkFlags) validate() error {
	if err := f.hostFlags.check(); err != nil {
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
	return f.outputFlags.check()
}

func probeNames() []string {
	names := make([]string, len(probes.All))
	for i, p := range probes.All {
		names[i] = p.Name
	}
	return names
}

// command is the command line that asks the same hosts in the same way again,
// for the next command to type.
func (f *checkFlags) command(patterns []string) string {
	words := []string{"tmdoctor", "check"}
	add := func(flag string, values ...string) {
		for _, v := range values {
			if v != "" {
				words = append(words, flag, shellWord(v))
			}
		}
	}
	add("-i", f.inventory...)
	add("-F", f.ssh.ConfigFile)
	add("--known-hosts", f.ssh.KnownHosts...)
	add("--identity", f.ssh.Identity...)
	add("--root", f.root)
	add("--from", f.from...)
	if f.sudo {
		words = append(words, "--sudo")
	}
	for _, p := range patterns {
		words = append(words, shellWord(p))
	}
	return strings.Join(words, " ")
}

// shellWord quotes a word for a POSIX shell where it needs it.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@,=+%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// runID names a run by when it began.
func runID(t time.Time) string {
	return fmt.Sprintf("%s-%06d", t.UTC().Format("20060102T150405Z"), t.Nanosecond()/1000)
}
