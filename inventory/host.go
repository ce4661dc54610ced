package inventory

import (
	"net"
	"strconv"
)

// Host is one machine of the inventory, by the name the operator gave it.
// A zero field was not set: package remote then asks ssh_config, and the
// script asks the host itself.
type Host struct {
	// Name is what the operator calls the host: unique in an inventory, and
	// what reports, patterns and ssh_config Host blocks are matched with.
	Name string `json:"name"`
	// Address is the name or IP to connect to, empty for Name itself (or the
	// HostName of ssh_config).
	Address string `json:"address,omitempty"`
	// User is the login user, empty for ssh_config's or the caller's own.
	User string `json:"user,omitempty"`
	// Port is the TCP port of sshd, 0 for ssh_config's or 22.
	Port int `json:"port,omitempty"`
	// FlinkUser is the user that runs TaskManagers; empty means: the owner of
	// the running TaskManager, else of its newest log, else the login user.
	FlinkUser string `json:"flink_user,omitempty"`
	// IdentityFile is a private key to log in with, "~/" allowed.
	IdentityFile string `json:"identity_file,omitempty"`
	// Jump is a jump host in the syntax of ProxyJump: [user@]host[:port],
	// several separated by commas.
	Jump string `json:"jump,omitempty"`
	// Transport is how the host is reached, native or openssh; empty means as
	// the command line says.
	Transport string `json:"transport,omitempty"`
	// LegacyAlgorithms admits what an old SSH server of this host needs: SHA-1
	// and keys below 2048 bits.
	LegacyAlgorithms bool `json:"legacy_algorithms,omitempty"`
	// Sudo allows single sections of the script to be raised with sudo.
	Sudo bool `json:"sudo,omitempty"`
	// Labels are free words for the operator's own use; findings that sick
	// hosts share may name them.
	Labels map[string]string `json:"labels,omitempty"`
	// StateDirs are directories to look at besides those the TaskManager's
	// arguments and configuration name.
	StateDirs []string `json:"state_dirs,omitempty"`
	// FlinkHome is where Flink is installed, for hosts without a running
	// TaskManager.
	FlinkHome string `json:"flink_home,omitempty"`
	// Groups are the groups the host belongs to, parents included, sorted.
	Groups []string `json:"groups,omitempty"`
	// TaskManagers is how many TaskManagers the inventory expects on the
	// host: the repeats of a conf/workers file, 0 where it does not say.
	TaskManagers int `json:"task_managers,omitempty"`
	// Local means this machine, without ssh: a bare "localhost".
	Local bool `json:"local,omitempty"`
	// Source is where the host was read, FILE:LINE, or "command line".
	Source string `json:"source,omitempty"`
}

// String is the host as one word of a plain list: [user@]name[:port].
func (h Host) String() string {
	s := h.Name
	if h.Port != 0 {
		s = net.JoinHostPort(h.Name, strconv.Itoa(h.Port))
	}
	if h.User != "" {
		s = h.User + "@" + s
	}
	return s
}
