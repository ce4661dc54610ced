package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/report"
)

func newRuns(u *ui) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "list the runs of fix and how their hosts came out; connect to nothing",
		Long: `runs lists the runs of fix that were begun from here, the latest first: when, by
whom, how many hosts were kept, rolled back and so on. A run is ended; stopped, where
it left hosts out; or unfinished, where it was cut short or a host is in doubt.
tmdoctor fix --resume RUN goes on with the last two.

` + exitOtherHelp,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if output != "table" && output != "json" {
				return usagef("the formats are table, json", "-o %q is not a format", output)
			}
			dir, err := u.stateDir()
			if err != nil {
				return err
			}
			runs, err := repair.ListRuns(dir)
			if err != nil && len(runs) == 0 {
				return &usageError{err: err}
			}
			if err != nil {
				u.warnf("%v", err)
			}
			if output == "json" {
				return printRunsJSON(u.stdout, runs)
			}
			if len(runs) == 0 {
				u.printf("there is no run in %s", dir)
				return nil
			}
			return printRuns(u, runs)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// stateOfRun is "unfinished", "stopped" where hosts were left out on purpose,
// or "ended".
func stateOfRun(s *repair.SavedRun) string {
	left := false
	for _, state := range s.Hosts {
		if state == repair.Unknown {
			return "unfinished"
		}
		left = left || state == repair.NotBegun
	}
	switch {
	case s.Ended.IsZero():
		return "unfinished"
	case left:
		return "stopped"
	}
	return "ended"
}

// hostsOfRun counts the hosts of a run by their states.
func hostsOfRun(s *repair.SavedRun) string {
	count := map[repair.State]int{}
	for _, state := range s.Hosts {
		count[state]++
	}
	var parts []string
	for _, state := range stateOrder {
		if n := count[repair.State(state)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, stateText(state)))
		}
	}
	return strings.Join(parts, ", ")
}

// printRuns is a line a run, or a few where the terminal is narrow.
func printRuns(u *ui, runs []*repair.SavedRun) error {
	if w := u.width(); w > 0 && w < 100 {
		for _, s := range runs {
			text := fmt.Sprintf("%s  %s\n%s by %s: %s", s.Run, stateOfRun(s), s.Began.Local().Format(time.DateTime), report.Escape(s.Who), hostsOfRun(s))
			for i, line := range strings.Split(text, "\n") {
				indent := strings.Repeat("  ", min(i, 1))
				if _, err := fmt.Fprintln(u.stdout, indent+wrappedTo(w, line, "    ")); err != nil {
					return err
				}
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(u.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tBEGAN\tWHO\tSTATE\tHOSTS\tCOMMAND")
	for _, s := range runs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Run, s.Began.Local().Format(time.DateTime), report.Escape(s.Who), stateOfRun(s), hostsOfRun(s), report.Escape(s.Command))
	}
	return w.Flush()
}

// runDoc is a run as `runs -o json` prints it.
type runDoc struct {
	Run     string                  `json:"run"`
	Began   time.Time               `json:"began"`
	Ended   *time.Time              `json:"ended"` // null if it was cut short
	Who     string                  `json:"who"`
	Command string                  `json:"command"`
	State   string                  `json:"state"` // ended, stopped or unfinished
	Hosts   map[string]repair.State `json:"hosts"`
}

func printRunsJSON(w io.Writer, runs []*repair.SavedRun) error {
	docs := []runDoc{}
	for _, s := range runs {
		d := runDoc{Run: s.Run, Began: s.Began, Who: s.Who, Command: s.Command, State: stateOfRun(s), Hosts: s.Hosts}
		if !s.Ended.IsZero() {
			d.Ended = &s.Ended
		}
		docs = append(docs, d)
	}
	b, err := json.MarshalIndent(docs, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(report.EscapeJSON(b), '\n'))
	return err
}

// openRun reads a run by its id, the begin of one, or "last".
func (u *ui) openRun(name string) (saved *repair.SavedRun, dir string, err error) {
	if dir, err = u.stateDir(); err != nil {
		return nil, "", err
	}
	if saved, err = repair.OpenRun(dir, name); err != nil {
		return nil, "", &usageError{err, "tmdoctor runs lists them"}
	}
	if saved.Undoes != "" {
		var left []string
		for host, state := range saved.Hosts {
			if state != repair.RolledBack {
				left = append(left, host)
			}
		}
		slices.Sort(left)
		hint := "every host of it is rolled back"
		if left != nil {
			hint = "try again: tmdoctor rollback " + saved.Undoes + " " + report.ShellWord(inventory.Fold(left))
		}
		return nil, "", usagef(hint, "run %s is the roll back of run %s, which no journal here tells of (%s)", saved.Run, saved.Undoes, hostsOfRun(saved))
	}
	return saved, dir, nil
}

// completeRuns completes the ids of runs.
func completeRuns(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	u := &ui{environment: processEnv()}
	names := []string{"last"}
	if dir, err := u.stateDir(); err == nil {
		runs, _ := repair.ListRuns(dir)
		for _, s := range runs {
			names = append(names, s.Run+"\t"+stateOfRun(s)+", "+hostsOfRun(s))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// inStates are the hosts of a run in one of the states, in the order of its
// plans.
func inStates(s *repair.SavedRun, states ...repair.State) (names []string) {
	for _, p := range s.Plans.Hosts {
		for _, state := range states {
			if s.Hosts[p.Host] == state {
				names = append(names, p.Host)
			}
		}
	}
	return names
}

// foldedNames are names as ranges, escaped.
func foldedNames(names []string) string { return report.Escape(inventory.Fold(names)) }
