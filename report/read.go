package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tmdoctor/tmdoctor/probes"
)

// Errors of [Read] and [Scan], for callers that decide by them.
var (
	// ErrTruncated means that a saved report has no end. The hosts before
	// the end were read.
	ErrTruncated = errors.New("the report is truncated")
	// ErrSchema means that a file is JSON, but no report that this tmdoctor
	// reads.
	ErrSchema = errors.New("not a report of schema " + Schema)
)

// Read reads a saved report, json or ndjson. With an error comes what was
// read before it.
func Read(r io.Reader) (*Report, error) {
	var c collector
	err := Scan(r, &c)
	return &c.report, err
}

// collector is a Format that keeps everything.
type collector struct{ report Report }

func (c *collector) Begin(r Run) error {
	c.report = Report{Schema: Schema, Run: r, Hosts: []Host{}}
	return nil
}

func (c *collector) Host(h *Host) error {
	c.report.Hosts = append(c.report.Hosts, *h)
	return nil
}

func (c *collector) Cluster(cl *Cluster) error {
	c.report.Cluster = cl
	return nil
}

func (c *collector) End(f Fleet, s Summary) error {
	c.report.Fleet, c.report.Summary = f, s
	return nil
}

// Scan reads a saved report, json or ndjson, and tells a Format of it piece
// by piece, so that a report larger than memory can be read. The pieces must
// stand in the order in which tmdoctor writes them. Index is the host's place
// in the file. Errors name the byte where they were found; End is called only
// if the report has an end.
func Scan(r io.Reader, to Format) error {
	s := scanner{dec: json.NewDecoder(r), to: to}
	if err := s.scan(); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrTruncated
		}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("byte %d: %w", syntax.Offset, err)
		}
		var placed *placedError
		if errors.As(err, &placed) {
			return err
		}
		return &placedError{s.dec.InputOffset(), err}
	}
	return nil
}

// placedError is an error with the byte where it was found.
type placedError struct {
	offset int64
	err    error
}

func (e *placedError) Error() string { return fmt.Sprintf("byte %d: %v", e.offset, e.err) }
func (e *placedError) Unwrap() error { return e.err }

// scanner reads the pieces in their order; stage is the last piece read.
type scanner struct {
	dec     *json.Decoder
	to      Format
	stage   int
	lines   bool // ndjson
	index   int
	cluster bool // was read
	fleet   Fleet
	summary Summary
}

// The pieces in their order. Of ndjson, hosts is a line each.
const (
	stageNone = iota
	stageSchema
	stageRun
	stageHosts
	stageFleet
	stageSummary
)

// scan reads one object (json) or an object a line (ndjson): the first object
// of ndjson ends behind the run.
func (s *scanner) scan() error {
	if err := s.object(); err != nil {
		return err
	}
	if s.stage == stageRun {
		s.lines = true
		for s.stage != stageSummary {
			if err := s.object(); err != nil {
				return err
			}
		}
	}
	if s.stage != stageSummary {
		return fmt.Errorf("%w: it has no summary", ErrSchema)
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text behind the end of the report")
	}
	return s.to.End(s.fleet, s.summary)
}

// object reads one object and its pieces. Keys that this version does not
// know are skipped.
func (s *scanner) object() error {
	if err := s.delim('{'); err != nil {
		return err
	}
	for s.dec.More() {
		key, err := s.dec.Token()
		if err != nil {
			return err
		}
		if s.stage == stageNone && key != "schema" {
			return fmt.Errorf("%w: it begins with %q", ErrSchema, key)
		}
		if err := s.piece(key.(string)); err != nil {
			return err
		}
	}
	return s.delim('}')
}

func (s *scanner) piece(key string) error {
	switch key {
	case "schema":
		var name any
		if err := s.value(&name); err != nil {
			return err
		}
		if name != Schema {
			return fmt.Errorf("%w, but of %q", ErrSchema, fmt.Sprint(name))
		}
		return s.enter(key, stageNone, stageSchema)
	case "run":
		var run Run
		if err := s.value(&run); err != nil {
			return err
		}
		if err := s.enter(key, stageSchema, stageRun); err != nil {
			return err
		}
		return s.to.Begin(run)
	case "hosts":
		if s.lines {
			return s.misplaced(key)
		}
		if err := s.enter(key, stageRun, stageHosts); err != nil {
			return err
		}
		return s.hosts()
	case "host":
		if !s.lines {
			return s.misplaced(key)
		}
		if s.stage == stageRun {
			s.stage = stageHosts
		}
		if err := s.enter(key, stageHosts, stageHosts); err != nil {
			return err
		}
		return s.host()
	case "cluster":
		return s.readCluster()
	case "fleet":
		if s.stage == stageRun && s.lines {
			s.stage = stageHosts // no host at all
		}
		if err := s.enter(key, stageHosts, stageFleet); err != nil {
			return err
		}
		return s.value(&s.fleet)
	case "summary":
		if err := s.enter(key, stageFleet, stageSummary); err != nil {
			return err
		}
		return s.value(&s.summary)
	}
	var skipped json.RawMessage
	return s.dec.Decode(&skipped)
}

// readCluster reads what may stand once between the hosts and the fleet.
func (s *scanner) readCluster() error {
	if s.stage == stageRun && s.lines {
		s.stage = stageHosts // no host at all
	}
	if s.cluster {
		return s.misplaced("cluster")
	}
	s.cluster = true
	if err := s.enter("cluster", stageHosts, stageHosts); err != nil {
		return err
	}
	var c *Cluster
	if err := s.value(&c); err != nil || c == nil {
		return err
	}
	if f := c.Facts; f != nil && f.Version < 1 {
		return fmt.Errorf("%w: cluster facts without facts_version", ErrSchema)
	} else if f != nil && f.Version > probes.ClusterVersion {
		return fmt.Errorf("%w: of a cluster, %d, this one reads up to %d", probes.ErrVersion, f.Version, probes.ClusterVersion)
	}
	return s.to.Cluster(c)
}

// enter goes from one stage to the next and refuses pieces that repeat or
// stand elsewhere.
func (s *scanner) enter(key string, from, to int) error {
	if s.stage != from {
		return s.misplaced(key)
	}
	s.stage = to
	return nil
}

func (s *scanner) misplaced(key string) error {
	return fmt.Errorf("%w: %q is not where tmdoctor writes it", ErrSchema, key)
}

func (s *scanner) hosts() error {
	if err := s.delim('['); err != nil {
		return err
	}
	for s.dec.More() {
		if err := s.host(); err != nil {
			return err
		}
	}
	return s.delim(']')
}

// host reads one host and refuses what could make it look better than it is.
func (s *scanner) host() error {
	var h Host
	if err := s.value(&h); err != nil {
		return err
	}
	if h.Name == "" {
		return fmt.Errorf("%w: host %d has no name", ErrSchema, s.index+1)
	}
	if err := checkHost(&h); err != nil {
		return fmt.Errorf("host %q: %w", h.Name, err)
	}
	h.Index = s.index
	s.index++
	return s.to.Host(&h)
}

func checkHost(h *Host) error {
	statuses := []probes.Status{h.Status}
	for i := range h.Checks {
		statuses = append(statuses, h.Checks[i].Status)
	}
	for i := range h.Findings {
		statuses = append(statuses, h.Findings[i].Status)
	}
	if i := slices.IndexFunc(statuses, func(s probes.Status) bool { return !known(s) }); i >= 0 {
		return fmt.Errorf("%w: status %q", ErrSchema, statuses[i])
	}
	if h.Facts == nil {
		return nil
	}
	if h.Facts.Version < 1 {
		return fmt.Errorf("%w: facts without facts_version", ErrSchema)
	}
	if h.Facts.Version > probes.FactsVersion {
		return fmt.Errorf("%w: %d, this one reads up to %d", probes.ErrVersion, h.Facts.Version, probes.FactsVersion)
	}
	return nil
}

// value reads the next value into v.
func (s *scanner) value(v any) error {
	var raw json.RawMessage
	if err := s.dec.Decode(&raw); err != nil {
		return err
	}
	err := json.Unmarshal(raw, v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		begin := s.dec.InputOffset() - int64(len(raw))
		return &placedError{begin + wrong.Offset, err}
	}
	return err
}

func (s *scanner) delim(want json.Delim) error {
	got, err := s.dec.Token()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%w: %v in place of %v", ErrSchema, got, want)
	}
	return nil
}
