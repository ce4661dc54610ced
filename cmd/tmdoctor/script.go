package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/probes"
)

func newScript(u *ui) *cobra.Command {
	var (
		sudoers     bool
		forFix      bool
		login, user string
	)
	cmd := &cobra.Command{
		Use:   "script",
		Short: "print exactly what is sent to a host, or the sudo rules it needs",
		Long: `script prints the program that check sends to every host on the standard input of
"exec /bin/sh -s": read it before you let it run. Only its first two lines differ
from host to host.

  tmdoctor script | ssh tm17 exec /bin/sh -s > tm17.facts
  tmdoctor check --from tm17.facts

--sudoers prints the least rules under which check --sudo sees everything. Without
them, and without --sudo, what only the TaskManager's user may see is unknown and
is said to be.

--sudoers --fix adds what fix needs. Whoever may run it is root on the hosts: a rule
for less would not be one, because the content of a file of sysctl.d is a way to
root too. Without NOPASSWD, fix asks for the password once.

` + exitOtherHelp,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if forFix && !sudoers {
				return usagef("give --sudoers too", "--fix is for --sudoers: what fix sends is in its plan, tmdoctor fix -o sh")
			}
			script, err := newProbeScript()
			if err != nil {
				return err
			}
			if sudoers {
				text := script.Sudoers(login, user)
				if forFix {
					text += fixSudoers(login)
				}
				_, err := fmt.Fprint(u.stdout, text)
				return err
			}
			_, err = u.stdout.Write(script.For(probes.HostSettings{}))
			return err
		},
	}
	cmd.Flags().BoolVar(&sudoers, "sudoers", false, "print the sudo rules that --sudo needs")
	cmd.Flags().BoolVar(&forFix, "fix", false, "with --sudoers, also the rule that tmdoctor fix and rollback need")
	cmd.Flags().StringVar(&login, "login", "tmdoctor", "the `USER` who logs in, for --sudoers")
	cmd.Flags().StringVar(&user, "flink-user", "flink", "the operating-system `USER` who runs the TaskManagers, for --sudoers")
	return cmd
}

// fixSudoers is the rule under which fix becomes root, for sudoers(5).
func fixSudoers(login string) string {
	return fmt.Sprintf(`# tmdoctor fix and rollback, without a password: this user is root.
%[1]s ALL=(root) NOPASSWD: /bin/sh -s
# Or with one, which is asked for once on the terminal:
# %[1]s ALL=(root) /bin/sh
`, login)
}
