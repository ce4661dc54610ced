package remote

import (
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// One wrong password is one attempt on one host, however many wait for it.
func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var asked, tried atomic.Int32
	s.opts.AskSudo = func() ([]byte, error) { asked.Add(1); return []byte("wrong"), nil }
	var refused atomic.Int32
	var hosts []inventory.Host
	for range 12 {
		host, _ := talking(s, func(h *talker) {
			h.say("\nSUDO %s\nsudo: a password is required\n\nPASSWORD %s\n", h.nonce, h.nonce)
			if _, ok := h.hear(); !ok {
				return
			}
			h.warn("tmdoctor %s", h.nonce)
			h.hear()
			tried.Add(1)
			h.warn("Sorry, try again.\n")
		})
		at, _ := s.host(host)
		hosts = append(hosts, at)
	}
	n := s.native()
	var wg sync.WaitGroup
	for _, at := range hosts {
		wg.Go(func() {
			conn, err := n.Connect(t.Context(), at)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, err = conn.Start(t.Context(), Program{Root: true})
			e := asError(t, err)
			if e.Phase != PhaseSudo {
				t.Errorf("%v, want phase sudo", e)
			}
			if strings.Contains(e.Reason, "was wrong on 127.0.0.1") {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 1 || tried.Load() != 1 || refused.Load() != 11 {
		t.Errorf("asked %d times, tried %d times, %d hosts told of it; want 1, 1, 11", asked.Load(), tried.Load(), refused.Load())
	}
}

// A password that one host took goes to the others at the same time.
func TestARightPasswordIsTriedOnAll(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var asked atomic.Int32
	s.opts.AskSudo = func() ([]byte, error) { asked.Add(1); return []byte("right"), nil }
	var hosts []inventory.Host
	var together sync.WaitGroup // all but the first are at it at once
	together.Add(5)
	var first atomic.Bool
	for range 6 {
		host, _ := talking(s, func(h *talker) {
			h.say("\nSUDO %s\nsudo: a password is required\n\nPASSWORD %s\n", h.nonce, h.nonce)
			h.hear()
			h.warn("tmdoctor %s", h.nonce)
			if line, _ := h.hear(); line != "right\n" {
				t.Errorf("password %q", line)
			}
			if !first.CompareAndSwap(false, true) {
				together.Done()
				together.Wait()
			}
			h.say("\nREADY %s\n", h.nonce)
			h.hear()
			h.say(endMark)
		})
		at, _ := s.host(host)
		hosts = append(hosts, at)
	}
	n := s.native()
	var wg sync.WaitGroup
	for _, at := range hosts {
		wg.Go(func() {
			conn, err := n.Connect(t.Context(), at)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			talk, err := conn.Start(t.Context(), Program{Root: true, End: "== end =="})
			if err != nil {
				t.Error(err)
				return
			}
			if res := talk.Wait(t.Context()); res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want once", asked.Load())
	}
}

// Who answers nothing, or not at all, is told so.
func TestAnAnswerThatIsNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func() ([]byte, error)
		reason string
	}{
		{"nothing", func() ([]byte, error) { return nil, nil }, "none was given"},
		{"an error", func() ([]byte, error) { return nil, io.ErrUnexpectedEOF }, "unexpected EOF"},
		{"two lines", func() ([]byte, error) { return []byte("a\nb"), nil }, "more than one line"},
		{"nobody", nil, "nobody to ask"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.opts.AskSudo = c.answer
			host, h := talking(s, func(h *talker) {
				h.say("\nSUDO %s\nsudo: a password is required\n\nPASSWORD %s\n", h.nonce, h.nonce)
				h.hear()
			})
			at, server := s.host(host)
			_, err := connect(t, s.native(), at).Start(t.Context(), Program{Root: true})
			e := asError(t, err)
			if e.Phase != PhaseSudo {
				t.Errorf("%v, want phase sudo", e)
			}
			contains(t, "reason", e.Reason, c.reason)
			contains(t, "hint", e.Hint, "NOPASSWD")
			server.Close()
			if got := h.all(); len(got) != 2 {
				t.Errorf("heard %q, want no more than two lines", got)
			}
		})
	}
}
