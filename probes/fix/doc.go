// Package fix plans what is changed on a host, and writes the programs that
// change it.
//
// Its one idea: everything that is done to a host stands in its [Plan] before
// it is done, whole: each file as it is and as it will be, each live value
// before and after. What a person confirms, what is kept in a file, what the
// host carries out and what is verified afterwards are the same value.
//
//	query := fix.Ask(facts, policy, options)             // what must be read first
//	program := fix.Inspect(nonce, query)                 // POSIX sh, run as root
//	snapshot, err := fix.ParseSnapshot(stdout, nonce)
//	plan := fix.Make(host, facts, snapshot, policy, options)
//	program = fix.Apply(nonce, run, who, plan, patience, true) // applies, waits for a verdict
//
// A plan is judged before anybody sees it: the facts of the host, with the
// planned files and values in them, go through the judgement of package probes,
// and a plan that would not give the wanted values is refused.
//
// Which settings can be raised, and how far, is judged by [probes.Proposals].
// Where a value is written is tried, not looked up: the file of the runbook in
// its place, then a drop-in of our own that sorts last, then both, and the
// first that gives the value to the resolvers of package conf is taken. It is
// tempting to keep a table of distributions instead; a link, a later file or a
// profile of tuned makes it wrong. The plan names what was passed over, and
// why.
//
// Of a file only values change, and none is lowered, not even one without
// effect. The address space is freed line by line and never given a new line.
// What several settings change in one file is one change.
//
// It is pure: bytes and values go in and come out. It opens no connection,
// prints nothing and asks nobody; package repair carries plans out.
package fix
