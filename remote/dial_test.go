package remote

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

func TestOneOfTwelveAddressesIsEnough(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	var addrs []netip.Addr
	for i := range byte(11) {
		addrs = append(addrs, netip.AddrFrom4([4]byte{127, 0, 1, i + 1})) // nothing listens there
	}
	dial := func(ctx context.Context, addr netip.Addr) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", netip.AddrPortFrom(addr, port).String())
	}
	if _, err := dialAny(t.Context(), addrs, dial); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("eleven that refuse: %v, want refused", err)
	}
	conn, err := dialAny(t.Context(), append(addrs, netip.MustParseAddr("127.0.0.1")), dial)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestWhyThereIsNoConnection(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.opts.Limits.Connect = 200 * time.Millisecond
	fails := func(err error) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: err}
		}
	}
	for _, c := range []struct {
		name   string
		dial   func(context.Context, string, string) (net.Conn, error)
		kind   Kind
		reason string
	}{
		{"refused", nil, "", "connection to 127.0.0.1:1 refused"},
		{"no route", fails(syscall.EHOSTUNREACH), "", "no route to 127.0.0.1:1"},
		{"no network", fails(syscall.ENETUNREACH), "", "no route to the network of 127.0.0.1:1"},
		{"no descriptors", fails(syscall.EMFILE), "", "no file descriptor left to connect to 127.0.0.1:1"},
		{"filtered", func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }, KindTimeout, "no answer from 127.0.0.1:1 within 200ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := *s
			s.t, s.opts.Dial = t, c.dial
			e := failure(t, s.native().Run(t.Context(), inventory.Host{Name: "127.0.0.1", Port: 1}, script("")))
			if e.Phase != PhaseConnect || e.Kind != c.kind || e.Reason != c.reason || e.Hint == "" {
				t.Errorf("error = %+v, want phase connect, kind %q, reason %q and a hint", e, c.kind, c.reason)
			}
		})
	}
}

func TestExcerptsAreOnePlainLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"nothing", " \r\n\t", ""},
		{"plain", "  This account is\r\nnot available. ", `"This account is not available."`},
		{"terminal control", "\x1b]0;x\x07a\u202eb\u009b", `"\u001b]0;x\u0007a\u202eb\u009b"`},
		{"quotes", `say "no" \ `, `"say \"no\" \\"`},
		{"not UTF-8", "a\xffb", "\"a\uFFFDb\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := excerpt([]byte(c.text)); got != c.want {
				t.Errorf("excerpt(%q) = %s, want %s", c.text, got, c.want)
			}
		})
	}
}

// A dialer may notice a deadline before the context does whose it is: the
// host is lost in connect all the same, and the run has not ended.
func TestADialerThatIsEarlyIsATimeoutOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		connect, whole time.Duration
		own            bool // the dialer has a deadline of its own
		phase          Phase
		kind           Kind
		reason         string
	}{
		{"the limit of connecting", 50 * time.Millisecond, time.Hour, false, PhaseConnect, KindTimeout, "no answer from 127.0.0.1:22 within 50ms"},
		{"a deadline of the dialer's own", time.Hour, time.Hour, true, PhaseConnect, KindTimeout, "no answer from 127.0.0.1:22"},
		{"the end of the run", time.Hour, 50 * time.Millisecond, false, PhaseDeadline, KindCanceled, "the run ended first, in phase connect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.opts.Limits = Limits{Connect: c.connect, Host: 2 * time.Hour}
			s.opts.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				deadline, ok := ctx.Deadline()
				switch {
				case c.own:
				case ok && time.Until(deadline) < time.Minute:
					time.Sleep(time.Until(deadline) - 5*time.Millisecond)
				default: // a limit that may stand still is no deadline
					<-ctx.Done()
				}
				return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.whole)
			defer cancel()
			e := failure(t, s.native().Run(ctx, inventory.Host{Name: "127.0.0.1"}, script("")))
			if e.Phase != c.phase || e.Kind != c.kind || e.Reason != c.reason {
				t.Errorf("%s %q: %s; want %s %q: %s", e.Phase, e.Kind, e.Reason, c.phase, c.kind, c.reason)
			}
		})
	}
}
