// Package audit reads and judges many hosts: the straight line from an
// inventory's hosts to a report's.
//
// Its one idea: whatever brought a host's answer (ssh, this machine, a
// directory, a saved report), it is judged by the same few lines, [Judge], and
// becomes the same [report.Host].
//
//	a := &audit.Audit{Runner: runner, Script: script, Policy: policy}
//	err := a.Run(ctx, hosts, func(h *report.Host) error { return format.Host(h) })
//
// Two things are settled before the first host and hold for all of them: the
// [View], which is how much of an answer is judged (some probes, one horizon)
// and never what is kept of it, and the [probes.Evaluator], which is the policy
// and what hosts with equal files have in common.
//
// What Flink's REST API says ([Cluster]) is asked beside the hosts. It is placed
// on them by name, each is judged with what concerns it, and what concerns none
// stands in the report by itself.
//
// It is used by check, why, explain and demo. It neither prints nor prompts: it
// takes callbacks.
package audit
