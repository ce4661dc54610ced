package probes

// CauseDoc is what there is to say about a cause, whatever the host.
type CauseDoc struct {
	Name  string // as in Cause.Cause: "open_files"
	Title string // one line, lower case
	Means string // what goes wrong
	Shown string // what shows it: texts, facts
	Fix   string // what to do by hand
	// Words are what people search for.
	Words []string
	// Row is the row of the runbook, 1 to 7; 0 for a neighbour of them.
	Row int
	// Probe is the probe that measures it.
	Probe string
}

// CauseDocs are the causes that Diagnose may name.
var CauseDocs []CauseDoc
