// Package remote runs a script on many hosts.
//
// Its one idea: every host ends in exactly one [Result], whatever its server
// does: one that never answers, floods, lies or dies costs its own deadline
// and nothing else. [Result.Err] says "did not run to completion, conclude
// nothing"; a script that ran and exited with status 1 is not an error.
//
//	runner := &remote.Runner{Transport: native}
//	for res := range runner.Run(ctx, hosts, script) {
//		...
//	}
//
// It is the only package that opens connections or starts processes. It does
// not know what a script asks or what the output means; it never prints and
// never prompts (it takes callbacks for what only a person can answer).
package remote
