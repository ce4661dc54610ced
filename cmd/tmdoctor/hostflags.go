package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/remote"
)

// hostFlags are the flags of every command that selects hosts and reaches
// them.
type hostFlags struct {
	inventory []string
	transport string
	rate      rateFlag
	ssh       remote.Options
	// sudoPassword is the file of --sudo-password-file.
	sudoPassword string
	// told is true once it was said what of the inventory is not used, or if
	// nobody is to be told; tellOwn says too what does not matter for reaching
	// hosts.
	told, tellOwn bool
	// known are all hosts of the inventory that was named or found, nil where
	// there is none.
	known []inventory.Host
}

// addInventory adds the flag that names inventories.
func (f *hostFlags) addInventory(u *ui, cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.inventory, "inventory", "i", nil,
		"inventory `FILE`: a list of hosts, tmdoctor YAML, Flink's conf/workers or conf/masters (workers:FILE, masters:FILE), Ansible's INI, YAML or --list (ansible:FILE); - is standard input; repeatable")
	cmd.ValidArgsFunction = f.completeHosts(u)
}

// addSSH adds the flags that say how hosts are reached.
func (f *hostFlags) addSSH(cmd *cobra.Command) {
	flags := cmd.Flags()
	limits := remote.DefaultLimits()
	flags.StringVar(&f.transport, "transport", remote.TransportNative,
		"how hosts are reached: native speaks ssh itself, openssh runs ssh(1), for GSSAPI, hardware keys, any ssh_config")
	_ = cmd.RegisterFlagCompletionFunc("transport", cobra.FixedCompletions(remote.TransportNames, cobra.ShellCompDirectiveNoFileComp))
	flags.StringVarP(&f.ssh.ConfigFile, "ssh-config", "F", "", "ssh_config `FILE` to read instead of ~/.ssh/config and the system's; none for no file")
	flags.StringArrayVar(&f.ssh.Identity, "identity", nil, "private key `FILE` to offer first; repeatable")
	flags.StringArrayVar(&f.ssh.KnownHosts, "known-hosts", nil, "known_hosts `FILE` to use instead of ssh_config's; repeatable")
	flags.BoolVar(&f.ssh.AcceptNew, "accept-new", false, "record the host keys of unknown hosts; a changed key is never accepted")
	flags.BoolVar(&f.ssh.LegacyAlgorithms, "legacy-algorithms", false, "log in also to servers that can do nothing better than SHA-1, CBC or keys below 2048 bits; each is a warning of its host")
	flags.DurationVar(&f.ssh.Limits.Connect, "connect-timeout", limits.Connect, "for looking up the name and connecting")
	flags.DurationVar(&f.ssh.Limits.Handshake, "auth-timeout", limits.Handshake, "for the ssh handshake and authentication")
	flags.DurationVar(&f.ssh.Limits.Script, "script-timeout", limits.Script, "for the script on the host")
	flags.DurationVar(&f.ssh.Limits.Host, "host-timeout", limits.Host, "for one host altogether")
	flags.IntVar(&f.ssh.Limits.InFlight, "in-flight", limits.InFlight, "hosts asked at the same time")
	flags.IntVar(&f.ssh.Limits.Handshakes, "handshakes", limits.Handshakes, "ssh handshakes at the same time")
	_ = flags.SetAnnotation("handshakes", manDefault, []string{"16 for each CPU"})
	f.rate.perSecond = &f.ssh.Limits.Rate
	flags.Var(&f.rate, "rate", "begin at most this many connections a second, over all hosts, retries and jump hosts included, for a fleet or a network that is easily upset: 5, 0.5, 30/m; what waits for its turn is not late")
}

// words are the flags that reach the same hosts again, for the next command to
// type.
func (f *hostFlags) words() []string {
	transport := f.transport
	if transport == remote.TransportNative {
		transport = ""
	}
	var legacy []string
	if f.ssh.LegacyAlgorithms {
		legacy = []string{"--legacy-algorithms"}
	}
	return slices.Concat(flagWords("-i", f.inventory...), flagWords("--transport", transport), flagWords("-F", f.ssh.ConfigFile),
		flagWords("--known-hosts", f.ssh.KnownHosts...), flagWords("--identity", f.ssh.Identity...), flagWords("--rate", f.rate.text), legacy)
}

// check refuses values that cannot be meant.
func (f *hostFlags) check() error {
	if err := f.checkTransport(); err != nil {
		return err
	}
	for _, limit := range []struct {
		flag  string
		value time.Duration
	}{
		{"connect-timeout", f.ssh.Limits.Connect}, {"auth-timeout", f.ssh.Limits.Handshake},
		{"script-timeout", f.ssh.Limits.Script}, {"host-timeout", f.ssh.Limits.Host},
	} {
		if limit.value <= 0 {
			return usagef("give a duration such as 10s", "--%s %s is not a time limit", limit.flag, limit.value)
		}
	}
	if f.ssh.Limits.InFlight <= 0 {
		return usagef("give a number of hosts such as 64", "--in-flight %d is not a number of hosts", f.ssh.Limits.InFlight)
	}
	if f.ssh.Limits.Handshakes <= 0 {
		return usagef("give a number such as 16", "--handshakes %d is not a number of handshakes", f.ssh.Limits.Handshakes)
	}
	return nil
}

// selectHosts reads the inventories and selects the hosts that the patterns name.
func (f *hostFlags) selectHosts(u *ui, patterns []string) ([]inventory.Host, error) {
	inv, err := f.loader(u).Open(f.inventory)
	if err != nil {
		return nil, &usageError{err: err}
	}
	f.tell(u, inv.Notes)
	if len(inv.Files) > 0 {
		f.known = inv.Hosts
	}
	hosts, err := inv.Select(patterns)
	if err != nil {
		return nil, &usageError{err: err}
	}
	return hosts, nil
}

// tell says once what of the inventory is not used.
func (f *hostFlags) tell(u *ui, notes []inventory.Note) {
	for _, n := range notes {
		if !f.told && (f.tellOwn || !n.Own) {
			u.warnf("%s", n)
		}
	}
	f.told = true
}

func (f *hostFlags) loader(u *ui) inventory.Loader {
	return inventory.Loader{Getenv: u.getenv, Stdin: u.stdin, Saved: readUnhealthy}
}

func (f *hostFlags) checkTransport() error {
	if !slices.Contains(remote.TransportNames, f.transport) && f.transport != "" {
		return usagef("the transports are "+strings.Join(remote.TransportNames, " and "), "--transport %q is not a transport", f.transport)
	}
	if f.transport == remote.TransportOpenSSH && f.ssh.LegacyAlgorithms {
		return usagef("write them in ssh_config: KexAlgorithms, HostKeyAlgorithms, Ciphers, MACs with +NAME", "--legacy-algorithms is of no use with --transport openssh: ssh(1) has its own algorithms")
	}
	return nil
}

// reach opens the transport that the flags name; that of a host of which the
// inventory says otherwise is opened when it is needed. Only what becomes root
// has an askSudo.
func (f *hostFlags) reach(u *ui, askSudo func() ([]byte, error)) (*remote.Choice, error) {
	if err := f.checkTransport(); err != nil {
		return nil, err
	}
	opts := f.ssh
	opts.Env = u.getenv
	opts.AskPassphrase, opts.AskLogin, opts.AskSudo = u.askPassphrase(), u.askLogin(), askSudo
	c, err := remote.NewChoice(opts, f.transport)
	if err != nil {
		return nil, &usageError{err: err}
	}
	return c, nil
}

// newProbeScript is the script with a nonce of its own.
func newProbeScript() (*probes.Script, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, err
	}
	return probes.NewScript(hex.EncodeToString(b[:])), nil
}

// withDeadline bounds the whole run; zero is no bound.
func withDeadline(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// existingDir refuses a --root that is no directory.
func existingDir(flag, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return &usageError{fmt.Errorf("--%s %s: %w", flag, dir, errors.Unwrap(err)), "give a directory that stands for a host: a mounted disk, an unpacked sosreport"}
	}
	if !info.IsDir() {
		return usagef("give the directory, not a file in it", "--%s %s is not a directory", flag, dir)
	}
	return nil
}
