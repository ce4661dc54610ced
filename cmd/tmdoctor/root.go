package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Exit statuses that are not a verdict; the verdicts are report.ExitStatus's.
const (
	exitUsage   = 64 // EX_USAGE of sysexits.h
	exitFailure = 70 // EX_SOFTWARE: tmdoctor itself could not go on, such as a full disk under a report
)

// exitHelp stands at the end of the help of check, and is the contract of
// every command that judges.
const exitHelp = `Exit status: 2 if anything failed, else 3 if anything is unknown or the run was
cut short, else 1 if anything warned, else 0; 64 for a wrong command line, no
inventory, no host that matches, or an unreadable policy; 70 if the report could
not be written. --fail-on sets the lowest status that is not 0; an interrupted
run is never 0 or 1.`

// exitOtherHelp is the same for commands that judge nothing.
const exitOtherHelp = `Exit status: 0, or 64 for a wrong command line or an unreadable file.`

// verdict is an exit status that is no error: the report has said it all.
type verdict int

func (v verdict) Error() string { return fmt.Sprintf("exit status %d", int(v)) }

// run is the whole program: it returns the exit status.
func run(ctx context.Context, args []string, env *environment) int {
	u := &ui{environment: env}
	root := newRoot(u)
	root.SetArgs(args)
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	defer u.dropQuestion()
	cmd, err := root.ExecuteContextC(ctx)
	var v verdict
	switch {
	case err == nil:
		return 0
	case errors.As(err, &v):
		return int(v)
	}
	u.failed(err)
	var usage *usageError
	if errors.As(err, &usage) {
		if usage.hint == "" && hintOf(err) == "" {
			u.hintf("%s --help", cmd.CommandPath())
		}
		return exitUsage
	}
	return exitFailure
}

func newRoot(u *ui) *cobra.Command {
	root := &cobra.Command{
		Use:   "tmdoctor",
		Short: "say why Flink TaskManagers fail on their hosts",
		Long: `tmdoctor asks TaskManager hosts over ssh why RocksDB fails on them, and prints
one table for the whole fleet. Nothing is installed on the hosts, and check
changes nothing there; fix does, after it was confirmed.

  tmdoctor demo                    a broken fleet inside this process: see it work
  tmdoctor check -i hosts.txt      ask every host of an inventory
  tmdoctor check tm17 tm18         ask two hosts
  tmdoctor fix -i hosts.txt        repair what can be repaired, when you say so
  tmdoctor rollback last           undo it
  tmdoctor why tm17 nofile         how a limit came about on a host
  tmdoctor explain "ulimit -m"     what a finding, a probe or a word means

` + exitOtherHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err: err}
	})
	root.AddCommand(newCheck(u), newFix(u), newRollback(u), newRuns(u), newHosts(u), newScript(u), newWhy(u), newExplain(u), newDemo(u), newVersion(u), newMan(u))
	for _, cmd := range root.Commands() {
		cmd.Args = usageArgs(cmd.Args)
	}
	root.Args = unknownCommand
	root.SuggestionsMinimumDistance = 2
	return root
}

// usageArgs makes what cobra says of wrong arguments a usageError.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		err := check(cmd, args)
		var own *usageError
		if err == nil || errors.As(err, &own) {
			return err
		}
		return &usageError{err: err}
	}
}

// unknownCommand refuses a word that is no command, and names the nearest.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "tmdoctor --help lists the commands"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean tmdoctor " + strings.Join(near, ", tmdoctor ") + "?"
	}
	return usagef(hint, "%q is not a command", args[0])
}
