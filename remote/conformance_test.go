package remote

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/inventory"
)

// reacher is what every way to a host is.
type reacher interface {
	Transport
	Connector
}

// reachers are all ways to a host but local, which has no server to fail.
var reachers = []struct {
	name string
	open func(*site) reacher
}{
	{TransportNative, func(s *site) reacher { return s.native() }},
	{TransportOpenSSH, func(s *site) reacher { return s.openssh() }},
}

// hangs is a script that does not come to its end, and leaves nothing behind once
// whoever started it is gone.
const hangs = "while [ -d /proc/$PPID ]; do sleep 0.2; done\n"

// The same script is the same result, however its host is reached. What
// programs are spoken with is in TestEveryWayToAHost.
func TestEveryTransportRunsScriptsAlike(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	d := site.startSSHD("MaxStartups 1000\nBanner " + writeFile(t, site.dir+"/banner", "authorized use only\n") + "\n")
	site.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	small := Limits{Stdout: 64 << 10, Drain: 64 << 10}
	for _, c := range []struct {
		name, text     string
		limits         Limits
		stdout, stderr string
		status         int
		reason, hint   string // of an error in phase script; "" for none
		kind           Kind
	}{
		{name: "success", text: "echo one; echo '== end =='\n", stdout: "one\n" + endMark},
		{name: "another status", text: "echo '== end =='; exit 7\n", stdout: endMark, status: 7},
		{name: "status 255, which is ssh's own", text: "echo '== end =='; exit 255\n", stdout: endMark, status: 255},
		{name: "words on stderr", text: "echo two >&2; echo '== end =='\n", stdout: endMark, stderr: "two\n"},
		{name: "bytes as they are", text: "printf '~.\\r\\n\\001\\377\\000x\\n'; echo '== end =='\n", stdout: "~.\r\n\x01\xff\x00x\n" + endMark},
		{name: "no terminal", text: "test -t 0 || test -t 1 || echo none; echo '== end =='\n", stdout: "none\n" + endMark},
		{name: "no agent and no display", text: "echo \"$SSH_AUTH_SOCK$DISPLAY\"; echo '== end =='\n", stdout: "\n" + endMark},
		{name: "a long script", text: strings.Repeat("# a comment that fills the script up to its limit\n", 3000) + "echo '== end =='\n", stdout: endMark},
		{name: "something left running", text: "sleep 20 & echo '== end =='; exit 6\n", stdout: endMark, status: 6},
		{name: "no end mark", text: "echo only this\n", reason: `status 0 and not all of the answer: "only this"`, hint: "forced command"},
		{name: "killed in the middle", text: "echo begin; kill -9 $$\n", stdout: "begin\n", reason: "killed by signal"},
		{name: "hangs", text: "echo begin; " + hangs, limits: Limits{Script: time.Second}, stdout: "begin\n",
			reason: "did not come to its end within 1s", hint: "overloaded", kind: KindTimeout},
		{name: "floods", text: "while :; do echo 0123456789012345678901234567890123456789; done\n", limits: small, reason: "the host printed without end"},
		{name: "floods stderr", text: "while :; do echo 0123456789012345678901234567890123456789 >&2; done\n", limits: small, reason: "the host printed without end"},
		{name: "1 GB without a newline", text: "head -c 1000000000 /dev/zero; echo '== end =='\n", limits: small, reason: "the host printed without end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check := func(t *testing.T, res Result) {
				if c.reason == "" {
					if res.Err != nil || string(res.Stdout) != c.stdout || string(res.Stderr) != c.stderr || res.ExitStatus != c.status {
						t.Errorf("%q, %q, %d, %v; want %q, %q, %d", res.Stdout, res.Stderr, res.ExitStatus, res.Err, c.stdout, c.stderr, c.status)
					}
					if res.Timing.Script <= 0 {
						t.Error("it took no time")
					}
					return
				}
				e := failure(t, res)
				if e.Phase != PhaseScript || e.Kind != c.kind {
					t.Errorf("%v, kind %q; want phase script, kind %q", e, e.Kind, c.kind)
				}
				contains(t, "reason", e.Reason, c.reason)
				contains(t, "hint", e.Hint, c.hint)
				if c.stdout != "" && string(res.Stdout) != c.stdout {
					t.Errorf("stdout %q, want %q", res.Stdout, c.stdout)
				}
				if kept := c.limits.Stdout; kept > 0 && (len(res.Stdout) > kept || len(res.Stderr) > 64<<10) {
					t.Errorf("%d and %d bytes kept", len(res.Stdout), len(res.Stderr))
				}
			}
			for _, r := range reachers {
				t.Run(r.name, func(t *testing.T) {
					s := *site
					s.t, s.opts.Limits = t, c.limits
					res := r.open(&s).Run(t.Context(), d.host(), script(c.text))
					check(t, res)
					if res.Address != "127.0.0.1" || res.Port != d.port || res.User != d.user {
						t.Errorf("%s@%s:%d, want %s@127.0.0.1:%d", res.User, res.Address, res.Port, d.user, d.port)
					}
				})
			}
			t.Run("local", func(t *testing.T) {
				if c.name == "no agent and no display" {
					return // they are the caller's own
				}
				check(t, (&Local{Limits: c.limits}).Run(t.Context(), inventory.Host{Local: true}, script(c.text)))
			})
		})
	}
}

// Many hosts at once are many results; a host that is not there costs only
// itself.
func TestEveryTransportReachesManyHostsAtOnce(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	d := site.startSSHD("MaxStartups 1000\n")
	site.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	for _, r := range reachers {
		t.Run(r.name, func(t *testing.T) {
			s := *site
			s.t, s.opts.Limits = t, Limits{InFlight: 12}
			var hosts []inventory.Host
			for i := range 24 {
				h := d.host()
				h.Name, h.Address = fmt.Sprintf("tm%d", i), "127.0.0.1"
				if i%8 == 0 {
					h.Port = 1
				}
				hosts = append(hosts, h)
			}
			var seen []int
			runner := &Runner{Transport: r.open(&s), Limits: s.opts.Limits}
			for res := range runner.Run(t.Context(), hosts, script("echo '== end =='\n")) {
				seen = append(seen, res.Index)
				if lost := res.Err != nil; lost != (res.Index%8 == 0) {
					t.Errorf("host %d: %v", res.Index, res.Err)
				}
			}
			slices.Sort(seen)
			if len(slices.Compact(seen)) != len(hosts) {
				t.Errorf("results of %v", seen)
			}
		})
	}
}

// Whenever a run is cancelled, it comes back at once, as itself or canceled.
func TestEveryTransportIsCancelledAtAnyMoment(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	d := site.startSSHD("MaxStartups 1000\n")
	site.knowLine("%s %s", bracketed("127.0.0.1", d.port), d.keys["ed25519"])
	for _, r := range reachers {
		t.Run(r.name, func(t *testing.T) {
			s := *site
			s.t = t
			transport := r.open(&s)
			for after := time.Duration(0); after < 300*time.Millisecond; after += 15 * time.Millisecond {
				ctx, cancel := context.WithCancel(t.Context())
				stop := time.AfterFunc(after, cancel)
				res := transport.Run(ctx, d.host(), script("echo '== end =='\n"))
				stop.Stop()
				cancel()
				if res.Err == nil {
					continue
				}
				if e := failure(t, res); e.Phase != PhaseDeadline || e.Kind != KindCanceled {
					t.Errorf("after %v: %+v, want canceled", after, e)
				}
			}
		})
	}
}
