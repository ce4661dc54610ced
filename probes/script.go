package probes

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed prelude.sh
var preludeScript string

//go:embed session.sh
var sessionScript string

//go:embed logins.sh
var loginsScript string

//go:embed units.sh
var unitsScript string

//go:embed main.sh
var mainScript string

// ownerMark divides NAME.sh: what stands below it runs as somebody who may
// see what only the TaskManager's own user may see.
const ownerMark = "#: as the TaskManager's user\n"

// MaxScript is the most bytes a script may have: it is parsed whole by the
// smallest shells, and an auditor has to read it.
const MaxScript = 64 << 10

// Script is one run's program for the hosts: POSIX sh, read on the standard
// input of `exec /bin/sh -s`. It is the same for every host but for its first
// two lines.
type Script struct {
	nonce string
	body  string // all but the first two lines

	mu   sync.Mutex
	last []byte // what For gave last
}

// HostSettings are what differs from host to host.
type HostSettings struct {
	Root      string   // a directory that stands for the host, "" for the host itself
	Sudo      bool     // single sections may be raised with sudo -n
	FlinkUser string   // the user TaskManagers run as, if the inventory says
	FlinkHome string   // the Flink installation, if the inventory says
	StateDirs []string // more directories to look at
}

// NewScript is the script of a run. The nonce is what the marks around the
// output carry: letters and digits that no host can guess.
func NewScript(nonce string) *Script { return &Script{nonce: nonce, body: program()} }

// program is put together once: it is the same for every run.
var program = sync.OnceValue(func() string { return assemble(All) })

// Nonce is what the marks of this run carry.
func (s *Script) Nonce() string { return s.nonce }

// SHA256 names the program in hexadecimal, without its first two lines: the
// same for every host and every run of one tmdoctor.
func (s *Script) SHA256() string {
	sum := sha256.Sum256([]byte(s.body))
	return hex.EncodeToString(sum[:])
}

// For is the text for one host. It is shared, as most hosts have the same
// settings, and must not be changed.
func (s *Script) For(set HostSettings) []byte {
	sudo := ""
	if set.Sudo {
		sudo = "1"
	}
	lines := fmt.Sprintf("root=%s\nnonce=%s sudo=%s flink_user=%s flink_home=%s state_dirs=%s\n",
		quote(set.Root), quote(s.nonce), quote(sudo), quote(set.FlinkUser), quote(set.FlinkHome),
		quote(strings.Join(set.StateDirs, ",")))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) != len(lines)+len(s.body) || string(s.last[:len(lines)]) != lines {
		s.last = slices.Concat([]byte(lines), []byte(s.body))
	}
	return s.last
}

// Complete reports whether the end mark of this run is there: what comes
// behind it says nothing more about the host.
func (s *Script) Complete(stdout []byte) bool {
	end := []byte(endMark + s.nonce + "\n")
	for {
		i := bytes.LastIndex(stdout, end)
		if i < 0 {
			return false
		}
		if i == 0 || stdout[i-1] == '\n' || stdout[i-1] == 0 {
			return true
		}
		stdout = stdout[:i]
	}
}

// Sudoers are the least rules under which a script with Sudo sees
// everything, for sudoers(5).
func (s *Script) Sudoers(login, tmUser string) string {
	return fmt.Sprintf(`# What only the TaskManager's user may see: memory maps, descriptors, logs.
%[1]s ALL=(%[2]s) NOPASSWD: /bin/sh -s
# The kernel log, for records of the OOM killer. The empty string allows no argument.
%[1]s ALL=(root) NOPASSWD: /usr/bin/dmesg "", /usr/bin/journalctl -k -b --no-pager -o short-iso -n 5000
`, login, tmUser)
}

// assemble makes the program: one function that is called on the last line,
// so that a program cut anywhere runs nothing.
func assemble(all []*Probe) string {
	var login, owner strings.Builder
	owner.WriteString(ownerDriver(all))
	for _, p := range all {
		above, below, _ := strings.Cut(p.Script, ownerMark)
		login.WriteString(above)
		owner.WriteString(below)
	}
	var b strings.Builder
	b.WriteString("tmdoctor() {\nwords='\n")
	b.WriteString(minify("prelude.sh", unquoted("prelude.sh", preludeScript)))
	b.WriteString("'\nowners='\n")
	b.WriteString(minify("owner parts", unquoted("owner parts", owner.String())))
	b.WriteString("'\neval \"$words\"\neval \"$owners\"\n")
	b.WriteString(minify("login parts", sessionScript+loginsScript+unitsScript+login.String()+expand(mainScript, all)))
	b.WriteString("}\ntmdoctor </dev/null\n")
	names := shortNamesOf(b.String())
	return logsTexts(names).Replace(briefly.Replace(names.in(b.String())))
}

// ownerDriver is the function that runs all owner parts for each pid.
func ownerDriver(all []*Probe) string {
	var b strings.Builder
	b.WriteString("owners() {\n\towners_n=$#\n\tfor owners_pid in \"$@\"; do\n\t\t:\n")
	for _, p := range all {
		if p.defines("owner") {
			fmt.Fprintf(&b, "\t\towner %s %d %s\n", p.Name, p.Budget, p.function("owner"))
		}
	}
	b.WriteString("\tdone\n}\n")
	return b.String()
}

// expand replaces the lines of main.sh that begin with #: by what depends on
// the probes.
func expand(main string, all []*Probe) string {
	var names, owned []string
	var early, sections strings.Builder
	for _, p := range all {
		names = append(names, p.Name)
		if p.defines("owner") {
			owned = append(owned, p.Name)
		}
		if p.defines("early") {
			fmt.Fprintf(&early, "\t%s\n", p.function("early"))
		}
		section := ":"
		if p.defines("section") {
			section = p.function("section")
		}
		// A second more, so that a command which live ends after as long
		// costs its fact and not the section.
		fmt.Fprintf(&sections, "section %s %d %s\n", p.Name, p.Budget+1, section)
	}
	return strings.NewReplacer(
		"#: names\n", "pending=\""+strings.Join(names, " ")+" \"\nowned=\""+strings.Join(owned, " ")+"\"\n",
		"\t#: early\n", early.String(), "#: sections\n", sections.String(),
	).Replace(main)
}

// function is the name of one of the probe's functions in NAME.sh.
func (p *Probe) function(part string) string {
	return strings.ReplaceAll(p.Name, "-", "_") + "_" + part
}

// defines reports whether NAME.sh has that function.
func (p *Probe) defines(part string) bool {
	return strings.Contains("\n"+p.Script, "\n"+p.function(part)+"() {")
}

// quote makes one word of the shell from any text.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// unquoted is text that travels in single quotes. It panics on one, which is
// a mistake in a script that every test meets.
func unquoted(name, text string) string {
	if i := strings.IndexByte(text, '\''); i >= 0 {
		panic(fmt.Sprintf("%s:%d: a single quote in text that travels in single quotes", name, 1+strings.Count(text[:i], "\n")))
	}
	return text
}
