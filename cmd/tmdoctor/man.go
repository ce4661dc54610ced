package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manDefault is the annotation of a flag whose default depends on the machine:
// what man pages say of it, since they are made on another one.
const manDefault = "tmdoctor_man_default"

// newMan writes the man pages. It is hidden: who packages tmdoctor needs it
// once, with make man.
//
// It is tempting to take cobra/doc: that reads the help as Markdown, so that
// the examples flow into one paragraph, and brings a Markdown parser into the
// binary.
func newMan(u *ui) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "write the man pages to a directory",
		Long:   "man writes a man page for tmdoctor and each of its commands to DIR. Their date is\n$SOURCE_DATE_EPOCH, else that of the commit that was built.\n\n" + exitOtherHelp,
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := manDate(u.getenv("SOURCE_DATE_EPOCH"))
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return &usageError{err: err}
			}
			root := cmd.Root()
			for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
				if c != root && (!c.IsAvailableCommand() || c.Name() == "help") {
					continue
				}
				if err := os.WriteFile(filepath.Join(args[0], manName(c)+".1"), manPage(c, date), 0o666); err != nil {
					return &usageError{err: err}
				}
			}
			return nil
		},
	}
}

// manDate is the day that a page says, "" if none is known: it does not depend
// on when the page is made (https://reproducible-builds.org/specs/source-date-epoch).
func manDate(epoch string) (string, error) {
	if epoch != "" {
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return "", usagef("give seconds since 1970", "$SOURCE_DATE_EPOCH %q is no time", epoch)
		}
		return time.Unix(n, 0).UTC().Format(time.DateOnly), nil
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", nil
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" && len(s.Value) >= len(time.DateOnly) {
			return s.Value[:len(time.DateOnly)], nil
		}
	}
	return "", nil
}

// manName is how a page is called: tmdoctor-check.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage is the page of a command, in the sections of man-pages(7).
func manPage(c *cobra.Command, date string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH %s 1 \"%s\" \"tmdoctor\" \"tmdoctor manual\"\n", roff(strings.ToUpper(manName(c))), date)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.CommandPath()))
	if rest := strings.TrimPrefix(c.UseLine(), c.CommandPath()); rest != "" {
		fmt.Fprintf(&b, "%s\n", roff(strings.TrimSpace(rest)))
	}
	text, exit, _ := strings.Cut(c.Long, "Exit status:")
	b.WriteString(".SH DESCRIPTION\n")
	manText(&b, text)
	manCommands(&b, c)
	manFlags(&b, c)
	if exit != "" {
		b.WriteString(".SH \"EXIT STATUS\"\n")
		manText(&b, exit)
	}
	b.WriteString(".SH \"SEE ALSO\"\n")
	if c.HasParent() {
		fmt.Fprintf(&b, ".BR %s (1),\n", roff(c.Root().Name()))
	}
	b.WriteString(".BR ssh (1),\n.BR ssh_config (5)\n")
	return b.Bytes()
}

// manText writes paragraphs; lines that are indented are an example, or what is
// said beside one, and stay as they are.
func manText(b *bytes.Buffer, text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		example := false
		for line := range strings.SplitSeq(paragraph, "\n") {
			if indented := strings.HasPrefix(line, "  "); indented != example {
				b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[indented])
				example = indented
			}
			b.WriteString(roff(strings.TrimPrefix(line, "  ")) + "\n")
		}
		if example {
			b.WriteString(".fi\n")
		}
	}
}

// manCommands writes the commands below a command.
func manCommands(b *bytes.Buffer, c *cobra.Command) {
	first := true
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.Name() == "help" {
			continue
		}
		if first {
			b.WriteString(".SH COMMANDS\n")
			first = false
		}
		page := ""
		if !c.HasParent() {
			page = "; see\n.BR " + roff(manName(sub)) + " (1)"
		}
		fmt.Fprintf(b, ".TP\n.B %s\n%s%s\n", roff(sub.Name()), roff(sub.Short), page)
	}
}

// manFlags writes the flags of a command, in the order of its help.
func manFlags(b *bytes.Buffer, c *cobra.Command) {
	c.InitDefaultHelpFlag()
	b.WriteString(".SH OPTIONS\n")
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := `\fB` + roff("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + name
		}
		if kind != "" {
			name += ` \fI` + roff(kind) + `\fR`
		}
		fmt.Fprintf(b, ".TP\n%s\n%s%s\n", name, roff(usage), roff(manDefaultOf(f)))
	})
}

// manDefaultOf is what a page says of a flag's default, "" for one that is
// nothing.
func manDefaultOf(f *pflag.Flag) string {
	if said := f.Annotations[manDefault]; len(said) == 1 {
		return " (default " + said[0] + ")"
	}
	switch f.DefValue {
	case "", "false", "0", "0s", "[]":
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// roff is text that groff and mandoc print as it is, on one line: a backslash
// is none of theirs, a hyphen stays one that can be copied, and no line is a
// request.
func roff(s string) string {
	var b strings.Builder
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		b.WriteString(`\&`)
	}
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r == '^' || r == '~':
			b.WriteString(map[rune]string{'^': `\(ha`, '~': `\(ti`}[r])
		case r > 126:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
