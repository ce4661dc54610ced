package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// show prints what was found and what is planned: the limits that are wrong,
// each change as a diff, what is left alone and why, and the counts.
func (c *changing) show(planned []*repair.Planned, doc *fix.Document, todo int) error {
	look, err := c.look.diffs(c.ui)
	if err != nil {
		return err
	}
	var found []*report.Host
	for _, p := range planned {
		if p.Before != nil && p.Before.Unreachable == nil {
			found = append(found, p.Before)
		}
	}
	w := c.out.view
	o := report.Options{Width: c.width(), Color: look.Colour, ASCII: c.look.ascii || c.ascii(), All: c.look.all}
	if err := report.WriteLimits(w, o, "", found); err != nil {
		return err
	}
	if err := fix.WriteDiffs(w, doc.Hosts, look); err != nil {
		return err
	}
	if err := c.showLeft(planned, len(doc.Hosts) > 0); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%s\n", c.wrapped(summaryOf(planned, todo), ""))
	return err
}

// showLeft names the hosts that nothing could be planned for, with the reason.
func (c *changing) showLeft(planned []*repair.Planned, below bool) error {
	left := newFolding()
	for _, p := range planned {
		switch {
		case p.Unfinished != nil:
			left.add(p.Unfinished.Open(), p.Host.Name)
		case p.Plan == nil:
			left.add(lostText(p), p.Host.Name)
		}
	}
	if len(left.keys) > 0 && below {
		fmt.Fprintln(c.out.view)
	}
	for _, why := range left.keys {
		if _, err := fmt.Fprintln(c.out.view, c.wrapped("not planned for: "+left.hosts(why)+": "+report.Escape(why), "  ")); err != nil {
			return err
		}
	}
	return nil
}

// lostText is why nothing could be planned for a host.
func lostText(p *repair.Planned) string {
	if p.Err == nil {
		return "nothing is known about it"
	}
	text := p.Err.Error()
	if hint := hintOf(p.Err); hint != "" {
		text += "; " + hint
	}
	return text
}

// summaryOf counts hosts by what is planned for them.
func summaryOf(planned []*repair.Planned, todo int) string {
	var idle, refused, lost, open, files, live int
	for _, p := range planned {
		switch {
		case p.Unfinished != nil:
			open++
		case p.Plan == nil:
			lost++
		default:
			files += len(p.Plan.Files)
			live += len(p.Plan.Live)
			if len(p.Plan.Refused) > 0 {
				refused++
			} else if p.Plan.IsEmpty() {
				idle++
			}
		}
	}
	parts := []string{fmt.Sprintf("%d to change (%s, %s)", todo, counted(files, "file"), counted(live, "live value"))}
	if todo == 0 {
		parts = nil
	}
	for _, n := range []struct {
		n    int
		text string
	}{{idle, "with nothing to fix"}, {refused, "where something is refused"}, {open, "with an unfinished run"}, {lost, "not known"}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.text))
		}
	}
	text := counted(len(planned), "host") + ": " + strings.Join(parts, ", ")
	if todo == 0 && refused+lost+open == 0 {
		text = fmt.Sprintf("nothing to fix on %s", counted(len(planned), "host"))
	}
	return text
}

// sayPlanned says how to go on after --plan-only.
func (c *changing) sayPlanned(f *fixFlags, todo int) {
	if todo == 0 {
		return
	}
	for _, o := range f.outputs {
		if file, ok := strings.CutPrefix(o, "json="); ok {
			c.printf("nothing was changed; apply exactly this: %s", c.next("fix", notOfPlan, "--plan", report.ShellWord(file)))
			return
		}
	}
	c.printf("nothing was changed; -o json=FILE keeps this plan for --plan FILE")
}

// wrapped sets a paragraph to the width; its further lines are indented.
func (c *changing) wrapped(text, indent string) string { return wrappedTo(c.width(), text, indent) }

// wrappedTo breaks a line at blanks so that it fits a width, 0 for any. What
// stands apart by two blanks stays so.
func wrappedTo(width int, text, indent string) string {
	if width <= 0 {
		return text
	}
	var b strings.Builder
	used := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case word != "" && used+1+n > width:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

// folding gathers the hosts of things that are alike, in order of arrival.
type folding struct {
	keys  []string
	names map[string][]string
}

func newFolding() *folding { return &folding{names: map[string][]string{}} }

func (f *folding) add(key, host string) {
	if f.names[key] == nil {
		f.keys = append(f.keys, key)
	}
	f.names[key] = append(f.names[key], host)
}

// hosts are the names as ranges, with their number if they are several.
func (f *folding) hosts(key string) string { return hostsText(f.names[key]) }

func hostsText(names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	text := report.Escape(inventory.Fold(names))
	if len(names) > 1 {
		text += fmt.Sprintf(" (%d hosts)", len(names))
	}
	return text
}

// byRank sorts keys by a rank, the lowest first, those of one rank as they came.
func (f *folding) byRank(rank func(key string) int) {
	slices.SortStableFunc(f.keys, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
}
