package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Format is a way to write an inventory.
type Format string

// The formats that [Inventory.Render] writes and [Loader.Load] reads.
const (
	Plain   Format = "plain"
	YAML    Format = "yaml"
	Workers Format = "workers"
)

// String is the inventory as YAML, or why it cannot be.
func (inv *Inventory) String() string {
	s, err := inv.Render(YAML)
	if err != nil {
		return err.Error()
	}
	return s
}

// Render writes the inventory so that reading it again gives the same hosts
// and groups. What a format has no place for is an error and not left out.
func (inv *Inventory) Render(f Format) (string, error) {
	if f == YAML {
		return inv.renderYAML()
	}
	if f != Plain && f != Workers {
		return "", fmt.Errorf("format %q is not known", string(f))
	}
	if len(inv.groups) > 0 {
		return "", fmt.Errorf("group %q: the format %s has no groups", inv.GroupNames()[0], f)
	}
	var b strings.Builder
	for _, h := range inv.Hosts {
		rest, times := h.extras(), 1
		if f == Workers {
			times = max(1, h.TaskManagers)
			if h.User != "" || h.Port != 0 {
				rest = append(rest, "user or port")
			}
		} else if h.TaskManagers > 0 {
			rest = append(rest, "task_managers")
		}
		if len(rest) > 0 {
			return "", fmt.Errorf("host %q: the format %s has no place for %s", h.Name, f, rest[0])
		}
		b.WriteString(strings.Repeat(h.String()+"\n", times))
	}
	return b.String(), nil
}

// extras are the settings of h that no list of names can hold.
func (h Host) extras() []string {
	var out []string
	for _, p := range h.pairs() {
		if p.key != keyUser && p.key != keyPort {
			out = append(out, p.key.String())
		}
	}
	return out
}

// pair is a key with its value as YAML.
type pair struct {
	key   key
	value *yaml.Node
}

// pairs are the settings that h has, in the order of keys.
func (h Host) pairs() []pair {
	var out []pair
	add := func(k key, given bool, n *yaml.Node) {
		if given {
			out = append(out, pair{k, n})
		}
	}
	add(keyAddress, h.Address != "", textNode(h.Address))
	add(keyUser, h.User != "", textNode(h.User))
	add(keyPort, h.Port != 0, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(h.Port)})
	add(keyFlinkUser, h.FlinkUser != "", textNode(h.FlinkUser))
	add(keyIdentityFile, h.IdentityFile != "", textNode(h.IdentityFile))
	add(keyJump, h.Jump != "", textNode(h.Jump))
	add(keyTransport, h.Transport != "", textNode(h.Transport))
	add(keyLegacy, h.LegacyAlgorithms, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	add(keySudo, h.Sudo, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	labels := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range slices.Sorted(maps.Keys(h.Labels)) {
		// Quoted, since some readers of YAML take yes for a truth value.
		value := textNode(h.Labels[k])
		value.Style |= yaml.DoubleQuotedStyle
		labels.Content = append(labels.Content, textNode(k), value)
	}
	add(keyLabels, len(h.Labels) > 0, labels)
	add(keyStateDirs, len(h.StateDirs) > 0, listNode(h.StateDirs))
	add(keyFlinkHome, h.FlinkHome != "", textNode(h.FlinkHome))
	return out
}

func textNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func listNode(s []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, one := range s {
		n.Content = append(n.Content, textNode(one))
	}
	return n
}

// renderYAML writes each host with all its settings, then the groups side by
// side: a host of an inner group is listed in the outer one too.
func (inv *Inventory) renderYAML() (string, error) {
	top := &yaml.Node{Kind: yaml.MappingNode}
	hosts := &yaml.Node{Kind: yaml.MappingNode}
	for _, h := range inv.Hosts {
		if h.TaskManagers > 0 {
			return "", fmt.Errorf("host %q: the format yaml has no place for task_managers", h.Name)
		}
		if h.Local && (h.Name != "localhost" || !h.bare()) {
			return "", fmt.Errorf("host %q: the format yaml has no place for a connection that is local", h.Name)
		}
		value := &yaml.Node{Kind: yaml.MappingNode}
		for _, p := range h.pairs() {
			value.Content = append(value.Content, textNode(p.key.String()), p.value)
		}
		if len(value.Content) == 0 {
			value.Style = yaml.FlowStyle
		}
		hosts.Content = append(hosts.Content, textNode(h.Name), value)
	}
	groups := &yaml.Node{Kind: yaml.MappingNode}
	for _, g := range inv.GroupNames() {
		members := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode("hosts"), listNode(inv.Group(g))}}
		groups.Content = append(groups.Content, textNode(g), members)
	}
	top.Content = []*yaml.Node{textNode("schema"), textNode(SchemaV1), textNode("hosts"), hosts}
	if len(groups.Content) > 0 {
		top.Content = append(top.Content, textNode("groups"), groups)
	}
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(top); err != nil {
		return "", err
	}
	return b.String(), enc.Close()
}
