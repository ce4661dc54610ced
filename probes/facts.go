package probes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// FactsVersion is the version of the facts that this tmdoctor collects. A
// newer tmdoctor judges older facts (what was not collected then is unknown);
// an older one refuses newer facts.
const FactsVersion = 1

// Facts is everything one host said about itself: a section a probe, shared
// files, and the session that asked. Any judge may read any section.
type Facts struct {
	Version int          `json:"facts_version"`
	Session SessionFacts `json:"session"`
	// Files are collected once and shared by boot horizon, causes, fix and
	// drift. Use File to look one up.
	Files []File     `json:"files"`
	Login LoginFacts `json:"login"`

	Flink        FlinkFacts        `json:"flink"`
	Host         HostFacts         `json:"host"`
	Maps         MapsFacts         `json:"maps"`
	Memory       MemoryFacts       `json:"memory"`
	Disk         DiskFacts         `json:"disk"`
	State        StateFacts        `json:"state"`
	JobManager   JobManagerFacts   `json:"jobmanager"`
	NoFile       NoFileFacts       `json:"nofile"`
	AddressSpace AddressSpaceFacts `json:"address_space"`
	Threads      ThreadsFacts      `json:"threads"`
	Logs         LogsFacts         `json:"logs"`
}

// File returns the file at that path. A path that nobody looked at is
// unknown, not absent.
func (f *Facts) File(path string) Value[File] {
	for i := range f.Files {
		if f.Files[i].Path == path {
			return Known(f.Files[i])
		}
	}
	return Unknown[File](notCollected)
}

// ParseFacts reads the output of the script: what lies between the marks of
// the run's nonce, or of any nonce if nonce is empty. An error means: conclude
// nothing; the facts that come with ErrTruncated are what can still be shown.
func ParseFacts(stdout []byte, nonce string) (*Facts, error) {
	return (&Evaluator{}).ParseFacts(stdout, nonce)
}

// ParseFacts is [ParseFacts] for many hosts: configuration that many of them
// have is read once, and the facts share what was made of it.
func (e *Evaluator) ParseFacts(stdout []byte, nonce string) (*Facts, error) {
	if bytes.IndexByte(stdout, 0) >= 0 {
		stdout = bytes.ReplaceAll(stdout, []byte{0}, nil)
	}
	body, version, cut := cutMarks(stdout, nonce)
	if cut != nil && !errors.Is(cut, ErrTruncated) {
		return nil, cut
	}
	if version > FactsVersion {
		return nil, fmt.Errorf("%w: %d, this one reads up to %d", ErrVersion, version, FactsVersion)
	}
	r, err := parseRecords(body)
	if err != nil && cut == nil {
		return nil, err
	}
	r.memo = e.memo
	clock := parseClock(r.String("host.date"), Value[int64]{})
	addModes(r.files, slices.Concat(r.All("maps.ls"), r.All("nofile.ls")), clock, r.sent)
	f := &Facts{Version: version, Files: r.files}
	parseSession(r, f)
	for _, p := range All {
		p.Parse(r, f)
	}
	return f, cut
}

// UnmarshalFacts reads facts from a saved report.
func UnmarshalFacts(b []byte) (*Facts, error) {
	var f Facts
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&f); err != nil {
		return nil, err
	}
	if f.Version > FactsVersion {
		return nil, fmt.Errorf("%w: %d, this one reads up to %d", ErrVersion, f.Version, FactsVersion)
	}
	return &f, nil
}
