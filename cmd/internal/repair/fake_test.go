package repair

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/probes"
	"github.com/tmdoctor/tmdoctor/probes/fix"
	"github.com/tmdoctor/tmdoctor/remote"
)

// The fleet of these tests is no fleet of shells: a program is JSON that says
// what it is to do, and a host does it on a few values in memory. What real
// programs do is shown in package fix and in real_test.go.

const (
	key     = "vm.max_map_count"
	oldHash = "old"
	newHash = "new"
	confAt  = "/etc/sysctl.conf"
)

// order is a program.
type order struct {
	Do, Nonce, Run string
	Force          bool
	Query          fix.Query
}

// said is what a host of the fleet prints, as often as it says something.
type said struct {
	Answer   *fix.Answer
	Snapshot *fix.Snapshot
}

// fleet is hosts in memory, and the one order in which all that happens does.
type fleet struct {
	mu    sync.Mutex
	log   []string // "journal EVENT HOST", "HOST STEP"
	hosts map[string]*fakeHost
	// atWork and most are how many hosts are under way, and were at most.
	atWork, most int
}

// fakeHost is a host. A fault is what goes wrong at a step: "connect 2",
// "start apply", "until", "audit 2", "inspect 2", "say keep", "wait keep", ...
type fakeHost struct {
	*fleet
	name     string
	hash     string // of confAt
	live     string
	state    fix.RunState // of the run, "" for none
	locked   bool
	refuses  string // why it would not be touched
	unmet    string // why expected values do not hold once it was changed
	noLogin  bool   // a session of flink does not open once it was changed
	never    bool   // a session of flink does not open at all
	stuck    bool   // it cannot be rolled back
	edited   bool   // somebody edited confAt since
	torn     bool   // a look reads files, and only then the host rolls back
	faults   map[string]fault
	steps    map[string]int
	connects int
	open     int
	slow     time.Duration // of each step
	onStep   func(step string)
}

// fault is what becomes of a step.
type fault int

const (
	failing fault = iota + 1 // it does not happen, and the host is still there
	lost                     // the connection is lost: the host sees the end of its input
	killed                   // the host's program is killed, and the connection is lost
	mute                     // the connection is lost, and nothing that connects gets through any more
	deaf                     // it happens, and the connection is lost before it is heard of
)

var errFault = &remote.Error{Phase: remote.PhaseScript, Reason: "lost"}

func newFleet(names ...string) *fleet {
	f := &fleet{hosts: map[string]*fakeHost{}}
	for _, n := range names {
		f.hosts[n] = &fakeHost{fleet: f, name: n, hash: oldHash, live: "65530", faults: map[string]fault{}, steps: map[string]int{}}
	}
	return f
}

// names are as many hosts.
func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("tm%03d", i+1))
	}
	return all
}

func (f *fleet) write(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, line)
}

// step is a step of a host: its fault, at the nth time or at any time.
func (h *fakeHost) step(name string) fault {
	h.mu.Lock()
	h.steps[name]++
	nth := fmt.Sprintf("%s %d", name, h.steps[name])
	h.log = append(h.log, h.name+" "+name)
	wrong := max(h.faults[name], h.faults[nth])
	h.mu.Unlock()
	if h.onStep != nil {
		h.onStep(nth)
	}
	if h.slow > 0 {
		time.Sleep(h.slow)
	}
	if wrong == mute {
		h.mu.Lock()
		h.faults["connect"] = failing
		h.mu.Unlock()
	}
	return wrong
}

func (f *fleet) Connect(ctx context.Context, ih inventory.Host) (remote.Conn, error) {
	h := f.hosts[ih.Name]
	if ctx.Err() != nil {
		return nil, &remote.Error{Phase: remote.PhaseDeadline, Reason: "ended"}
	}
	h.mu.Lock()
	h.connects++
	h.mu.Unlock()
	if h.step("connect") != 0 {
		return nil, &remote.Error{Phase: remote.PhaseConnect, Reason: "refused"}
	}
	f.mu.Lock()
	h.open++
	if h.open == 1 {
		f.atWork++
		f.most = max(f.most, f.atWork)
	}
	f.mu.Unlock()
	return &fakeConn{h: h}, nil
}

// fakeConn is a connection; closing it ends the input of what runs on it.
type fakeConn struct {
	h      *fakeHost
	closed bool
	talk   *fakeTalk
}

func (c *fakeConn) Run(_ context.Context, s remote.Script) remote.Result {
	res := remote.Result{Address: "192.0.2.1", Port: 22, User: "op"}
	if c.h.step("audit") != 0 {
		res.Err = errFault
		return res
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	res.Stdout = []byte(c.h.live + " " + c.h.hash)
	return res
}

func (c *fakeConn) Start(_ context.Context, p remote.Program) (remote.Talk, error) {
	var o order
	if err := json.Unmarshal(p.Text, &o); err != nil {
		return nil, &remote.Error{Phase: remote.PhaseScript, Reason: err.Error()}
	}
	wrong := c.h.step("start " + o.Do)
	if wrong == failing {
		return nil, &remote.Error{Phase: remote.PhaseSudo, Reason: "sudo refuses"}
	}
	c.talk = &fakeTalk{h: c.h, o: o}
	c.talk.begin(wrong)
	return c.talk, nil
}

func (c *fakeConn) Alive(context.Context) error {
	if c.closed {
		return errFault
	}
	if c.h.step("alive") != 0 {
		return errFault
	}
	return nil
}

func (c *fakeConn) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	if c.talk != nil {
		c.talk.Abandon()
	}
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	if c.h.open--; c.h.open == 0 {
		c.h.atWork--
	}
	return nil
}

// fakeTalk is a program under way.
type fakeTalk struct {
	h       *fakeHost
	o       order
	gone    bool // nothing is heard any more
	waiting bool // for a verdict
	out     *said
	verdict string
}

// begin does all that a program does without being spoken to.
func (t *fakeTalk) begin(wrong fault) {
	h := t.h
	h.mu.Lock()
	defer h.mu.Unlock()
	t.gone = wrong != 0
	switch t.o.Do {
	case "inspect":
		t.out = &said{Snapshot: h.snapshot()}
	case "apply":
		if h.refuses != "" || h.edited {
			t.out = &said{Answer: &fix.Answer{Outcome: fix.Untouched, Reason: h.refuses}}
			return
		}
		if t.gone && wrong != killed { // cut before its end: it does nothing
			return
		}
		h.hash, h.live, h.state, h.locked, t.waiting = newHash, "262144", fix.RunApplied, true, true
		t.out = &said{Answer: &fix.Answer{Outcome: fix.Applied}}
		if wrong == killed {
			h.state, h.locked, t.waiting = fix.RunApplying, false, false
		}
	case "rollback":
		t.out = &said{Answer: h.rollBack(t.o.Force)}
	case "settle":
		h.state = fix.RunKept
		t.out = &said{Answer: &fix.Answer{Outcome: fix.Kept}}
	}
}

func (h *fakeHost) snapshot() *fix.Snapshot {
	s := &fix.Snapshot{Sysctls: map[string]probes.Value[string]{key: probes.Known(h.live)}}
	s.Files = []fix.FileState{{Path: confAt, Kind: probes.FileRegular, SHA256: h.hash, Mode: "0644", Owner: "0:0"}}
	if h.torn {
		h.torn, s.Files[0].SHA256 = false, newHash
	}
	session := fix.Session{User: "flink", By: "su", Limits: map[string]string{}}
	if h.never || h.noLogin && h.hash == newHash {
		session.Failed = "pam_limits: Operation not permitted"
	}
	s.Sessions = []fix.Session{session}
	if h.state != "" {
		s.Run = &fix.HostRun{Run: "run1", State: h.state}
	}
	if h.locked {
		s.Lock = "somebody"
	}
	return s
}

func (h *fakeHost) rollBack(force bool) *fix.Answer {
	if h.edited && !force {
		return &fix.Answer{Outcome: fix.Untouched, Reason: confAt + " was edited since"}
	}
	h.locked = false
	if h.stuck {
		h.state = fix.RunApplying
		return &fix.Answer{Outcome: fix.Stuck, Reason: "not restored: " + confAt}
	}
	h.hash, h.live, h.state = oldHash, "65530", fix.RunRolledBack
	return &fix.Answer{Outcome: fix.RolledBack}
}

// happens is a fault of a step of a talk; true if nothing is heard of it.
func (t *fakeTalk) happens(step string) fault {
	wrong := t.h.step(step)
	switch {
	case t.gone:
		return lost
	case wrong == 0:
		return 0
	}
	if wrong == killed {
		t.h.mu.Lock()
		t.waiting, t.h.locked = false, false
		t.h.mu.Unlock()
	}
	if wrong != deaf {
		t.Abandon()
	}
	t.gone = true
	return wrong
}

func (t *fakeTalk) Until(context.Context, string) ([]byte, error) {
	if t.happens("until") != 0 {
		return nil, errFault
	}
	out, _ := json.Marshal(t.out)
	if t.out.Answer.Outcome != fix.Applied {
		return out, errFault // it ended first
	}
	return out, nil
}

func (t *fakeTalk) Say(_ context.Context, line string) error {
	t.verdict, _, _ = strings.Cut(line, " ")
	if wrong := t.happens("say " + t.verdict); wrong != 0 && wrong != deaf {
		return errFault
	}
	return nil
}

func (t *fakeTalk) Wait(context.Context) remote.Result {
	step := "wait " + t.o.Do
	if t.verdict != "" {
		step = "wait " + t.verdict
	}
	wrong := t.happens(step)
	if wrong != 0 && wrong != deaf || t.out == nil {
		return remote.Result{Err: errFault}
	}
	t.h.mu.Lock()
	if t.waiting {
		t.waiting = false
		if t.verdict == "keep" {
			t.h.state, t.h.locked = fix.RunKept, false
			t.out.Answer = &fix.Answer{Outcome: fix.Kept}
		} else {
			t.out.Answer = t.h.rollBack(false)
		}
	}
	t.h.mu.Unlock()
	if wrong == deaf {
		return remote.Result{Err: errFault}
	}
	out, _ := json.Marshal(t.out)
	return remote.Result{Stdout: append(out, "\n"+fix.EndMark(t.o.Nonce)+"\n"...)}
}

// Abandon is the end of the program's input.
func (t *fakeTalk) Abandon() {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	if t.waiting {
		t.waiting = false
		t.h.rollBack(false)
	}
	t.gone = true
}
