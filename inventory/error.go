package inventory

import (
	"errors"
	"fmt"
	"strings"
)

// Error is bad input: where it is, what is wrong and what to do about it.
// Line and Column count from 1; 0 means that the place is not known more
// closely. Columns count characters, as editors do.
type Error struct {
	File         string
	Line, Column int
	// Msg says what is wrong, Hint what to do; Hint may be empty.
	Msg, Hint string
	// Err is the cause where the operating system named one.
	Err error
}

// Error is file:line:column: msg, without the parts that are not known.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Line > 0 && e.Column > 0 {
		fmt.Fprintf(&b, ":%d", e.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

// Unwrap is the operating system's own error, so that a caller can ask for
// fs.ErrNotExist.
func (e *Error) Unwrap() error { return e.Err }

// NoMatchError is a pattern that selects nothing.
type NoMatchError struct {
	// Pattern is the pattern as it was given, or all of them where each
	// matches and the exclusions leave nothing.
	Pattern string
	// Nearest is the host or group whose name is closest, empty where none
	// is close.
	Nearest string
}

// Error names the pattern.
func (e *NoMatchError) Error() string {
	return fmt.Sprintf("no host matches %q", e.Pattern)
}

// NoInventoryError says that no inventory was named and none was found.
type NoInventoryError struct {
	// Looked lists each place that was looked at and why it gave nothing.
	Looked []string
}

// Error lists what was looked for.
func (e *NoInventoryError) Error() string {
	return "no inventory; looked for " + strings.Join(e.Looked, ", ")
}

// Hint is what to do about an error of this package, or empty.
func Hint(err error) string {
	var bad *Error
	if errors.As(err, &bad) {
		return bad.Hint
	}
	var none *NoMatchError
	if errors.As(err, &none) {
		if none.Nearest != "" {
			return fmt.Sprintf("did you mean %q?", none.Nearest)
		}
		return "tmdoctor hosts lists the hosts of the inventory"
	}
	var missing *NoInventoryError
	if errors.As(err, &missing) {
		return "name hosts (tmdoctor check tm17 tm18) or a file with -i"
	}
	return ""
}

// position is a place in a file.
type position struct {
	file      string
	line, col int
}

// short is FILE:LINE, as [Host.Source] has it.
func (p position) short() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// errorf is bad input at p.
func (p position) errorf(hint, format string, args ...any) *Error {
	return &Error{File: p.file, Line: p.line, Column: p.col,
		Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// fault is what is wrong with one word, before it is known where the word
// stands: off counts bytes from its beginning.
type fault struct {
	off       int
	msg, hint string
}

// at gives f its place: word begins at p.
func (f *fault) at(p position, word string) *Error {
	off := min(f.off, len(word))
	p.col += len([]rune(word[:off]))
	return p.errorf(f.hint, "%s", f.msg)
}
