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
// It is used by check and demo. It neither prints nor prompts: it takes
// callbacks.
package audit
