package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tmdoctor/tmdoctor/report"
)

// typedFlags are the flags that were given on a command line, for the journal
// and for the command to type next.
type typedFlags []typedFlag

type typedFlag struct {
	name  string
	words []string // as a shell takes them
}

// givenFlags are the flags that a command was given.
func givenFlags(cmd *cobra.Command) (all typedFlags) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		flag := "--" + f.Name
		if f.Shorthand != "" {
			flag = "-" + f.Shorthand
		}
		t := typedFlag{name: f.Name}
		switch list, isList := f.Value.(pflag.SliceValue); {
		case isList:
			for _, v := range list.GetSlice() {
				t.words = append(t.words, flag, report.ShellWord(v))
			}
		case f.Value.Type() == "bool" && f.Value.String() == "true":
			t.words = []string{flag}
		case f.Value.Type() == "bool":
			t.words = []string{"--" + f.Name + "=" + f.Value.String()}
		default:
			t.words = []string{flag, report.ShellWord(f.Value.String())}
		}
		all = append(all, t)
	})
	return all
}

// words are all of them but those named.
func (t typedFlags) words(not ...string) (words []string) {
	for _, f := range t {
		if !slices.Contains(not, f.name) {
			words = append(words, f.words...)
		}
	}
	return words
}

// has reports whether a flag was given.
func (t typedFlags) has(name string) bool {
	return slices.ContainsFunc(t, func(f typedFlag) bool { return f.name == name })
}

// Flags of one command that the next must not have.
var (
	ofThisRun   = slices.Concat(planningFlags, []string{"plan", "plan-only", "resume", "verify-after-reboot", "output", "yes", "force", "verbose"})
	notOfUndo   = slices.Concat(ofThisRun, []string{"canary", "max-failures"})
	notOfVerify = slices.Concat(ofThisRun, applyingFlags, []string{"sudo-password-file"})
	// A plan is applied as it is, but what stays unverified is accepted anew.
	notOfPlan = slices.DeleteFunc(slices.Clone(ofThisRun), func(name string) bool { return name == "accept-unverified" })
)
