package fix

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

// planAgain is what helps against a plan that cannot be trusted.
const planAgain = "plan again with fix --plan-only -o json=FILE"

// Bounds of a plan. They are far above what Make writes, and keep a file that
// is no plan from costing more than it is worth.
const (
	maxHosts   = 100_000
	maxFiles   = 64      // of a host
	maxEntries = 10_000  // of any other list
	maxContent = 1 << 20 // bytes of a file
	maxText    = 1 << 16 // bytes of any other text
)

// checker gathers the first thing that is wrong with a plan, and its place.
type checker struct{ err error }

// refuse notes what is wrong, unless something was already.
func (c *checker) refuse(at, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...))
	}
}

// checkDocument finds the first thing in a document that Make does not write.
func checkDocument(d *Document) error {
	c := new(checker)
	if !runID.MatchString(d.Run) {
		c.refuse("run", "%q is not the id of a run", d.Run)
	}
	if _, err := time.Parse(time.RFC3339, d.Created); err != nil {
		c.refuse("created", "%q is not a time as in RFC 3339", d.Created)
	}
	c.text("version", d.Version)
	switch d.Options.PersistIn {
	case "", PersistAuto, PersistMain, PersistDropIn, PersistBoth:
	default:
		c.refuse("options.persist_in", "%q is not one of auto, main, drop-in and both", d.Options.PersistIn)
	}
	c.count("hosts", len(d.Hosts), maxHosts)
	seen := map[string]int{}
	for i, p := range d.Hosts {
		at := fmt.Sprintf("hosts[%d]", i)
		if p == nil {
			c.refuse(at, "it is null and no plan")
			break
		}
		if first, twice := seen[p.Host]; twice {
			c.refuse(at+".host", "%q is hosts[%d] too, and a host has one plan", p.Host, first)
		}
		seen[p.Host] = i
		c.plan(at, p, &d.Options)
	}
	return c.err
}

// plan checks the plan of one host.
func (c *checker) plan(at string, p *Plan, o *Options) {
	if p.Host == "" {
		c.refuse(at+".host", "it is empty")
	}
	c.line(at+".host", p.Host)
	c.changes(at, p, o)
	c.words(at, p)
}

// changes checks all that a plan does, and how it is verified.
func (c *checker) changes(at string, p *Plan, o *Options) {
	e := &edits{checker: c, o: o, q: &p.Query}
	c.count(at+".files", len(p.Files), maxFiles)
	paths := map[string]bool{}
	for i := range p.Files {
		at := fmt.Sprintf("%s.files[%d]", at, i)
		c.file(at, &p.Files[i])
		if paths[p.Files[i].Path] {
			c.refuse(at+".path", "%q stands twice in the plan of %q", p.Files[i].Path, p.Host)
		}
		paths[p.Files[i].Path] = true
		e.file(at, &p.Files[i])
	}
	c.count(at+".live", len(p.Live), maxEntries)
	for i := range p.Live {
		c.live(fmt.Sprintf("%s.live[%d]", at, i), &p.Live[i])
	}
	c.names(at+".restart", p.Restart, plainUnit, "a systemd service")
	c.expect(at+".expect", p.Expect)
	c.query(at+".query", &p.Query)
	e.options(at, p)
	e.promised(at+".expect", p.Expect)
	if !p.Reload && slices.ContainsFunc(p.Files, func(f FileChange) bool { return isUnitPlace(f.Path) }) {
		c.refuse(at+".reload", "systemd would not read what is written")
	}
}

// file checks one file: its place, its bytes and its hashes.
func (c *checker) file(at string, f *FileChange) {
	c.line(at+".path", f.Path)
	if !isPlace(f.Path) {
		c.refuse(at+".path", "%q is not a file that fix changes: %s", f.Path, places)
	}
	c.count(at+".before", len(f.Before), maxContent)
	c.count(at+".after", len(f.After), maxContent)
	if f.AfterSHA256 != sum(f.After) {
		c.refuse(at+".after_sha256", "it is not the hash of after: somebody edited the plan; %s", planAgain)
	}
	switch {
	case f.Absent && (f.BeforeSHA256 != "" || len(f.Before) > 0):
		c.refuse(at+".absent", "a file that is absent has no bytes before")
	case f.Absent && len(f.After) == 0:
		c.refuse(at+".after", "a new file is not made empty")
	case !f.Absent && f.BeforeSHA256 != sum(f.Before):
		c.refuse(at+".before_sha256", "it is not the hash of before: somebody edited the plan; %s", planAgain)
	case !f.Absent && f.BeforeSHA256 == f.AfterSHA256:
		c.refuse(at+".after", "it is the same as before: nothing would change")
	case f.MakeDir && !f.Absent:
		c.refuse(at+".make_dir", "the directory of a file that exists is there")
	}
	if !modeText.MatchString(f.Mode) {
		c.refuse(at+".mode", "%q is not a mode such as 0644", f.Mode)
	}
	if !ownerText.MatchString(f.Owner) {
		c.refuse(at+".owner", "%q is not UID:GID", f.Owner)
	}
	if f.Absent && (f.Mode != newMode || f.Owner != newOwner) {
		c.refuse(at+".mode", "a new file is %s of %s, not %s of %s", newMode, newOwner, f.Mode, f.Owner)
	}
	c.lines(at+".settings", f.Settings)
	c.text(at+".why", f.Why)
	c.text(at+".managed", f.Managed)
}

// words checks what a plan says to people.
func (c *checker) words(at string, p *Plan) {
	c.count(at+".refused", len(p.Refused), maxEntries)
	for i, r := range p.Refused {
		for _, s := range []string{r.Setting, r.Subject, r.Reason, r.Instead} {
			c.text(fmt.Sprintf("%s.refused[%d]", at, i), s)
		}
	}
	c.count(at+".advice", len(p.Advice), maxEntries)
	for i, a := range p.Advice {
		for _, s := range []string{a.Code, a.Subject, a.Message, a.Remedy} {
			c.text(fmt.Sprintf("%s.advice[%d]", at, i), s)
		}
	}
	c.count(at+".notes", len(p.Notes), maxEntries)
	for i, s := range p.Notes {
		c.text(fmt.Sprintf("%s.notes[%d]", at, i), s)
	}
}

// count bounds a list or bytes.
func (c *checker) count(at string, n, most int) {
	if n > most {
		c.refuse(at, "%d is more than a plan has, %d", n, most)
	}
}

// text bounds what is shown to a person and used for nothing else.
func (c *checker) text(at, s string) { c.count(at, len(s), maxText) }

// line checks text that stands in a line of its own: a name or a path. It ends
// where a control character would end it.
func (c *checker) line(at, s string) {
	c.text(at, s)
	for _, r := range s {
		if unicode.IsControl(r) || r == utf8.RuneError {
			c.refuse(at, "%q has a control character in it", s)
		}
	}
}

func (c *checker) lines(at string, list []string) {
	c.count(at, len(list), maxEntries)
	for i, s := range list {
		c.line(fmt.Sprintf("%s[%d]", at, i), s)
	}
}

// sum is the hexadecimal SHA-256 of bytes.
func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
