package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/probes"
)

func newScript(u *ui) *cobra.Command {
	var (
		sudoers     bool
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

` + exitOtherHelp,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			script, err := newProbeScript()
			if err != nil {
				return err
			}
			if sudoers {
				fmt.Fprint(u.stdout, script.Sudoers(login, user))
				return nil
			}
			_, err = u.stdout.Write(script.For(probes.HostSettings{}))
			return err
		},
	}
	cmd.Flags().BoolVar(&sudoers, "sudoers", false, "print the sudo rules that --sudo needs")
	cmd.Flags().StringVar(&login, "login", "tmdoctor", "the `USER` who logs in, for --sudoers")
	cmd.Flags().StringVar(&user, "flink-user", "flink", "the `USER` who runs the TaskManagers, for --sudoers")
	return cmd
}
