package remote

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// Settings are how a host is reached, resolved from the inventory, ssh_config
// and defaults, in this order. Nothing was connected to find them.
type Settings struct {
	// Name is what the host is called in the inventory.
	Name string
	// Address, Port and User are where and as whom we connect.
	Address string
	Port    int
	User    string
	// IdentityFiles are private keys in the order of preference. Those of
	// DefaultIdentities are there only because nothing named any.
	IdentityFiles     []string
	DefaultIdentities bool
	// IdentitiesOnly keeps to IdentityFiles even if the agent has more keys.
	IdentitiesOnly bool
	// IdentityAgent is the agent's socket; empty is no agent.
	IdentityAgent string
	// CertificateFiles are certificates of user keys, offered first; as for
	// ssh, if there are any, the KEY-cert.pub beside a key file is not read.
	CertificateFiles []string
	// Methods are the authentication methods to use, in this order: publickey,
	// keyboard-interactive and password; nil is all of them.
	Methods []string
	// KnownHosts are the files host keys are looked up in; the first one is
	// where new keys are recorded.
	KnownHosts []string
	// RevokedHostKeys are files of keys that no host may present.
	RevokedHostKeys []string
	// HostKeyAlias is looked up instead of address and port.
	HostKeyAlias string
	// AcceptNew records an unknown key.
	AcceptNew bool
	// HashKnownHosts records names hashed, as ssh would.
	HashKnownHosts bool
	// LegacyAlgorithms admits what only old servers need.
	LegacyAlgorithms bool
	// Jumps are the jump hosts on the way, the nearest first.
	Jumps []Settings
	// ProxyCommand is the shell command whose standard input and output reach
	// the host, with its tokens expanded; empty for none.
	ProxyCommand string
	// Connect is ConnectTimeout, 0 for that of Limits.
	Connect time.Duration
	// Network is tcp, tcp4 or tcp6.
	Network string
	// BindAddress is the local address to connect from, empty for any.
	BindAddress string
	// Warnings are what ssh_config asks for and does not get.
	Warnings []string
}

// methods are the authentication methods to use, in this order.
func (s *Settings) methods() []string {
	if s.Methods != nil {
		return s.Methods
	}
	all := make([]string, len(authMethods))
	for i, m := range authMethods {
		all[i] = m.name
	}
	return all
}

// HostPort is the address and port as one word.
func (s *Settings) HostPort() string { return net.JoinHostPort(s.Address, strconv.Itoa(s.Port)) }

// lookupName is the name in known_hosts: an alias as it is, else the address,
// with the port in brackets unless it is 22.
func (s *Settings) lookupName() string {
	if s.HostKeyAlias != "" {
		return strings.ToLower(s.HostKeyAlias)
	}
	return bracketed(s.Address, s.Port)
}

func bracketed(address string, port int) string {
	address = strings.ToLower(address)
	if port == 22 {
		return address
	}
	return "[" + address + "]:" + strconv.Itoa(port)
}
