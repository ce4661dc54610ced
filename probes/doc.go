// Package probes knows what to ask a TaskManager host and what the answers
// mean.
//
// Its one idea: a probe is a declared value, a pair of files NAME.go and
// NAME.sh. The script only collects: it prints facts, framed, read-only,
// bounded. Go only judges: [ParseFacts] turns the output into [Facts],
// [Evaluate] judges them against a [Policy], [Diagnose] ranks why RocksDB
// fails here. All of that is pure, bytes in and values out, so whatever was
// collected once can be judged again later, offline, by a newer tmdoctor.
//
//	script := probes.NewScript(nonce)
//	facts, err := probes.ParseFacts(stdout, nonce)       // err: truncated, conclude nothing
//	audit := probes.NewEvaluator(policy).Evaluate(facts) // checks, findings, causes
//
// A fact is a value or the reason why it is unknown ([Value]), never a zero
// that means both; a check whose needed facts are unknown is unknown, and
// unknown is never healthy.
//
// A limit has three truths, its horizons: what the running process has, what a
// start gets now, what a start after the next boot gets ([Standing]). The last
// is resolved from the files of the host by package conf; [Why] tells the
// whole way. It is tempting to read one file, or to ask sysctl --system: both
// are often not what a boot gives. What configuration cannot decide (a script
// that runs ulimit, a container, a file that may not be read) is unknown by
// name.
//
// What Flink's REST API says of the jobs is a fact too ([ReadCluster]): the
// failures it tells are judged with the host they belong to ([Evaluator.EvaluateWith]).
// It is asked through a function that the caller brings.
//
// The package opens no file, starts no process and knows nothing of ssh.
//
// # Adding a probe
//
// Write NAME.go with one Probe value, its facts struct and its judge; NAME.sh
// with the function that collects; cases in testdata/NAME. Add one line to
// Facts (facts.go) and one to All (all.go). Flags, explain, columns, metrics and
// documentation are printed from the Probe value.
package probes
