// Package repair carries out plans of package fix on many hosts: canary,
// batches, verification, journal, roll back, resume.
//
// Its one idea: a host is changed only while something stands ready to change
// it back. The program that applied a plan stays on its connection until a
// second, new connection has shown that people can still log in and that the
// values hold; if that fails, or if anything on our side dies, it rolls back
// by itself.
//
//	r := &repair.Repair{Native: native, Audit: audit, Run: id, Who: who, Canary: 1, ...}
//	err := r.Survey(ctx, hosts, func(p *repair.Planned) error { ... })   // one connection a host
//	r.Journal, err = repair.CreateJournal(dir, begin, document)
//	summary, err := r.Apply(ctx, plans)                                  // two more
//
// Stopped means stopped: once a canary was changed and not kept, too many hosts
// have failed, the journal cannot be written or ctx has ended, no further host
// is begun, also inside a batch. Hosts at work are brought to their end all the
// same: a host is never left while it waits for a verdict. A host whose
// connection is lost is asked over a new one what became of it, since only the
// host knows; what it says is what is reported. Nothing that may have begun is
// tried again by itself.
//
// Each action is written to the [Journal] before it is taken, so that whatever
// ends a run, [Repair.Resume] knows where to look.
//
// It neither prints nor prompts: it takes callbacks. It does not decide what is
// changed (package fix) nor whether (the operator, in cmd/tmdoctor).
package repair
