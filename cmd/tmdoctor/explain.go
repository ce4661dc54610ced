package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tmdoctor/tmdoctor/cmd/internal/audit"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/report"
)

// explainWidth is how wide text is set where there is no terminal to ask, and
// the widest that reads well where there is.
const explainWidth = 80

func newExplain(u *ui) *cobra.Command {
	var (
		policyFile string
		effective  bool
		from       []string
	)
	cmd := &cobra.Command{
		Use:   "explain [PROBE|CODE|CAUSE|WORDS|LINES OF A LOG...]",
		Short: "say what a probe, a finding or a word of the runbook means; offline",
		Long: `explain says what something means, how it is measured, with which threshold and
from which source, and how to mend it by hand. It reads no host.

  tmdoctor explain                    the probes
  tmdoctor explain maps               a probe and its findings
  tmdoctor explain maps/low           a finding
  tmdoctor explain open_files         a cause
  tmdoctor explain vm.max_map_count   a setting, and where each horizon is read
  tmdoctor explain nofile --from audit.json
                                      and its values on the hosts of a report
  tmdoctor explain "ulimit -m"        whatever says something about these words
  tmdoctor explain "Caused by: ...: Too many open files"
                                      the causes that lines of a log may have
  tmdoctor explain --effective        every floor, threshold and status in force

` + exitOtherHelp,
		ValidArgsFunction: completeTopics,
		RunE: func(_ *cobra.Command, args []string) error {
			policy, err := readPolicy(policyFile)
			if err != nil {
				return err
			}
			if effective || policyFile != "" && len(args) == 0 {
				return printEffective(u.stdout, policy)
			}
			query := strings.Join(args, " ")
			topics := probes.Explain(query, policy)
			if len(topics) == 0 {
				return usagef("tmdoctor explain lists the probes; try one word of it", "nothing is known about %q", query)
			}
			width := explainWidth
			if w := u.width(); w > 20 && w < width {
				width = w
			}
			if from == nil {
				return printTopics(u.stdout, topics, width)
			}
			return explainHosts(u, topics, width, from, policy)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usagef(`put words that begin with a - in quotes: tmdoctor explain "ulimit -n"`, "%v", err)
	})
	cmd.Flags().StringVar(&policyFile, "policy", "", "policy `FILE` whose numbers to show; alone, everything it puts in force")
	cmd.Flags().StringArrayVar(&from, "from", nil, "below a probe that judges a limit, its values on each host of a saved report in `FILE`; repeatable")
	cmd.Flags().BoolVar(&effective, "effective", false, "list every floor, threshold and status in force")
	return cmd
}

// explainHosts explains a probe and shows what its setting is worth on the
// hosts of saved reports.
func explainHosts(u *ui, topics []probes.Topic, width int, from []string, policy *probes.Policy) error {
	if len(topics) == 0 || topics[0].Setting == nil {
		return usagef("name one of "+strings.Join(probes.SettingNames(), ", ")+", or its probe", "--from shows the values of a setting, and none is named")
	}
	f := askFlags{from: from}
	saved, err := f.saved(policy, audit.View{})
	if err != nil {
		return err
	}
	if err := printTopics(u.stdout, topics, width); err != nil {
		return err
	}
	fmt.Fprintln(u.stdout)
	return report.WriteLimits(u.stdout, report.Options{Width: u.width(), ASCII: u.ascii()}, topics[0].Name, saved.Hosts)
}

// printTopics prints the best topic whole and names the others, so that the
// answer stands at the top of the screen. The probes are a list of names.
func printTopics(w io.Writer, topics []probes.Topic, width int) error {
	if topics[0].Kind != "probe" || len(topics) < 2 || topics[1].Kind != "probe" {
		if _, err := io.WriteString(w, topicText(topics[0], width)); err != nil {
			return err
		}
		if topics = topics[1:]; len(topics) == 0 {
			return nil
		}
		fmt.Fprintf(w, "\nAlso\n")
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, t := range topics {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", t.Name, t.Kind, t.Title)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\ntmdoctor explain NAME says more about one of them.\n")
	return err
}

// topicText is one topic as a page.
func topicText(t probes.Topic, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s\n", t.Name, t.Kind, t.Title)
	part := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n%s\n%s", title, wrap(text, width, "  "))
		}
	}
	if t.Text != "" {
		b.WriteString("\n" + wrap(t.Text, width, ""))
	}
	shown := "How it is measured"
	if t.Kind == "cause" {
		shown = "What shows it"
	}
	part(shown, t.Measured)
	part("What proves it", t.Proves)
	part("What it is mistaken for", t.Neighbours)
	if s := t.Setting; s != nil {
		fmt.Fprintf(&b, "\nThree horizons of %s (%s)\n", s.Name, s.Unit)
		for _, h := range probes.Horizons {
			b.WriteString(hang(fmt.Sprintf("  %-9s", h), s.Of(h), width))
		}
	}
	for i, v := range t.Thresholds {
		if i == 0 {
			b.WriteString("\nThresholds\n")
		}
		b.WriteString(wrap(fmt.Sprintf("%s = %s (%s): %s", v.Name, v.Value, v.From, v.Doc), width, "  "))
	}
	if t.Status != "" {
		part("Status", string(t.Status))
	}
	part("Source", strings.Join(t.Sources, "\n\n"))
	fix := t.Fix
	if t.Fixable {
		fix += "\n\ntmdoctor fix does it, with a plan to confirm, and undoes it with tmdoctor rollback. It leaves the TaskManager running."
	}
	part("How to fix it by hand", fix)
	for i, s := range t.Starts {
		if i == 0 {
			b.WriteString("\nBy what starts the TaskManager\n")
		}
		b.WriteString(hang("  "+s.By+": ", s.Fix, width))
	}
	part("Is a restart needed", t.Restart)
	if len(t.See) > 0 {
		part("See also", strings.Join(t.See, ", "))
	}
	return b.String()
}

// hang sets a paragraph beside a title.
func hang(title, text string, width int) string {
	indent := strings.Repeat(" ", len(title))
	return title + strings.TrimPrefix(wrap(text, width, indent), indent)
}

// wrap sets paragraphs to a width; lines that begin with a blank stay as they
// are, since they are commands.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		var line string
		flush := func() {
			if line != "" {
				b.WriteString(indent + line + "\n")
				line = ""
			}
		}
		for raw := range strings.Lines(paragraph) {
			raw = strings.TrimRight(raw, "\n")
			if strings.HasPrefix(raw, " ") || strings.HasPrefix(raw, "\t") {
				flush()
				b.WriteString(indent + raw + "\n")
				continue
			}
			for _, word := range strings.Fields(raw) {
				if line != "" && len(indent)+len(line)+1+len(word) > width {
					flush()
				}
				if line != "" {
					line += " "
				}
				line += word
			}
		}
		flush()
	}
	return b.String()
}

// printEffective lists a policy as it is in force.
func printEffective(w io.Writer, p *probes.Policy) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "KIND\tNAME\tVALUE\tDEFAULT\tFROM\tWHAT IT IS FOR")
	for _, v := range probes.Effective(p) {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Kind, v.Name, v.Value, v.Default, v.From, v.Doc)
	}
	return tw.Flush()
}
