package inventory

import (
	"strconv"
	"strings"
)

// parsePlain reads a plain list: words [user@]host[:port] with ranges, parted
// by white space or commas, '#' begins a comment. A host that stands there
// twice must say the same twice: a word is all the list says about a host, so
// tm1 and admin@tm1 contradict each other.
func parsePlain(file string, text string) (contents, error) {
	var c contents
	seen := map[string]int{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		line, _, _ = strings.Cut(line, "#")
		for _, w := range splitWords(line) {
			at := position{file, n, len([]rune(line[:w.off])) + 1}
			if err := c.addWord(seen, w.text, at); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// addWord appends the hosts of one word.
func (c *contents) addWord(seen map[string]int, text string, at position) error {
	w, f := parseWord(text)
	if f != nil {
		return f.at(at, text)
	}
	set := w.settings(at)
	for _, name := range w.hosts.names() {
		if i, ok := seen[name]; ok {
			if old := c.entries[i]; !set.equal(old.set) {
				return at.errorf("keep one of the two; hosts that share a name and differ in their port go into a YAML inventory, with names of their own and the key address",
					"host %q is %q here and %q at %s", name, wordOf(name, set), wordOf(name, old.set), old.at.short())
			}
			continue
		}
		if len(c.entries) == MaxHosts {
			return at.errorf("split the fleet into several runs", "more than %d hosts", MaxHosts)
		}
		seen[name] = len(c.entries)
		c.entries = append(c.entries, entry{name: name, at: at, set: set})
	}
	return nil
}

// settings are what the word says besides the name.
func (w word) settings(at position) settings {
	var set settings
	if w.user != "" {
		set = append(set, setting{key: keyUser, value: w.user, at: at})
	}
	if w.port != 0 {
		set = append(set, setting{key: keyPort, value: strconv.Itoa(w.port), at: at})
	}
	return set
}

// wordOf is a host as a word of a plain list.
func wordOf(name string, set settings) string {
	h := Host{Name: name}
	set.apply(&h)
	return h.String()
}
