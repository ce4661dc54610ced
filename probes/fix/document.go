package fix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Schema names the shape of a saved plan.
const Schema = "tmdoctor/plan/v1"

// Document is the plans of a run, as they are kept in a file and applied from
// it.
type Document struct {
	Schema  string  `json:"schema"`
	Run     string  `json:"run"`     // of the run that planned
	Created string  `json:"created"` // RFC 3339
	Version string  `json:"version"` // of tmdoctor
	Options Options `json:"options"`
	Hosts   []*Plan `json:"hosts"`
}

// Write writes the document as indented JSON: the same document gives the same
// bytes. It is ASCII, so that a name with an escape sequence in it does nothing
// to the terminal that it is shown on.
func (d *Document) Write(w io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d.complete()); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	_, err := w.Write(asciiJSON(b.Bytes()))
	return err
}

// ReadDocument reads and checks a saved plan: hashes agree with bytes, paths
// are absolute and clean, nothing is lowered. name is for errors.
//
// The file stood where somebody could edit it, and what it says is done by
// root: so what Make would not have written is refused, whoever wrote it.
func ReadDocument(name string, data []byte) (*Document, error) {
	d, err := decodeDocument(data)
	if err == nil {
		err = checkDocument(d)
	}
	if err == nil {
		err = checkWhole(data, d)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d.complete(), nil
}

// decodeDocument reads the JSON of a document, and refuses what encoding/json
// would let pass: a key that nobody reads, one that stands twice, and one that
// differs from ours in its letters' case. In each, what a person reads in the
// file is not what would be applied.
func decodeDocument(data []byte) (*Document, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("it is not UTF-8, so it is no JSON")
	}
	// The schema first: a plan of a newer tmdoctor has keys that are not ours,
	// and that is not what is wrong with it.
	var head struct{ Schema string }
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, jsonError(data, err)
	}
	if head.Schema != Schema {
		return nil, fmt.Errorf("schema: %q is not a plan of this tmdoctor, which reads %q: %s", head.Schema, Schema, planAgain)
	}
	if err := checkKeys(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	d := new(Document)
	if err := dec.Decode(d); err != nil {
		return nil, jsonError(data, err)
	}
	return d, nil
}

// complete is a copy of the document in which every list is one: null would be
// a third thing beside some and none.
func (d *Document) complete() *Document {
	c := *d
	c.Hosts = make([]*Plan, len(d.Hosts))
	for i, p := range d.Hosts {
		c.Hosts[i] = p.complete()
	}
	return &c
}

func (p *Plan) complete() *Plan {
	if p == nil {
		return nil
	}
	c := *p
	c.Files = slices.Clone(list(p.Files))
	for i := range c.Files {
		f := &c.Files[i]
		f.Before, f.After, f.Settings = list(f.Before), list(f.After), list(f.Settings)
	}
	c.Live, c.Restart, c.Expect = list(p.Live), list(p.Restart), list(p.Expect)
	c.Refused, c.Advice, c.Notes = list(p.Refused), list(p.Advice), list(p.Notes)
	q := &c.Query
	q.Paths, q.Sysctls, q.Users, q.PIDs, q.Units = list(q.Paths), list(q.Sysctls), list(q.Users), list(q.PIDs), list(q.Units)
	return &c
}

// list is s, or a list of none where s is nil.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// asciiJSON is encoded JSON with every rune that is not ASCII, and DEL, as an
// escape. Outside ASCII, JSON has strings only, so that an escape is right
// wherever such a rune stands.
func asciiJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r < 0x7F:
			out = append(out, byte(r))
		case r <= 0xFFFF:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		b = b[size:]
	}
	return out
}
