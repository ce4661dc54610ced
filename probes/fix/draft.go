package fix

import (
	"path"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/probes"
)

// maxRead is the most of a configuration file that the script of package
// probes reads, in bytes (emit_max of maps.sh and nofile.sh): of a longer one
// nobody could say what it gives.
const maxRead = 512 << 10

// draft is a host as it would be: its facts with the planned files in them,
// and the files.
type draft struct {
	facts *probes.Facts
	files []*edit
}

// edit is a file that is changed.
type edit struct {
	state    *FileState
	path     string // without links
	content  string
	settings []string
	why      []string
	managed  string
	makeDir  bool
}

// clone is a draft that can be changed on its own.
func (d *draft) clone() *draft {
	c := &draft{facts: d.facts}
	for _, e := range d.files {
		one := *e
		one.settings, one.why = slices.Clone(e.settings), slices.Clone(e.why)
		c.files = append(c.files, &one)
	}
	return c
}

// content is the text of a file as it is planned so far.
func (d *draft) content(path string, state *FileState) string {
	if i := d.at(path); i >= 0 {
		return d.files[i].content
	}
	return string(state.Content)
}

func (d *draft) at(path string) int {
	return slices.IndexFunc(d.files, func(e *edit) bool { return e.path == path })
}

// write gives a file another text; it reports whether that is one.
func (d *draft) write(t *target, setting, content string, s *Snapshot) bool {
	if content == d.content(t.path, t.state) {
		return false
	}
	i := d.at(t.path)
	if i < 0 {
		i = len(d.files)
		d.files = append(d.files, &edit{state: t.state, path: t.path, managed: t.managed, makeDir: t.makeDir})
	}
	e := d.files[i]
	e.content = content
	if !slices.Contains(e.settings, setting) {
		e.settings = append(e.settings, setting)
	}
	d.facts = withFile(d.facts, s, t.path, content)
	return true
}

// changes are the files as a plan has them.
func (d *draft) changes() (all []FileChange) {
	for _, e := range d.files {
		c := FileChange{
			Path: e.path, Before: e.state.Content, After: []byte(e.content), BeforeSHA256: e.state.SHA256, AfterSHA256: sum([]byte(e.content)),
			Mode: e.state.Mode, Owner: e.state.Owner, MakeDir: e.makeDir, Settings: e.settings, Why: strings.Join(e.why, "; "), Managed: e.managed,
		}
		if e.state.Kind == probes.FileAbsent {
			c.Absent, c.Before, c.BeforeSHA256, c.Mode, c.Owner = true, nil, "", newMode, newOwner
		}
		all = append(all, c)
	}
	return all
}

// withFile is facts in which a file has another content: under its own path
// and under that of every link that leads to it.
func withFile(f *probes.Facts, s *Snapshot, name, content string) *probes.Facts {
	g := *f
	g.Files = slices.DeleteFunc(slices.Clone(f.Files), func(file probes.File) bool {
		return file.Path == path.Dir(name) && file.Kind == probes.FileAbsent
	})
	set := func(file *probes.File, kind probes.FileKind) {
		// What the script could not read of the file before, it will not then.
		cut := file.Cut && file.Kind != probes.FileAbsent
		file.Kind, file.Content, file.Cut, file.Withheld = kind, probes.AsRead([]byte(content)), cut || len(content) > maxRead, false
		file.Size = int64(len(content))
	}
	found := false
	for i := range g.Files {
		switch file := &g.Files[i]; {
		case file.Path == name:
			set(file, probes.FileRegular)
			found = true
		case leads(g.Files, s, file, name):
			set(file, probes.FileLink)
		}
	}
	if !found {
		file := probes.File{Path: name, Mode: "-rw-r--r--"}
		set(&file, probes.FileRegular)
		g.Files = append(g.Files, file)
	}
	return &g
}

// leads reports whether a file is a link that ends at a path: by what the host
// itself said of it, else by the links as they are known.
func leads(files []probes.File, s *Snapshot, file *probes.File, name string) bool {
	if file.Target == "" {
		return false
	}
	if state := s.file(file.Path); state != nil && state.Real != "" {
		return state.Real == name
	}
	at, to := file.Path, file.Target
	for range 8 {
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(at), to)
		}
		if at = path.Clean(to); at == name {
			return true
		}
		i := slices.IndexFunc(files, func(f probes.File) bool { return f.Path == at && f.Target != "" })
		if i < 0 {
			return false
		}
		to = files[i].Target
	}
	return false
}

// file is what the snapshot has of a path, nil for nothing.
func (s *Snapshot) file(path string) *FileState {
	for i := range s.Files {
		if s.Files[i].Path == path {
			return &s.Files[i]
		}
	}
	return nil
}
