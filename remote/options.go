package remote

import (
	"context"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"time"
)

// Options says how hosts are reached. The zero value is what ssh(1) would do
// for the caller, with its ssh_config, agent and keys.
type Options struct {
	// ConfigFile is read instead of ~/.ssh/config and /etc/ssh/ssh_config, as
	// with ssh -F; "none" reads no file at all.
	ConfigFile string
	// AcceptNew records keys of unknown hosts; never those of hosts that are
	// known by another key.
	AcceptNew bool
	// Identity are private keys offered before those of ssh_config.
	Identity []string
	// KnownHosts replaces the known_hosts files of ssh_config. The first of
	// them is where AcceptNew records.
	KnownHosts []string
	// AskPassphrase asks a person for the passphrase of a key file; nil means
	// that there is nobody to ask. It is called for one key at a time.
	AskPassphrase func(path string) ([]byte, error)
	// AskLogin asks a person what a server wants to know beyond a key: a
	// password, or an answer to a question of its own; nil means that there is
	// nobody to ask, and that the methods password and keyboard-interactive are
	// not tried. The password of a user is asked for once, for all hosts (and
	// once for a jump host), after the keys were refused. It goes to one host
	// after the other until one has taken it, and to none after one has not.
	// Deadlines stand still meanwhile.
	AskLogin func(Question) ([]byte, error)
	// AskSudo asks a person for the password that sudo wants of the login user;
	// nil means that there is nobody to ask. It is called at most once, for all
	// hosts, and what it gives is cleared after use. The password goes to a
	// host only when sudo there asks for it, and at most once; after the first
	// host that does not take it, it goes to no other.
	AskSudo func() ([]byte, error)
	// LegacyAlgorithms admits what only old servers need, behind all others:
	// a server that can do better is not asked for less.
	LegacyAlgorithms bool
	// Limits bound every host; a zero field has its default.
	Limits Limits
	// Env looks up environment variables; nil is os.Getenv.
	Env func(string) string
	// Home is the caller's home directory; empty is os.UserHomeDir.
	Home string
	// User is the caller's login name; empty is that of the process.
	User string
	// Dial opens TCP connections; nil resolves the name and connects to its
	// addresses. Connections through a jump host do not pass here.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	shared *shared // by all transports of a run; nil for one of its own
}

// systemConfig is the file ssh(1) reads after the user's own.
const systemConfig = "/etc/ssh/ssh_config"

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.withDefaults()
	if o.shared == nil {
		o.shared = newShared(o.Limits)
	}
	if o.Env == nil {
		o.Env = os.Getenv
	}
	if o.Home == "" {
		o.Home, _ = os.UserHomeDir() // no home: "~" is then an error by name
	}
	if o.User == "" {
		if u, err := user.Current(); err == nil {
			o.User = u.Username
		}
	}
	return o
}

// configFiles are the ssh_config files in the order of precedence.
func (o Options) configFiles() (files []configFile) {
	switch o.ConfigFile {
	case "none":
		return nil
	case "":
		if o.Home != "" {
			files = append(files, configFile{path: filepath.Join(o.Home, ".ssh", "config"), guarded: true})
		}
		return append(files, configFile{path: systemConfig, system: true})
	}
	return []configFile{{path: o.ConfigFile, required: true}}
}

// Limits bound what one host may cost. A zero field has the value of
// [DefaultLimits]. Deadlines are absolute: a host that drips a byte a second
// does not prolong them.
type Limits struct {
	Connect   time.Duration // name look-up and TCP
	Handshake time.Duration // key exchange and authentication
	Script    time.Duration // session, exec and output
	Host      time.Duration // all of it, retries and jump hosts included, but waiting by Rate

	Stdout int // bytes of stdout kept
	Drain  int // bytes of stdout read and thrown away beyond Stdout; more ends the host
	Stderr int // bytes of stderr kept; as many as Stdout and Drain together are read
	Banner int // bytes of all banners before login; more ends the host

	InFlight   int // hosts at work at once
	Handshakes int // key exchanges at work at once

	// Logins at work at once, from connecting to the end of authentication,
	// beside which others wait, by the time of Host and no other. What waits
	// there has not connected yet.
	//
	// To one address and port: sshd(8) begins to drop connections at 10 that
	// have not authenticated (MaxStartups 10:30:100), whoever's they are, and
	// one host may have many names.
	AddressLogins int
	// To one network (IPv4 /24, IPv6 /64): as many as clush has at work at once
	// altogether, which firewalls, hypervisors and directory services of a rack
	// have met before.
	NetworkLogins int
	// Behind one jump host, whose one process passes all of it on. Seven of ten
	// round trips of a host there are its login: fewer places would leave those of
	// InFlight empty.
	JumpLogins int

	// Rate is how many connections are begun in a second, over all hosts,
	// retries and jump hosts included; 0 is no limit. What has to wait for its
	// turn waits longer than Host.
	Rate float64
}

// DefaultLimits are the limits of a fleet that answers. 30 s of script is
// what a host that swaps needs; 4 MiB is a host with the most files and logs
// a script may read; 256 hosts in flight keep memory below 200 MB.
func DefaultLimits() Limits {
	return Limits{
		Connect:   10 * time.Second,
		Handshake: 20 * time.Second,
		Script:    30 * time.Second,
		Host:      60 * time.Second,

		Stdout: 4 << 20,
		Drain:  4 << 20,
		Stderr: 64 << 10,
		Banner: 64 << 10,

		InFlight:   256,
		Handshakes: 16 * runtime.GOMAXPROCS(0),

		AddressLogins: 4,
		NetworkLogins: 64,
		JumpLogins:    160,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ v, d *time.Duration }{
		{&l.Connect, &d.Connect}, {&l.Handshake, &d.Handshake}, {&l.Script, &d.Script}, {&l.Host, &d.Host},
	} {
		if *f.v <= 0 {
			*f.v = *f.d
		}
	}
	for _, f := range []struct{ v, d *int }{
		{&l.Stdout, &d.Stdout}, {&l.Drain, &d.Drain}, {&l.Stderr, &d.Stderr}, {&l.Banner, &d.Banner},
		{&l.InFlight, &d.InFlight}, {&l.Handshakes, &d.Handshakes},
		{&l.AddressLogins, &d.AddressLogins}, {&l.NetworkLogins, &d.NetworkLogins}, {&l.JumpLogins, &d.JumpLogins},
	} {
		if *f.v <= 0 {
			*f.v = *f.d
		}
	}
	return l
}
