package main

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// outputFlags say what a report looks like, where it goes, and when it makes
// the exit status other than 0.
type outputFlags struct {
	outputs []string
	by      string
	all     bool
	wide    bool
	color   string
	ascii   bool
	quiet   bool
	failOn  string
}

func (f *outputFlags) addOutput(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.outputs, "output", "o", nil, "`FORMAT` or FORMAT=FILE: "+strings.Join(formatNames(), ", ")+"; repeatable, one of them to standard output (default table)")
	flags.StringVar(&f.by, "by", "host", "turn the table: host, or check for the hosts of each check")
	flags.BoolVar(&f.all, "all", false, "show healthy hosts too")
	flags.BoolVar(&f.wide, "wide", false, "show every probe, whatever the width of the terminal")
	flags.StringVar(&f.color, "color", "auto", "auto, always or never; NO_COLOR is honoured")
	flags.BoolVar(&f.ascii, "ascii", false, "print nothing of our own outside ASCII")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing when the exit status is 0")
	flags.StringVar(&f.failOn, "fail-on", "warn", "the lowest status with an exit status other than 0: warn, unknown, fail or never")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoSpace))
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]string{"warn", "unknown", "fail", "never"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(colourWords, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions([]string{"host", "check"}, cobra.ShellCompDirectiveNoFileComp))
}

func formatNames() []string {
	names := make([]string, len(report.Formats))
	for i, f := range report.Formats {
		names[i] = f.Name
	}
	return names
}

func (f *outputFlags) check() error {
	if f.by != "host" && f.by != "check" {
		return usagef("use host or check", "--by %q is not a choice", f.by)
	}
	if _, err := report.ParseFailOn(f.failOn); err != nil {
		return usagef("use warn, unknown, fail or never", "--fail-on %q is not a choice", f.failOn)
	}
	stdout := ""
	for _, o := range f.outputs {
		name, file, toFile := strings.Cut(o, "=")
		if !slices.Contains(formatNames(), name) {
			return usagef("the formats are "+strings.Join(formatNames(), ", "), "-o %q: %q is not a format", o, name)
		}
		if toFile && file == "" {
			return usagef("write -o "+name+"=FILE", "-o %q names no file", o)
		}
		if !toFile && stdout != "" {
			return usagef("send one of them to a file: -o "+name+"=FILE", "-o %s and -o %s both go to standard output", stdout, name)
		}
		if !toFile {
			stdout = name
		}
	}
	return nil
}

// output is where a report goes: every format at once, and the tally that
// decides the exit status.
type output struct {
	formats []report.Format
	files   []*reportFile
	tally   report.Tally
	fleet   report.Comparison
	// ofCluster are findings that rest on Flink's REST API.
	ofCluster []probes.Finding
	failOn    report.FailOn
	held      *heldStdout
	horizon   probes.Horizon // the only one that was asked for, "" for all
	only      []string       // the only probes that were asked for, nil for all
	compared  *compared      // with a run of fix, nil for no such thing
}

// heldStdout keeps what goes to standard output until the exit status is
// known, for -q. Beyond heldInMemory it is in a temporary file without a name:
// a report of thousands of hosts holds all their facts.
type heldStdout struct {
	to  io.Writer
	buf []byte
	f   *os.File // nil while all is in buf
}

const heldInMemory = 1 << 20

func (h *heldStdout) Write(p []byte) (int, error) {
	if h.f == nil && len(h.buf)+len(p) <= heldInMemory {
		h.buf = append(h.buf, p...)
		return len(p), nil
	}
	if h.f == nil {
		f, err := os.CreateTemp("", "tmdoctor-report-*")
		if err != nil {
			return 0, err
		}
		h.f = f
		if err := os.Remove(f.Name()); err != nil {
			return 0, err
		}
		if _, err := f.Write(h.buf); err != nil {
			return 0, err
		}
		h.buf = nil
	}
	return h.f.Write(p)
}

// release passes on what was kept.
func (h *heldStdout) release() error {
	if h.f == nil {
		_, err := h.to.Write(h.buf)
		return err
	}
	if _, err := h.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(h.to, h.f)
	return err
}

func (h *heldStdout) close() {
	if h != nil && h.f != nil {
		h.f.Close()
	}
}

// open creates the files and begins every format. opts are what the command
// line says beside the flags of output: the probes, the next commands.
func (f *outputFlags) open(u *ui, opts report.Options, run report.Run, policy *probes.Policy) (*output, error) {
	failOn, err := report.ParseFailOn(f.failOn)
	if err != nil {
		return nil, err
	}
	color, err := u.colour(f.color)
	if err != nil {
		return nil, err
	}
	out := &output{fleet: report.Comparison{Policy: policy}, failOn: failOn, horizon: run.Horizon, only: opts.Probes}
	stdout := u.stdout
	if f.quiet {
		out.held = &heldStdout{to: u.stdout}
		stdout = out.held
	}
	opts.Width, opts.Color, opts.ASCII = u.width(), color, f.ascii || u.ascii()
	opts.By, opts.All, opts.Wide = f.by, f.all, f.wide
	outputs := f.outputs
	if len(outputs) == 0 {
		outputs = []string{"table"}
	}
	for _, o := range outputs {
		name, file, toFile := strings.Cut(o, "=")
		w, o := stdout, opts
		if toFile {
			fd, err := createReport(file)
			if err != nil {
				out.close()
				return nil, &usageError{err: err, hint: "name a file that can be written after -o " + name + "="}
			}
			out.files = append(out.files, fd)
			w, o.Color, o.Width = fd, false, 0
		}
		format, err := report.NewFormat(name, w, o)
		if err != nil {
			out.close()
			return nil, err
		}
		out.formats = append(out.formats, format)
	}
	for _, format := range out.formats {
		if err := format.Begin(run); err != nil {
			out.close()
			return nil, err
		}
	}
	return out, nil
}

// host passes one host to every format.
func (o *output) host(h *report.Host) error {
	o.tally.Add(h)
	o.fleet.Add(h)
	if o.compared != nil {
		o.compared.add(h)
	}
	for _, f := range o.formats {
		if err := f.Host(h); err != nil {
			return err
		}
	}
	return nil
}

// cluster passes what Flink's REST API said to every format; that it said
// nothing is a finding as any other. nil is none that was asked.
func (o *output) cluster(c *audit.Cluster) error {
	said := c.Report()
	if said == nil {
		return nil
	}
	o.ofCluster = slices.DeleteFunc(said.Findings(o.fleet.Policy), func(f probes.Finding) bool {
		return o.only != nil && !slices.Contains(o.only, f.Probe)
	})
	for _, f := range o.formats {
		if err := f.Cluster(said); err != nil {
			return err
		}
	}
	return nil
}

// whole is when a run finished: now, or nil if it was cut short.
func whole(cutShort bool) *time.Time {
	if cutShort {
		return nil
	}
	now := time.Now().UTC()
	return &now
}

// finish ends every format and returns the verdict, nil for 0. finished is nil
// if the run was cut short.
func (o *output) finish(finished *time.Time) error {
	cutShort := finished == nil
	summary, fleet := o.tally.Summary(finished), o.fleet.Fleet()
	fleet.Findings = append(fleet.Findings, o.ofCluster...)
	fleet = fleet.At(o.horizon)
	for _, f := range o.formats {
		if err := f.End(fleet, summary); err != nil {
			return err
		}
	}
	status := report.ExitStatus(summary, fleet, cutShort, o.failOn)
	if o.held != nil && status != 0 {
		if err := o.held.release(); err != nil {
			return err
		}
	}
	if err := o.closeFiles(); err != nil {
		return err
	}
	if status != 0 {
		return verdict(status)
	}
	return nil
}

func (o *output) closeFiles() (err error) {
	for _, f := range o.files {
		err = errors.Join(err, f.keep())
	}
	o.files = nil
	return err
}

// close gives up what finish did not keep.
func (o *output) close() {
	for _, f := range o.files {
		f.discard()
	}
	o.files = nil
	o.held.close()
}
