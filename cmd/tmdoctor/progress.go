package main

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/tmdoctor/tmdoctor/report"
)

const (
	progressEvery = 200 * time.Millisecond // often enough to look alive
	slowAfter     = 5 * time.Second        // from then on a host that keeps us waiting is named
	slowNames     = 3
)

// progress is the one line on standard error that says how far a run is. It
// exists only on a terminal.
type progress struct {
	w     io.Writer
	fd    int
	total int

	mu      sync.Mutex
	stage   string // "batch 2 of 5: ", "" where there is one stage
	counts  string // ", 11 kept", "" where all that ends is one thing
	done    int
	started map[string]time.Time
	shown   bool
	held    int // while it is above 0, something else is on the line
	stop    chan struct{}
	stopped sync.WaitGroup
}

// startProgress shows progress for total hosts, or returns nil where standard
// error is no terminal. A nil progress does nothing.
func (u *ui) startProgress(total int) *progress {
	if !isTerminal(u.stderrFD) || u.getenv("TERM") == "dumb" {
		return nil
	}
	p := &progress{w: u.stderr, fd: u.stderrFD, total: total, started: map[string]time.Time{}, stop: make(chan struct{})}
	u.progress = p
	p.stopped.Go(p.loop)
	return p
}

func (p *progress) loop() {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-tick.C:
			p.draw(now)
		}
	}
}

// begin notes that a host is being asked, end that it has ended.
func (p *progress) begin(host string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started[host] = time.Now()
}

func (p *progress) end(host string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.started, host)
	p.done++
}

// at notes the stage that a run is in, and how its hosts came out so far.
func (p *progress) at(stage, counts string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage, p.counts = stage, counts
}

// close removes the line for good.
func (p *progress) close() {
	if p == nil {
		return
	}
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// hold removes the line until release, so that something else can stand in its
// place: a message, or a question for as long as it takes.
func (p *progress) hold() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held++
	p.clear()
}

func (p *progress) release() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held--
}

// clear removes the line. The caller holds mu.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

func (p *progress) draw(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held > 0 {
		return
	}
	line := p.line(now)
	if w, _, err := term.GetSize(p.fd); err == nil && w > 1 {
		line = strings.ToValidUTF8(line[:min(w-1, len(line))], "")
	}
	fmt.Fprint(p.w, "\r\x1b[K"+line)
	p.shown = true
}

// line is "12/40 hosts, waiting for tm017 (9s), tm003 (7s)".
func (p *progress) line(now time.Time) string {
	type waiting struct {
		host string
		age  time.Duration
	}
	var slow []waiting
	for host, since := range p.started {
		if d := now.Sub(since); d >= slowAfter {
			slow = append(slow, waiting{host, d})
		}
	}
	sort.Slice(slow, func(i, j int) bool {
		if slow[i].age != slow[j].age {
			return slow[i].age > slow[j].age
		}
		return slow[i].host < slow[j].host
	})
	s := fmt.Sprintf("%s%d/%d hosts%s", p.stage, p.done, p.total, p.counts)
	var names []string
	for i, w := range slow {
		if i == slowNames {
			names = append(names, fmt.Sprintf("%d more", len(slow)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s (%ds)", report.Escape(w.host), int(w.age.Seconds())))
	}
	if names != nil {
		s += ", waiting for " + strings.Join(names, ", ")
	}
	return s
}
