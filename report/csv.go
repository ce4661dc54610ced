package report

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Kinds of rows of csv. Each host has one row of kind host, so that counting
// these counts hosts, then one for each thing that is to be said of it.
const (
	csvHost    = "host"    // the host as a whole; why, if it was not reached
	csvCause   = "cause"   // why it fails
	csvFinding = "finding" // what is wrong; those that only repeat a cause are left out
	csvUnknown = "unknown" // a check that could not be made
	csvFleet   = "fleet"   // what comparing hosts shows, or Flink's REST API; of no host
)

// csvRow is one row: what is said of one host.
type csvRow struct {
	run        string
	started    time.Time
	kind       string
	host       string
	groups     []string
	hostStatus probes.Status
	// status is that of the finding; "waived" for one that was accepted, ""
	// for a cause that makes no finding.
	status   string
	code     string
	level    string // a cause's confidence, a finding's horizon
	subject  string
	observed string
	want     string
	message  string
	evidence string
	remedy   string
	since    *time.Time
	waiver   *probes.Waiver
}

// csvColumn is a column of csv: its name, what it says, and its cell of a row.
type csvColumn struct {
	name, doc string
	cell      func(*csvRow) string
}

// csvColumns are all columns. What reads the file knows them by name; a new
// one goes to the end.
var csvColumns = []csvColumn{
	{"run", "id of the run", func(r *csvRow) string { return r.run }},
	{"started", "when the run began, UTC", func(r *csvRow) string { return csvTime(&r.started) }},
	{"kind", "host (one row a host), cause, finding, unknown (a check that could not be made), fleet", func(r *csvRow) string { return r.kind }},
	{"host", "name in the inventory; empty for the fleet", func(r *csvRow) string { return r.host }},
	{"groups", "its groups, joined by blanks", func(r *csvRow) string { return strings.Join(r.groups, " ") }},
	{"host_status", "status of the host as a whole", func(r *csvRow) string { return string(r.hostStatus) }},
	{"status", "status of what the row is about; waived if it was accepted, empty for a cause that is no finding", func(r *csvRow) string { return r.status }},
	{"code", "what tmdoctor explain takes: a finding, a cause's finding, a probe; the phase in which a host was lost", func(r *csvRow) string { return r.code }},
	{"level", "confidence of a cause, horizon of a finding", func(r *csvRow) string { return r.level }},
	{"subject", "pid, file, directory or setting", func(r *csvRow) string { return r.subject }},
	{"observed", "the value seen", func(r *csvRow) string { return r.observed }},
	{"want", "the value wanted", func(r *csvRow) string { return r.want }},
	{"message", "what is wrong, or why it is not known", func(r *csvRow) string { return r.message }},
	{"evidence", "the best line that shows it, behind its source", func(r *csvRow) string { return r.evidence }},
	{"remedy", "what to do on this host", func(r *csvRow) string { return r.remedy }},
	{"since", "time of the oldest evidence, UTC", func(r *csvRow) string { return csvTime(r.since) }},
	{"waiver", "until when, who and why, if it was accepted", func(r *csvRow) string { return waiverText(r.waiver) }},
}

// CSVColumns are the names of the columns of csv, in their order.
func CSVColumns() []string {
	names := make([]string, len(csvColumns))
	for i, c := range csvColumns {
		names[i] = c.name
	}
	return names
}

// csvFormat is the report for a spreadsheet: RFC 4180, UTF-8 without a byte
// order mark, hosts in the order of the inventory.
type csvFormat struct {
	w     io.Writer
	run   Run
	order inOrder
	fleet []csvRow
}

func newCSV(w io.Writer, _ Options) Format {
	f := &csvFormat{w: w}
	f.order.write = func(b []byte) error {
		_, err := f.w.Write(b)
		return err
	}
	return f
}

// Begin writes the names of the columns.
func (f *csvFormat) Begin(r Run) error {
	f.run = r
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(CSVColumns()); err != nil {
		return err
	}
	w.Flush()
	return f.order.write(b.Bytes())
}

// Host writes the rows of a host when its turn has come.
func (f *csvFormat) Host(h *Host) error {
	b, err := f.encode(csvRows(h))
	if err != nil {
		return err
	}
	return f.order.put(h.Index, b)
}

// Cluster keeps the failures of TaskManagers that belong to no host, for End.
func (f *csvFormat) Cluster(c *Cluster) error {
	for i := range c.Elsewhere {
		e := &c.Elsewhere[i]
		row := csvRow{
			kind: csvFleet, level: string(e.Confidence), subject: cmp.Or(e.Endpoint, e.TaskManager, "job "+e.Job),
			message: cmp.Or(e.Message, e.Text), evidence: e.Text, since: e.First,
		}
		if e.Cause != "" {
			row.code = causeCode(e.Cause)
		}
		f.fleet = append(f.fleet, row)
	}
	return nil
}

// End writes what is said of no single host.
func (f *csvFormat) End(fleet Fleet, _ Summary) error {
	if err := f.order.end(); err != nil {
		return err
	}
	var rows []csvRow
	for i := range fleet.Findings {
		rows = append(rows, findingRow(csvRow{kind: csvFleet}, &fleet.Findings[i]))
	}
	b, err := f.encode(append(rows, f.fleet...))
	if err != nil {
		return err
	}
	return f.order.write(b)
}

// encode is rows as text, every cell harmless.
func (f *csvFormat) encode(rows []csvRow) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	cells := make([]string, len(csvColumns))
	for i := range rows {
		rows[i].run, rows[i].started = f.run.ID, f.run.Started
		for j, c := range csvColumns {
			cells[j] = csvCell(c.cell(&rows[i]))
		}
		if err := w.Write(cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// csvRows are what is said of a host: the host itself, its causes, the best
// first, its findings and what could not be checked.
func csvRows(h *Host) []csvRow {
	base := csvRow{host: h.Name, groups: h.Groups, hostStatus: statusOf(h)}
	of := func(kind string) csvRow {
		r := base
		r.kind = kind
		return r
	}
	whole := of(csvHost)
	whole.status = string(base.hostStatus)
	if u := h.Unreachable; u != nil {
		whole.code, whole.message, whole.remedy = u.Phase, u.Reason, u.Hint
	}
	rows := []csvRow{whole}
	told := map[*probes.Finding]bool{}
	for i := range h.Causes {
		f := findingOf(h, &h.Causes[i])
		told[f] = true
		rows = append(rows, causeRow(of(csvCause), &h.Causes[i], f))
	}
	for i := range h.Findings {
		if f := &h.Findings[i]; !told[f] {
			rows = append(rows, findingRow(of(csvFinding), f))
		}
	}
	for i := range h.Checks {
		if c := &h.Checks[i]; c.Status == probes.StatusUnknown || !known(c.Status) {
			r := of(csvUnknown)
			r.status, r.code, r.observed, r.want, r.message = string(probes.StatusUnknown), c.Probe, c.Observed, c.Want, c.Reason
			rows = append(rows, r)
		}
	}
	return rows
}

// findingOf is the finding that a cause makes, nil if it makes none.
func findingOf(h *Host, c *probes.Cause) *probes.Finding {
	code := causeCode(c.Cause)
	i := slices.IndexFunc(h.Findings, func(f probes.Finding) bool { return f.Code == code && f.Subject == c.Subject })
	if i < 0 {
		i = slices.IndexFunc(h.Findings, func(f probes.Finding) bool { return f.Code == code })
	}
	if i < 0 {
		return nil
	}
	return &h.Findings[i]
}

// causeCode is the code of the finding that a cause makes.
func causeCode(cause string) string {
	return causePrefix + strings.ReplaceAll(cause, "_", "-")
}

func causeRow(r csvRow, c *probes.Cause, f *probes.Finding) csvRow {
	if f != nil {
		r = findingRow(r, f)
	}
	r.code, r.level, r.subject, r.message = causeCode(c.Cause), string(c.Confidence), c.Subject, c.Message
	r.evidence, r.remedy, r.since = evidenceText(c.Evidence), c.Remedy, c.Since
	return r
}

func findingRow(r csvRow, f *probes.Finding) csvRow {
	r.status, r.code, r.level, r.subject = string(f.Status), f.Code, string(f.Horizon), f.Subject
	r.observed, r.want, r.message = f.Observed, f.Want, cmp.Or(f.Message, f.Code)
	r.evidence, r.remedy, r.waiver = evidenceText(f.Evidence), f.Remedy, f.Waived
	if r.evidence == "" {
		r.evidence = f.Source
	}
	if f.Waived != nil {
		r.status = "waived"
	}
	return r
}

// evidenceText is the best evidence behind its source, "" if there is none.
func evidenceText(list []probes.Evidence) string {
	if len(list) == 0 {
		return ""
	}
	return strings.TrimPrefix(list[0].Source+": "+list[0].Text, ": ")
}

// csvTime is a time as a spreadsheet and RFC 3339 read it, "" for none.
func csvTime(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// waiverText is a waiver on one line, "" for none.
func waiverText(w *probes.Waiver) string {
	if w == nil {
		return ""
	}
	return "until " + w.Until + ", " + w.Owner + ": " + w.Reason
}

// csvCell makes a text safe to open in a spreadsheet. A cell that begins with
// one of = + - @, or their fullwidth forms, is a formula there, quotes around
// it or not (CWE-1236): it gets a ' in front, which spreadsheets read as "this
// is text". Where the locale's separator is the semicolon, so does what stands
// behind one. A number alone, such as -5, is none.
func csvCell(s string) string {
	s = cutEnd(Escape(s), maxText, "...")
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	var b strings.Builder
	begins := true
	for _, r := range s {
		if begins && strings.ContainsRune("=+-@＝＋－＠", r) {
			b.WriteByte('\'')
		}
		b.WriteRune(r)
		begins = r == ';' || begins && strings.ContainsRune(` "'`, r)
	}
	return b.String()
}
