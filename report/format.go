package report

import (
	"fmt"
	"io"
	"strings"
)

// Format writes a report as it comes. The methods are called by one
// goroutine: Begin once, Host for each host in order of arrival, Cluster at
// most once if Flink's REST API was asked, End once, also after a run that was
// cut short.
type Format interface {
	Begin(Run) error
	Host(*Host) error
	Cluster(*Cluster) error
	End(Fleet, Summary) error
}

// Options say how a format looks. The zero Options are a plain, unbounded,
// colourless table.
type Options struct {
	Width int    // columns of the terminal; 0 is unbounded
	Color bool   // SGR colours
	ASCII bool   // no character outside ASCII of our own
	By    string // "host" (default) or "check"
	All   bool   // healthy hosts too
	Wide  bool   // all probes, whatever the width
	// Probes limits the columns and rows to these probes; nil means all.
	Probes []string
	// Command is how the user called us, for the next command to type:
	// "tmdoctor check -i hosts.txt".
	Command string
	// Why is the command that tells how a setting came about on a host; nil
	// if there is none to suggest.
	Why func(host, setting string) string
	// Hosts is the command that shows how each host is reached; "" if there is
	// none to suggest.
	Hosts string
}

// FormatDoc is a format with its name and one line of help.
type FormatDoc struct {
	Name string
	Doc  string
	New  func(w io.Writer, o Options) Format
}

// Formats are the formats there are, the default first. To add one, write a
// file with its Format and add a line here; flags, help and completion are
// printed from this table.
var Formats = []FormatDoc{
	{"table", "for people: the sick hosts, why, and what to do", newTable},
	{"json", "one document, hosts in the order of the inventory", newJSON},
	{"ndjson", "a line of JSON for the run, each host as it ends, fleet and summary", newNDJSON},
	{"csv", "for a spreadsheet: a row for each host, and for each cause and finding", newCSV},
	{"md", "Markdown for a ticket, a pull request or a chat: the counts, the sick hosts, why, and what to do", newMarkdown},
}

// NewFormat is the format of that name, writing to w.
func NewFormat(name string, w io.Writer, o Options) (Format, error) {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		if f.Name == name {
			return f.New(w, o), nil
		}
		names[i] = f.Name
	}
	return nil, fmt.Errorf("format %q is not one of %s", name, strings.Join(names, ", "))
}
