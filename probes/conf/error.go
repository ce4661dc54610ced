package conf

import (
	"fmt"
	"strings"
)

// Error is text that could not be understood: where it stands, what is wrong,
// and what to do about it. Line and Column count from 1; 0 means that the
// place is not known more closely. Columns count characters.
type Error struct {
	File         string
	Line, Column int
	Msg, Hint    string // Hint may be empty
}

// Error is file:line:column: msg, without the parts that are not known.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}
