package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// version is set by the linker for a release: -X main.version=v1.2.3.
var version = ""

// versionString is the release, else the version of the module that
// `go install` recorded, else "devel".
func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func newVersion(u *ui) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version, and those of facts, report and script",
		Long:  "version prints which tmdoctor this is, and what it writes and sends.\n\n" + exitOtherHelp,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			script, err := newProbeScript()
			if err != nil {
				return err
			}
			fmt.Fprintf(u.stdout, "tmdoctor %s %s/%s %s\nreport %s\nfacts %d\nscript sha256 %s\n",
				versionString(), runtime.GOOS, runtime.GOARCH, runtime.Version(),
				report.Schema, probes.FactsVersion, script.SHA256())
			return nil
		},
	}
}
