package fix

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
)

//go:embed shell.sh
var shellWords string

// Shell is a script for a person to review and to run as root on one host: the
// same programs that fix sends. It keeps what it applied; with the argument undo
// it rolls that back, also where it was killed in the middle: no journal on the
// operator's side tells of it.
//
// It does not refuse to run on a host of another name: names of an inventory
// are often aliases. What protects another host is that its files and values
// are not those of the plan, and then nothing is changed.
func Shell(run, who string, p *Plan) []byte {
	// No stranger writes into the pipe that the answer is read from; the nonce
	// only needs to be the same for the same plan.
	nonce := sum([]byte(run + "\n" + changeKey(p)))[:32]
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	comment(&b, shellHead(run, who, p))
	fmt.Fprintf(&b, "\ntmdoctor_nonce=%s\ntmdoctor_run=%s\ntmdoctor_host=%s\n", nonce, quote(escape(run)), quote(escape(p.Host)))
	// The program is a function that runs in a shell of its own. As part of a
	// command it is read whole before any of it runs.
	b.WriteString("\ntmdoctor_program() (\nroot=''\n")
	b.Write(bytes.TrimSuffix(applying(nonce, run, who, p, 0, "", `"$tmdoctor_do"`, applyScript, rollbackScript), []byte("\n")))
	b.WriteString("\n)\n\n")
	b.WriteString(shellWords)
	return []byte(b.String())
}

// shellHead is what a person should know before running the script.
func shellHead(run, who string, p *Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "What tmdoctor fix changes on %s, to review and to run there as root:\n\n\tsh FILE\n\tsh FILE undo\n\n", escape(p.Host))
	fmt.Fprintf(&b, "Planned in run %s by %s. The first change is made only after every file and\n"+
		"every live value was found as it was then; else nothing is changed, and the\n"+
		"last line says why. Whatever fails later, all is put back. The old files stay\n"+
		"in /var/lib/tmdoctor/runs/%s, from which undo puts them back, also where the\n"+
		"script was killed. Exit status: 0 applied, or undone; 1 not.\n\n"+
		"It does not try whether people can still log in, as fix does: keep a session\n"+
		"open, and look with a new one, and with tmdoctor check, afterwards.\n\n", escape(run), escape(who), escape(run))
	b.WriteString(planText(p))
	return b.String()
}

// planText is a plan as diffs, in ASCII.
func planText(plans ...*Plan) string {
	var b strings.Builder
	if err := WriteDiffs(&b, plans, DiffOptions{}); err != nil {
		// Only edits that do not fit their text are an error, and they come
		// from that text.
		panic(err)
	}
	return b.String()
}

// comment writes text as comments of a shell or of YAML.
func comment(b *strings.Builder, text string) {
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight("# "+strings.TrimSuffix(line, "\n"), " ") + "\n")
	}
}
