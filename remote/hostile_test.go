package remote

import (
	"context"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
	"github.com/tmdoctor/tmdoctor/remote/demo"
)

// hostile is what each kind of server ends in: phase, kind, and a word of the
// reason.
var hostile = []struct {
	fault  demo.Fault
	phase  Phase
	kind   Kind
	reason string
}{
	{demo.Silent, PhaseHandshake, KindTimeout, "no SSH server spoke within 1.5s"},
	{demo.DripVersion, PhaseHandshake, KindTimeout, "within 1.5s"},
	{demo.EndlessPreVersion, PhaseHandshake, "", "not an SSH server"},
	{demo.Throttled, PhaseHandshake, "", "Exceeded MaxStartups"},
	{demo.ResetAccept, PhaseHandshake, "", "closed the connection before"},
	{demo.CloseAccept, PhaseHandshake, "", "closed the connection before"},
	{demo.CloseVersion, PhaseHandshake, "", "closed the connection during the key exchange"},
	{demo.CloseKex, PhaseAuth, "", "closed the connection during login"},
	{demo.OtherHostKey, PhaseHostKey, KindChangedKey, "host key changed"},
	{demo.LegacyAlgorithms, PhaseHandshake, "", "the server offers only"},
	{demo.EndlessBanners, PhaseAuth, "", "banner of more than"},
	{demo.NoAuthReply, PhaseAuth, KindTimeout, "login did not end within 1.5s"},
	{demo.CloseAuth, PhaseSession, "", "closed the connection"},
	{demo.NoSessions, PhaseSession, "", "refused a session"},
	{demo.NoChannelReply, PhaseSession, KindTimeout, "no session began"},
	{demo.NoExecReply, PhaseSession, KindTimeout, "no shell began"},
	{demo.ExecRefused, PhaseSession, "", "could not start a shell"},
	{demo.CloseExec, PhaseScript, "", "ended in the middle"},
	{demo.ChannelFlood, PhaseSession, KindTimeout, "no session began"},
	{demo.NoLogin, PhaseScript, "", "not available"},
	{demo.Hang, PhaseScript, KindTimeout, "did not come to its end within 1.5s"},
	{demo.Flood, PhaseScript, "", "without end"},
	{demo.FloodBytes, PhaseScript, "", ""},
	{demo.DripOutput, PhaseScript, KindTimeout, "did not come to its end within 1.5s"},
	{demo.FloodStderr, PhaseScript, "", ""},
	{demo.BigLine, PhaseScript, "", "without end"},
	{demo.OneBytePackets, "", "", ""},
	{demo.StatusWithoutClose, "", "", ""},
	{demo.CloseWithoutStatus, "", "", ""},
	{demo.ShortStatus, "", "", ""},
}

// Whatever a server does, its host ends in one result with phase and reason,
// in bounded time, and leaves no goroutine.
func TestHostileServersEndInOneResult(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	s.opts.Limits = Limits{
		Connect: 1500 * time.Millisecond, Handshake: 1500 * time.Millisecond, Script: 1500 * time.Millisecond, Host: 10 * time.Second,
		Stdout: 64 << 10, Drain: 64 << 10,
	}
	var hosts []inventory.Host
	for _, c := range hostile {
		h, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: c.fault}})
		hosts = append(hosts, h)
	}
	r := Runner{Transport: s.native()}
	seen := make([]int, len(hosts))
	start := time.Now()
	for res := range r.Run(t.Context(), hosts, script("")) {
		c := hostile[res.Index]
		seen[res.Index]++
		if c.phase == "" {
			if res.Err != nil {
				t.Errorf("%s: %v, want no error", c.fault, res.Err)
			}
			continue
		}
		e := failure(t, res)
		t.Logf("%s: %v (hint: %s)", c.fault, e, e.Hint)
		if e.Phase != c.phase || e.Kind != c.kind && c.reason != "" {
			t.Errorf("%s: phase %s kind %q, want %s %q (%s)", c.fault, e.Phase, e.Kind, c.phase, c.kind, e.Reason)
		}
		contains(t, string(c.fault)+": reason", e.Reason, c.reason)
		if e.Hint == "" {
			t.Errorf("%s: no hint", c.fault)
		}
	}
	for i, n := range seen {
		if n != 1 {
			t.Errorf("%s: %d results, want 1", hostile[i].fault, n)
		}
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("all took %v, want less than 20s", d)
	}
}

// What a server does leaves neither goroutine nor descriptor behind, each by
// itself.
func TestEachHostileServerLeavesNothing(t *testing.T) {
	for _, c := range hostile {
		t.Run(string(c.fault), func(t *testing.T) {
			leakCheck(t)
			s := newSite(t)
			s.opts.Limits = Limits{
				Connect: time.Second, Handshake: 150 * time.Millisecond, Script: 150 * time.Millisecond,
				Stdout: 64 << 10, Drain: 64 << 10,
			}
			h, server := s.host(demo.Host{Behave: demo.Behaviour{Fault: c.fault}})
			n := s.native()
			for range 2 {
				n.Run(t.Context(), h, script(""))
			}
			if n.Close(); server.Stats().Connections == 0 {
				t.Error("the server was not asked")
			}
		})
	}
}

// A host that stops in the middle of its login holds up no other, even where
// only one key exchange may be at work.
func TestASlowLoginHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opts.Limits = Limits{Handshake: 20 * time.Second, Handshakes: 1}
	stuck, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: demo.NoAuthReply}})
	good, _ := s.host(demo.Host{})
	n := s.native()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx, stuck, script("")) }()
	start := time.Now()
	for range 10 {
		if res := n.Run(t.Context(), good, script("")); res.Err != nil {
			t.Error(res.Err)
		}
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("ten hosts took %v beside one that is stuck", d)
	}
	cancel()
	<-done
}

// What x/crypto/ssh has read of banners without end is taken from it, or its
// goroutines would wait for ever to hand it over.
func TestEndlessBannersLeaveNothingRunning(t *testing.T) {
	leakCheck(t)
	s := newSite(t)
	s.opts.Limits = Limits{Banner: 1}
	h, _ := s.host(demo.Host{Behave: demo.Behaviour{Fault: demo.EndlessBanners}})
	n := s.native()
	for range 50 {
		e := failure(t, n.Run(t.Context(), h, script("")))
		contains(t, "reason", e.Reason, "banner of more than 1 bytes")
	}
}
