package main

import (
	"context"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
)

// exitCutShort is the status of a run of which not all is known or done.
const exitCutShort = 3

// States of a host beside those of package repair.
const (
	stateNotAsked   = "not-asked"  // nothing could be planned for it
	stateUnfinished = "unfinished" // a run of before did not end there
	statePlanned    = "planned"    // it was to be changed, and nothing was begun
	stateUndone     = "undone"     // it is as it was before the run, as rollback was to make it
)

// stateOrder is that of results: what a person has to look at first.
var stateOrder = []string{
	string(repair.Stuck), string(repair.Unknown), stateUnfinished, string(repair.RolledBack), string(repair.Refused),
	stateNotAsked, string(repair.NotBegun), statePlanned, stateUndone, string(repair.Kept), string(repair.Nothing),
}

// stateText is a state in words.
func stateText(state string) string {
	switch state {
	case string(repair.RolledBack), stateUndone:
		return "rolled back"
	case string(repair.Refused):
		return "not touched"
	case string(repair.NotBegun):
		return "not begun"
	case string(repair.Nothing):
		return "nothing to do"
	case stateNotAsked:
		return "not asked"
	}
	return state
}

// outcome is how a host came out.
type outcome struct {
	*repair.Planned
	state, reason string
	done          *repair.Done // nil if it was not among those to be changed
}

// outcomes are all hosts of a run, in their order: those that were carried
// out, and the others.
func outcomes(planned []*repair.Planned, s *repair.Summary) []outcome {
	done := map[string]*repair.Done{}
	for i := range s.Hosts {
		done[s.Hosts[i].Planned.Host.Name] = &s.Hosts[i]
	}
	var all []outcome
	for _, p := range planned {
		o := outcome{Planned: p}
		switch d := done[p.Host.Name]; {
		case d != nil:
			o.done, o.state, o.reason = d, string(d.State), d.Reason
		case p.Unfinished != nil:
			o.state, o.reason = stateUnfinished, p.Unfinished.Open()
		case p.Plan == nil:
			o.state, o.reason = stateNotAsked, lostText(p)
		case p.Plan.IsEmpty():
			o.state = string(repair.Nothing)
		default:
			o.state = statePlanned
		}
		all = append(all, o)
	}
	return all
}

// exitStatus is what exitFixHelp promises. planned says that nothing was to be
// changed.
func exitStatus(all []outcome, cutShort, planOnly bool) int {
	var failed, unknown, refused bool
	for _, o := range all {
		switch o.state {
		case string(repair.Stuck), string(repair.RolledBack), string(repair.Refused):
			failed = true
		case string(repair.Unknown), string(repair.NotBegun), stateUnfinished, stateNotAsked:
			unknown = true
		case statePlanned:
			unknown = unknown || !planOnly
		}
		refused = refused || o.Plan != nil && len(o.Plan.Refused) > 0
	}
	switch {
	case failed:
		return 2
	case unknown || cutShort:
		return exitCutShort
	case refused:
		return 1
	}
	return 0
}

// end prints how a run came out.
func (c *changing) end(ctx context.Context, all []outcome, s *repair.Summary) error {
	c.stopped = s.Stopped
	if err := c.out.write("result", func() ([]byte, error) { return c.resultJSON(all, s, c.exit(ctx, all)) }); err != nil {
		return err
	}
	if len(s.Hosts) == 0 {
		return nil
	}
	return c.printResult(all, s)
}

// exit is the exit status of a run that came to its end.
func (c *changing) exit(ctx context.Context, all []outcome) int {
	return exitStatus(all, c.stopped != "" || ctx.Err() != nil, c.planOnly)
}

// status is exit as what a command returns.
func (c *changing) status(ctx context.Context, all []outcome) error {
	if status := c.exit(ctx, all); status != 0 {
		return verdict(status)
	}
	return nil
}
