package probes

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The wire format is what the script prints: lines between a begin and an end
// mark that carry the nonce of the run.
//
//	tmdoctor-begin NONCE FACTS_VERSION
//	[SECTION            a section begins
//	=NAME VALUE         a fact; the same name may repeat
//	?NAME REASON        a fact that could not be told
//	-NAME               what the name stands for does not exist on the host
//	@KIND MODE UID GID SIZE PATH   a file, see file.go
//	%KIND ...           the same, of which only lines that matter are told
//	|LINE               a line of that file
//	\                   that file has no newline at its end
//	$CUT                that file's content ends here; CUT is 1 if there was more
//	]SECTION MILLIS     a section came to its end
//	!SECTION REASON     a section was given up
//	~tmdoctor-cut       whoever printed here was ended; the line it stands in is not whole
//	tmdoctor-end NONCE
//
// Whatever stands outside the marks is noise (MOTD, .bashrc). Names are
// qualified, so that the late line of a command that hung is still right
// wherever it arrives. A zero byte is a sign of life, by which the script
// notices a dead connection; it may stand anywhere and means nothing.

// Errors of ParseFacts. They mean: conclude nothing.
var (
	// ErrNoBegin means that the script never started to answer.
	ErrNoBegin = errors.New("no begin mark: the script did not run")
	// ErrTruncated means that the answer has no end.
	ErrTruncated = errors.New("no end mark: the output is truncated")
	// ErrVersion means that the facts were collected by a newer tmdoctor.
	ErrVersion = errors.New("facts version is newer than this tmdoctor")
)

const (
	beginMark = "tmdoctor-begin "
	endMark   = "tmdoctor-end "
	cutMark   = "~tmdoctor-cut"
)

// cutMarks returns the lines between the marks. An empty nonce accepts any
// nonce where begin and end agree. With ErrTruncated it returns the lines that
// came whole.
func cutMarks(out []byte, nonce string) (body []byte, version int, err error) {
	begin, rest := -1, 0
	var found string
	for begin < 0 {
		i := lineWithPrefix(out[rest:], beginMark)
		if i < 0 {
			return nil, 0, ErrNoBegin
		}
		line, after := cutLine(out[rest+i:])
		rest = len(out) - len(after)
		f := strings.Fields(string(line[len(beginMark):]))
		if len(f) != 2 || nonce != "" && f[0] != nonce {
			continue
		}
		v, convErr := strconv.Atoi(f[1])
		if convErr != nil || v < 1 {
			continue
		}
		begin, found, version = rest, f[0], v
	}
	i := lineWithPrefix(out[begin:], endMark+found+"\n")
	if i < 0 {
		whole := bytes.LastIndexByte(out[begin:], '\n') + 1
		return out[begin : begin+whole], version, ErrTruncated
	}
	return out[begin : begin+i], version, nil
}

// lineWithPrefix is the offset of the first line that begins with prefix.
func lineWithPrefix(b []byte, prefix string) int {
	if bytes.HasPrefix(b, []byte(prefix)) {
		return 0
	}
	if i := bytes.Index(b, []byte("\n"+prefix)); i >= 0 {
		return i + 1
	}
	return -1
}

func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// parseRecords reads the lines between the marks. What it does not understand
// is an error: a wire format that is half understood is not understood.
func parseRecords(body []byte) (Records, error) {
	lines := bytes.Count(body, []byte("\n"))
	r := newRecords(lines)
	values := valueRuns{of: r.values, room: make([]string, 0, lines)}
	defer values.end()
	var texts textBlock
	var file *openFile
	for n := 1; len(body) > 0; n++ {
		var raw []byte
		raw, body = cutLine(body)
		if len(raw) == 0 {
			continue
		}
		if bytes.HasSuffix(raw, []byte(cutMark)) {
			file = r.endFile(file, true)
			continue
		}
		kind := raw[0]
		switch kind {
		case '|', '\\', '$':
			if file == nil {
				return r, fmt.Errorf("record %d: a line of no file", n)
			}
			if file.record(kind, raw[1:]) {
				file = r.endFile(file, file.Cut)
			}
			continue
		}
		text := texts.clean(raw[1:])
		switch kind {
		case '=':
			name, value, _ := strings.Cut(text, " ")
			if name == "" {
				return r, fmt.Errorf("record %d: %w", n, errNoName(kind))
			}
			values.add(name, value)
		case '?', '-':
			if err := r.add(kind, text); err != nil {
				return r, fmt.Errorf("record %d: %w", n, err)
			}
		default:
			if file != nil {
				return r, fmt.Errorf("record %d: %q inside the file %s", n, clip(string(raw), 40), file.Path)
			}
			var err error
			if kind == '@' || kind == '%' {
				file, err = r.beginFile(text, kind == '%')
			} else {
				err = r.add(kind, text)
			}
			if err != nil {
				return r, fmt.Errorf("record %d: %w", n, err)
			}
		}
	}
	if file != nil {
		r.endFile(file, true)
		return r, fmt.Errorf("the file %s has no end", file.Path)
	}
	return r, nil
}

// beginFile takes an @ or % record; the file is nil if no content follows.
func (r *Records) beginFile(text string, withheld bool) (*openFile, error) {
	f, hasContent, err := parseFile(text)
	f.Withheld = withheld && hasContent
	if err != nil || hasContent {
		return &openFile{File: f}, err
	}
	r.endFile(&openFile{File: f}, false)
	return nil, nil
}

// endFile adds a file, if there is one, and returns none. A path that two
// probes read stands once: the reading with more of it.
func (r *Records) endFile(f *openFile, cut bool) *openFile {
	if f == nil {
		return nil
	}
	f.Cut, f.Content = cut, string(f.lines)
	if i, seen := r.at[f.Path]; seen {
		if r.files[i].Cut && !cut || r.files[i].Kind == FileDir && f.Kind == FileUnreadable {
			r.files[i], r.sent[f.Path] = f.File, f.sent
		}
		return nil
	}
	r.at[f.Path] = len(r.files)
	r.files, r.sent[f.Path] = append(r.files, f.File), f.sent
	return nil
}

// add takes one record that is neither a value nor about a file.
func (r Records) add(kind byte, text string) error {
	name, value, _ := strings.Cut(text, " ")
	if name == "" {
		return errNoName(kind)
	}
	switch kind {
	case '?':
		if value == "" {
			value = "no reason given"
		}
		r.unknown[name] = value
	case '-':
		r.absent[name] = true
	case '[', ']', '!':
		r.addSection(kind, name, value)
	default:
		return fmt.Errorf("%q is not a record", clip(string(kind)+text, 40))
	}
	return nil
}

func errNoName(kind byte) error { return fmt.Errorf("%q has no name", string(kind)) }

// valueRuns collects values by name. Those of one name mostly come one behind the
// other, and are a list that takes no memory of its own.
type valueRuns struct {
	of   map[string][]string
	room []string
	name string // of the values from the index from
	from int
}

func (v *valueRuns) add(name, value string) {
	if name != v.name {
		v.end()
		v.name = name
	}
	v.room = append(v.room, value)
}

// end is behind the last value of a name.
func (v *valueRuns) end() {
	n := len(v.room)
	if v.from == n {
		return
	}
	list := v.room[v.from:n:n]
	if have := v.of[v.name]; have != nil {
		list = append(have, list...)
	}
	v.of[v.name], v.from = list, n
}

// addSection takes a record about a section as a whole.
func (r Records) addSection(kind byte, name, value string) {
	s := r.sections[name]
	switch kind {
	case '[':
		s.began = true
	case ']':
		s.ended = true
		s.millis, _ = strconv.ParseInt(value, 10, 64)
	default:
		if s.aborted = value; value == "" {
			s.aborted = "no reason given"
		}
	}
	r.sections[name] = s
}
