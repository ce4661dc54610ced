package inventory

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// jsonNodes reads JSON into the nodes of YAML, so that one reader serves both:
// the YAML library cannot read all of JSON (surrogate pairs), and is slower.
// It is false where the text is no JSON.
func jsonNodes(text string) (*yaml.Node, bool) {
	if !json.Valid([]byte(text)) {
		return nil, false
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	r := jsonReader{text: text, dec: dec, line: 1}
	return r.value(0)
}

// jsonReader knows the place of each token.
type jsonReader struct {
	text string
	dec  *json.Decoder
	off  int // up to where lines are counted
	line int
	bol  int // where the line begins
}

// node is a node at the next token.
func (r *jsonReader) node(kind yaml.Kind) *yaml.Node {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	for {
		i := strings.IndexByte(r.text[r.off:at], '\n')
		if i < 0 {
			break
		}
		r.off += i + 1
		r.line, r.bol = r.line+1, r.off
	}
	r.off = at
	return &yaml.Node{Kind: kind, Line: r.line, Column: utf8.RuneCountInString(r.text[r.bol:at]) + 1}
}

// value reads the next value; false where it is nested too deeply.
func (r *jsonReader) value(depth int) (*yaml.Node, bool) {
	n := r.node(yaml.ScalarNode)
	tok, err := r.dec.Token()
	if err != nil || depth > 2*maxNested {
		return nil, false
	}
	switch tok := tok.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if tok == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.dec.More() {
			one, ok := r.value(depth + 1)
			if !ok {
				return nil, false
			}
			n.Content = append(n.Content, one)
		}
		_, err = r.dec.Token()
	case string:
		n.Tag, n.Value, n.Style = "!!str", tok, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!int", tok.String()
	case bool:
		n.Tag, n.Value = "!!bool", "false"
		if tok {
			n.Value = "true"
		}
	case nil:
		n.Tag = "!!null"
	}
	return n, err == nil
}

// looksList tells the list that ansible-inventory --list and other dynamic
// inventories print: _meta, or a group whose hosts or children are a list.
func looksList(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		v := root.Content[i+1]
		switch root.Content[i].Value {
		case "schema", "groups", "hosts", "defaults": // of tmdoctor
			return false
		}
		if root.Content[i].Value == "_meta" || v.Kind == yaml.SequenceNode {
			return true
		}
		for k := 0; v.Kind == yaml.MappingNode && k+1 < len(v.Content); k += 2 {
			if name := v.Content[k].Value; (name == "hosts" || name == "children") && v.Content[k+1].Kind == yaml.SequenceNode {
				return true
			}
		}
	}
	return false
}

// readList reads what a dynamic inventory prints: groups with lists of hosts
// and of children, and in _meta the variables of the hosts.
func (r *ansibleReader) readList(root *yaml.Node) error {
	var meta *yaml.Node
	err := r.pairs(root, "the inventory", func(k, v *yaml.Node) error {
		if k.Value == "_meta" {
			meta = v
			return nil
		}
		return r.listGroup(k, v)
	})
	if err != nil {
		return err
	}
	if meta == nil {
		r.notes.add(r.y.at(root), "no _meta", "the list has no _meta with variables of hosts; tmdoctor does not ask for them host by host")
		return nil
	}
	return r.pairs(meta, "_meta", func(k, v *yaml.Node) error {
		if k.Value != "hostvars" {
			return nil // profile says how the list was written
		}
		return r.pairs(v, "hostvars", r.listVariables)
	})
}

func (r *ansibleReader) listGroup(k, v *yaml.Node) error {
	g, err := r.named(k.Value, r.y.at(k))
	if err != nil {
		return err
	}
	g.declared = true
	host := func(n *yaml.Node) error {
		if f := checkName("host", n.Value); f != nil && !isIP(n.Value) {
			return f.at(r.y.at(n), n.Value)
		}
		_, err := r.host(n.Value, "", g, r.y.at(n))
		return err
	}
	what := "group " + k.Value
	if v.Kind == yaml.SequenceNode {
		return r.list(v, what, host)
	}
	if v.Kind != yaml.MappingNode {
		return r.y.at(v).errorf("", "%s: want a mapping, found %s", what, kindOf(v))
	}
	return r.pairs(v, what, func(key, v *yaml.Node) error {
		switch key.Value {
		case "hosts":
			return r.list(v, "hosts of "+what, host)
		case "children":
			return r.list(v, "children of "+what, func(n *yaml.Node) error {
				child, err := r.named(n.Value, r.y.at(n))
				if err != nil {
					return err
				}
				child.declared = true
				return r.nest(g, child, r.y.at(n))
			})
		case "vars":
			return r.pairs(v, "vars of "+what, func(k, v *yaml.Node) error {
				return r.groupVariable(g, k.Value, yamlValue(v, r.y.at(v)))
			})
		}
		r.notes.add(r.y.at(key), "key "+key.Value, "key %q of a group is not used, as Ansible does not: only hosts, children and vars are", key.Value)
		return nil
	})
}

// list reads a list of names.
func (r *ansibleReader) list(n *yaml.Node, what string, read func(*yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return r.y.at(n).errorf("", "%s: want a list, found %s", what, kindOf(n))
	}
	for _, one := range n.Content {
		if one.Kind != yaml.ScalarNode || one.Tag != "!!str" {
			return r.y.at(one).errorf("", "%s: want a name, found %s", what, kindOf(one))
		}
		if err := read(one); err != nil {
			return err
		}
	}
	return nil
}

// listVariables reads the variables of one host.
func (r *ansibleReader) listVariables(k, v *yaml.Node) error {
	h := r.index[k.Value]
	if h == nil {
		r.notes.add(r.y.at(k), "host of no group", "host %q has variables and is in no group: it is not in the inventory", k.Value)
		return nil
	}
	return r.pairs(v, "host "+k.Value, func(k, v *yaml.Node) error {
		r.variable(&h.vars, k.Value, yamlValue(v, r.y.at(v)))
		return nil
	})
}
