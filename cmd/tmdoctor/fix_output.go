package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/report"
)

// fixFormats are what fix writes, the default first.
var fixFormats = []string{"diff", "json", "sh", "ansible", "result"}

// outlets are where the results of a command that changes hosts go. What a
// person reads goes to view, which is standard output unless something for a
// machine goes there.
type outlets struct {
	view   io.Writer
	stdout string // the format that goes to standard output
	list   []outlet
}

// outlet is one -o.
type outlet struct {
	format string
	file   *reportFile // nil for standard output, and for a directory
	dir    string      // of sh, a file a host
	to     io.Writer
}

// checkOutputs refuses outputs that cannot be, and those that hide the plan
// from who is to confirm it.
func (f *fixFlags) checkOutputs() error {
	stdout, err := checkOutlets(f.outputs, fixFormats)
	if err != nil {
		return err
	}
	switch {
	case stdout != "" && stdout != "diff" && stdout != "result":
		if f.typed.has("yes") || f.resume != "" {
			return usagef("send it to a file: -o "+stdout+"=FILE", "-o %s on standard output only plans", stdout)
		}
		f.planOnly = true
	case stdout == "result" && !f.yes && !f.planOnly:
		return usagef("send it to a file, -o result=FILE, or give --yes", "-o result on standard output leaves no place for the plan, which has to be confirmed")
	}
	for _, o := range f.outputs {
		if name, _, _ := strings.Cut(o, "="); f.resume != "" && name != "diff" && name != "result" {
			return usagef("use diff or result", "--resume makes no new plan to write as %s", name)
		} else if f.planOnly && name == "result" {
			return usagef("leave one of them out", "-o result and --plan-only cannot be together")
		}
	}
	return nil
}

// checkOutlets refuses what is no output, and gives the format that goes to
// standard output, "" for none.
func checkOutlets(outputs, formats []string) (stdout string, err error) {
	for _, o := range outputs {
		name, file, toFile := strings.Cut(o, "=")
		switch {
		case !slices.Contains(formats, name):
			return "", usagef("the formats are "+strings.Join(formats, ", "), "-o %q: %q is not a format", o, name)
		case toFile && file == "":
			return "", usagef("write -o "+name+"=FILE", "-o %q names no file", o)
		case !toFile && stdout != "":
			return "", usagef("send one of them to a file: -o "+name+"=FILE", "-o %s and -o %s both go to standard output", stdout, name)
		case !toFile:
			stdout = name
		}
	}
	return stdout, nil
}

// openOutlets creates the files of all outputs, before any host is asked.
func openOutlets(u *ui, outputs, formats []string) (*outlets, error) {
	stdout, err := checkOutlets(outputs, formats)
	if err != nil {
		return nil, err
	}
	o := &outlets{view: io.Discard, stdout: stdout}
	if stdout == "" || stdout == formats[0] {
		o.stdout, o.view = formats[0], u.stdout
	}
	for _, one := range outputs {
		name, file, toFile := strings.Cut(one, "=")
		out := outlet{format: name, to: u.stdout}
		if info, err := os.Stat(file); toFile && name == "sh" && (strings.HasSuffix(file, "/") || err == nil && info.IsDir()) {
			out.dir = file
		} else if toFile {
			if out.file, err = createReport(file); err != nil {
				o.close()
				return nil, &usageError{err: err, hint: "name a file that can be written after -o " + name + "="}
			}
			out.to = out.file
		}
		o.list = append(o.list, out)
	}
	return o, nil
}

// write writes to every outlet of a format that is not the view.
func (o *outlets) write(format string, text func() ([]byte, error)) error {
	for i := range o.list {
		out := &o.list[i]
		if out.format != format || out.dir != "" || out.format == o.stdout && out.file == nil && o.view != io.Discard {
			continue
		}
		b, err := text()
		if err == nil {
			_, err = out.to.Write(b)
		}
		if err != nil {
			return err
		}
		if out.file == nil {
			continue
		}
		file := out.file
		out.file = nil
		if err := file.keep(); err != nil {
			return err
		}
	}
	return nil
}

// close gives up what was not written.
func (o *outlets) close() {
	for _, out := range o.list {
		if out.file != nil {
			out.file.discard()
		}
	}
}

// plans writes a plan in every form that was asked for.
func (o *outlets) plans(doc *fix.Document, who string, look fix.DiffOptions) error {
	busy := slices.DeleteFunc(slices.Clone(doc.Hosts), (*fix.Plan).IsEmpty)
	look.Colour = false
	return errors.Join(
		o.write("diff", func() ([]byte, error) {
			var b bytes.Buffer
			err := fix.WriteDiffs(&b, doc.Hosts, look)
			return b.Bytes(), err
		}),
		o.write("json", func() ([]byte, error) {
			var b bytes.Buffer
			err := doc.Write(&b)
			return b.Bytes(), err
		}),
		o.write("ansible", func() ([]byte, error) { return fix.Playbook(doc.Run, busy) }),
		o.write("sh", func() ([]byte, error) {
			if len(busy) != 1 {
				return nil, usagef("name one host, or a directory for a script each: -o sh=DIR/", "a script is for one host, and %s would be changed", counted(len(busy), "host"))
			}
			return fix.Shell(doc.Run, who, busy[0]), nil
		}),
		o.scripts(doc.Run, who, busy),
	)
}

// scripts writes a script a host into the directories of -o sh=DIR/.
func (o *outlets) scripts(run, who string, busy []*fix.Plan) error {
	for _, out := range o.list {
		if out.dir == "" {
			continue
		}
		if err := os.MkdirAll(out.dir, 0o700); err != nil {
			return err
		}
		for _, p := range busy {
			if !filepath.IsLocal(p.Host) || filepath.Base(p.Host) != p.Host {
				return fmt.Errorf("-o sh=%s: %q cannot name a file", out.dir, p.Host)
			}
			f, err := createReport(filepath.Join(out.dir, p.Host+".sh"))
			if err != nil {
				return err
			}
			if _, err = f.Write(fix.Shell(run, who, p)); err != nil {
				f.discard()
				return err
			}
			if err := f.keep(); err != nil {
				return err
			}
		}
	}
	return nil
}

// diffs says what diffs look like for a person.
func (f *lookFlags) diffs(u *ui) (fix.DiffOptions, error) {
	colour, err := u.colour(f.color)
	o := fix.DiffOptions{Fold: inventory.Fold, Escape: report.Escape, Colour: colour}
	if f.ascii || u.ascii() {
		o.Escape = nil
	}
	o.Wrap = func(line, indent string) string { return wrappedTo(u.width(), line, indent) }
	return o, err
}
