package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Widest columns, in terminal columns. HOST, STATUS and CAUSE together stay
// below 60, the narrowest terminal that gets a table.
const (
	maxHost  = 28
	maxCause = 21
	maxCell  = 28
	gap      = 2 // between columns
)

// printRows prints the table of hosts: which, how bad, why, and the probes
// that say so.
func (t *table) printRows() {
	if len(t.rows) == 0 {
		return
	}
	mark := t.o.signs().ellipsis
	head := []string{"HOST", "STATUS", "CAUSE"}
	wideCause := t.causeWidth()
	grid := make([][]cell, len(t.rows))
	for i, r := range t.rows {
		grid[i] = []cell{
			{text: cutMiddle(r.name, maxHost, mark)},
			{r.status, string(r.status)},
			{text: cutEnd(r.cause, wideCause, mark)},
		}
	}
	fits, rest := t.fitting(grid, head)
	for _, c := range fits {
		head = append(head, Escape(t.columns[c]))
		for i := range t.rows {
			one := t.rows[i].cell(c)
			one.text = cutEnd(one.text, maxCell, mark)
			grid[i] = append(grid[i], one)
		}
	}
	t.layOut(head, grid)
	if t.left > 0 {
		fmt.Fprintf(&t.out, "and %d more; --all shows every host\n", t.left)
	}
	if len(rest) > 0 {
		names := make([]string, len(rest))
		for i, c := range rest {
			names[i] = Escape(t.columns[c])
		}
		t.paragraph("also: ", strings.Join(names, ", ")+"; --wide")
	}
	t.out.WriteByte('\n')
}

// causeWidth is how wide CAUSE may be: all of it where there is room.
func (t *table) causeWidth() int {
	switch {
	case t.o.Width == 0 || t.o.Width >= 100:
		return maxCause + 13
	case t.o.Width >= 80:
		return maxCause + 4
	default:
		return maxCause
	}
}

// cell is the row's cell in a column, empty where the host has none.
func (r *row) cell(column int) cell {
	if column >= len(r.cells) || r.cells[column].status == "" {
		return cell{text: "-"}
	}
	return r.cells[column]
}

// fitting chooses the columns: probes with a cell that is not ok, the worst
// first, as many as fit beside what grid holds; the others are rest.
func (t *table) fitting(grid [][]cell, head []string) (fits, rest []int) {
	type worth struct{ column, worst, sick, width int }
	var all []worth
	for c := range t.columns {
		w := worth{column: c, width: width(Escape(t.columns[c]))}
		for i := range t.rows {
			one := t.rows[i].cell(c)
			w.width = max(w.width, min(maxCell, width(one.text)))
			if rank := one.status.Rank(); rank > 0 {
				w.worst = max(w.worst, rank)
				w.sick++
			}
		}
		if w.sick > 0 || t.o.Wide {
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, func(a, b worth) int {
		return cmp.Or(cmp.Compare(b.worst, a.worst), cmp.Compare(b.sick, a.sick))
	})
	used := 0
	for c, h := range head {
		w := width(h)
		for i := range grid {
			w = max(w, width(grid[i][c].text))
		}
		used += w + gap
	}
	for _, w := range all {
		if t.o.Width > 0 && !t.o.Wide && used+w.width > t.o.Width {
			rest = append(rest, w.column)
			continue
		}
		used += w.width + gap
		fits = append(fits, w.column)
	}
	return fits, rest
}

// layOut prints a table without borders. The texts have been cut before; what
// tablewriter does is to align them.
func (t *table) layOut(head []string, grid [][]cell) {
	var buf bytes.Buffer
	none := tw.Rendition{
		Borders: tw.BorderNone,
		Settings: tw.Settings{
			Separators: tw.SeparatorsNone,
			Lines:      tw.LinesNone,
		},
	}
	plain := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: strings.Repeat(" ", gap), Overwrite: true}},
	}
	tab := tablewriter.NewTable(&buf,
		tablewriter.WithRenderer(renderer.NewBlueprint(none)),
		tablewriter.WithHeaderConfig(plain), tablewriter.WithRowConfig(plain),
		tablewriter.WithTrimSpace(tw.Off), tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithEastAsian(tw.Off))
	titles := make([]any, len(head))
	for i, h := range head {
		titles[i] = h
	}
	tab.Header(titles...)
	texts := make([][]string, len(grid))
	for i, cells := range grid {
		texts[i] = make([]string, len(cells))
		for j, c := range cells {
			texts[i][j] = c.text
		}
	}
	err := tab.Bulk(texts)
	if err == nil {
		err = tab.Render()
	}
	if err != nil {
		// Only a renderer that is misused says this; the rows must not be lost.
		fmt.Fprintf(&t.out, "table: %v\n", err)
	}
	i := -1 // the header
	for line := range strings.Lines(buf.String()) {
		line = strings.TrimRight(line, " \n")
		switch {
		case i < 0 && t.o.Color:
			line = t.o.bold(line)
		case i >= 0 && i < len(grid):
			line = t.paintRow(line, grid[i])
		}
		t.out.WriteString(line + "\n")
		i++
	}
}

// paintRow colours the cells of a line that is laid out. The library closes
// and opens colours again at every column when it meets them itself.
func (t *table) paintRow(line string, cells []cell) string {
	if !t.o.Color {
		return line
	}
	var b strings.Builder
	for _, c := range cells {
		rest := strings.TrimLeft(line, " ")
		after, ok := strings.CutPrefix(rest, c.text)
		if c.text == "" || !ok {
			continue
		}
		b.WriteString(line[:len(line)-len(rest)])
		b.WriteString(t.o.paint(c.status, c.text))
		line = after
	}
	return b.String() + line
}

// printLines is the table for narrow terminals: one line a finding.
func (t *table) printLines() {
	mark := t.o.signs().ellipsis
	for _, r := range t.rows {
		name := cutMiddle(r.name, maxHost, mark)
		if len(r.lines) == 0 {
			r.lines = []line{{r.status, string(r.status)}}
		}
		for _, l := range r.lines {
			word := string(l.status)
			text := cutEnd(l.text, max(1, t.o.Width-width(name)-len("unknown")-2), mark)
			fmt.Fprintf(&t.out, "%s %s %s\n", t.o.paint(l.status, pad(word, len("unknown"))), name, text)
		}
	}
	if t.left > 0 {
		fmt.Fprintf(&t.out, "and %d more; --all shows every host\n", t.left)
	}
	if len(t.rows) > 0 {
		t.out.WriteByte('\n')
	}
}

// paragraph prints a text in as many lines as it needs, all but the first
// indented to the end of the title.
func (t *table) paragraph(title, text string) {
	indent := strings.Repeat(" ", width(title))
	room := 0
	if t.o.Width > 0 {
		room = max(16, t.o.Width-width(title))
	}
	for i, l := range wrap(text, room) {
		if i > 0 {
			title = indent
		}
		t.out.WriteString(title + l + "\n")
	}
}
