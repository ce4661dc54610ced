package inventory

import (
	"fmt"
	"slices"
	"strings"
)

// Note is something in an inventory that tmdoctor read and does not use, with
// the first place where it stands.
type Note struct {
	// Place is FILE:LINE.
	Place string
	// Text says what is not used, and what holds in its place.
	Text string
	// Own means that it says nothing of how hosts are reached (the operator's
	// own variables), so that only who looks at the inventory has to be told.
	Own bool
}

// String is FILE:LINE: text.
func (n Note) String() string { return n.Place + ": " + n.Text }

// notes are collected once a kind.
type notes struct {
	list []Note
	seen map[string]bool
	own  map[string]bool // the names of variables that are the operator's own
	// ownAt is the first place of one.
	ownAt position
}

// add notes what is not used, unless something of its kind was noted before.
func (n *notes) add(at position, kind, format string, args ...any) {
	if n.seen[kind] {
		return
	}
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	n.seen[kind] = true
	n.list = append(n.list, Note{Place: at.short(), Text: fmt.Sprintf(format, args...)})
}

// variable notes a variable that is the operator's own.
func (n *notes) variable(name string, at position) {
	if n.own == nil {
		n.own, n.ownAt = map[string]bool{}, at
	}
	n.own[name] = true
}

// all are the notes, those of the operator's own variables as one.
func (n *notes) all() []Note {
	out := slices.Clone(n.list)
	if len(n.own) == 0 {
		return out
	}
	var names []string
	for name := range n.own {
		names = append(names, fmt.Sprintf("%q", name))
	}
	slices.Sort(names)
	more := ""
	if len(names) > 5 {
		names, more = names[:5], fmt.Sprintf(" and %d more", len(names)-5)
	}
	return append(out, Note{Place: n.ownAt.short(), Own: true,
		Text: "variables that do not say how a host is reached are not used: " + strings.Join(names, ", ") + more})
}
