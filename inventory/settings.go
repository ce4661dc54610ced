package inventory

import (
	"slices"
	"strings"
)

// setting is one key that an inventory gave a value, and where.
type setting struct {
	key key
	// label is the name of a label; each label is a setting of its own.
	label string
	// value is the value as text, lists joined by NUL; equal text is an equal
	// value.
	value string
	at    position
}

// settings are few, so that a slice beats a map.
type settings []setting

// key names a setting, in the order in which settings are written.
type key int

const (
	keyAddress key = iota
	keyUser
	keyPort
	keyFlinkUser
	keyIdentityFile
	keyJump
	keyTransport
	keyLegacy
	keySudo
	keyLabels
	keyStateDirs
	keyFlinkHome
	keyCount
)

// keyNames are the keys as the YAML inventory spells them.
var keyNames = [keyCount]string{"address", "user", "port", "flink_user", "identity_file",
	"jump", "transport", "legacy_algorithms", "sudo", "labels", "state_dirs", "flink_home"}

func (k key) String() string { return keyNames[k] }

// name is the setting as a message names it.
func (s setting) name() string {
	if s.key == keyLabels {
		return "label " + s.label
	}
	return s.key.String()
}

// text is the value as a message shows it.
func (s setting) text() string { return strings.ReplaceAll(s.value, "\x00", " ") }

func (s setting) same(o setting) bool { return s.key == o.key && s.label == o.label }

// find is the setting of set with the key of s.
func (set settings) find(s setting) (setting, bool) {
	i := slices.IndexFunc(set, s.same)
	if i < 0 {
		return setting{}, false
	}
	return set[i], true
}

// over is set, filled up with what only base says.
func (set settings) over(base settings) settings {
	if len(set) == 0 {
		return base
	}
	out := slices.Clip(set)
	for _, s := range base {
		if _, ok := set.find(s); !ok {
			out = append(out, s)
		}
	}
	return out
}

// equal says whether both give the same values.
func (set settings) equal(o settings) bool {
	return len(set) == len(o) && set.agree(o)
}

// agree says whether no setting has two values.
func (set settings) agree(o settings) bool {
	_, _, differ := set.clash(o)
	return !differ
}

// clash is the first setting that both give different values.
func (set settings) clash(o settings) (mine, theirs setting, differ bool) {
	for _, s := range set {
		if t, ok := o.find(s); ok && t.value != s.value {
			return s, t, true
		}
	}
	return mine, theirs, false
}

// apply writes the settings into h.
func (set settings) apply(h *Host) {
	for _, s := range set {
		switch s.key {
		case keyAddress:
			h.Address = s.value
		case keyUser:
			h.User = s.value
		case keyPort:
			h.Port, _ = parsePort(s.value)
		case keyFlinkUser:
			h.FlinkUser = s.value
		case keyIdentityFile:
			h.IdentityFile = s.value
		case keyJump:
			h.Jump = s.value
		case keyTransport:
			h.Transport = s.value
		case keyLegacy:
			h.LegacyAlgorithms = s.value == "true"
		case keySudo:
			h.Sudo = s.value == "true"
		case keyLabels:
			if h.Labels == nil {
				h.Labels = map[string]string{}
			}
			h.Labels[s.label] = s.value
		case keyStateDirs:
			h.StateDirs = nil
			if s.value != "" {
				h.StateDirs = strings.Split(s.value, "\x00")
			}
		case keyFlinkHome:
			h.FlinkHome = s.value
		}
	}
}

// bare says whether nothing is said about how to log in: only then is
// "localhost" this machine.
func (h *Host) bare() bool {
	return h.Address == "" && h.User == "" && h.Port == 0 && h.IdentityFile == "" && h.Jump == "" && h.Transport == ""
}
