package remote

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Login shells of every kind, and sudo, are the same for every transport.
func TestEveryTransportMeetsShellsAndSudoAlike(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	site.opts.Limits.Script = 10 * time.Second
	h := site.startSudoHost(t)
	for _, r := range reachers {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, user := range []string{"free", "fishfree", "cshfree", "dashfree", "noisyfree"} {
				t.Run("script for "+user, func(t *testing.T) {
					t.Parallel()
					s := *site
					s.t = t
					res := r.open(&s).Run(t.Context(), h.as(user), script("echo hello; echo '== end =='\n"))
					if res.Err != nil || !strings.HasSuffix(string(res.Stdout), "hello\n"+endMark) {
						t.Errorf("%q, %v", res.Stdout, res.Err)
					}
				})
			}
			for _, c := range []struct {
				user   string
				ask    func() ([]byte, error)
				reason string // "" for root
			}{
				{"free", nil, ""},
				{"fishfree", nil, ""},
				{"cshpass", answering(h.password, new(atomic.Int32)), ""},
				{"noisypass", answering(h.password, new(atomic.Int32)), ""},
				{"pass", nil, "nobody to ask"},
				{"dashpass", answering("Bad-"+h.password, new(atomic.Int32)), "did not take the password"},
				{"onlyls", answering(h.password, new(atomic.Int32)), "not allowed to execute"},
			} {
				t.Run("sudo for "+c.user, func(t *testing.T) {
					t.Parallel()
					s := *site
					s.t, s.opts.AskSudo = t, c.ask
					talk, err := connect(t, r.open(&s), h.as(c.user)).Start(t.Context(), Program{Text: []byte(asRoot), End: "== end ==", Root: true})
					if c.reason != "" {
						e := asError(t, err)
						if e.Phase != PhaseSudo {
							t.Errorf("%v, want phase sudo", e)
						}
						contains(t, "reason", e.Reason, c.reason)
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if res := talk.Wait(t.Context()); res.Err != nil || string(res.Stdout) != "0\nroot=[]\n"+endMark {
						t.Errorf("%q, %v", res.Stdout, res.Err)
					}
				})
			}
		})
	}
}
