package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// whyFlags are what why can be told.
type whyFlags struct {
	askFlags
	output string
	color  string
	ascii  bool
}

func newWhy(u *ui) *cobra.Command {
	f := &whyFlags{}
	cmd := &cobra.Command{
		Use:   "why [HOST] SETTING",
		Short: "say how a limit came about on a host, file by file",
		Long: `why prints the whole chain of precedence of one setting as it was resolved on one
host: what it is worth for the process that runs, for a start now and for a start
after the next boot; then every way to a value, file by file in the order of
reading, with what became of each line and the line that wins marked with >.

SETTING is ` + strings.Join(probes.SettingNames(), ", ") + `, any other item of
limits.conf (core, memlock) or any key of sysctl (fs.nr_open). It comes last. HOST
is asked now, as check would ask it; with --from it is a host of what was collected
before. HOST may be left out where there is only one: with --root, or with --from
of one host.

  tmdoctor why tm17 vm.max_map_count
  tmdoctor why tm17 nofile -i prod.yaml --sudo
  tmdoctor why tm17 as --from audit.json
  tmdoctor why nofile --root /mnt/rescue -o json

Exit status: 0 if the values of all three horizons are known, 3 if one is not or
the host was not reached; 64 for a wrong command line, an unknown setting, or a
host that is not there.`,
		Args: whyArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), u, args) },
	}
	f.addAsk(u, cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	flags.StringVar(&f.color, "color", "auto", "auto, always or never; NO_COLOR is honoured")
	flags.BoolVar(&f.ascii, "ascii", false, "print nothing of our own outside ASCII")
	cmd.ValidArgsFunction = f.complete(u)
	_ = cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(colourWords, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// whyArgs refuses what is not [HOST] SETTING.
func whyArgs(_ *cobra.Command, args []string) error {
	switch n := len(args); n {
	case 1, 2:
		return nil
	case 0:
		return usagef("tmdoctor why HOST SETTING; the settings are "+strings.Join(probes.SettingNames(), ", "), "why takes a host and a setting, got none")
	default:
		return usagef("one host and one setting at a time: tmdoctor why HOST SETTING", "why takes a host and a setting, got %d words", n)
	}
}

// run is why: find the host, resolve, print. What it cannot tell is exit
// status 3.
func (f *whyFlags) run(ctx context.Context, u *ui, args []string) error {
	host, setting := "", args[len(args)-1]
	if len(args) == 2 {
		host = args[0]
	}
	if f.output != "text" && f.output != "json" {
		return usagef("use text or json", "-o %q is not a format", f.output)
	}
	color, err := u.colour(f.color)
	if err != nil {
		return err
	}
	if err := f.askFlags.check(); err != nil {
		return err
	}
	// A slip of the pen is told before anything is asked of a host.
	if err := checkSetting(host, setting); err != nil {
		return err
	}
	policy, err := readPolicy(f.policy)
	if err != nil {
		return err
	}
	h, err := f.find(ctx, u, policy, host, setting)
	if err != nil {
		return err
	}
	y := report.Why{Host: h.Name, Unreachable: h.Unreachable, Chain: probes.Chain{Setting: setting}}
	if h.Unreachable == nil {
		if y.Chain, err = probes.Why(h.Facts, policy, setting); err != nil {
			return err
		}
	}
	if f.output == "json" {
		err = report.WriteWhyJSON(u.stdout, y)
	} else {
		err = report.WriteWhy(u.stdout, report.Options{Width: u.width(), Color: color, ASCII: f.ascii || u.ascii()}, y)
	}
	if err == nil && !y.Known() {
		return verdict(3)
	}
	return err
}

// find is the host that is asked about, with its facts or why it has none.
func (f *whyFlags) find(ctx context.Context, u *ui, policy *probes.Policy, host, setting string) (*report.Host, error) {
	if f.from != nil {
		saved, err := f.saved(policy, audit.View{})
		if err != nil {
			return nil, err
		}
		return savedHost(saved.Hosts, strings.Join(f.from, ", "), host)
	}
	hosts, err := f.oneHost(u, host, setting)
	if err != nil {
		return nil, err
	}
	script, err := newProbeScript()
	if err != nil {
		return nil, err
	}
	ctx, stop := interruptible(ctx, u, f.deadline)
	defer stop()
	var found *report.Host
	err = f.ask(ctx, u, f.audit(script, policy, audit.View{}), hosts, func(h *report.Host) error {
		found = h
		return nil
	})
	return found, err
}

// oneHost is whom to ask: the host of that name, or the directory of --root.
func (f *whyFlags) oneHost(u *ui, host, setting string) ([]inventory.Host, error) {
	if f.root != "" {
		hosts, err := f.hosts(u, nil)
		if err == nil && host != "" && host != hosts[0].Name {
			return nil, usagef("leave out the host: the directory is the only one", "--root %s is not host %q", f.root, host)
		}
		return hosts, err
	}
	if host == "" {
		return nil, usagef("tmdoctor why HOST "+report.ShellWord(setting)+", or where it was collected: --from FILE, --root DIR", "no host is named")
	}
	hosts, err := f.selectHosts(u, []string{host})
	if err != nil {
		return nil, err
	}
	if len(hosts) != 1 {
		return nil, usagef("name one of them", "%q selects %d hosts: %s", host, len(hosts), namesOf(hosts, func(h inventory.Host) string { return h.Name }))
	}
	return hosts, nil
}

// savedHost is the host of that name among those of saved reports; "" is the
// only one.
func savedHost(hosts []*report.Host, file, name string) (*report.Host, error) {
	names := namesOf(hosts, func(h *report.Host) string { return h.Name })
	if name == "" && len(hosts) == 1 {
		return hosts[0], nil
	}
	if name == "" {
		return nil, usagef("name one of "+names, "%s has %d hosts", file, len(hosts))
	}
	if i := slices.IndexFunc(hosts, func(h *report.Host) bool { return h.Name == name }); i >= 0 {
		return hosts[i], nil
	}
	return nil, usagef("it has "+names, "host %q is not in %s", name, file)
}

// maxNames is how many characters of names a message has.
const maxNames = 200

// namesOf are the names of hosts as ranges, or the first few where even that
// is long.
func namesOf[H any](hosts []H, name func(H) string) string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = name(h)
	}
	if len(names) == 0 {
		return "no host"
	}
	some := len(names)
	for some > 1 && len(inventory.Fold(names[:some])) > maxNames {
		some /= 2
	}
	text := inventory.Fold(names[:some])
	if n := len(names) - some; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// checkSetting refuses what is no setting, with what may have been meant. A
// word with dots may be any key of sysctl: only a slip in one that a probe
// judges is told.
func checkSetting(host, setting string) error {
	meant := probes.MeantSetting(setting)
	if probes.IsSetting(setting) && meant == "" {
		return nil
	}
	hint := "the settings are " + strings.Join(probes.SettingNames(), ", ") + ", items of limits.conf and keys of sysctl"
	if meant == "" {
		meant = probes.NearestSetting(setting)
	}
	switch p := probes.ByName(setting); {
	case probes.BySetting(host) != nil:
		hint = "the setting comes last: tmdoctor why " + report.ShellWord(setting) + " " + report.ShellWord(host)
	case p != nil && p.Setting != nil:
		hint = "the setting that probe " + p.Name + " judges is " + p.Setting.Name
	case meant != "":
		hint = "did you mean " + meant + "?"
	}
	return usagef(hint, "%q is not a setting", setting)
}

// complete completes the host, then the setting.
func (f *whyFlags) complete(u *ui) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	hosts := f.completeHosts(u)
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		var settings []string
		for _, name := range probes.SettingNames() {
			settings = append(settings, name+"\t"+oneLine(probes.BySetting(name).Doc))
		}
		switch {
		case len(args) > 1:
			return nil, cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1 || f.root != "" || f.from != nil:
			return settings, cobra.ShellCompDirectiveNoFileComp
		}
		return hosts(cmd, args, word)
	}
}
