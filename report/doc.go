// Package report turns the audits of many hosts into one report, in every
// format.
//
// Its one idea: a report is a stream. [Run] comes first, then a [Host] as each
// one ends, then [Fleet] and [Summary]; a [Format] is told of each and keeps
// only what it needs, so that the table of ten thousand hosts costs the rows
// of the sick and the folds, not ten thousand sets of facts.
//
//	f, err := report.NewFormat("table", w, report.Options{Width: 100})
//	f.Begin(run)
//	f.Host(host) // as they arrive
//	f.End(fleet, summary)
//
// The shape of the JSON is a promise: report/schema/report.json says it.
// Whatever came from a host is escaped before it is written, in every format.
// The package judges nothing and opens no connection.
package report
