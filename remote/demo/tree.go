package demo

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// Options are what an archive leaves open: when and whose its host is.
type Options struct {
	Host        string    // its name
	Now         time.Time // the moment {{now}} and the directive time refer to
	UID, GID    int
	User, Group string
}

// Caller are the options by which everything belongs to this process's user.
// A user without a name is called by the number.
func Caller(now time.Time) Options {
	o := Options{Now: now, UID: max(os.Getuid(), 0), GID: max(os.Getgid(), 0)}
	o.User, o.Group = strconv.Itoa(o.UID), strconv.Itoa(o.GID)
	if u, err := user.LookupId(o.User); err == nil {
		o.User = u.Username
	}
	if g, err := user.LookupGroupId(o.Group); err == nil {
		o.Group = g.Name
	}
	return o
}

// entry is one path of a tree.
type entry struct {
	place
	kind   fs.FileMode
	data   []byte
	target string // of a link
	hole   int64  // bytes of nothing before the data
	mode   *fs.FileMode
	mtime  time.Time // zero: as written
}

// tree is an archive as it is read: all of it is checked before anything is
// written.
type tree struct {
	name    string // of the archive that is being read
	options Options
	entries map[string]*entry
}

// Unpack writes the host that a txtar archive describes into dir, which must
// exist and should be empty. The name is for errors: NAME:LINE. The comment
// section holds directives, one a line; a line that is empty or begins with #
// says nothing:
//
//	like NAME                    begin with that host of [Archive]; must come first
//	append PATH FROM             the text of the file FROM, which is not kept, at the end of PATH
//	remove PATH                  of a file, link or pipe that it has
//	link PATH -> TARGET          a symbolic link
//	dir PATH                     a directory, perhaps empty
//	fifo PATH                    a named pipe
//	mode OCTAL PATH              permissions; files have 0644, directories 0755
//	time PATH -2h                when it was last written, from now; also -3d
//	nul PATH                     each newline becomes a NUL, as in /proc/PID/cmdline
//	size PATH 10G                nothing but a hole before its text, up to that size
//	repeat PATH COUNT LINE       COUNT more lines, where %x, %d, %06x is the counter
//	repeatlinks DIR COUNT -> TARGET  links named by the free numbers from 0
//
// Everywhere {{host}}, {{uid}}, {{gid}}, {{user}} and {{group}} stand for the
// options, and {{now -2h|LAYOUT}} for a time in UTC, with a layout of
// package time or "unix". What an archive has replaces what the host has that it
// is like. A path is relative, without "..", and nothing lies
// beneath a link.
func Unpack(dir, name string, archive []byte, o Options) error {
	t := &tree{options: o, entries: map[string]*entry{}}
	if err := t.read(name, archive); err != nil {
		return err
	}
	if err := t.checkParents(); err != nil {
		return err
	}
	return t.write(dir)
}

func (t *tree) errorf(line int, format string, args ...any) error {
	return place{t.name, line}.errorf(format, args...)
}

// place is a line of an archive.
type place struct {
	archive string
	line    int
}

func (p place) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", p.archive, p.line, fmt.Errorf(format, args...))
}

// read collects the files and then the directives, which may change them.
func (t *tree) read(name string, archive []byte) error {
	a := txtar.Parse(archive)
	if err := t.readBase(name, string(a.Comment)); err != nil {
		return err
	}
	t.name = name
	line := 1 + bytes.Count(a.Comment, []byte("\n"))
	for _, f := range a.Files {
		data, err := t.expand(string(f.Data), line+1)
		if err != nil {
			return err
		}
		name, err := t.expand(f.Name, line)
		if err != nil {
			return err
		}
		if err := t.add(name, &entry{place: place{line: line}, data: []byte(data)}); err != nil {
			return err
		}
		line += 1 + bytes.Count(f.Data, []byte("\n"))
	}
	number := 0
	for text := range strings.Lines(string(a.Comment)) {
		number++
		if err := t.directive(number, strings.TrimSpace(text)); err != nil {
			return err
		}
	}
	return nil
}

// readBase reads the host that the archive of that name is like, if any.
func (t *tree) readBase(name, comment string) error {
	number := 0
	for text := range strings.Lines(comment) {
		number++
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		base, ok := strings.CutPrefix(text, "like ")
		if !ok {
			return nil
		}
		archive := Archive(base)
		if archive == nil || base == strings.TrimSuffix(name, ".txtar") {
			return place{name, number}.errorf("no host %s to be like", base)
		}
		return t.read(base+".txtar", archive)
	}
	return nil
}

// add takes a new path into the tree.
func (t *tree) add(name string, e *entry) error {
	if name == "." || !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return t.errorf(e.line, "%q is not a path inside the tree", name)
	}
	e.archive = t.name
	if old := t.entries[name]; old != nil && old.archive == t.name {
		return t.errorf(e.line, "%s is already at line %d", name, old.line)
	}
	t.entries[name] = e
	return nil
}

// checkParents makes sure that whatever a path lies in is a directory, and
// adds the directories that no line names.
func (t *tree) checkParents() error {
	for _, name := range slices.Sorted(maps.Keys(t.entries)) {
		e := t.entries[name]
		for p := path.Dir(name); p != "."; p = path.Dir(p) {
			switch old := t.entries[p]; {
			case old == nil:
				t.entries[p] = &entry{place: e.place, kind: fs.ModeDir}
			case old.kind != fs.ModeDir:
				return e.errorf("%s lies beneath %s, which is no directory", name, p)
			}
		}
	}
	return nil
}

// write makes the tree. Modes and times of directories come last, the inner
// before the outer, because they would hinder or be changed by what follows.
func (t *tree) write(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	names := slices.Sorted(maps.Keys(t.entries))
	// Neighbours lie in one directory: opening it once saves most of the
	// system calls, which are most of the time.
	parent, opened := root, "."
	defer func() { parent.Close() }()
	for _, name := range names {
		e := t.entries[name]
		if d := path.Dir(name); d != opened {
			sub, err := root.OpenRoot(d)
			if err != nil {
				return e.errorf("%w", err)
			}
			if parent != root {
				parent.Close()
			}
			parent, opened = sub, d
		}
		if err := e.make(parent, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return e.errorf("%w", err)
		}
	}
	for _, name := range slices.Backward(names) {
		e := t.entries[name]
		if err := e.finish(root, name); err != nil {
			return e.errorf("%w", err)
		}
	}
	return nil
}

// make writes one entry into its directory. A pipe needs the full path: no call makes one
// beneath an open directory.
func (e *entry) make(parent *os.Root, full string) error {
	name := filepath.Base(full)
	switch e.kind {
	case fs.ModeDir:
		return parent.Mkdir(name, 0o755)
	case fs.ModeSymlink:
		return parent.Symlink(e.target, name)
	case fs.ModeNamedPipe:
		return makeFIFO(full)
	}
	f, err := parent.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(e.data, e.hole); err != nil {
		return err
	}
	if e.hole > 0 && len(e.data) == 0 {
		if err := f.Truncate(e.hole); err != nil {
			return err
		}
	}
	return f.Chmod(e.permissions())
}

// permissions are those of the entry, whatever the umask is.
func (e *entry) permissions() fs.FileMode {
	switch {
	case e.mode != nil:
		return *e.mode
	case e.kind == fs.ModeDir:
		return 0o755
	}
	return 0o644
}

// finish sets what writing into a directory would change, or could not do
// without: times, and the permissions of what is no plain file.
func (e *entry) finish(root *os.Root, name string) error {
	if e.kind == fs.ModeSymlink {
		return nil // a link has none of its own
	}
	if !e.mtime.IsZero() {
		if err := root.Chtimes(name, e.mtime, e.mtime); err != nil {
			return err
		}
	}
	if e.kind == 0 {
		return nil
	}
	return root.Chmod(name, e.permissions())
}
