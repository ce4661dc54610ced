package inventory

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxNested is how deep groups may be inside each other: far more than a
// person can follow, and what an alias inside itself ends at.
const maxNested = 50

// maxNodes bounds what aliases can make of a file.
const maxNodes = 20 * MaxHosts

// ansibleReader reads an inventory of Ansible in YAML, or its list as JSON.
type ansibleReader struct {
	*ansibleFile
	y     *yamlFile
	nodes int
}

func newAnsibleReader(y *yamlFile) *ansibleReader {
	return &ansibleReader{ansibleFile: newAnsibleFile(y.file), y: y}
}

// looksAnsible tells a YAML inventory of Ansible by its first group: a mapping
// with hosts, children or vars. Keys of a tmdoctor inventory that lost its
// first line are none.
func looksAnsible(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch root.Content[i].Value {
		case "schema", "groups", "hosts", "defaults", "plugin":
			return false
		}
		v := target(root.Content[i+1])
		for k := 0; v.Kind == yaml.MappingNode && k+1 < len(v.Content); k += 2 {
			switch v.Content[k].Value {
			case "hosts", "children", "vars":
				return true
			}
		}
	}
	return false
}

// readYAML reads groups by name, as Ansible's own yaml.py does.
func (r *ansibleReader) readYAML(root *yaml.Node) error {
	return r.pairs(root, "the inventory", func(k, v *yaml.Node) error {
		_, err := r.readGroup(k, v, 0)
		return err
	})
}

// pairs is that of yamlFile, bounded, and with merge keys (<<), which Ansible
// knows.
func (r *ansibleReader) pairs(n *yaml.Node, what string, read func(k, v *yaml.Node) error) error {
	n = target(n)
	if n.Kind == yaml.MappingNode {
		if r.nodes += len(n.Content) + 1; r.nodes > maxNodes {
			return r.y.at(n).errorf("write the inventory without so many aliases", "the inventory has more than %d keys", maxNodes)
		}
		n = r.merged(n, 0)
	}
	return r.y.pairs(n, what, read)
}

// merged is a mapping with what its merge keys (YAML 1.1) bring: the mapping's
// own values hold before, of several the first. What aliases make too large
// stays as it is, and is refused by who reads it.
func (r *ansibleReader) merged(n *yaml.Node, depth int) *yaml.Node {
	if r.nodes += len(n.Content) + 1; r.nodes > maxNodes {
		return n
	}
	isMerge := func(k *yaml.Node) bool { return k.Value == "<<" && k.Tag == "!!merge" }
	var bases []*yaml.Node
	out := *n
	out.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		v := target(n.Content[i+1])
		switch {
		case !isMerge(n.Content[i]) || depth > maxNested:
			out.Content = append(out.Content, n.Content[i], n.Content[i+1])
		case v.Kind == yaml.SequenceNode:
			bases = append(bases, v.Content...)
		default:
			bases = append(bases, v)
		}
	}
	if bases == nil {
		return n
	}
	have := map[string]bool{}
	for i := 0; i < len(out.Content); i += 2 {
		have[out.Content[i].Value] = true
	}
	for _, base := range bases {
		if base = target(base); base.Kind != yaml.MappingNode {
			return n // the merge key is refused by who reads the mapping
		}
		base = r.merged(base, depth+1)
		for i := 0; i+1 < len(base.Content); i += 2 {
			if k := base.Content[i]; !have[k.Value] {
				have[k.Value] = true
				out.Content = append(out.Content, k, base.Content[i+1])
			}
		}
	}
	return &out
}

func (r *ansibleReader) readGroup(k, v *yaml.Node, depth int) (*ansibleGroup, error) {
	at := r.y.at(k)
	if depth > maxNested {
		return nil, at.errorf("is a group inside itself?", "groups are nested more than %d deep", maxNested)
	}
	g, err := r.named(k.Value, at)
	if err != nil {
		return nil, err
	}
	g.declared = true
	what := "group " + k.Value
	return g, r.pairs(v, what, func(key, v *yaml.Node) error {
		v = target(v)
		switch key.Value {
		case "hosts":
			return r.names(v, "hosts of "+what, func(k, v *yaml.Node) error { return r.readHost(k, v, g) })
		case "children":
			return r.names(v, "children of "+what, func(k, v *yaml.Node) error {
				child, err := r.readGroup(k, v, depth+1)
				if err != nil {
					return err
				}
				return r.nest(g, child, r.y.at(k))
			})
		case "vars":
			return r.pairs(v, "vars of "+what, func(k, v *yaml.Node) error {
				return r.groupVariable(g, k.Value, yamlValue(target(v), r.y.at(v)))
			})
		}
		r.notes.add(r.y.at(key), "key "+key.Value, "key %q of a group is not used, as Ansible does not: only hosts, children and vars are", key.Value)
		return nil
	})
}

// names are the keys of a mapping; one name alone may stand for it.
func (r *ansibleReader) names(n *yaml.Node, what string, read func(k, v *yaml.Node) error) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && n.Value != "" {
		return read(n, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line, Column: n.Column})
	}
	if n.Kind == yaml.SequenceNode {
		return r.y.at(n).errorf("Ansible wants a mapping: each name followed by a colon, without a dash", "%s: want a mapping, found a list", what)
	}
	return r.pairs(n, what, read)
}

func (r *ansibleReader) readHost(k, v *yaml.Node, g *ansibleGroup) error {
	at := r.y.at(k)
	if k.Tag != "!!str" {
		return at.errorf("put it into quotes", "host %s is a number, and no name", k.Value)
	}
	if _, truth := yamlTruth[strings.ToLower(k.Value)]; truth && k.Style == 0 {
		return at.errorf("put it into quotes", "host %s is a truth value to Ansible", k.Value)
	}
	names, port, f := ansibleNames(k.Value)
	if f != nil {
		return f.at(at, k.Value)
	}
	var set ansibleVars
	err := r.pairs(v, "host "+k.Value, func(k, v *yaml.Node) error {
		r.variable(&set, k.Value, yamlValue(target(v), r.y.at(v)))
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		h, err := r.host(name, port, g, at)
		if err != nil {
			return err
		}
		for _, v := range set {
			h.vars.set(v.name, v.ansibleValue)
		}
	}
	return nil
}
