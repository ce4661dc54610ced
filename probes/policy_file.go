package probes

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

// PolicySchema is the value of the key schema that a policy file begins with.
const PolicySchema = "tmdoctor/policy/v1"

// policyFloors are the floors by the name they have in a policy file, which is
// the name of what they bound, and as the thresholds they are.
var policyFloors = map[string]string{
	"vm.max_map_count": "maps/floor",
	"nofile":           "nofile/floor",
	"as":               "address-space/floor",
}

// ParsePolicy reads a policy file. It is strict: a key, threshold or code that
// it does not know is an error, so that a slip never reads as a policy. Every
// error is a *conf.Error with FILE:LINE:COLUMN.
//
//	schema: tmdoctor/policy/v1
//	floors:
//	  nofile: 131072
//	thresholds:
//	  nofile/near: 80
//	codes:
//	  maps/low: fail
func ParsePolicy(file string, data []byte) (*Policy, error) {
	root, err := conf.YAML(file, data)
	if err != nil {
		return nil, err
	}
	r := policyReader{file: file, policy: &Policy{Name: file, Numbers: map[string]int64{}, Codes: map[string]Status{}}}
	if root.Kind != conf.Mapping || len(root.Fields) == 0 || root.Fields[0].Name != "schema" {
		return nil, r.errorf(root.Line, root.Column, "a policy begins with: schema: "+PolicySchema, "this does not begin with schema: %s", PolicySchema)
	}
	for _, f := range root.Fields {
		if err := r.top(f); err != nil {
			return nil, err
		}
	}
	return r.policy, nil
}

type policyReader struct {
	file   string
	policy *Policy
}

func (r policyReader) errorf(line, column int, hint, format string, args ...any) error {
	return &conf.Error{File: r.file, Line: line, Column: column, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// unknownName is the error for a name that is none of the known ones.
func (r policyReader) unknownName(f conf.Field, what string, known []string) error {
	hint := "there are " + strings.Join(known, ", ")
	if len(known) > 12 {
		hint = "tmdoctor explain --policy lists them all"
	}
	if near := nearest(f.Name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return r.errorf(f.NameLine, f.NameColumn, hint, "%s %q is not known", what, f.Name)
}

// top reads one key of the document.
func (r policyReader) top(f conf.Field) error {
	switch f.Name {
	case "schema":
		if f.Value != PolicySchema {
			return r.errorf(f.Line, f.Column, "a policy begins with: schema: "+PolicySchema, "schema %q is not known", f.Value)
		}
		return nil
	case "floors":
		return r.each(f, r.floor)
	case "thresholds":
		return r.each(f, r.threshold)
	case "codes":
		return r.each(f, r.code)
	}
	return r.unknownName(f, "key", []string{"schema", "floors", "thresholds", "codes"})
}

// each reads the fields of a mapping; nothing at all counts as an empty one.
func (r policyReader) each(f conf.Field, read func(conf.Field) error) error {
	if f.Kind != conf.Mapping && f.Kind != conf.Nothing {
		return r.errorf(f.Line, f.Column, "write NAME: VALUE lines below it", "%s: want a mapping, found %s", f.Name, f.Kind)
	}
	for _, child := range f.Fields {
		if err := read(child); err != nil {
			return err
		}
	}
	return nil
}

func (r policyReader) floor(f conf.Field) error {
	name, ok := policyFloors[f.Name]
	if !ok {
		return r.unknownName(f, "floor", slices.Sorted(maps.Keys(policyFloors)))
	}
	return r.number(f, name)
}

func (r policyReader) threshold(f conf.Field) error {
	if _, ok := thresholdByName(f.Name); !ok {
		return r.unknownName(f, "threshold", thresholdNames())
	}
	return r.number(f, f.Name)
}

// number reads the value of a threshold.
func (r policyReader) number(f conf.Field, name string) error {
	t, ok := thresholdByName(name)
	if !ok {
		return r.errorf(f.NameLine, f.NameColumn, "", "threshold %q is not known", name)
	}
	if _, twice := r.policy.Numbers[name]; twice {
		return r.errorf(f.NameLine, f.NameColumn, "keep one of the two", "%s has a value already, as a floor or as a threshold", name)
	}
	n, err := strconv.ParseInt(f.Value, 10, 64)
	if f.Kind == conf.Scalar && f.Value == "unlimited" && t.Default == int64(Unlimited) {
		n, err = int64(Unlimited), nil
	}
	if f.Kind != conf.Scalar || err != nil || n < 0 {
		return r.errorf(f.Line, f.Column, numberHint(t), "%s: %s is not a number of %s", f.Name, describe(f.Node), unitName(t.Unit))
	}
	if t.Unit == "%" && (n == 0 || n > 100) {
		return r.errorf(f.Line, f.Column, "write a number from 1 to 100", "%s: %d is not a share in percent", f.Name, n)
	}
	r.policy.Numbers[name] = n
	return nil
}

// numberHint says what a number looks like.
func numberHint(t Threshold) string {
	switch {
	case t.Unit == "%":
		return "write a number from 1 to 100, without the sign"
	case t.Default == int64(Unlimited):
		return "write a number of bytes, or unlimited"
	}
	return "write digits only"
}

func unitName(unit string) string {
	if unit == "%" {
		return "percent"
	}
	return unit
}

func describe(n conf.Node) string {
	if n.Kind == conf.Scalar {
		return strconv.Quote(n.Value)
	}
	return string(n.Kind)
}

func (r policyReader) code(f conf.Field) error {
	known := codeNames()
	if !slices.Contains(known, f.Name) {
		return r.unknownName(f, "code", known)
	}
	s := Status(f.Value)
	if f.Kind != conf.Scalar || s != Warn && s != Fail {
		return r.errorf(f.Line, f.Column, "to accept a finding on some hosts for some time, use a waiver", "%s: %s is not warn or fail", f.Name, describe(f.Node))
	}
	r.policy.Codes[f.Name] = s
	return nil
}
