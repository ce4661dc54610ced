package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// varsEndings are the names that a file of variables may have: Ansible takes
// the first that is there.
var varsEndings = []string{"", ".yml", ".yaml", ".json"}

// vaultHead is how a file begins that ansible-vault encrypted.
const vaultHead = "$ANSIBLE_VAULT;"

// readFolders reads group_vars and host_vars beside the inventory, as
// Ansible's plugin host_group_vars does. Standard input has nothing beside it.
func (l Loader) readFolders(a *ansibleFile) error {
	if a.file == stdinName {
		return nil
	}
	dir := filepath.Dir(a.file)
	groups, err := l.varsFolder(a, filepath.Join(dir, "group_vars"))
	if err != nil {
		return err
	}
	for _, g := range a.groups {
		if err := groups.read(g.name, &g.fileVars); err != nil {
			return err
		}
	}
	groups.unused("group")
	hosts, err := l.varsFolder(a, filepath.Join(dir, "host_vars"))
	if err != nil {
		return err
	}
	for _, h := range a.hosts {
		if err := hosts.read(h.name, &h.fileVars); err != nil {
			return err
		}
	}
	hosts.unused("host")
	return nil
}

// foldersUnread notes a folder of variables beside a plain list, which does
// not say if it is Ansible's.
func (l Loader) foldersUnread(file string) []Note {
	if file == stdinName {
		return nil
	}
	for _, name := range []string{"group_vars", "host_vars"} {
		if info, err := os.Stat(l.path(filepath.Join(filepath.Dir(file), name))); err == nil && info.IsDir() {
			return []Note{{Place: file + ":1", Text: name + " beside it is not read: this is a plain list; ansible:" + file + " reads it as an inventory of Ansible"}}
		}
	}
	return nil
}

// varsFolder is group_vars or host_vars.
type varsFolder struct {
	l       Loader
	a       *ansibleFile
	dir     string
	entries map[string]bool // name to whether it is used
	names   []string        // of entries, sorted
}

func (l Loader) varsFolder(a *ansibleFile, dir string) (*varsFolder, error) {
	v := &varsFolder{l: l, a: a, dir: dir, entries: map[string]bool{}}
	list, err := os.ReadDir(l.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return nil, openError(dir, err)
	}
	for _, e := range list {
		v.entries[e.Name()] = false
		v.names = append(v.names, e.Name())
	}
	return v, nil
}

// read reads the variables of one host or group into vars.
func (v *varsFolder) read(name string, vars *ansibleVars) error {
	for i, ending := range varsEndings {
		file := name + ending
		if _, ok := v.entries[file]; !ok {
			continue
		}
		v.entries[file] = true
		for _, later := range varsEndings[i+1:] {
			if _, ok := v.entries[name+later]; ok {
				v.entries[name+later] = true
				at := position{file: filepath.Join(v.dir, name+later), line: 1}
				v.a.notes.add(at, at.file, "the file is not read, as Ansible does not: %s is there", filepath.Join(v.dir, file))
			}
		}
		return v.readPath(filepath.Join(v.dir, file), vars, 0)
	}
	return nil
}

// readPath reads a file, or what a folder has in it, by name.
func (v *varsFolder) readPath(path string, vars *ansibleVars, depth int) error {
	info, err := os.Stat(v.l.path(path))
	if err != nil {
		return openError(path, err)
	}
	if !info.IsDir() {
		return v.readFile(path, vars)
	}
	if depth > maxNested {
		return &Error{File: path, Msg: "folders are nested too deeply", Hint: "is a link inside itself?"}
	}
	list, err := os.ReadDir(v.l.path(path))
	if err != nil {
		return openError(path, err)
	}
	for _, e := range list {
		name, ending := e.Name(), filepath.Ext(e.Name())
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		inner := filepath.Join(path, name)
		at := position{file: inner, line: 1}
		info, err := os.Stat(v.l.path(inner))
		switch {
		case err != nil:
			return openError(inner, err)
		case info.IsDir() && ending != "", !info.IsDir() && !slices.Contains(varsEndings, ending):
			v.a.notes.add(at, inner, "it is not read, as Ansible does not: its name ends in %q", ending)
			continue
		}
		if err := v.readPath(inner, vars, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// readFile reads a mapping of variables.
func (v *varsFolder) readFile(path string, vars *ansibleVars) error {
	text, err := v.l.text(path)
	if err != nil {
		return err
	}
	at := position{file: path, line: 1}
	if strings.HasPrefix(strings.TrimSpace(text), vaultHead) {
		v.a.notes.add(at, "vault", "the file is encrypted by ansible-vault: what it sets is not known and not used")
		return nil
	}
	if blankYAML(text) {
		return nil
	}
	r := &ansibleReader{ansibleFile: v.a, y: &yamlFile{file: path}}
	root, ok := (*yaml.Node)(nil), false
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		root, ok = jsonNodes(text)
	}
	if !ok {
		if root, err = r.y.decode(text); err != nil {
			return err
		}
	}
	return r.pairs(root, "variables", func(k, val *yaml.Node) error {
		v.a.variable(vars, k.Value, yamlValue(target(val), r.y.at(val)))
		return nil
	})
}

// blankYAML reports whether a text has nothing but comments and marks of
// documents; the YAML library has no root for it.
func blankYAML(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line != "---" && line != "..." {
			return false
		}
	}
	return true
}

// unused notes the first file that belongs to no host or group of the
// inventory.
func (v *varsFolder) unused(what string) {
	var left []string
	for _, name := range v.names {
		if !v.entries[name] && name[0] != '.' && !strings.HasSuffix(name, "~") {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return
	}
	more := ""
	if len(left) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(left)-1)
	}
	v.a.notes.list = append(v.a.notes.list, Note{Place: filepath.Join(v.dir, left[0]) + ":1", Own: true,
		Text: "it is not read: the inventory has no " + what + " of that name" + more})
}
