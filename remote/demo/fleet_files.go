package demo

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// inventorySchema begins every inventory in tmdoctor's own format.
const inventorySchema = "tmdoctor/inventory/v1"

// writeFiles writes what a client needs: inventory, ssh configuration and
// known_hosts.
func (f *Fleet) writeFiles() error {
	inventory, err := f.inventory()
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		f.Inventory():  inventory,
		f.SSHConfig():  f.sshConfig(),
		f.KnownHosts(): f.knownHosts(),
	} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// sshConfig has a block for each host. Nothing in it applies to others.
func (f *Fleet) sshConfig() []byte {
	var b bytes.Buffer
	for i, m := range f.members {
		fmt.Fprintf(&b, "Host %s\n\tHostName 127.0.0.1\n\tPort %d\n\tUser %s\n", m.Name, f.berths[i].port, f.options.User)
		fmt.Fprintf(&b, "\tIdentityFile %s\n\tIdentitiesOnly yes\n", word(f.KeyFile()))
		fmt.Fprintf(&b, "\tUserKnownHostsFile %s\n", word(f.KnownHosts()))
		if m.Jump != "" {
			fmt.Fprintf(&b, "\tProxyJump %s\n", m.Jump)
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

// word quotes a file name for ssh_config(5) if it must be.
func word(name string) string {
	if bytes.ContainsAny([]byte(name), " \t") {
		return `"` + name + `"`
	}
	return name
}

func (f *Fleet) knownHosts() []byte {
	var b bytes.Buffer
	line := func(p berth, key ssh.PublicKey) {
		b.WriteString(knownhosts.Line([]string{fmt.Sprintf("127.0.0.1:%d", p.port)}, key) + "\n")
	}
	for i, m := range f.members {
		p := f.berths[i]
		switch {
		case m.UnknownKey:
		case m.ChangedKey || p.server == nil:
			line(p, p.known)
		default:
			for _, key := range p.server.HostKeys() {
				line(p, key)
			}
		}
	}
	return b.Bytes()
}

// inventory lists hosts without a group at the top, the others in theirs.
func (f *Fleet) inventory() ([]byte, error) {
	type settings struct {
		Sudo bool `yaml:"sudo,omitempty"`
	}
	type group struct {
		Hosts yaml.Node `yaml:"hosts"`
	}
	byGroup := map[string][]Member{}
	for _, m := range f.members {
		groups := m.Groups
		if len(groups) == 0 {
			groups = []string{""}
		}
		for _, g := range groups {
			byGroup[g] = append(byGroup[g], m)
		}
	}
	// A node keeps the order of the hosts, which a map would not.
	hosts := func(members []Member) (n yaml.Node, err error) {
		n.Kind = yaml.MappingNode
		for _, m := range members {
			var key, value yaml.Node
			key.SetString(m.Name)
			if err := value.Encode(settings{Sudo: m.Sudo}); err != nil {
				return n, err
			}
			n.Content = append(n.Content, &key, &value)
		}
		return n, nil
	}
	var doc struct {
		Schema string           `yaml:"schema"`
		Groups map[string]group `yaml:"groups,omitempty"`
		Hosts  yaml.Node        `yaml:"hosts,omitempty"`
	}
	doc.Schema = inventorySchema
	for _, name := range slices.Sorted(maps.Keys(byGroup)) {
		n, err := hosts(byGroup[name])
		if err != nil {
			return nil, err
		}
		if name == "" {
			doc.Hosts = n
			continue
		}
		if doc.Groups == nil {
			doc.Groups = map[string]group{}
		}
		doc.Groups[name] = group{Hosts: n}
	}
	return yaml.Marshal(doc)
}
