package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/remote/demo"
	"github.com/tmdoctor/tmdoctor/report"
)

// demoLimits are shorter than those of check, so that the host that hangs
// costs a demonstration seconds and not half a minute. The whole fleet shares
// the processors of one computer: few scripts at once leave each enough time.
func demoLimits() remote.Limits {
	l := remote.DefaultLimits()
	l.Connect, l.Handshake, l.Script, l.Host = 3*time.Second, 5*time.Second, 8*time.Second, 12*time.Second
	l.InFlight = 6
	return l
}

func newDemo(u *ui) *cobra.Command {
	var (
		keep, fixes bool
		out         outputFlags
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "a broken fleet inside this process, over real ssh: see it work",
		Long: `demo starts a small fleet inside this process: each host is a directory and a real
ssh server on loopback, with a host key of its own. It then does what check does,
with the same code: one connection a host, the same script, the same judgement.
Nothing is written outside a private temporary directory, and that is removed at
the end, whatever the end is.

--fix plays tmdoctor fix on a part of the fleet: the table before, the plan as diffs,
the confirmation (which it types itself), a canary, batches, verification over new
connections, and the table afterwards. Only files below the temporary directory
are changed, and no sudo is called.

--keep leaves the fleet running until Ctrl-C and prints the files with which every
other command, and ssh itself, can be tried against it.

Exit status: 0 when every host showed what it should (with --fix: came out as it
should), else 1; 64 for a wrong
command line.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			switch {
			case keep && fixes:
				return usagef("leave one of them out; fix can be tried on a fleet that is kept", "--keep and --fix cannot be together")
			case keep:
				return keepDemo(cmd.Context(), u, demo.Cases())
			case fixes:
				if err := checkDemoFix(&out); err != nil {
					return err
				}
				return withDemo(cmd.Context(), u, demoFixCases(), func(ctx context.Context, fleet *demo.Fleet) error {
					return runDemoFix(ctx, u, &out, fleet)
				})
			}
			return runDemo(cmd.Context(), u, &out, demo.Cases())
		},
	}
	out.addOutput(cmd)
	for _, name := range []string{"fail-on", "quiet"} { // the exit status is the demonstration's own
		_ = cmd.Flags().MarkHidden(name)
	}
	cmd.Flags().BoolVar(&fixes, "fix", false, "play tmdoctor fix on a part of the fleet")
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the fleet running until Ctrl-C, and print how to reach it")
	return cmd
}

// runDemo starts the fleet, checks it and says whether every host showed what
// its case expects.
func runDemo(ctx context.Context, u *ui, out *outputFlags, cases []demo.Case) error {
	return withDemo(ctx, u, cases, func(ctx context.Context, fleet *demo.Fleet) error {
		limits := demoLimits()
		u.printf("asking them as check does, with shorter limits: script %s, host %s", limits.Script, limits.Host)
		seen, err := checkDemo(ctx, u, out, fleet, limits)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return verdict(1)
		}
		return judgeDemo(u, cases, seen)
	})
}

// withDemo starts the fleet for play and removes it, whatever the end is.
func withDemo(ctx context.Context, u *ui, cases []demo.Case, play func(context.Context, *demo.Fleet) error) error {
	// A terminal that is closed, or a pager that is left, must not leave the
	// directory behind.
	ctx, stopEnd := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stopEnd()
	defer outlivePipes()()
	started, fleet := make(chan struct{}), (*demo.Fleet)(nil)
	ctx, stop := interruptible(ctx, u, 0, func() {
		<-started
		if fleet != nil {
			fleet.Close()
		}
	})
	defer stop()
	u.printf("starting %d hosts on loopback", len(cases))
	fleet, err := demo.StartCases(ctx, cases)
	close(started)
	if err != nil {
		return demoFailed(ctx, err)
	}
	defer fleet.Close()
	err = play(ctx, fleet)
	var v verdict
	if err == nil || errors.As(err, &v) {
		return err
	}
	return demoFailed(ctx, err)
}

// outlivePipes keeps SIGPIPE from ending the process, until stop: a write to a
// pager that was left then fails, which ends the run in order. The signal itself
// tells nothing, since it comes of broken connections too. It is not ignored,
// because the shells of the hosts would inherit that.
func outlivePipes() (stop func()) {
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	return func() { signal.Stop(pipes) }
}

// demoFailed is err, or the verdict alone where the run was interrupted or
// nobody reads any more.
func demoFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, syscall.EPIPE) {
		return verdict(1)
	}
	return err
}

// checkDemo is check over the demo fleet: the same flags, the same audit.
func checkDemo(ctx context.Context, u *ui, out *outputFlags, fleet *demo.Fleet, limits remote.Limits) (map[string]*report.Host, error) {
	f := &checkFlags{outputFlags: *out}
	f.inventory = []string{fleet.Inventory()}
	f.ssh.ConfigFile = fleet.SSHConfig()
	f.ssh.Limits = limits
	script, err := newProbeScript()
	if err != nil {
		return nil, err
	}
	hosts, err := f.selectHosts(u, nil)
	if err != nil {
		return nil, err
	}
	o, err := f.open(u, report.Options{Command: "tmdoctor demo"}, newRun(script, "", len(hosts)), nil)
	if err != nil {
		return nil, err
	}
	defer o.close()
	seen := map[string]*report.Host{}
	each := func(h *report.Host) error {
		seen[h.Name] = h
		return o.host(h)
	}
	if err := f.ask(ctx, u, &audit.Audit{Script: script}, hosts, each); err != nil {
		return nil, err
	}
	// The verdict of the fleet is not that of the demonstration.
	if err := o.finish(whole(ctx.Err() != nil)); err != nil {
		if _, isVerdict := err.(verdict); !isVerdict {
			return nil, err
		}
	}
	return seen, nil
}

// judgeDemo says whether every host showed what it should, and what to try
// next.
func judgeDemo(u *ui, cases []demo.Case, seen map[string]*report.Host) error {
	wrong := 0
	for _, c := range cases {
		if h := seen[c.Name]; !showsAsPlanned(c.Expect, h) {
			wrong++
			u.errorf("%s (%s) should show: %s; it shows: %s", c.Name, c.Title, c.Expect, shown(h))
		}
	}
	if wrong > 0 {
		u.errorf("%d of %d hosts did not show what they should", wrong, len(cases))
		return verdict(1)
	}
	u.printf("all %d hosts showed what they should; beside the healthy ones:", len(cases))
	for _, c := range cases {
		if c.Like != "healthy" || c.Expect.Status != "ok" {
			u.printf("  %s  %s", c.Name, c.Title)
		}
	}
	u.printf("next:  tmdoctor explain max_map_count   what such a cause means")
	u.printf("       tmdoctor demo --keep             try other commands on this fleet")
	u.printf("       tmdoctor check -i HOSTS          your own fleet, read-only")
	return nil
}

// showsAsPlanned compares a host with what its case expects.
func showsAsPlanned(e demo.Expect, h *report.Host) bool {
	if h == nil || string(h.Status) != e.Status {
		return false
	}
	if phase := phaseOf(h); phase != "" || e.Phase != "" {
		return phase == e.Phase
	}
	cause, confidence := firstCause(h)
	if cause != e.Cause || confidence != e.Confidence {
		return false
	}
	if e.Code != "" && !slices.ContainsFunc(h.Findings, func(f probes.Finding) bool { return f.Code == e.Code }) {
		return false
	}
	return e.NotSeen == "" || slices.ContainsFunc(notSeen(h), func(why string) bool { return strings.Contains(why, e.NotSeen) })
}

func phaseOf(h *report.Host) string {
	if h.Unreachable == nil {
		return ""
	}
	return h.Unreachable.Phase
}

// firstCause is the first cause that is more than possible; none is "".
func firstCause(h *report.Host) (cause, confidence string) {
	for _, c := range h.Causes {
		if c.Confidence == probes.Proven || c.Confidence == probes.Likely {
			return c.Cause, string(c.Confidence)
		}
	}
	return "", ""
}

// notSeen are the reasons why something of a host could not be seen.
func notSeen(h *report.Host) []string {
	var whys []string
	for _, c := range h.Checks {
		for _, n := range c.NotSeen {
			whys = append(whys, n.Why)
		}
	}
	slices.Sort(whys)
	return slices.Compact(whys)
}

// shown is what a host showed, in the words of an expectation.
func shown(h *report.Host) string {
	if h == nil {
		return "nothing"
	}
	words := []string{string(h.Status)}
	if h.Unreachable != nil {
		words = append(words, "unreachable in phase "+h.Unreachable.Phase+" ("+h.Unreachable.Reason+")")
	}
	for _, c := range h.Causes {
		words = append(words, "cause "+c.Cause+" "+string(c.Confidence))
	}
	for _, f := range h.Findings {
		words = append(words, "finding "+f.Code)
	}
	for _, c := range h.Checks {
		if c.Reason != "" {
			words = append(words, c.Probe+": "+c.Reason)
		}
	}
	for _, why := range notSeen(h) {
		words = append(words, "not seen: "+why)
	}
	return strings.Join(words, ", ")
}

// keepDemo prints how to reach the fleet and waits for a signal.
func keepDemo(ctx context.Context, u *ui, cases []demo.Case) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	defer outlivePipes()()
	fleet, err := demo.StartCases(ctx, cases)
	if err != nil {
		return demoFailed(ctx, err)
	}
	defer fleet.Close()
	healthy := cases[slices.IndexFunc(cases, func(c demo.Case) bool { return c.Expect.Status == "ok" })].Name
	if _, err := fmt.Fprintf(u.stdout, `inventory    %s
ssh_config   %s
known_hosts  %s
key          %s

tmdoctor check -F %[2]s -i %[1]s --script-timeout %[5]s
tmdoctor hosts -F %[2]s -i %[1]s
tmdoctor script | ssh -F %[2]s %[6]s exec /bin/sh -s
`, fleet.Inventory(), fleet.SSHConfig(), fleet.KnownHosts(), fleet.KeyFile(), demoLimits().Script, healthy); err != nil {
		return demoFailed(ctx, err)
	}
	u.printf("%d hosts run until Ctrl-C, and then all of it is removed", len(cases))
	<-ctx.Done()
	return nil
}

// newRun describes a run that begins now.
func newRun(script interface{ SHA256() string }, policy string, selected int) report.Run {
	now := time.Now()
	return report.Run{
		ID: runID(now), Started: now.UTC(), Version: versionString(),
		ScriptSHA256: script.SHA256(), Policy: policy, Selected: selected,
	}
}
