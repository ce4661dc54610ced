package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tmdoctor/tmdoctor/probes"
)

// document is the report as one JSON document. Hosts stand in the order of
// the inventory.
type document struct {
	w     io.Writer
	order inOrder
	hosts int // written so far
	// cluster stands behind the hosts, some of which may still wait.
	cluster []byte
	err     error
}

func newJSON(w io.Writer, _ Options) Format {
	d := &document{w: w}
	d.order.write = d.write
	return d
}

// Begin writes the head of the document.
func (d *document) Begin(r Run) error {
	d.printf(`{"schema":%s,`+"\n"+`"run":%s,`+"\n"+`"hosts":[`, encode(Schema), d.encode(completeRun(r)))
	return d.err
}

// Host writes the host when its turn has come.
func (d *document) Host(h *Host) error {
	b := d.encode(complete(h))
	if d.err == nil {
		d.err = d.order.put(h.Index, b)
	}
	return d.err
}

// write writes one host, on a line of its own.
func (d *document) write(b []byte) error {
	sep := ",\n"
	if d.hosts == 0 {
		sep = "\n"
	}
	d.hosts++
	d.printf("%s%s", sep, b)
	return d.err
}

// Cluster keeps what End writes behind the hosts.
func (d *document) Cluster(c *Cluster) error {
	d.cluster = d.encode(completeCluster(c))
	return d.err
}

// End writes the hosts that still wait (those between them never came) and
// the tail of the document.
func (d *document) End(f Fleet, s Summary) error {
	if err := d.order.end(); d.err == nil {
		d.err = err
	}
	d.printf("\n],\n")
	if d.cluster != nil {
		d.printf(`"cluster":%s,`+"\n", d.cluster)
	}
	d.printf(`"fleet":%s,`+"\n"+`"summary":%s}`+"\n", d.encode(completeFleet(f)), d.encode(completeSummary(s)))
	return d.err
}

func (d *document) encode(v any) []byte {
	b, err := encodeJSON(v)
	if d.err == nil {
		d.err = err
	}
	return b
}

func (d *document) printf(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

// lines is the same report, a piece a line, written as each piece is known.
type lines struct{ w io.Writer }

func newNDJSON(w io.Writer, _ Options) Format { return lines{w} }

// Begin writes {"schema": ..., "run": ...}.
func (l lines) Begin(r Run) error {
	return l.line(struct {
		Schema string `json:"schema"`
		Run    Run    `json:"run"`
	}{Schema, completeRun(r)})
}

// Host writes {"host": ...}.
func (l lines) Host(h *Host) error {
	return l.line(struct {
		Host *Host `json:"host"`
	}{complete(h)})
}

// Cluster writes {"cluster": ...}.
func (l lines) Cluster(c *Cluster) error {
	return l.line(struct {
		Cluster *Cluster `json:"cluster"`
	}{completeCluster(c)})
}

// End writes {"fleet": ...} and {"summary": ...}.
func (l lines) End(f Fleet, s Summary) error {
	err := l.line(struct {
		Fleet Fleet `json:"fleet"`
	}{completeFleet(f)})
	if err != nil {
		return err
	}
	return l.line(struct {
		Summary Summary `json:"summary"`
	}{completeSummary(s)})
}

// line writes one piece with one Write, and flushes what can be flushed: who
// reads along sees whole lines.
func (l lines) line(v any) error {
	b, err := encodeJSON(v)
	if err != nil {
		return err
	}
	if _, err := l.w.Write(append(b, '\n')); err != nil {
		return err
	}
	if f, ok := l.w.(interface{ Flush() error }); ok {
		return f.Flush()
	}
	return nil
}

// encodeJSON is v on one line, safe for a terminal.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // <init> of a Java stack trace stays readable
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return EscapeJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// encode is a constant as JSON.
func encode(s string) []byte {
	b, _ := json.Marshal(s)
	return b
}

// complete is the host with empty lists in place of missing ones: the shape
// promises lists, never null.
func complete(h *Host) *Host {
	c := *h
	c.Status = statusOf(h)
	c.Groups = list(h.Groups)
	c.TaskManagers = slices.Clone(list(h.TaskManagers))
	for i := range c.TaskManagers {
		c.TaskManagers[i].Started = utc(c.TaskManagers[i].Started)
	}
	c.Findings = completeFindings(h.Findings)
	c.Checks = slices.Clone(list(h.Checks))
	for i := range c.Checks {
		c.Checks[i].NotSeen = list(c.Checks[i].NotSeen)
		c.Checks[i].Horizons = list(c.Checks[i].Horizons)
	}
	c.Causes = slices.Clone(list(h.Causes))
	for i := range c.Causes {
		c.Causes[i].Evidence = completeEvidence(c.Causes[i].Evidence)
		c.Causes[i].Since = utc(c.Causes[i].Since)
	}
	return &c
}

func completeFindings(fs []probes.Finding) []probes.Finding {
	fs = slices.Clone(list(fs))
	for i := range fs {
		fs[i].Evidence = completeEvidence(fs[i].Evidence)
	}
	return fs
}

func completeEvidence(es []probes.Evidence) []probes.Evidence {
	es = slices.Clone(list(es))
	for i := range es {
		es[i].Time = utc(es[i].Time)
	}
	return es
}

func completeRun(r Run) Run {
	r.Started = r.Started.UTC()
	return r
}

// utc is the same time in UTC: the shape promises it.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func completeFleet(f Fleet) Fleet { return Fleet{Findings: completeFindings(f.Findings)} }

func completeSummary(s Summary) Summary {
	s.Causes = completeCauses(s.Causes)
	s.Finished = utc(s.Finished)
	return s
}

// list is s, or an empty list.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
