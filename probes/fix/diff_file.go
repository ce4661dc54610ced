package fix

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// file writes the unified diff of a file and what else is decided about it.
func (d *differ) file(f *FileChange) error {
	from, to := f.Path, f.Path
	if f.Absent {
		from = "/dev/null"
	}
	if f.removed() {
		to = "/dev/null"
	}
	before, after := string(f.Before), string(f.After)
	u, err := udiff.ToUnifiedDiff(from, to, before, udiff.Lines(before, after), udiff.DefaultContextLines)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	d.wrapf("%s", d.shown(summary(f)))
	d.linef("--- %s", d.shown(from))
	d.linef("+++ %s", d.shown(to))
	for _, h := range u.Hunks {
		d.hunk(h)
	}
	return nil
}

// removed reports whether a file goes: only a plan that is shown the other way
// round has such.
func (f *FileChange) removed() bool { return f.AfterSHA256 == "" && !f.Absent }

// summary is the line above a diff: what becomes of the file beside its bytes,
// and why it is this file. The hashes tell apart files with the same edit that
// differ where the diff does not show it.
func summary(f *FileChange) string {
	var s string
	switch {
	case f.removed():
		s = fmt.Sprintf("%s: removed; sha256 %.12s", f.Path, f.BeforeSHA256)
	case f.MakeDir:
		s = fmt.Sprintf("%s: new, in a new directory, mode %s, owner %s", f.Path, f.Mode, f.Owner)
	case f.Absent:
		s = fmt.Sprintf("%s: new, mode %s, owner %s", f.Path, f.Mode, f.Owner)
	case f.Mode == "": // of what a host remembers
		s = fmt.Sprintf("%s: sha256 %.12s -> %.12s", f.Path, f.BeforeSHA256, f.AfterSHA256)
	default:
		s = fmt.Sprintf("%s: mode %s, owner %s stay; sha256 %.12s -> %.12s", f.Path, f.Mode, f.Owner, f.BeforeSHA256, f.AfterSHA256)
	}
	if f.Why != "" {
		s += "; " + f.Why
	}
	if f.Managed != "" {
		s += "; managed by " + f.Managed + ", which may undo it"
	}
	return s
}

// The colours of diffs, as git has them.
const (
	colourAdded   = "\x1b[32m"
	colourRemoved = "\x1b[31m"
	colourPlace   = "\x1b[36m"
	colourEnd     = "\x1b[0m"
)

// hunk writes one place that changes. The library's own String does not
// escape.
func (d *differ) hunk(h *udiff.Hunk) {
	from, to := 0, 0
	for _, l := range h.Lines {
		if l.Kind != udiff.Insert {
			from++
		}
		if l.Kind != udiff.Delete {
			to++
		}
	}
	d.line(d.coloured(colourPlace, fmt.Sprintf("@@ -%s +%s @@", span(h.FromLine, from), span(h.ToLine, to))))
	for _, l := range h.Lines {
		content, ended := strings.CutSuffix(l.Content, "\n")
		switch content = d.content(content); l.Kind {
		case udiff.Delete:
			d.line(d.coloured(colourRemoved, "-"+content))
		case udiff.Insert:
			d.line(d.coloured(colourAdded, "+"+content))
		default:
			d.line(" " + content)
		}
		if !ended {
			d.line(`\ No newline at end of file`)
		}
	}
}

// span is the lines of a hunk as diff -u names them: a single one by its
// number alone, none by the number of the line before.
func span(first, n int) string {
	switch n {
	case 0:
		return fmt.Sprintf("%d,0", first-1)
	case 1:
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d,%d", first, n)
}

// content is a line of a file: tabs stay, which align limits.conf and do no
// harm to a terminal; all else that does not print is escaped.
func (d *differ) content(s string) string {
	parts := strings.Split(s, "\t")
	for i, part := range parts {
		parts[i] = d.Escape(part)
	}
	return strings.Join(parts, "\t")
}

func (d *differ) coloured(colour, s string) string {
	if !d.Colour {
		return s
	}
	return colour + s + colourEnd
}

// escape is text with all but printing ASCII as an escape. Package report has
// a better one for terminals, which this package may not import; this one also
// goes into comments of scripts, where a line must stay a line.
func escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= ' ' && c < 0x7F:
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}
