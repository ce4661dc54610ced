package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// askFlags are the flags of every command that asks hosts, or judges what was
// collected before: how they are reached, how they are read, by which policy.
type askFlags struct {
	hostFlags
	policy    string
	sudo      bool
	flinkUser string
	root      string
	from      []string
	deadline  time.Duration
}

func (f *askFlags) addAsk(u *ui, cmd *cobra.Command) {
	f.addReach(u, cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.root, "root", "", "ask a `DIR` that stands for a host, instead of hosts")
	flags.StringArrayVar(&f.from, "from", nil, "judge a saved report or the output of the script in `FILE`, instead of asking hosts; repeatable")
}

// addReach adds those of them that are about hosts: what is changed is never a
// directory or a report.
func (f *askFlags) addReach(u *ui, cmd *cobra.Command) {
	f.addInventory(u, cmd)
	f.addSSH(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "policy `FILE`: floors, thresholds, and warn or fail for a code")
	flags.BoolVar(&f.sudo, "sudo", false, "read with sudo what only the TaskManager's user or root may see; tmdoctor script --sudoers prints the rules it needs")
	flags.StringVar(&f.flinkUser, "flink-user", "", "operating-system `USER` that runs the TaskManagers, where a host does not tell")
	flags.DurationVar(&f.deadline, "deadline", 0, "end the whole run after this `TIME`; what is not known by then is unknown")
	flags.BoolVarP(&u.verbose, "verbose", "v", false, "say on standard error how each host was reached")
}

// check refuses values that cannot be meant, and two answers to the question
// whom to ask. cobra would say that too, but not as a wrong command line.
func (f *askFlags) check() error {
	var whom []string
	for _, flag := range []struct {
		name  string
		given bool
	}{{"--root", f.root != ""}, {"--from", f.from != nil}, {"--inventory", f.inventory != nil}} {
		if flag.given {
			whom = append(whom, flag.name)
		}
	}
	if len(whom) > 1 {
		return usagef("leave all but one of them out", "%s cannot be together", strings.Join(whom, " and "))
	}
	return f.hostFlags.check()
}

// audit is the reading and judging that the flags ask for; ask gives it its
// runner.
func (f *askFlags) audit(script *probes.Script, policy *probes.Policy, view audit.View) *audit.Audit {
	return &audit.Audit{Script: script, Policy: policy, Sudo: f.sudo, FlinkUser: f.flinkUser, Root: f.absRoot(), View: view}
}

// ask runs the audit over ssh (and on this machine), with a progress line. each
// is told of every host once.
func (f *askFlags) ask(ctx context.Context, u *ui, a *audit.Audit, hosts []inventory.Host, each func(*report.Host) error) error {
	if err := u.checkDescriptors(f.ssh.Limits.Descriptors(len(hosts))); err != nil {
		return err
	}
	reach, err := f.reach(u, nil)
	if err != nil {
		return err
	}
	defer reach.Close()
	p := u.startProgress(len(hosts))
	defer p.close()
	a.Runner = &remote.Runner{
		Transport: reach, Limits: f.ssh.Limits,
		Started:  func(_ int, h inventory.Host) { p.begin(h.Name) },
		Finished: func(r remote.Result) { p.end(r.Host.Name); u.reached(r) },
	}
	err = a.Run(ctx, hosts, each)
	if u.verbose {
		for _, w := range reach.Warnings() {
			u.warnf("%s", w)
		}
	}
	return err
}

// checkDescriptors says before a run if the files that this process may open
// do not suffice for as many hosts at the same time as were asked for, and what
// to do; the run then asks fewer at a time.
func (u *ui) checkDescriptors(d remote.Descriptors) error {
	raise := fmt.Sprintf("raise the hard limit of open files here (ulimit -Hn) to %d: nofile in limits.conf for a login, LimitNOFILE= of a systemd unit, --ulimit of a container", d.Needed)
	if d.Limit > 0 && d.Limit < remote.LeastDescriptors {
		return usagef(raise, "this process may open %d files, and %d are needed to ask one host at a time", d.Limit, remote.LeastDescriptors)
	}
	if d.Fit < d.Wanted {
		u.warnf("%d hosts at the same time need %d open files, and this process may open %d: %d are asked at a time", d.Wanted, d.Needed, d.Limit, d.Fit)
		u.hintf("%s; or ask for no more than --in-flight %d", raise, d.Fit)
	}
	return nil
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

// hosts are whom to ask: the selection, or the directory of --root.
func (f *askFlags) hosts(u *ui, patterns []string) ([]inventory.Host, error) {
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

func (f *askFlags) absRoot() string {
	if f.root == "" {
		return ""
	}
	abs, err := filepath.Abs(f.root)
	if err != nil {
		return f.root
	}
	return abs
}

// saved judges what the files of --from hold.
func (f *askFlags) saved(policy *probes.Policy, view audit.View) (audit.Collected, error) {
	saved, err := audit.Saved(f.from, policy, view)
	if err != nil {
		err = &usageError{err, "--from takes what -o json=FILE or -o ndjson=FILE wrote, or the whole output of tmdoctor script"}
	}
	return saved, err
}

// words are the flags that ask the same hosts in the same way again, and judge
// by the same policy, for the next command to type.
func (f *askFlags) words() []string {
	words := flagWords("--root", f.root)
	words = append(words, flagWords("--from", f.from...)...)
	if f.sudo {
		words = append(words, "--sudo")
	}
	words = append(words, flagWords("--flink-user", f.flinkUser)...)
	words = append(words, flagWords("--policy", f.policy)...)
	return append(f.hostFlags.words(), words...)
}

// whyCommand tells how a setting came about on one of the hosts.
func (f *askFlags) whyCommand(host, setting string) string {
	return command("why", quoted([]string{host, setting}), f.words())
}

// hostsCommand shows how the hosts of the patterns are reached, "" where none
// is.
func (f *askFlags) hostsCommand(patterns []string) string {
	if f.root != "" || f.from != nil {
		return ""
	}
	return command("hosts", f.hostFlags.words(), quoted(patterns))
}

// command is a command line to type, of words that are quoted.
func command(name string, words ...[]string) string {
	return strings.Join(append([]string{"tmdoctor", name}, slices.Concat(words...)...), " ")
}

// quoted are words as a shell takes them.
func quoted(words []string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = report.ShellWord(w)
	}
	return all
}

// flagWords are a flag with each of its values, quoted; a value "" is none.
func flagWords(flag string, values ...string) (words []string) {
	for _, v := range values {
		if v != "" {
			words = append(words, flag, report.ShellWord(v))
		}
	}
	return words
}
