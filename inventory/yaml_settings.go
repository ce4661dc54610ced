package inventory

import (
	"fmt"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// settingFields are the keys that a host, a group and the defaults have in
// common; what is read goes to set.
func (y *yamlFile) settingFields(set *settings) fields {
	var out fields
	for k, read := range settingReaders {
		out = append(out, fields{{keyNames[k], func(_, v *yaml.Node) error {
			got, err := read(y, key(k), target(v))
			*set = append(*set, got...)
			return err
		}}}...)
	}
	return out
}

// settingReaders read the value of each key.
var settingReaders = [keyCount]func(*yamlFile, key, *yaml.Node) (settings, error){
	keyAddress:      oneText(checkAddress),
	keyUser:         oneText(checkUser),
	keyPort:         (*yamlFile).readPort,
	keyFlinkUser:    oneText(checkUser),
	keyIdentityFile: oneText(checkIdentity),
	keyJump:         oneText(checkJump),
	keyTransport:    oneText(checkTransport),
	keyLegacy:       (*yamlFile).readBool,
	keySudo:         (*yamlFile).readBool,
	keyLabels:       (*yamlFile).readLabels,
	keyStateDirs:    (*yamlFile).readDirs,
	keyFlinkHome:    oneText(checkDir),
}

// oneText reads one text that check accepts.
func oneText(check func(string) *fault) func(*yamlFile, key, *yaml.Node) (settings, error) {
	return func(y *yamlFile, k key, n *yaml.Node) (settings, error) {
		s, err := y.text(k, n)
		if err != nil {
			return nil, err
		}
		if f := check(s); f != nil {
			return nil, y.at(n).errorf(f.hint, "%s: %s", k, f.msg)
		}
		return settings{{key: k, value: s, at: y.at(n)}}, nil
	}
}

// text is a scalar that YAML takes for text. A number is refused, as a name
// may have lost its zeros to it.
func (y *yamlFile) text(k key, n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		hint := ""
		if n.Kind == yaml.ScalarNode && !isNull(n) {
			hint = "put it into quotes if it is meant so"
		}
		return "", y.at(n).errorf(hint, "%s: want text, found %s", k, kindOf(n))
	}
	return n.Value, nil
}

func (y *yamlFile) readPort(k key, n *yaml.Node) (settings, error) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!int" {
		if _, f := parsePort(n.Value); f == nil {
			return settings{{key: k, value: n.Value, at: y.at(n)}}, nil
		}
	}
	return nil, y.at(n).errorf("write it without quotes and leading zeros", "port: want a number from 1 to 65535, found %s", kindOf(n))
}

func (y *yamlFile) readBool(k key, n *yaml.Node) (settings, error) {
	value := strings.ToLower(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || value != "true" && value != "false" {
		return nil, y.at(n).errorf("write true or false", "%s: want true or false, found %s", k, kindOf(n))
	}
	return settings{{key: k, value: value, at: y.at(n)}}, nil
}

// readLabels reads a mapping of words to text; a number or a truth value is
// taken as it is written.
func (y *yamlFile) readLabels(k key, n *yaml.Node) (settings, error) {
	var out settings
	err := y.pairs(n, "labels", func(name, v *yaml.Node) error {
		v = target(v)
		if f := checkName("label", name.Value); f != nil {
			return f.at(y.at(name), name.Value)
		}
		if v.Kind != yaml.ScalarNode || isNull(v) {
			return y.at(v).errorf("", "label %s: want text, found %s", name.Value, kindOf(v))
		}
		if f := checkText("label "+name.Value, v.Value); f != nil {
			return y.at(v).errorf(f.hint, "%s", f.msg)
		}
		out = append(out, setting{key: k, label: name.Value, value: v.Value, at: y.at(v)})
		return nil
	})
	return out, err
}

func (y *yamlFile) readDirs(k key, n *yaml.Node) (settings, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, y.at(n).errorf("write one directory a line, each after a dash", "state_dirs: want a list, found %s", kindOf(n))
	}
	var dirs []string
	for _, item := range n.Content {
		item = target(item)
		dir, err := y.text(k, item)
		if err != nil {
			return nil, err
		}
		if f := checkDir(dir); f != nil {
			return nil, y.at(item).errorf(f.hint, "%s: %s", k, f.msg)
		}
		dirs = append(dirs, dir)
	}
	return settings{{key: k, value: strings.Join(dirs, "\x00"), at: y.at(n)}}, nil
}

// checkText refuses control characters, which no setting needs and no
// terminal, log or shell should be given.
func checkText(what, s string) *fault {
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		return &fault{i, fmt.Sprintf("%s: %q has a control character", what, s), "remove it"}
	}
	return nil
}

// checkDir refuses what is no absolute path.
func checkDir(s string) *fault {
	if !strings.HasPrefix(s, "/") {
		return &fault{0, fmt.Sprintf("%q is not an absolute path", s), "write the whole path on the host, from / on"}
	}
	return checkText("path", s)
}

// checkIdentity refuses what cannot be the path of a key file.
func checkIdentity(s string) *fault {
	if s == "" || s[0] == '-' {
		return &fault{0, fmt.Sprintf("%q is not a path", s), "name a private key, as in ~/.ssh/id_ed25519"}
	}
	return checkText("path", s)
}

// checkTransport knows the transports of package remote to another machine.
func checkTransport(s string) *fault {
	if s != "native" && s != "openssh" {
		return &fault{0, fmt.Sprintf("%q is not a transport", s), "the transports are native and openssh"}
	}
	return nil
}

// checkJump reads the syntax of ProxyJump (ssh_config(5)).
func checkJump(s string) *fault {
	for hop := range strings.SplitSeq(s, ",") {
		w, f := parseWord(hop)
		if f == nil && len(w.hosts.sets) > 0 {
			f = &fault{0, fmt.Sprintf("%q has a range", hop), ""}
		}
		if f != nil {
			return &fault{0, f.msg, "a jump host is written [user@]host[:port], several parted by commas without spaces"}
		}
	}
	return nil
}
