package repair

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
	"github.com/tmdoctor/tmdoctor/report"
)

// programs are what hosts are told and how their answers are read: package
// audit's and package fix's. Tests, whose hosts are no shells, have their own.
type programs struct {
	script   func() remote.Script
	judge    func(remote.Result) *report.Host
	ask      func(*probes.Facts, *probes.Policy, fix.Options) fix.Query
	plan     func(string, *probes.Facts, *fix.Snapshot, *probes.Policy, fix.Options) *fix.Plan
	recheck  func(*fix.Plan, *probes.Facts, *probes.Policy, fix.Options) ([]fix.Expect, error)
	inspect  func(nonce string, q fix.Query) []byte
	snapshot func(stdout []byte, nonce string) (*fix.Snapshot, error)
	apply    func(nonce, run, who string, p *fix.Plan, patience int, wait bool) []byte
	rollback func(nonce, run, who string, force bool) []byte
	settle   func(nonce, run, who string) []byte
	answer   func(stdout []byte, nonce string) (*fix.Answer, error)
}

// speech is the programs in use.
func (r *Repair) speech() *programs {
	if r.programs != nil {
		return r.programs
	}
	return &programs{
		script: r.Audit.HostScript, judge: r.Audit.Host, ask: fix.Ask, plan: fix.Make, recheck: fix.Recheck, inspect: fix.Inspect,
		snapshot: fix.ParseSnapshot, apply: fix.Apply, rollback: fix.Rollback, settle: fix.Settle, answer: fix.ParseAnswer,
	}
}

// newNonce marks the output of one program: no host can guess that of another.
func newNonce() string { return rand.Text() }

// connect logs in to a host.
func (r *Repair) connect(ctx context.Context, h inventory.Host) (remote.Conn, error) {
	c, what := r.Native, "ssh"
	if h.Local {
		c, what = r.Local, "this machine"
	}
	if c == nil {
		return nil, &remote.Error{Phase: remote.PhaseConfig, Reason: "no connector for " + what}
	}
	return c.Connect(ctx, h)
}

// audit asks and judges a host as check does.
func (r *Repair) audit(ctx context.Context, conn remote.Conn, h inventory.Host, index int) (*report.Host, error) {
	p := r.speech()
	res := conn.Run(ctx, p.script())
	res.Host, res.Index, res.Ended = h, index, time.Now()
	judged := p.judge(res)
	if res.Err != nil {
		return judged, res.Err
	}
	if u := judged.Unreachable; u != nil {
		return judged, &remote.Error{Phase: remote.Phase(u.Phase), Reason: u.Reason, Hint: u.Hint}
	}
	return judged, nil
}

// inspect reads as root what a query asks for.
func (r *Repair) inspect(ctx context.Context, conn remote.Conn, q fix.Query) (*fix.Snapshot, error) {
	p, nonce := r.speech(), newNonce()
	talk, err := conn.Start(ctx, remote.Program{Text: p.inspect(nonce, q), Root: true, End: fix.EndMark(nonce)})
	if err != nil {
		return nil, err
	}
	res := talk.Wait(ctx)
	if res.Err != nil {
		return nil, res.Err
	}
	s, err := p.snapshot(res.Stdout, nonce)
	if err != nil {
		return nil, fmt.Errorf("reading what the host is like: %w%s", err, itsWords(res.Stderr))
	}
	return s, nil
}

// itsWords is the first line of what a host said on standard error, for a
// program that did not come to its end.
func itsWords(stderr []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(stderr)), "\n")
	if line == "" {
		return ""
	}
	return fmt.Sprintf("; the host said %.120q", line)
}

// answered is the answer of a program that came to its end, be it that the
// connection was lost behind its last line.
func (r *Repair) answered(res remote.Result, nonce string) (*fix.Answer, error) {
	if res.Err != nil && !bytes.Contains(res.Stdout, []byte(fix.EndMark(nonce)+"\n")) {
		return nil, res.Err
	}
	a, err := r.speech().answer(res.Stdout, nonce)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, itsWords(res.Stderr))
	}
	return a, nil
}
