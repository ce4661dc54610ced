package main

import (
	"fmt"
	"slices"
	"sync"

	"github.com/tmdoctor/tmdoctor/cmd/internal/repair"
)

// carry runs what changes n hosts, with a progress line, and says on standard
// error when a stage begins and which hosts were not kept.
//
// good are the states that are no news: what was to be reached.
func (c *changing) carry(n int, good []repair.State, do func() (*repair.Summary, error)) (*repair.Summary, error) {
	p := c.startProgress(n)
	defer p.close()
	m := &march{u: c.ui, p: p, stage: -2, good: good, ended: map[repair.State]int{}}
	c.r.Notify = m.event
	c.started.Store(true)
	defer c.started.Store(false)
	return do()
}

const canaryTitle = "canary: "

// march is how far hosts are on their way through canary and batches.
type march struct {
	u *ui
	p *progress

	mu    sync.Mutex
	good  []repair.State
	stage int // of the last event; -2 before the first
	title string
	ended map[repair.State]int
}

// event takes in one step of a run. It is called by several goroutines at once.
func (m *march) event(e repair.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e.Step {
	case repair.StepPause:
		m.u.printf("pause before batch %d of %d", e.Batch, e.Of)
	case repair.StepApply, repair.StepBack:
		m.enter(e)
		m.p.begin(e.Host)
	case repair.StepDone:
		m.ended[e.State]++
		m.p.end(e.Host)
		m.tell(e)
	}
	if m.u.verbose && e.Host != "" && e.Step != repair.StepDone {
		m.u.printf("%s: %s", e.Host, e.Step)
	}
	m.p.at(m.title, m.counts())
}

// enter says once that a stage begins.
func (m *march) enter(e repair.Event) {
	if e.Step != repair.StepApply || e.Batch == m.stage {
		return
	}
	m.stage = e.Batch
	switch {
	case e.Batch < 0:
		m.title = "what was left open: "
		m.u.printf("hosts that were left open are brought to an end first")
	case e.Batch == 0:
		m.title = canaryTitle
		m.u.printf("canary: %s", e.Host)
	default:
		m.title = fmt.Sprintf("batch %d of %d: ", e.Batch, e.Of)
		m.u.printf("batch %d of %d", e.Batch, e.Of)
	}
}

// tell names a host whose end a person wants to hear of at once.
func (m *march) tell(e repair.Event) {
	if !slices.Contains(m.good, e.State) {
		m.u.warnf("%s: %s", e.Host, stateText(string(e.State)))
	} else if m.title == canaryTitle || m.u.verbose {
		m.u.printf("%s: %s", e.Host, stateText(string(e.State)))
	}
}

// counts is ", 11 kept, 1 rolled back".
func (m *march) counts() (text string) {
	for _, s := range stateOrder {
		if n := m.ended[repair.State(s)]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, stateText(s))
		}
	}
	return text
}
