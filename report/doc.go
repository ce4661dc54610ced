// Package report turns the audits of many hosts into one report, in every
// format.
//
// Its one idea: a report is a stream. [Run] comes first, then a [Host] as each
// one ends, then a [Cluster] if Flink's REST API was asked, then [Fleet] and
// [Summary]; a [Format] is told of each and keeps
// only what it needs, so that the table of ten thousand hosts costs the rows
// of the sick and the folds, not ten thousand sets of facts.
//
//	f, err := report.NewFormat("table", w, report.Options{Width: 100})
//	f.Begin(run)
//	f.Host(host) // as they arrive; a Tally and a Comparison take it too
//	f.End(comparison.Fleet(), tally.Summary(&finished))
//	os.Exit(report.ExitStatus(...))
//
// [Scan] tells a Format of a saved report in the same way, so that whatever is
// printed of a run can be printed of a file.
//
// The shape of the JSON is a promise: schema/report.json says it, and
// schema/line.json for ndjson. Whatever came from a host is escaped before it
// is written ([Escape], and in JSON as \u sequences), so that cat of any
// report is safe.
//
// # The table
//
// What fits one screen: a row for the worst hosts, with the probes that say
// so; then causes and findings folded over hosts ([Fold]), which together name
// every sick host; then the limits whose three horizons disagree or are not
// ok, what was not seen, the counts, and the next command to type. All that is
// kept is bounded: rows, different findings, limits, reasons. Widths are
// computed here and texts are cut before they are laid out: the library would
// share the width equally among columns and break what does not fit.
//
// # What hosts with a cause share
//
// A [Tally] compares hosts with a cause with those without it: a fixed table of
// traits (kins), of which it keeps how many hosts have each value, so that ten
// thousand hosts cost what twenty kinds of hosts cost. A [Trait] is told if nine
// tenths of the one have it and at most one tenth of the other. That is no
// cause, and the words say so: shared, in place of why. What is unknown on a
// host differs from nothing; a host whose logs or check are unknown is neither
// sick nor one of the others. Whatever the order in which hosts arrive, the
// result is the same: what there is too much of is left out as a whole, and
// that is said.
//
// # One setting of one host
//
// [WriteWhy] prints the chain of precedence behind a setting, [WriteWhyJSON]
// the same as JSON (schema/why.json), [WriteLimits] the section LIMITS alone.
//
// # Adding a format
//
// Write a file with its Format, add a line to [Formats] and a file to
// testdata. Flags, help and completion are printed from that table.
//
// The package judges no host and opens no connection.
package report
