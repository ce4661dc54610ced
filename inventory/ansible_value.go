package inventory

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// valueKind is what Ansible would take a value for.
type valueKind int

const (
	valueText   valueKind = iota // text, or a number that is its own text
	valueTruth                   // "true" or "false"
	valueNull                    // as if it were not set
	valueVault                   // encrypted by ansible-vault
	valueOther                   // anything else; text says what
	valueNumber                  // a number that Ansible writes otherwise
)

// ansibleValue is the value of a variable and where it stands.
type ansibleValue struct {
	kind valueKind
	text string
	at   position
}

// ansibleVars are few: only variables that tmdoctor uses are kept.
type ansibleVars []ansibleVar

type ansibleVar struct {
	name string
	ansibleValue
}

func (v ansibleVars) find(name string) (ansibleVar, bool) {
	for _, one := range v {
		if one.name == name {
			return one, true
		}
	}
	return ansibleVar{}, false
}

// set gives name a value, over one it had.
func (v *ansibleVars) set(name string, value ansibleValue) {
	for i := range *v {
		if (*v)[i].name == name {
			(*v)[i].ansibleValue = value
			return
		}
	}
	*v = append(*v, ansibleVar{name, value})
}

var (
	decimal = regexp.MustCompile(`^(?:0|[1-9][0-9]*)$`)
	// numberLike is what Python or YAML 1.1 may take for a number and write
	// otherwise: 1_000, 0x10, 1.50, 1e3, 022, 12:30. An IP address is text.
	numberLike = regexp.MustCompile(`^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9_]+)?[jJ]?$|^[-+]?0[xXoObB][0-9a-fA-F_]+$|^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`)
	// pythonQuoted is the beginning of a string literal of Python.
	pythonQuoted = regexp.MustCompile(`^(?i:[rbuf]{0,2})['"]`)
)

// pythonValue is the value of KEY=VALUE in an INI inventory, which Ansible
// takes for a literal of Python where it is one, else for text as it stands.
// A literal may have a comment behind it, a text may not: there '#' belongs to
// the text.
func pythonValue(s string, at position) ansibleValue {
	v := ansibleValue{text: s, at: at}
	literal := s
	if i := commentOf(s); i >= 0 {
		literal = strings.TrimSpace(s[:i])
	}
	switch {
	case literal == "":
	case decimal.MatchString(literal):
		v.text = literal
	case literal == "True" || literal == "False":
		v.kind, v.text = valueTruth, strings.ToLower(literal)
	case literal == "None":
		v.kind = valueNull
	case numberLike.MatchString(literal) && !strings.Contains(literal, ":"):
		// Python refuses 0123, which is then text.
		if !padded(literal) || !allDigits(literal) {
			v.kind = valueNumber
		} else if strings.Trim(literal, "0") == "" {
			v.text = "0"
		}
	case pythonQuoted.MatchString(literal):
		quote, inner := literal[0], ""
		if len(literal) >= 2 {
			inner = literal[1 : len(literal)-1]
		}
		if (quote == '\'' || quote == '"') && len(literal) >= 2 && literal[len(literal)-1] == quote && !strings.ContainsAny(inner, `\`+string(quote)) {
			v.text = inner
		} else {
			v.kind, v.text = valueOther, "quotes that only Python can read"
		}
	case strings.ContainsRune("[{(", rune(literal[0])) && !strings.HasPrefix(literal, "{{"):
		v.kind, v.text = valueOther, "a list or a mapping"
	}
	return v
}

// commentOf is where a comment of Python begins, -1 for none.
func commentOf(s string) int {
	var quote byte
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '#':
			return i
		}
	}
	return -1
}

// yamlTruth is what YAML 1.1, which Ansible reads, takes for a truth value;
// YAML 1.2 only true and false.
var yamlTruth = map[string]string{"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}

// yamlValue is the value of a variable in YAML or JSON.
func yamlValue(n *yaml.Node, at position) ansibleValue {
	v := ansibleValue{text: n.Value, at: at}
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
	truth, isTruth := yamlTruth[strings.ToLower(n.Value)]
	switch {
	case n.Tag == "!vault" || n.Tag == "!vault-encrypted":
		v.kind, v.text = valueVault, ""
	case n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "__ansible_vault":
		v.kind, v.text = valueVault, ""
	case n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "__ansible_unsafe":
		v.text = n.Content[1].Value
	case n.Kind == yaml.MappingNode:
		v.kind, v.text = valueOther, "a mapping"
	case n.Kind != yaml.ScalarNode:
		v.kind, v.text = valueOther, "a list"
	case isNull(n):
		v.kind = valueNull
	case plain && isTruth:
		v.kind, v.text = valueTruth, truth
	case plain && n.Tag == "!!int" && decimal.MatchString(n.Value):
	case n.Tag == "!!str" || n.Tag == "!unsafe":
		if plain && numberLike.MatchString(n.Value) {
			v.kind = valueNumber
		}
	default: // other numbers, times, tags
		v.kind = valueNumber
	}
	return v
}
