package probes

import (
	"math"
	"slices"
	"strconv"
)

// PolicyValue is one number or status in force.
type PolicyValue struct {
	Kind    string // "floor", "threshold" or "code"
	Name    string // as a policy file names it
	Value   string // "262144", "60 %", "unlimited", "warn"
	Default string // the same without a policy
	From    string // the policy's file, or "default"
	Doc     string // what it is for
}

// Effective lists every floor, threshold and code with the value in force and
// where it comes from: floors first, then thresholds and codes in the order of
// the probes. A nil policy is the default one.
func Effective(p *Policy) []PolicyValue {
	from := func(differs bool) string {
		if p == nil || !differs {
			return "default"
		}
		return p.Name
	}
	floorName := map[string]string{}
	for name, threshold := range policyFloors {
		floorName[threshold] = name
	}
	var floors, thresholds, codes []PolicyValue
	for _, probe := range All {
		for _, t := range probe.Thresholds {
			_, differs := p.numbers()[t.Name]
			v := PolicyValue{
				Kind: "threshold", Name: t.Name, Value: t.format(p.Number(t.Name, t.Default)),
				Default: t.format(t.Default), From: from(differs), Doc: t.Doc,
			}
			if name := floorName[t.Name]; name != "" {
				v.Kind, v.Name = "floor", name
				floors = append(floors, v)
				continue
			}
			thresholds = append(thresholds, v)
		}
		for _, c := range probe.Codes {
			name := probe.Name + "/" + c.Slug
			codes = append(codes, codeValue(p, name, c.Default, c.Title, from))
		}
	}
	for _, c := range causeCodes() {
		codes = append(codes, codeValue(p, c.name, c.byDefault, c.title, from))
	}
	return slices.Concat(floors, thresholds, codes)
}

func codeValue(p *Policy, name string, byDefault Status, title string, from func(bool) string) PolicyValue {
	s := p.Status(name, byDefault)
	_, differs := p.codes()[name]
	return PolicyValue{
		Kind: "code", Name: name, Value: string(s), Default: string(byDefault), From: from(differs), Doc: title,
	}
}

func (p *Policy) numbers() map[string]int64 {
	if p == nil {
		return nil
	}
	return p.Numbers
}

func (p *Policy) codes() map[string]Status {
	if p == nil {
		return nil
	}
	return p.Codes
}

// format is a value of the threshold with its unit.
func (t Threshold) format(n int64) string {
	switch {
	case n == math.MaxInt64:
		return "unlimited"
	case t.Unit == "":
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10) + " " + t.Unit
}

func thresholdByName(name string) (Threshold, bool) {
	for _, p := range All {
		for _, t := range p.Thresholds {
			if t.Name == name {
				return t, true
			}
		}
	}
	return Threshold{}, false
}

func thresholdNames() (names []string) {
	for _, p := range All {
		for _, t := range p.Thresholds {
			names = append(names, t.Name)
		}
	}
	return names
}

func codeNames() (names []string) {
	for _, p := range All {
		for _, c := range p.Codes {
			names = append(names, p.Name+"/"+c.Slug)
		}
	}
	for _, c := range causeCodes() {
		names = append(names, c.name)
	}
	return names
}
