package inventory

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// rack is the prefix that Flink's config.sh strips: a place in the network
// hierarchy, as in /dc1/rack2/tm17. A name with other characters keeps it.
var rack = regexp.MustCompile(`^.*/([0-9a-zA-Z.-]+)$`)

// parseWorkers reads Flink's conf/workers (conf/slaves before 1.11) as
// readWorkers and extractHostName in Flink's bin/config.sh do: the first word
// of a line up to '#', without its rack, a last line without its newline too,
// a backslash quotes the next character or joins the next line (read without
// -r). A name that stands there n times is one host with n TaskManagers.
//
// What the shell would pass on to ssh although it is no host name (a range, a
// user, a carriage return) is an error here: Flink could not reach it either.
func parseWorkers(file string, text string) (contents, error) {
	var c contents
	seen := map[string]int{}
	err := flinkLines(file, text, func(at position, name string) error {
		if f := checkWorker(name); f != nil {
			return f.at(at, name)
		}
		i, err := c.addFlink(seen, at, name)
		if err == nil {
			c.entries[i].taskManagers++
		}
		return err
	})
	return c, err
}

// Masters is the group of the hosts of conf/masters.
const Masters = "masters"

// parseMasters reads Flink's conf/masters, whose lines are JobManagers as
// HOST or HOST:WEBPORT, as readMasters in Flink's bin/config.sh does. Its
// hosts are the group masters: beside conf/workers they can be left out, or
// asked alone.
func parseMasters(file string, text string) (contents, error) {
	c := contents{groups: []string{Masters}}
	seen := map[string]int{}
	var n notes
	err := flinkLines(file, text, func(at position, line string) error {
		name, port, found := strings.Cut(line, ":")
		if strings.Contains(port, ":") {
			return at.errorf("give the host a name", "host %q has several colons, which Flink takes for ports", line)
		}
		if f := checkWorker(name); f != nil {
			return f.at(at, name)
		}
		if found {
			n.add(at, "web port", "the port behind a JobManager (%q) is that of its web page, not that of ssh, and is not used", port)
		}
		i, err := c.addFlink(seen, at, name)
		if err == nil {
			c.entries[i].groups = []string{Masters}
		}
		return err
	})
	for _, one := range n.list {
		one.Own = true
		c.notes = append(c.notes, one)
	}
	return c, err
}

// flinkLines calls read for each line of conf/workers or conf/masters that has
// a word.
func flinkLines(file, text string, read func(at position, word string) error) error {
	lines := strings.Split(text, "\n")
	for n := 0; n < len(lines); n++ {
		at := position{file: file, line: n + 1}
		line := lines[n]
		for joins(line) && n+1 < len(lines) {
			n++
			line = line[:len(line)-1] + lines[n]
		}
		name, off := workerName(unescape(line))
		if name == "" {
			continue
		}
		at.col = utf8.RuneCountInString(line[:min(off, len(line))]) + 1
		if err := read(at, name); err != nil {
			return err
		}
	}
	return nil
}

// addFlink is the place of a host in c, which it is added to if it is new.
func (c *contents) addFlink(seen map[string]int, at position, name string) (int, error) {
	i, ok := seen[name]
	if ok {
		return i, nil
	}
	if len(c.entries) == MaxHosts {
		return 0, at.errorf("split the fleet into several runs", "more than %d hosts", MaxHosts)
	}
	i = len(c.entries)
	seen[name] = i
	c.entries = append(c.entries, entry{name: name, at: at})
	return i, nil
}

// workerName is the host of one line and where it begins.
func workerName(line string) (string, int) {
	line = strings.TrimRight(line, " \t")
	off := len(line) - len(strings.TrimLeft(line, " \t"))
	name := line[off:]
	if i := strings.IndexAny(name, " \t"); i >= 0 {
		name = name[:i]
	}
	name, _, _ = strings.Cut(name, "#")
	if m := rack.FindStringSubmatchIndex(name); m != nil {
		return name[m[2]:], off + m[2]
	}
	return name, off
}

// joins says whether a line ends in a backslash that is not quoted itself.
func joins(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// unescape drops the backslashes that the shell's read drops.
func unescape(line string) string {
	if !strings.Contains(line, `\`) {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		}
		if i < len(line) {
			b.WriteByte(line[i])
		}
	}
	return b.String()
}

// checkWorker refuses a name that Flink's scripts could not reach.
func checkWorker(name string) *fault {
	f := checkName("host", name)
	switch {
	case f == nil:
		return nil
	case strings.Contains(name, "/"):
		f.hint = "Flink strips a rack (rack1/tm17) only from names of letters, digits, '.' and '-'"
	case isIP(name):
		return nil
	case strings.ContainsAny(name, "[@:"):
		f.msg = fmt.Sprintf("host name %q has a user, a port or a range", name)
		f.hint = "conf/workers has one bare name a line; a plain list under another file name may have them"
	}
	return f
}
