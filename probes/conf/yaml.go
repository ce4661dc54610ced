package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Kind is what a Node of a YAML document is.
type Kind string

// The kinds of a Node.
const (
	Nothing Kind = "nothing" // an empty document or value, or null
	Scalar  Kind = "a value"
	Mapping Kind = "a mapping"
	List    Kind = "a list"
)

// Node is a value of a YAML document with its place.
type Node struct {
	Kind Kind
	// Value is the text of a scalar, without its quotes.
	Value string
	// Line and Column are where the value stands.
	Line, Column int
	// Fields are the fields of a mapping or the items of a list, in order.
	Fields []Field
}

// Field is a field of a mapping, or with an empty Name an item of a list.
type Field struct {
	Name string
	// NameLine and NameColumn are where the name stands; the value has a place
	// of its own.
	NameLine, NameColumn int
	Node
}

// maxDepth bounds how deep a document may be nested.
const maxDepth = 64

// YAML reads one YAML document. Every error is an *Error that names the place;
// a key that stands twice in a mapping is one.
func YAML(file string, data []byte) (Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return Node{Kind: Nothing, Line: 1, Column: 1}, nil
	}
	if err != nil {
		return Node{}, syntaxError(file, data, err)
	}
	if dec.Decode(&second) == nil {
		return Node{}, &Error{File: file, Line: second.Line, Column: second.Column, Msg: "a second YAML document begins here", Hint: "keep one document in a file"}
	}
	return fromYAML(file, doc.Content[0], 0)
}

// fromYAML is n without the library's types.
func fromYAML(file string, n *yaml.Node, depth int) (Node, error) {
	to := Node{Line: n.Line, Column: n.Column}
	fail := func(at *yaml.Node, hint, format string, args ...any) (Node, error) {
		return Node{}, &Error{File: file, Line: at.Line, Column: at.Column, Msg: fmt.Sprintf(format, args...), Hint: hint}
	}
	if depth > maxDepth {
		return fail(n, "", "nested deeper than %d levels", maxDepth)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return fail(n, "write the value out", "aliases are not read")
	case yaml.SequenceNode:
		to.Kind = List
		for _, item := range n.Content {
			child, err := fromYAML(file, item, depth+1)
			if err != nil {
				return Node{}, err
			}
			to.Fields = append(to.Fields, Field{Node: child})
		}
	case yaml.MappingNode:
		to.Kind = Mapping
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
				return fail(k, "write the name out", "a key is not a plain name")
			}
			if line, twice := seen[k.Value]; twice {
				return fail(k, "keep one of the two", "key %q is there twice, first in line %d", k.Value, line)
			}
			seen[k.Value] = k.Line
			child, err := fromYAML(file, n.Content[i+1], depth+1)
			if err != nil {
				return Node{}, err
			}
			to.Fields = append(to.Fields, Field{Name: k.Value, NameLine: k.Line, NameColumn: k.Column, Node: child})
		}
	default:
		to.Kind, to.Value = Scalar, n.Value
		if n.Tag == "!!null" {
			to.Kind = Nothing
		}
	}
	return to, nil
}

// yamlLine finds the line in an error of the YAML library, which has no type
// for it.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// yamlParser are messages of the library's parser, which counts lines from 0
// where its scanner counts from 1.
var yamlParser = regexp.MustCompile(`^did not find expected (?:<|node content|'-' indicator|key|',' or)`)

func syntaxError(file string, data []byte, err error) error {
	m := yamlLine.FindStringSubmatch(err.Error())
	text := strings.TrimPrefix(err.Error(), m[0])
	line, _ := strconv.Atoi(m[1])
	if line == 0 || yamlParser.MatchString(text) {
		line++
	}
	line = min(line, bytes.Count(bytes.TrimRight(data, "\n"), []byte("\n"))+1)
	return &Error{File: file, Line: line, Column: 1, Msg: "not YAML: " + text, Hint: "YAML is indented with spaces, and a text that begins with [ { * & ! | > % @ needs quotes"}
}
