package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// demoFixed are the hosts of the demonstration of fix, and how each comes out.
// They are a part of the fleet: each host that is changed is asked three times.
//
// A directory has no systemd and opens no session: what a start would get
// stays what was recorded, whatever is written. So verification finds that the
// limits of tm005 and tm007 did not take hold, and both are rolled back, as a
// real host would be.
var demoFixed = map[string]repair.State{
	"tm001": repair.Nothing,
	"tm003": repair.Kept,
	"tm004": repair.Nothing,
	"tm005": repair.RolledBack,
	"tm007": repair.RolledBack,
	"tm008": repair.Nothing,
	"tm010": repair.Kept,
	"tm022": stateNotAsked,
}

// demoFixCases are the cases of demoFixed.
func demoFixCases() []demo.Case {
	return slices.DeleteFunc(demo.Cases(), func(c demo.Case) bool {
		_, there := demoFixed[c.Name]
		return !there
	})
}

// demoFixFlags are what is given to fix in the demonstration.
var demoFixFlags = []string{"--vmem-to-as", "--accept-unverified", "--batch", "2", "--max-failures", "2"}

// fixDemo is fix over the demo fleet: the same plans, the same programs, the
// same verification, on directories that stand for hosts. The confirmation is
// typed by the demonstration.
func fixDemo(ctx context.Context, u *ui, out *outputFlags, fleet *demo.Fleet) error {
	own := *u.environment
	own.getenv = func(name string) string {
		if name == "XDG_STATE_HOME" {
			return filepath.Join(fleet.Dir(), "state")
		}
		return u.getenv(name)
	}
	du := &ui{environment: &own, verbose: u.verbose}
	f := &fixFlags{}
	cmd := &cobra.Command{}
	f.addReach(du, cmd)
	f.addPace(cmd)
	f.addLook(cmd)
	f.addFix(cmd)
	if err := cmd.ParseFlags(append(slices.Clone(demoFixFlags), "--yes")); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	f.color, f.ascii = out.color, out.ascii
	f.inventory, f.ssh.ConfigFile, f.ssh.Limits = []string{fleet.Inventory()}, fleet.SSHConfig(), demoLimits()
	hosts, err := f.selectHosts(du, nil)
	if err != nil {
		return err
	}
	c, err := newChanging(du, &f.askFlags, f.paceFlags, f.lookFlags, f.options, &outlets{view: u.stdout, stdout: "diff"})
	if err != nil {
		return err
	}
	defer func() { c.close() }()
	c.command, c.played = "tmdoctor demo --fix", true
	planned, err := c.survey(ctx, hosts)
	if err != nil {
		return err
	}
	all, err := c.finish(ctx, f, planned, nil)
	if err != nil {
		return err
	}
	return judgeDemoFix(u, all)
}

// judgeDemoFix says whether every host came out as it should.
func judgeDemoFix(u *ui, all []outcome) error {
	wrong := 0
	for _, o := range all {
		if want := string(demoFixed[o.Host.Name]); o.state != want {
			wrong++
			u.errorf("%s should come out %s; it came out %s: %s", o.Host.Name, stateText(want), stateText(o.state), o.reason)
		}
	}
	if wrong > 0 || len(all) != len(demoFixed) {
		u.errorf("%d of %d hosts did not come out as they should", wrong+len(demoFixed)-len(all), len(demoFixed))
		return verdict(1)
	}
	return nil
}

// runDemoFix is demo --fix: the table before, plan, diff, confirmation, canary,
// batches, and the table afterwards.
func runDemoFix(ctx context.Context, u *ui, out *outputFlags, fleet *demo.Fleet) error {
	title := func(text string) { fmt.Fprintf(u.stdout, "== %s\n\n", text) }
	title("before: tmdoctor check")
	if _, err := checkDemo(ctx, u, out, fleet, demoLimits()); err != nil {
		return err
	}
	fmt.Fprintln(u.stdout)
	title("tmdoctor fix " + strings.Join(demoFixFlags, " "))
	if err := fixDemo(ctx, u, out, fleet); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return verdict(1)
	}
	fmt.Fprintln(u.stdout)
	title("after: tmdoctor check")
	if _, err := checkDemo(ctx, u, out, fleet, demoLimits()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return verdict(1)
	}
	u.printf("all %d hosts came out as they should: tm003 and tm010 are repaired;", len(demoFixed))
	u.printf("  a directory has no systemd and no logins, so the limits of tm005 and tm007 did not take hold: verification saw it, and both were rolled back")
	u.printf("next:  tmdoctor fix --plan-only -i HOSTS   what it would change on your own fleet")
	return nil
}

// checkDemoFix refuses a report of demo --fix that is none: it is a story for
// people.
func checkDemoFix(out *outputFlags) error {
	if len(out.outputs) > 0 {
		return usagef("leave out -o", "--fix shows several things one after the other, and none of them as %s", out.outputs[0])
	}
	return nil
}
