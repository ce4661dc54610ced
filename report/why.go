package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// WhySchema names the shape of a Why.
const WhySchema = "tmdoctor/why/v1"

// Why is how the values of one setting came about on one host, as tmdoctor why
// -o json prints it; schema/why.json says the shape.
type Why struct {
	Schema string `json:"schema"`
	Host   string `json:"host"`
	// Unreachable is null if the host was reached; else nothing is known of
	// the setting.
	Unreachable *Unreachable `json:"unreachable"`
	probes.Chain
}

// WriteWhyJSON writes one document, safe for a terminal.
func WriteWhyJSON(w io.Writer, y Why) error {
	y.Schema = WhySchema
	y.Standings, y.Parts = list(y.Standings), append([]probes.ChainPart{}, y.Parts...)
	for i := range y.Parts {
		p := &y.Parts[i]
		p.Notes, p.Steps = list(p.Notes), append([]probes.ChainStep{}, p.Steps...)
		for j := range p.Steps {
			p.Steps[j].Lines = list(p.Steps[j].Lines)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(y); err != nil {
		return err
	}
	_, err := w.Write(EscapeJSON(b.Bytes()))
	return err
}

// WriteWhy writes the whole chain of precedence for people: what the setting is
// worth on each horizon, then every way to a value, file by file in the order
// of reading, the line that wins marked with >.
func WriteWhy(w io.Writer, o Options, y Why) error {
	p := whyPage{newTable(nil, o).(*table), y.Setting}
	p.heading(o.bold(p.text(y.Setting)) + " on " + p.text(y.Host))
	if u := y.Unreachable; u != nil {
		p.lost(u)
	}
	p.standings(y.Standings)
	for i := range y.Parts {
		p.part(&y.Parts[i])
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

// whyPage is a Why on its way to a terminal: the table's widths, wrapping and
// colours without its rows.
type whyPage struct {
	*table
	setting string
}

// heading prints a text at the left margin. What does not fit is further in
// than any line of ours, so that a text of a host looks like none.
func (p *whyPage) heading(text string) {
	room := 0
	if p.o.Width > 0 {
		room = max(16, p.o.Width-4)
	}
	p.out.WriteString(strings.Join(wrap(text, room), "\n    ") + "\n")
}

func (p *whyPage) lost(u *Unreachable) {
	p.out.WriteByte('\n')
	p.heading(p.o.paint(probes.StatusUnknown, "not known") + ": " + p.text(u.Phase+": "+u.Reason))
	if u.Hint != "" {
		p.heading(p.o.signs().arrow + " " + p.text(u.Hint))
	}
}

// standings prints the three values of each subject below each other, with
// where they come from.
func (p *whyPage) standings(all []probes.Standing) {
	column := 1
	for i := range all {
		for _, h := range probes.Horizons {
			column = max(column, width(p.value(&all[i], h)))
		}
	}
	for i := range all {
		s := &all[i]
		p.out.WriteByte('\n')
		if s.Subject != "" {
			p.heading(p.text("for " + s.Subject))
		}
		for _, h := range probes.Horizons {
			status, source := p.source(s.At(h))
			value := p.value(s, h)
			title := "  " + pad(string(h), len("running")) + "  " + p.o.paint(status, value)
			p.sourced(title+strings.Repeat(" ", column-width(value)), source)
		}
	}
}

// value is a value of a standing, the running one with what is in use.
func (p *whyPage) value(s *probes.Standing, h probes.Horizon) string {
	text := p.limit(s.At(h))
	if h == probes.Running && s.Used >= 0 {
		text = usedText(s.Setting, s.Used) + "/" + text
	}
	return text
}

func (p *whyPage) limit(v probes.HorizonValue) string {
	if v.Unknown != "" || v.Value == "" {
		return "?"
	}
	return cutMiddle(limitText(p.setting, v.Value), maxLimit, p.o.signs().ellipsis)
}

// source says where a value comes from, or why there is none, and how that is
// painted.
func (p *whyPage) source(v probes.HorizonValue) (probes.Status, string) {
	if v.Unknown != "" || v.Value == "" {
		return probes.StatusUnknown, "not known: " + p.text(cmp.Or(v.Unknown, "no reason was given"))
	}
	return "", horizonText{origin: p.text(v.Source)}.source()
}

// sourced prints a value with its source: beside it, or below it where there
// is little room.
func (p *whyPage) sourced(title, source string) {
	n := width(title) + 2
	if p.o.Width > 0 && p.o.Width-n < min(width(source), 36) {
		p.out.WriteString(strings.TrimRight(title, " ") + "\n")
		p.printNotes("    ", 0, []string{source})
		return
	}
	p.hanging(title+"  ", n, source)
}

// part prints one way to a value.
func (p *whyPage) part(part *probes.ChainPart) {
	p.out.WriteByte('\n')
	p.paragraph(p.o.bold(strings.ToUpper(Escape(string(part.Horizon))))+"  ", p.text(part.Title))
	if part.Why != "" {
		p.printNotes("  ", 0, []string{p.text(part.Why)})
	}
	form := p.form(part)
	for i := 0; i < len(part.Steps); {
		n := silent(part.Steps[i:])
		if n == 0 {
			p.step(&part.Steps[i], part.Why, form)
			i++
			continue
		}
		p.silent(part.Steps[i : i+n])
		i += n
	}
	for _, note := range part.Notes {
		p.paragraph("  note: ", p.text(note))
	}
	status, source := p.source(part.Result)
	value := p.o.paint(status, p.limit(part.Result))
	if status == "" {
		value = p.o.bold(value)
	}
	p.sourced("  = "+value, source)
}

// text is a text of a host or of the chain, escaped and bounded.
func (p *whyPage) text(s string) string {
	return cutEnd(Escape(clip(s, maxText)), maxText, p.o.signs().ellipsis)
}

// silent is with how many files that do not name the setting steps begin.
func silent(steps []probes.ChainStep) int {
	n := 0
	for n < len(steps) && steps[n].Path != "" && steps[n].Note == "" && len(steps[n].Lines) == 0 {
		n++
	}
	return n
}

// silent prints files that were read and do not name the setting: together,
// their order kept.
func (p *whyPage) silent(steps []probes.ChainStep) {
	paths := make([]string, len(steps))
	for i := range steps {
		paths[i] = p.path(&steps[i])
	}
	verb := "does not set it: "
	if len(steps) > 1 {
		verb = "do not set it: "
	}
	p.printNotes("    ", 0, []string{verb + strings.Join(paths, ", ")})
}

func (p *whyPage) path(s *probes.ChainStep) string {
	path := p.text(s.Path)
	if s.Target != "" {
		path += " " + p.o.signs().arrow + " " + p.text(s.Target)
	}
	return path
}

// lineForm is how the lines of a part are set: the columns of the number and
// of the text, 0 where not all fates fit in a column beside them: each then
// stands behind its line, or below it.
type lineForm struct{ number, text int }

// form lets fates stand beside their lines where all of a part fit.
func (p *whyPage) form(part *probes.ChainPart) lineForm {
	f := lineForm{number: 1}
	fate := 0
	for i := range part.Steps {
		for j := range part.Steps[i].Lines {
			l := &part.Steps[i].Lines[j]
			f.number = max(f.number, len(lineNumber(l)))
			f.text = max(f.text, width(p.text(l.Text)))
			fate = max(fate, width(p.fate(l, part.Steps[i].Note)))
		}
	}
	if p.o.Width > 0 && f.number+f.text+fate+10 > p.o.Width {
		f.text = 0
	}
	return f
}

// lineNumber is "" for what is in no line of a file.
func lineNumber(l *probes.ChainLine) string {
	if l.Line <= 0 {
		return ""
	}
	return strconv.Itoa(l.Line)
}

// fate is what became of a line, without the reason that its file has.
func (p *whyPage) fate(l *probes.ChainLine, said string) string {
	switch {
	case l.Why == "" || l.Why == said:
		return p.text(l.Fate)
	case strings.HasPrefix(l.Why, l.Fate): // "overridden by FILE:LINE" says it all
		return p.text(l.Why)
	}
	return p.text(l.Fate) + ": " + p.text(l.Why)
}

// step prints a file with what became of its lines, or what no file causes. A
// note that the part has said is not said again.
func (p *whyPage) step(s *probes.ChainStep, said string, form lineForm) {
	switch path := p.path(s); {
	case s.Path == "":
		p.printNotes("    ", 0, []string{p.text(s.Note)})
	case s.Note == "" || s.Note == said:
		p.printNotes("    ", 0, []string{path})
	default:
		p.printNotes("    ", 0, []string{path + "  (" + p.text(s.Note) + ")"})
	}
	for i := range s.Lines {
		p.line(&s.Lines[i], p.fate(&s.Lines[i], s.Note), form)
	}
}

// line prints a line of a file and its fate.
func (p *whyPage) line(l *probes.ChainLine, fate string, form lineForm) {
	mark, status := " ", probes.Status("")
	if l.Won {
		mark, status = ">", probes.OK
	}
	text := p.text(l.Text)
	title := fmt.Sprintf("  %s   %*s  ", mark, form.number, lineNumber(l))
	indent := len(title)
	if n := form.text - width(text); form.text > 0 || indent+width(text)+2+width(fate) <= p.o.Width {
		space := strings.Repeat(" ", max(0, n)+2)
		p.out.WriteString(strings.TrimRight(title+p.o.paint(status, text)+space+fate, " ") + "\n")
		return
	}
	if p.o.Width > 0 {
		text = cutEnd(text, max(16, p.o.Width-indent), p.o.signs().ellipsis)
	}
	p.out.WriteString(strings.TrimRight(title+p.o.paint(status, text), " ") + "\n")
	if fate != "" {
		p.paragraph(strings.Repeat(" ", indent), fate)
	}
}
