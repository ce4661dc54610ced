package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// printResult prints each host that was to be changed, those alike once, and
// how to go on.
func (c *changing) printResult(all []outcome, s *repair.Summary) error {
	rows, states := newFolding(), newFolding()
	for _, o := range all {
		if o.done != nil {
			rows.add(c.row(o), o.Host.Name)
			states.add(o.state, o.Host.Name)
		}
	}
	rank := func(row string) int {
		state, _, _ := strings.Cut(row, "\x00")
		return slices.Index(stateOrder, state)
	}
	rows.byRank(rank)
	states.byRank(rank)
	w := c.out.view
	fmt.Fprintf(w, "\nRESULT of run %s\n", s.Run)
	for _, row := range rows.keys {
		part := strings.Split(row, "\x00")
		fmt.Fprintln(w, c.wrapped(strings.TrimRight(strings.ToUpper(stateText(part[0]))+"  "+rows.hosts(row)+"  "+part[1], " "), "    "))
		for _, line := range part[2:] {
			fmt.Fprintln(w, "  "+wrappedTo(max(0, c.width()-2), line, "    "))
		}
	}
	var counts []string
	for _, state := range states.keys {
		counts = append(counts, fmt.Sprintf("%d %s", len(states.names[state]), stateText(state)))
	}
	fmt.Fprintf(w, "\n%s: %s\n", counted(len(s.Hosts), "host"), strings.Join(counts, ", "))
	if s.Stopped != "" {
		fmt.Fprintln(w, c.wrapped("stopped: "+report.Escape(s.Stopped), "  "))
	}
	return c.printNext(s, states)
}

// row is what is said of a host, beside its name, for folding: its state, its
// status before and after, and lines.
func (c *changing) row(o outcome) string {
	parts := []string{o.state, ""}
	after := o.done.After
	if after != nil {
		after = settledReport(after, c.policy)
	}
	if o.Before != nil {
		parts[1] = string(o.Before.Status)
		if after != nil {
			parts[1] += " -> " + string(after.Status)
		}
	} else if after != nil {
		parts[1] = "now " + string(after.Status)
	}
	if o.reason != "" {
		parts = append(parts, "because "+report.Escape(o.reason))
	}
	if o.state == string(repair.Kept) {
		parts = append(parts, changesText(o)...)
	}
	for _, line := range standingChanges(o.Before, after) {
		parts = append(parts, report.Escape(line))
	}
	parts = append(parts, stillNeeded(after)...)
	if len(o.done.Logins) > 0 {
		parts = append(parts, "logins tried: "+report.Escape(strings.Join(o.done.Logins, "; ")))
	}
	if a := o.done.Answer; a != nil {
		for _, n := range slices.Compact(slices.Sorted(slices.Values(a.Notes))) {
			parts = append(parts, "note: "+report.Escape(n))
		}
	}
	return strings.Join(parts, "\x00")
}

// stillNeeded are the restarts without which a TaskManager runs on with what it
// had.
func stillNeeded(after *report.Host) (lines []string) {
	if after == nil {
		return nil
	}
	for _, f := range after.Findings {
		if strings.HasSuffix(f.Code, "/restart-needed") && f.Waived == nil {
			lines = append(lines, "still needed: "+report.Escape(fix.AnyPID(f.Subject, f.Remedy)))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// changesText is what a plan changed on a host.
func changesText(o outcome) (lines []string) {
	if o.Plan == nil {
		return nil
	}
	var what []string
	for _, f := range o.Plan.Files {
		what = append(what, report.Escape(f.Path))
	}
	for _, l := range o.Plan.Live {
		text := fmt.Sprintf("%s now (%s -> %s)", l.Setting, l.Before, l.After)
		if l.PID != 0 {
			text = fmt.Sprintf("%s of a running TaskManager (%s -> %s)", l.Setting, l.Before, l.After)
		}
		what = append(what, report.Escape(text))
	}
	if o.Plan.Reload {
		what = append(what, "systemd has read its units again")
	}
	for _, unit := range o.Plan.Restart {
		what = append(what, "restart of "+report.Escape(unit))
	}
	if len(what) == 0 {
		return nil
	}
	return []string{"changed: " + strings.Join(slices.Compact(what), ", ")}
}

// standingChanges are the limits that are not what they were, on each horizon.
func standingChanges(before, after *report.Host) (lines []string) {
	if before == nil || after == nil {
		return nil
	}
	was := map[[2]string]probes.Standing{}
	for _, c := range before.Checks {
		for _, s := range c.Horizons {
			was[[2]string{s.Setting, s.Subject}] = s
		}
	}
	for _, c := range after.Checks {
		for _, s := range c.Horizons {
			old, known := was[[2]string{s.Setting, s.Subject}]
			if !known {
				continue
			}
			var parts []string
			for _, h := range probes.Horizons {
				a, b := old.At(h), s.At(h)
				if a.Value != b.Value {
					parts = append(parts, fmt.Sprintf("%s %s -> %s", h, orUnknown(a.Value), orUnknown(b.Value)))
				}
			}
			if parts != nil {
				lines = append(lines, strings.TrimSpace(s.Setting+" "+withoutPID(s.Subject))+": "+strings.Join(parts, ", "))
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func orUnknown(value string) string {
	if value == "" {
		return "?"
	}
	return value
}

// withoutPID is a subject that is the same on hosts that are alike.
func withoutPID(subject string) string {
	if strings.HasPrefix(subject, "pid ") || subject == "" {
		return ""
	}
	return "of " + subject
}

// printNext says which commands undo a run, go on with it and look at it
// later.
func (c *changing) printNext(s *repair.Summary, states *folding) error {
	if c.played { // its hosts are gone by then
		return nil
	}
	var lines []string
	if c.again != "" { // a roll back
		left := states.names[string(repair.Refused)]
		for _, state := range []repair.State{repair.Unknown, repair.Stuck, repair.NotBegun} {
			left = append(left, states.names[string(state)]...)
		}
		if left != nil {
			lines = append(lines, "try again:     "+c.next("rollback", notOfUndo, s.Run, report.ShellWord(inventory.Fold(left))))
		}
		return c.printLines(lines)
	}
	if states.names[string(repair.Unknown)] != nil || s.Stopped != "" && states.names[string(repair.NotBegun)] != nil {
		lines = append(lines, "go on:         "+c.next("fix", ofThisRun, "--resume", s.Run))
	}
	if left := states.names[string(repair.Refused)]; left != nil {
		lines = append(lines, "plan again:    "+c.next("fix", []string{"plan", "resume", "yes", "output", "verbose", "force"}, report.ShellWord(inventory.Fold(left))))
	}
	if states.names[string(repair.Kept)] != nil || states.names[string(repair.Stuck)] != nil || states.names[string(repair.Unknown)] != nil {
		lines = append(lines, "undo:          "+c.next("rollback", notOfUndo, s.Run))
	}
	if states.names[string(repair.Kept)] != nil {
		lines = append(lines, "after reboot:  "+c.next("fix", notOfVerify, "--verify-after-reboot", s.Run))
	}
	return c.printLines(lines)
}

func (c *changing) printLines(lines []string) error {
	for _, l := range lines {
		if _, err := fmt.Fprintln(c.out.view, l); err != nil {
			return err
		}
	}
	return nil
}
