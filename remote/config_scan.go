package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kevinburke/ssh_config"
)

const (
	includeDepth  = 16       // as OpenSSH's READCONF_MAX_DEPTH
	maxConfigSize = 16 << 20 // bytes of one file; ssh_config files are kilobytes
	maxConfigLine = 1 << 20  // lines of all files together, so that files that include themselves end
)

type configFile struct {
	path     string
	system   bool // relative Include is below /etc/ssh, not ~/.ssh
	required bool // missing is an error (-F)
}

// place is where a directive was read.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// directive is one line that sets something.
type directive struct {
	place
	key  string // lower case
	args []string
}

// block is a run of directives under one Host or Match line.
type block struct {
	place
	patterns []string   // of the Host line; nil for a Match block
	match    []string   // criteria of a Match line other than "all", nil otherwise
	outer    [][]string // patterns of Host blocks whose Include brought this one in
	nested   []block    // Match blocks whose Include brought this one in; only their match counts
	lines    []directive
}

// scanner reads ssh_config files line by line, resolves Include, and writes
// what it read as one plain document for ssh_config.DecodeBytes. The library
// decides which directive belongs to which block. It is not given the files
// themselves because it refuses a whole file for a Match it does not know,
// takes criteria it does not know for host patterns, cuts values at `#`,
// keeps quotes inside lists and resolves Include in the real home directory.
// Words go through it percent-encoded and so come back as they were.
type scanner struct {
	home   string
	doc    bytes.Buffer
	blocks []block // one for each Host or Match line written to doc
	places []place // of each line of doc, the first at index 0
}

// scanConfig reads the files and gives their blocks in order.
func scanConfig(files []configFile, home string) ([]block, error) {
	s := &scanner{home: home}
	for _, f := range files {
		if err := s.file(f, block{place: place{f.path, 0}, patterns: []string{"*"}}, place{}, 0); err != nil {
			return nil, err
		}
	}
	return s.decode()
}

// file reads one file. Its directives before the first Host line belong to
// the block it was included from; from is that Include line.
func (s *scanner) file(f configFile, outer block, from place, depth int) error {
	if depth > includeDepth {
		return fmt.Errorf("%s: more than %d nested includes; does a file include itself?", from, includeDepth)
	}
	text, err := readBounded(f.path, maxConfigSize)
	if errors.Is(err, fs.ErrNotExist) && !f.required {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ssh configuration: %w", err)
	}
	current := outer
	s.header(current)
	for i, line := range strings.Split(string(text), "\n") {
		at := place{f.path, i + 1}
		if len(s.places) > maxConfigLine {
			return fmt.Errorf("%s: more than %d lines in all files", at, maxConfigLine)
		}
		key, args, err := splitDirective(line)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		switch {
		case key == "":
		case len(args) == 0 || args[0] == "" && key != "user":
			return fmt.Errorf("%s: %s has no value", at, key)
		case key == "host" || key == "match":
			current = nest(outer, at, key, args, depth)
			s.header(current)
		case key == "include":
			if err := s.include(f, current, at, args, depth); err != nil {
				return err
			}
			s.header(current)
		default:
			s.write(at, key, args)
		}
	}
	return nil
}

// nest is the block that a Host or Match line opens. In an included file it
// holds only where the block around the Include holds too.
func nest(outer block, at place, key string, args []string, depth int) block {
	b := block{place: at, outer: outer.outer}
	if depth > 0 {
		b.nested = outer.nested
		if outer.match != nil {
			b.nested = append(b.nested[:len(b.nested):len(b.nested)], outer)
		} else {
			b.outer = append(b.outer[:len(b.outer):len(b.outer)], outer.patterns)
		}
	}
	switch {
	case key == "host":
		b.patterns = args
	case len(args) == 1 && strings.EqualFold(args[0], "all"):
		b.patterns = []string{"*"}
	default:
		b.match = args
	}
	return b
}

func (s *scanner) include(f configFile, current block, at place, args []string, depth int) error {
	for _, arg := range args {
		path, err := expandHome(arg, s.home)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if !filepath.IsAbs(path) {
			base := filepath.Join(s.home, ".ssh")
			if f.system {
				base = filepath.Dir(systemConfig)
			}
			path = filepath.Join(base, path)
		}
		matches, err := filepath.Glob(path)
		if err != nil {
			return fmt.Errorf("%s: include %q: %w", at, arg, err)
		}
		for _, m := range matches {
			if err := s.file(configFile{path: m, system: f.system}, current, at, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// header writes the line that opens a block. A Match that only this package
// can judge is written as one the library knows.
func (s *scanner) header(b block) {
	b.lines = nil
	s.blocks = append(s.blocks, b)
	if b.match != nil {
		s.write(b.place, "Match all", nil)
		return
	}
	s.write(b.place, "Host", b.patterns)
}

func (s *scanner) write(at place, key string, args []string) {
	// A keyword of bytes no directive has would derail the library's lexer.
	s.doc.WriteString(strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '#' && r != '=' || key == "Match all" {
			return r
		}
		return '_'
	}, key))
	for _, a := range args {
		s.doc.WriteByte(' ')
		s.doc.WriteString(encodeWord(a))
	}
	s.doc.WriteByte('\n')
	s.places = append(s.places, at)
}

// An empty word becomes a lone `%`, which no encoded word is.
func encodeWord(w string) string {
	if w == "" {
		return "%"
	}
	return url.QueryEscape(w)
}

func decodeWords(s string) ([]string, error) {
	var words []string
	for w := range strings.FieldsSeq(s) {
		if w == "%" {
			words = append(words, "")
			continue
		}
		d, err := url.QueryUnescape(w)
		if err != nil {
			return nil, err
		}
		words = append(words, d)
	}
	return words, nil
}

// decode gives the document to the library and takes its blocks back.
func (s *scanner) decode() ([]block, error) {
	cfg, err := ssh_config.DecodeBytes(s.doc.Bytes())
	if err != nil {
		return nil, fmt.Errorf("ssh configuration: %w", err)
	}
	hosts := cfg.Hosts[1:] // the first stands for what precedes any Host line: nothing
	if len(hosts) != len(s.blocks) {
		return nil, fmt.Errorf("ssh configuration: %d blocks read, %d decoded", len(s.blocks), len(hosts))
	}
	for i, h := range hosts {
		for _, node := range h.Nodes {
			kv, ok := node.(*ssh_config.KV)
			if !ok {
				continue
			}
			args, err := decodeWords(kv.Value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.places[kv.Pos().Line-1], err)
			}
			s.blocks[i].lines = append(s.blocks[i].lines, directive{s.places[kv.Pos().Line-1], strings.ToLower(kv.Key), args})
		}
	}
	return s.blocks, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	// Without waiting for somebody to write, if it is a FIFO.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, fmt.Errorf("%s: is a directory", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s: larger than %d bytes", path, limit)
	}
	return text, err
}

func expandHome(path, home string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		if strings.HasPrefix(path, "~") {
			return "", fmt.Errorf("%s: home directories of other users are not supported, write the path in full", path)
		}
		return path, nil
	}
	if home == "" {
		return "", fmt.Errorf("%s: no home directory", path)
	}
	return filepath.Join(home, path[1:]), nil
}
