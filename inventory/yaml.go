package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// SchemaV1 is what a YAML inventory begins with: schema: tmdoctor/inventory/v1.
const SchemaV1 = "tmdoctor/inventory/v1"

// yamlFile is a YAML inventory while it is read. It is decoded by way of
// yaml.Node, because only nodes know their column.
type yamlFile struct {
	file     string
	defaults settings
	hosts    []*yamlHost
	index    map[string]*yamlHost
	groups   []*yamlGroup
	byName   map[string]*yamlGroup
}

// yamlHost is a host and all that is said of it by name.
type yamlHost struct {
	name   string
	at     position
	set    settings
	groups []*yamlGroup // the groups that name it, without their parents
}

// yamlGroup is a group, with what it says for its hosts.
type yamlGroup struct {
	name   string
	at     position
	parent *yamlGroup
	number int
	set    settings
}

// parseYAML reads a tmdoctor inventory, or one of Ansible in YAML or JSON.
func parseYAML(file string, text string) (contents, error) {
	y := &yamlFile{file: file, index: map[string]*yamlHost{}, byName: map[string]*yamlGroup{}}
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		if root, ok := jsonNodes(text); ok && looksList(root) {
			r := newAnsibleReader(y)
			return contents{ansible: r.ansibleFile}, r.readList(root)
		}
	}
	root, err := y.decode(text)
	if err != nil {
		return contents{}, err
	}
	if looksAnsible(root) {
		r := newAnsibleReader(y)
		return contents{ansible: r.ansibleFile}, r.readYAML(root)
	}
	if err := y.readTop(root); err != nil {
		return contents{}, err
	}
	return y.resolve()
}

// decode is the text as one document.
func (y *yamlFile) decode(text string) (*yaml.Node, error) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, y.syntaxError(err, text)
	}
	if err := dec.Decode(&second); err == nil {
		return nil, y.at(&second).errorf("an inventory is one document", "a second YAML document begins here")
	}
	return doc.Content[0], nil
}

// yamlLine finds the line in an error of the YAML library, which has no type
// for it.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// yamlParser are the messages of the library's parser, which counts lines
// from 0 where its scanner counts from 1 (decode.go, parser.fail).
var yamlParser = regexp.MustCompile(`^did not find expected (?:<|node content|'-' indicator|key|',' or)`)

func (y *yamlFile) syntaxError(err error, text string) error {
	m := yamlLine.FindStringSubmatch(err.Error())
	line, _ := strconv.Atoi(m[1])
	if line == 0 || yamlParser.MatchString(err.Error()[len(m[0]):]) {
		line++
	}
	// The end of the text is no line of its own.
	line = min(line, strings.Count(strings.TrimRight(text, "\n"), "\n")+1)
	hint := ""
	if strings.Contains(err.Error(), "cannot start any token") {
		hint = "YAML is indented with spaces, and a text that begins with [ { * & ! | > % @ needs quotes"
	}
	return position{file: y.file, line: line}.errorf(hint, "not YAML: %s", strings.TrimPrefix(err.Error(), m[0]))
}

func (y *yamlFile) at(n *yaml.Node) position { return position{y.file, n.Line, n.Column} }

// fields is a table of the keys that a mapping may have.
type fields []struct {
	name string
	read func(k, v *yaml.Node) error
}

func (f fields) names() []string {
	var out []string
	for _, one := range f {
		out = append(out, one.name)
	}
	return out
}

// readTop reads the document.
func (y *yamlFile) readTop(root *yaml.Node) error {
	hint := "an inventory in YAML begins with: schema: " + SchemaV1
	if root.Kind == yaml.MappingNode && len(root.Content) > 0 && root.Content[0].Value == "plugin" {
		return y.at(root).errorf("let Ansible ask it: ansible-inventory -i "+y.file+" --list | tmdoctor hosts -i -", "this file is for a plugin of Ansible, which tmdoctor does not run")
	}
	if root.Kind != yaml.MappingNode || len(root.Content) == 0 || root.Content[0].Value != "schema" {
		return y.at(root).errorf(hint, "this YAML does not begin with schema: %s", SchemaV1)
	}
	if v := root.Content[1]; v.Value != SchemaV1 {
		return y.at(v).errorf(hint, "schema %q is not known", v.Value)
	}
	ignore := func(_, _ *yaml.Node) error { return nil }
	return y.mapping(root, "the inventory", fields{
		{"schema", ignore},
		{"defaults", func(_, v *yaml.Node) error {
			return y.mapping(v, "defaults", y.settingFields(&y.defaults))
		}},
		{"hosts", func(_, v *yaml.Node) error { return y.readHosts(v, nil) }},
		{"groups", func(_, v *yaml.Node) error { return y.readGroups(v, nil) }},
	})
}

// mapping reads a mapping whose keys are all known; nothing at all counts as
// an empty one.
func (y *yamlFile) mapping(n *yaml.Node, what string, known fields) error {
	return y.pairs(n, what, func(k, v *yaml.Node) error {
		for _, f := range known {
			if f.name == k.Value {
				return f.read(k, v)
			}
		}
		hint := "the keys are " + strings.Join(known.names(), ", ")
		if near := nearest(k.Value, known.names()); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return y.at(k).errorf(hint, "key %q is not known in %s", k.Value, what)
	})
}

// pairs calls read for each key of a mapping.
func (y *yamlFile) pairs(n *yaml.Node, what string, read func(k, v *yaml.Node) error) error {
	n = target(n)
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return y.at(n).errorf("write KEY: VALUE lines below it", "%s: want a mapping, found %s", what, kindOf(n))
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := target(n.Content[i])
		if k.Kind != yaml.ScalarNode {
			return y.at(n.Content[i]).errorf("put a name that begins with [ into quotes", "%s: a key is %s", what, kindOf(k))
		}
		if k.Value == "<<" && k.Tag == "!!merge" {
			return y.at(k).errorf("put what hosts share into a group or into defaults", "%s: merge keys are not known", what)
		}
		if old, ok := seen[k.Value]; ok {
			return y.at(k).errorf("keep one of the two", "key %q is there twice, first in line %d", k.Value, old.Line)
		}
		seen[k.Value] = k
		if err := read(k, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kindOf is what a node is, as a message says it.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}

// readGroups reads a mapping of groups inside parent, nil at the top.
func (y *yamlFile) readGroups(n *yaml.Node, parent *yamlGroup) error {
	return y.pairs(n, "groups", func(k, v *yaml.Node) error {
		if f := checkName("group", k.Value); f != nil {
			return f.at(y.at(k), k.Value)
		}
		if old := y.byName[k.Value]; old != nil {
			return y.at(k).errorf("a group stands in one place, with all its hosts", "group %q is there twice, also at %s", k.Value, old.at.short())
		}
		g := &yamlGroup{name: k.Value, at: y.at(k), parent: parent, number: len(y.groups)}
		y.groups = append(y.groups, g)
		y.byName[g.name] = g
		known := append(fields{
			{"hosts", func(_, v *yaml.Node) error { return y.readHosts(v, g) }},
			{"groups", func(_, v *yaml.Node) error { return y.readGroups(v, g) }},
		}, y.settingFields(&g.set)...)
		return y.mapping(v, fmt.Sprintf("group %q", g.name), known)
	})
}

// readHosts reads the hosts of a group, or those at the top where g is nil:
// a list of names, or a mapping of names to settings.
func (y *yamlFile) readHosts(n *yaml.Node, g *yamlGroup) error {
	n = target(n)
	if n.Kind != yaml.SequenceNode {
		return y.pairs(n, "hosts", func(k, v *yaml.Node) error {
			var set settings
			what := fmt.Sprintf("host %q", k.Value)
			if err := y.mapping(v, what, y.settingFields(&set)); err != nil {
				return err
			}
			return y.addHosts(k, set, g)
		})
	}
	for _, item := range n.Content {
		item := target(item)
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" {
			return y.at(item).errorf("a host with settings is written NAME: {user: flink}, without a dash; a name that begins with [ needs quotes",
				"hosts: want a name, found %s", kindOf(item))
		}
		if err := y.addHosts(item, nil, g); err != nil {
			return err
		}
	}
	return nil
}

// addHosts adds the hosts that the name at n stands for.
func (y *yamlFile) addHosts(n *yaml.Node, set settings, g *yamlGroup) error {
	at := y.at(n)
	e, f := parseExpr(n.Value, "")
	if f != nil {
		if strings.ContainsAny(n.Value, "@:") {
			f.hint = "a name stands alone in YAML: the keys user and port have the rest"
		}
		return f.at(at, n.Value)
	}
	for _, name := range e.names() {
		h := y.index[name]
		if h == nil {
			if len(y.hosts) == MaxHosts {
				return at.errorf("split the fleet into several runs", "more than %d hosts", MaxHosts)
			}
			h = &yamlHost{name: name, at: at}
			y.hosts = append(y.hosts, h)
			y.index[name] = h
		}
		if mine, theirs, differ := set.clash(h.set); differ {
			return clashError(entry{name: name}, mine, theirs)
		}
		h.set = h.set.over(set)
		if g != nil && !slices.Contains(h.groups, g) {
			h.groups = append(h.groups, g)
		}
	}
	return nil
}
