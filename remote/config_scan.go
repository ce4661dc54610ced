package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
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
	guarded  bool // nobody else may write it
}

// place is where a directive was read; without a line it is a name for where.
type place struct {
	file string
	line int
}

func (p place) String() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s:%d", p.file, p.line)
}

// directive is one line that sets something.
type directive struct {
	place
	key  string // lower case
	args []string
}

// block is a run of directives under one Host or Match line, or under none:
// what follows an Include, and the begin of a file.
type block struct {
	place
	title    string      // the Match line
	patterns []string    // of a Host line, else nil
	match    []criterion // of a Match line, else nil
	within   int         // the block that must hold too, -1 for none
	outer    bool        // other blocks are within this one
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
	opts   Options
	doc    bytes.Buffer
	blocks []block // one for each Host or Match line written to doc
	places []place // of each line of doc, the first at index 0
}

// scanConfig reads the files and gives their blocks in order.
func scanConfig(files []configFile, o Options) ([]block, error) {
	s := &scanner{opts: o}
	for _, f := range files {
		if err := s.file(f, -1, place{}, 0); err != nil {
			return nil, err
		}
	}
	return s.decode()
}

// file reads one file. What is in it holds only where the block around its
// Include does; from is that Include line.
func (s *scanner) file(f configFile, around int, from place, depth int) error {
	if depth > includeDepth {
		return fmt.Errorf("%s: more than %d nested includes; does a file include itself?", from, includeDepth)
	}
	text, err := readBounded(f.path, maxConfigSize)
	if errors.Is(err, fs.ErrNotExist) && !f.required {
		return nil
	}
	if err == nil && f.guarded {
		err = guarded(f.path)
	}
	if err != nil {
		return fmt.Errorf("ssh configuration: %w", err)
	}
	current := s.open(block{place: place{f.path, 0}, within: around})
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
		case key == "host":
			current = s.open(block{place: at, patterns: args, within: around})
		case key == "match":
			b := block{place: at, title: "Match " + strings.Join(args, " "), within: around}
			if b.match, err = parseMatch(line, args); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			current = s.open(b)
		case key == "include":
			if err := s.include(f, current, at, args, depth); err != nil {
				return err
			}
			s.open(block{place: at, within: current})
		default:
			s.write(at, key, args)
		}
	}
	return nil
}

// open begins a block and gives its number. Which one holds is judged here, so
// the library is told of a Host line that always does.
func (s *scanner) open(b block) int {
	s.blocks = append(s.blocks, b)
	if b.within >= 0 {
		s.blocks[b.within].outer = true
	}
	s.write(b.place, "Host *", nil)
	return len(s.blocks) - 1
}

func (s *scanner) write(at place, key string, args []string) {
	// A keyword of bytes no directive has would derail the library's lexer.
	s.doc.WriteString(strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '#' && r != '=' || key == "Host *" {
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
			key := strings.ToLower(kv.Key)
			if key == lateInclude {
				key = "include"
			}
			s.blocks[i].lines = append(s.blocks[i].lines, directive{s.places[kv.Pos().Line-1], key, args})
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
