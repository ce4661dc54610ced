package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxFile is the most that is read of one file, in bytes: a hundred bytes for
// each of [MaxHosts], and more than any fleet needs.
const maxFile = 16 << 20

// stdinName stands for standard input in messages and in [Host.Source].
const stdinName = "stdin"

// Loader reads inventories. Its zero value reads files and knows neither
// environment nor standard input, so that a test sees only what it gives.
type Loader struct {
	// Getenv looks a variable up, as os.Getenv does; nil: none is set.
	Getenv func(string) string
	// Stdin is what the file name "-" means; nil: it is refused.
	Stdin io.Reader
	// Dir is where relative file names begin, empty for the working directory
	// of the process.
	Dir string
	// Saved reads a saved report for the pattern @unhealthy:FILE; nil: that
	// is refused.
	Saved func(file string) (SavedReport, error)
}

// Load reads the named files with the zero [Loader].
func Load(files []string) (*Inventory, error) { return Loader{}.Load(files) }

// Load reads the named files and joins them in that order. "-" is standard
// input, workers:PATH and masters:PATH are read as Flink's conf/workers and
// conf/masters whatever their names, and ansible:PATH as an inventory of
// Ansible whatever it looks like. A file that is named twice is read once.
func (l Loader) Load(files []string) (*Inventory, error) {
	var j joiner
	var read []string
	for _, f := range files {
		if slices.Contains(read, f) {
			continue
		}
		read = append(read, f)
		c, err := l.read(f)
		if err != nil {
			return nil, err
		}
		if err := j.add(c); err != nil {
			return nil, err
		}
	}
	inv, err := j.inventory()
	if err != nil {
		return nil, err
	}
	inv.Files, inv.saved = read, l.Saved
	return inv, nil
}

// Open loads files, or finds an inventory where none is named.
func (l Loader) Open(files []string) (*Inventory, error) {
	if len(files) > 0 {
		return l.Load(files)
	}
	return l.Find()
}

// Find loads the first of $TMDOCTOR_INVENTORY, ./tmdoctor.yaml and
// $FLINK_HOME/conf/workers that is there. Where none is, the inventory is
// empty, and [Inventory.Select] takes names as hosts or says what was looked
// for.
func (l Loader) Find() (*Inventory, error) {
	getenv := l.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	var looked []string
	if file := getenv("TMDOCTOR_INVENTORY"); file != "" {
		inv, err := l.found(file)
		var missing *Error
		if errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist) {
			missing.Hint = "$TMDOCTOR_INVENTORY names this file: change it or unset it"
		}
		return inv, err
	}
	looked = append(looked, "$TMDOCTOR_INVENTORY (not set)")
	if l.exists("tmdoctor.yaml") {
		return l.found("tmdoctor.yaml")
	}
	looked = append(looked, "./tmdoctor.yaml (not there)")
	if home := getenv("FLINK_HOME"); home == "" {
		looked = append(looked, "$FLINK_HOME/conf/workers (FLINK_HOME is not set)")
	} else if file := filepath.Join(home, "conf", "workers"); l.exists(file) {
		return l.found(file)
	} else {
		looked = append(looked, file+" (not there)")
	}
	inv, err := New(nil)
	if err != nil {
		return nil, err
	}
	inv.open, inv.looked, inv.saved = true, looked, l.Saved
	return inv, nil
}

func (l Loader) found(file string) (*Inventory, error) {
	inv, err := l.Load([]string{file})
	if err != nil {
		return nil, err
	}
	inv.open = true
	return inv, nil
}

// exists is false only for a file that is certainly not there: one that
// cannot be looked at is tried and its error shown.
func (l Loader) exists(file string) bool {
	_, err := os.Stat(l.path(file))
	return !errors.Is(err, fs.ErrNotExist)
}

func (l Loader) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(l.Dir, file)
}

// read reads one file in its format.
func (l Loader) read(arg string) (contents, error) {
	file, said := arg, (*format)(nil)
	for i := range namedFormats {
		if rest, ok := strings.CutPrefix(arg, namedFormats[i].name+":"); ok {
			file, said = rest, &namedFormats[i]
		}
	}
	text, err := l.text(file)
	if err != nil {
		return contents{}, err
	}
	if file == "-" {
		file = stdinName
	}
	if strings.HasPrefix(text, "#!/") {
		return contents{}, &Error{File: file, Line: 1, Msg: "this is a program, and tmdoctor runs none", Hint: "let Ansible ask it: ansible-inventory -i " + file + " --list | tmdoctor hosts -i -"}
	}
	f := recognise(file, text, said)
	c, err := f.parse(file, text)
	if err == nil && c.ansible != nil {
		c, err = l.complete(c.ansible)
	}
	if err != nil {
		return c, err
	}
	if f.name == "plain" {
		c.notes = l.foldersUnread(file)
	}
	if len(c.entries) == 0 {
		return c, &Error{File: file, Msg: "has no hosts", Hint: "an inventory names at least one host: a word a host, or YAML that begins with schema: " + SchemaV1}
	}
	return c, nil
}

// complete resolves an inventory of Ansible with the folders beside it.
func (l Loader) complete(a *ansibleFile) (contents, error) {
	if err := l.readFolders(a); err != nil {
		return contents{}, err
	}
	return a.resolve()
}

// text is the content of a file, bounded, as UTF-8 without a byte order mark.
func (l Loader) text(file string) (string, error) {
	name, in := file, l.Stdin
	if file == "-" {
		name = stdinName
		if in == nil {
			return "", &Error{File: name, Msg: "there is no standard input to read", Hint: "name a file"}
		}
	} else {
		f, err := os.Open(l.path(file))
		if err != nil {
			return "", openError(file, err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return "", openError(name, err)
	case len(data) > maxFile:
		return "", &Error{File: name, Msg: fmt.Sprintf("longer than %d MiB", maxFile>>20), Hint: "is this an inventory?"}
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "", &Error{File: name, Line: 1, Column: 1, Msg: "the text is UTF-16", Hint: "save it as UTF-8"}
	}
	return string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), nil
}

// openError is why a file cannot be read, its name said once.
func openError(file string, err error) error {
	msg := err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		msg = pe.Err.Error()
	}
	hint := "name the inventory with -i FILE"
	if errors.Is(err, syscall.EISDIR) {
		hint = "name the files in it; if the folder is an inventory of Ansible: ansible-inventory -i " + file + " --list | tmdoctor hosts -i -"
	}
	if errors.Is(err, fs.ErrPermission) {
		hint = "make the file readable for the user who runs tmdoctor"
	}
	return &Error{File: file, Msg: msg, Hint: hint, Err: err}
}

// format is one way to write an inventory. Formats are tried in order, the
// last takes what is left.
type format struct {
	name  string
	is    func(file, text string) bool
	parse func(file, text string) (contents, error)
}

// namedFormats are those that a name before the file may ask for: their
// content can look like a plain list and means something else. Where nothing
// is said, the name of the file tells Flink's, which are the first two.
var namedFormats = []format{
	{"workers", func(file, _ string) bool { return isNamed(file, "workers", "slaves") }, parseWorkers},
	{"masters", func(file, _ string) bool { return isNamed(file, "masters") }, parseMasters},
	{"ansible", looksINI, parseAnsible},
}

func isNamed(file string, names ...string) bool { return slices.Contains(names, filepath.Base(file)) }

// formats are those that are known by their content.
var formats = []format{
	{"yaml", looksYAML, parseYAML},
	{"ansible", looksINI, parseINI},
	{"plain", func(_, _ string) bool { return true }, parsePlain},
}

// recognise is the format of a text, said if there is one.
func recognise(file, text string, said *format) format {
	if said != nil {
		return *said
	}
	for _, f := range namedFormats[:2] {
		if f.is(file, text) {
			return f
		}
	}
	return formats[slices.IndexFunc(formats, func(f format) bool { return f.is(file, text) })]
}

// looksYAML goes by the first line that is neither empty nor a comment: KEY:
// or a document mark. Any YAML is taken, so that the YAML of another tool is
// told what is missing and not that "all:" has no port.
func looksYAML(file, text string) bool {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " #")
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		return line == "---" || line[0] == '{' || line[0] == '%' || strings.HasPrefix(line, "--- ") ||
			strings.HasSuffix(line, ":") && !isIP(line) || strings.Contains(line, ": ")
	}
	ext := filepath.Ext(file)
	return ext == ".yaml" || ext == ".yml"
}
