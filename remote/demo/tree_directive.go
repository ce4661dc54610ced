package demo

import (
	"bytes"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxRepeat bounds the count of a repetition: more than the maps any kernel
// allows a process by default, less than would fill a disk by a typing error.
const maxRepeat = 300_000

// directive is one kind of line in an archive's comment section.
type directive struct {
	usage string
	words int // after its name; the last one takes the rest of the line
	do    func(t *tree, line int, words []string) error
}

// directives are all kinds, by their first word.
func directives() map[string]directive {
	return map[string]directive{
		"append":      {"append PATH FROM", 2, (*tree).appendFile},
		"like":        {"like NAME", 1, (*tree).like},
		"remove":      {"remove PATH", 1, (*tree).remove},
		"link":        {"link PATH -> TARGET", 3, (*tree).link},
		"dir":         {"dir PATH", 1, (*tree).makeDir},
		"fifo":        {"fifo PATH", 1, (*tree).fifo},
		"mode":        {"mode OCTAL PATH", 2, (*tree).mode},
		"time":        {"time PATH OFFSET", 2, (*tree).time},
		"nul":         {"nul PATH", 1, (*tree).nul},
		"size":        {"size PATH SIZE", 2, (*tree).size},
		"repeat":      {"repeat PATH COUNT LINE", 3, (*tree).repeat},
		"repeatlinks": {"repeatlinks DIR COUNT -> TARGET", 4, (*tree).repeatLinks},
	}
}

func (t *tree) directive(line int, text string) error {
	if text == "" || strings.HasPrefix(text, "#") {
		return nil
	}
	text, err := t.expand(text, line)
	if err != nil {
		return err
	}
	name, rest, _ := strings.Cut(text, " ")
	d, ok := directives()[name]
	if !ok {
		all := slices.Sorted(maps.Keys(directives()))
		return t.errorf(line, "%q is none of the directives %s", name, strings.Join(all, ", "))
	}
	words := make([]string, 0, d.words)
	for i := range d.words {
		word := strings.TrimLeft(rest, " ")
		if rest = ""; i < d.words-1 {
			word, rest, _ = strings.Cut(word, " ")
		}
		if word == "" {
			return t.errorf(line, "want %s", d.usage)
		}
		words = append(words, word)
	}
	return d.do(t, line, words)
}

// file is the regular file a directive speaks of; made says that it need not
// be in the archive.
func (t *tree) file(line int, name string, made bool) (*entry, error) {
	e := t.entries[name]
	if e == nil && made {
		e = &entry{place: place{line: line}}
		return e, t.add(name, e)
	}
	if e == nil || e.kind != 0 {
		return nil, t.errorf(line, "no file %s", name)
	}
	return e, nil
}

// like was followed before all else, if it came first.
func (t *tree) like(line int, words []string) error {
	for _, e := range t.entries {
		if e.archive == words[0]+".txtar" {
			return nil
		}
	}
	return t.errorf(line, "like must be the first directive")
}

// appendFile lets an archive add to a file of the host that it is like.
func (t *tree) appendFile(line int, words []string) error {
	to, err := t.file(line, words[0], true)
	if err != nil {
		return err
	}
	from, err := t.file(line, words[1], false)
	if err != nil {
		return err
	}
	to.data = slices.Concat(to.data, from.data)
	delete(t.entries, words[1])
	return nil
}

func (t *tree) remove(line int, words []string) error {
	e, err := t.entries[words[0]], error(nil)
	if e == nil || e.kind == fs.ModeDir {
		err = t.errorf(line, "no file, link or pipe %s", words[0])
	}
	delete(t.entries, words[0])
	return err
}

func (t *tree) link(line int, words []string) error {
	if words[1] != "->" {
		return t.errorf(line, "want %s", directives()["link"].usage)
	}
	return t.add(words[0], &entry{place: place{line: line}, kind: fs.ModeSymlink, target: words[2]})
}

func (t *tree) makeDir(line int, words []string) error {
	return t.add(words[0], &entry{place: place{line: line}, kind: fs.ModeDir})
}

func (t *tree) fifo(line int, words []string) error {
	return t.add(words[0], &entry{place: place{line: line}, kind: fs.ModeNamedPipe})
}

func (t *tree) mode(line int, words []string) error {
	n, err := strconv.ParseUint(words[0], 8, 12)
	if err != nil {
		return t.errorf(line, "mode %q is not octal, at most 7777", words[0])
	}
	e, err := t.named(line, words[1])
	if err != nil {
		return err
	}
	mode := fs.FileMode(n & 0o777)
	for bit, flag := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if n&bit != 0 {
			mode |= flag
		}
	}
	e.mode = &mode
	return nil
}

// named is any entry but a link. A directory that only files imply is made
// one of its own.
func (t *tree) named(line int, name string) (*entry, error) {
	if e := t.entries[name]; e != nil {
		if e.kind == fs.ModeSymlink {
			return nil, t.errorf(line, "%s is a link", name)
		}
		return e, nil
	}
	for other := range t.entries {
		if strings.HasPrefix(other, name+"/") {
			e := &entry{place: place{line: line}, kind: fs.ModeDir}
			return e, t.add(name, e)
		}
	}
	return nil, t.errorf(line, "no path %s", name)
}

func (t *tree) time(line int, words []string) error {
	e, err := t.named(line, words[0])
	if err != nil {
		return err
	}
	d, err := parseOffset(words[1])
	if err != nil {
		return t.errorf(line, "%w", err)
	}
	e.mtime = t.options.Now.Add(d)
	return nil
}

func (t *tree) nul(line int, words []string) error {
	e, err := t.file(line, words[0], false)
	if err != nil {
		return err
	}
	e.data = bytes.ReplaceAll(e.data, []byte("\n"), []byte{0})
	return nil
}

func (t *tree) size(line int, words []string) error {
	n, err := parseSize(words[1])
	if err != nil {
		return t.errorf(line, "%w", err)
	}
	e, err := t.file(line, words[0], true)
	if err != nil {
		return err
	}
	if e.hole = n - int64(len(e.data)); e.hole < 0 {
		return t.errorf(line, "%s has %d bytes already", words[0], len(e.data))
	}
	return nil
}

func (t *tree) repeat(line int, words []string) error {
	n, err := t.count(line, words[1])
	if err != nil {
		return err
	}
	e, err := t.file(line, words[0], true)
	if err != nil {
		return err
	}
	pieces := splitCounter(words[2] + "\n")
	e.data = slices.Grow(e.data, n*(len(words[2])+16))
	for i := range n {
		e.data = pieces.append(e.data, i)
	}
	return nil
}

func (t *tree) repeatLinks(line int, words []string) error {
	if words[2] != "->" {
		return t.errorf(line, "want %s", directives()["repeatlinks"].usage)
	}
	n, err := t.count(line, words[1])
	if err != nil {
		return err
	}
	pieces := splitCounter(words[3])
	for i, number := 0, 0; i < n; number++ {
		name := words[0] + "/" + strconv.Itoa(number)
		if t.entries[name] != nil {
			continue // a link of its own, like those of the descriptors 0 to 2
		}
		to := string(pieces.append(nil, i))
		if err := t.add(name, &entry{place: place{line: line}, kind: fs.ModeSymlink, target: to}); err != nil {
			return err
		}
		i++
	}
	return nil
}

func (t *tree) count(line int, word string) (int, error) {
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > maxRepeat {
		return 0, t.errorf(line, "count %q is not a number from 0 to %d", word, maxRepeat)
	}
	return n, nil
}
