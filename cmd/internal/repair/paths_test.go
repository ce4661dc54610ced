package repair

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestEveryPathOfAHost: what goes wrong, how the host comes out, and what the
// journal says of it.
func TestEveryPathOfAHost(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		set     func(*fakeHost)
		faults  map[string]fault
		want    State
		journal string
		most    int // connections
	}{
		{name: "all is well", want: Kept, journal: "apply verify keep kept", most: 2},
		{name: "it is not reached", faults: map[string]fault{"connect": failing}, want: Refused, journal: "untouched", most: 1},
		{name: "sudo refuses", faults: map[string]fault{"start apply": failing}, want: Refused, journal: "apply untouched", most: 1},
		{name: "it has changed", set: func(h *fakeHost) { h.refuses = "changed since" }, want: Refused, journal: "apply untouched", most: 1},
		{name: "lost before the program is whole", faults: map[string]fault{"start apply": lost}, want: Refused, journal: "apply look untouched", most: 2},
		{name: "lost before it is applied", faults: map[string]fault{"until": lost}, want: RolledBack, journal: "apply look rolled-back", most: 2},
		{name: "a look is overtaken by the roll back", set: func(h *fakeHost) { h.torn = true }, faults: map[string]fault{"until": lost}, want: RolledBack, journal: "apply look rolled-back", most: 2},
		{name: "killed while it is applied", faults: map[string]fault{"start apply": killed}, want: RolledBack, journal: "apply look back rolled-back", most: 2},
		{name: "killed when it is applied", faults: map[string]fault{"until": killed}, want: RolledBack, journal: "apply look back rolled-back", most: 2},
		{name: "lost, and not reached any more", faults: map[string]fault{"until": mute}, want: Unknown, journal: "apply look unknown", most: 2},
		{name: "killed, and it cannot be rolled back", set: func(h *fakeHost) { h.stuck = true }, faults: map[string]fault{"until": killed}, want: Stuck, journal: "apply look back stuck", most: 2},
		{name: "killed, and the roll back is lost", faults: map[string]fault{"until": killed, "wait rollback": deaf}, want: Unknown, journal: "apply look back unknown", most: 2},
		{name: "no new login", faults: map[string]fault{"connect 2": failing}, want: RolledBack, journal: "apply verify back rolled-back", most: 3},
		{name: "no login at all any more", faults: map[string]fault{"connect 2": mute}, want: Unknown, journal: "apply verify back unknown", most: 3},
		{name: "no new session", faults: map[string]fault{"audit": failing}, want: RolledBack, journal: "apply verify back rolled-back", most: 2},
		{name: "sudo is revoked in the middle", faults: map[string]fault{"start inspect 1": failing}, want: RolledBack, journal: "apply verify back rolled-back", most: 2},
		{name: "sudo is revoked for good", faults: map[string]fault{"start inspect": failing}, want: Unknown, journal: "apply verify back unknown", most: 2},
		{name: "the look is cut", faults: map[string]fault{"wait inspect 1": lost}, want: RolledBack, journal: "apply verify back rolled-back", most: 2},
		{name: "a value does not hold", set: func(h *fakeHost) { h.unmet = "shadowed" }, want: RolledBack, journal: "apply verify back rolled-back", most: 2},
		{name: "flink cannot log in", set: func(h *fakeHost) { h.noLogin = true }, want: RolledBack, journal: "apply verify back rolled-back", most: 2},
		{name: "a value does not hold, and it cannot be rolled back", set: func(h *fakeHost) { h.unmet, h.stuck = "shadowed", true }, want: Stuck, journal: "apply verify back stuck", most: 2},
		{name: "the first is lost while the second verifies", faults: map[string]fault{"say keep": lost}, want: RolledBack, journal: "apply verify keep look rolled-back", most: 2},
		{name: "killed while the second verifies", faults: map[string]fault{"say keep": killed}, want: Kept, journal: "apply verify keep look keep kept", most: 2},
		{name: "keep is not heard", faults: map[string]fault{"wait keep": lost}, want: RolledBack, journal: "apply verify keep look rolled-back", most: 2},
		{name: "kept is not heard", faults: map[string]fault{"wait keep": deaf}, want: Kept, journal: "apply verify keep look kept", most: 2},
		{name: "keep and both connections are lost", faults: map[string]fault{"wait keep": lost, "alive": failing}, want: RolledBack, journal: "apply verify keep look rolled-back", most: 3},
		{name: "keep is lost and nothing gets through", faults: map[string]fault{"wait keep": mute, "alive": failing}, want: Unknown, journal: "apply verify keep look unknown", most: 3},
		{name: "back is not heard", set: func(h *fakeHost) { h.unmet = "shadowed" }, faults: map[string]fault{"say back": lost}, want: RolledBack, journal: "apply verify back look rolled-back", most: 2},
		{name: "rolled back is not heard", set: func(h *fakeHost) { h.unmet = "shadowed" }, faults: map[string]fault{"wait back": deaf}, want: RolledBack, journal: "apply verify back look rolled-back", most: 2},
		{name: "killed where it should go back", set: func(h *fakeHost) { h.unmet = "shadowed" }, faults: map[string]fault{"say back": killed}, want: RolledBack, journal: "apply verify back look back rolled-back", most: 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("tm001")
				h := f.hosts["tm001"]
				if row.set != nil {
					row.set(h)
				}
				for step, wrong := range row.faults {
					h.faults[step] = wrong
				}
				r := f.repair()
				sum := f.run(t, r, "tm001")
				if got := sum.Hosts[0]; got.State != row.want || got.State != Kept && got.Reason == "" {
					t.Errorf("it is %s (%s), want %s", got.State, got.Reason, row.want)
				}
				if got := eventsOf(records(r), "tm001"); got != row.journal {
					t.Errorf("the journal says %q, want %q", got, row.journal)
				}
				if h.connects > row.most {
					t.Errorf("%d connections, want at most %d", h.connects, row.most)
				}
				if row.want != Unknown && row.want != Stuck {
					f.neverMixed(t)
				}
				// What is said of the host is so.
				switch {
				case row.want == Kept && h.hash != newHash, (row.want == RolledBack || row.want == Refused) && h.hash != oldHash:
					t.Errorf("it is %s, and has the %s file", row.want, h.hash)
				}
				saved := &SavedRun{Run: "run1", Hosts: map[string]State{}, verdicts: map[string]State{}}
				for _, rec := range records(r) {
					saved.add(rec)
				}
				if saved.Hosts["tm001"] != row.want {
					t.Errorf("the journal leaves it %s, want %s", saved.Hosts["tm001"], row.want)
				}
				if saved.Ended.IsZero() {
					t.Error("the journal has no end")
				}
			})
		})
	}
}

// eventsOf are the events of a host in a journal.
func eventsOf(all []Record, host string) string {
	var events []string
	for _, r := range all {
		if r.Host == host {
			events = append(events, string(r.Event))
		}
	}
	return strings.Join(events, " ")
}

// TestWhatCannotBeWrittenDownIsNotDone breaks the journal at each record of a
// run that keeps, and of one that rolls back.
func TestWhatCannotBeWrittenDownIsNotDone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		unmet  string
		faults map[string]fault
		breaks int // the first record that cannot be written
		// never is a step that the record was to announce.
		never string
		want  State
	}{
		{name: "apply", breaks: 1, never: "start apply", want: NotBegun},
		{name: "verify", breaks: 2, never: "say keep", want: RolledBack},
		{name: "keep", breaks: 3, never: "say keep", want: RolledBack},
		{name: "kept", breaks: 4, want: Kept},
		{name: "back", unmet: "shadowed", breaks: 3, never: "say keep", want: RolledBack},
		{name: "rolled-back", unmet: "shadowed", breaks: 4, never: "say keep", want: RolledBack},
		{name: "look", faults: map[string]fault{"until": killed}, breaks: 2, never: "start inspect", want: Unknown},
		{name: "back of a look", faults: map[string]fault{"until": killed}, breaks: 3, never: "start rollback", want: Unknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("tm001", "tm002")
				h := f.hosts["tm001"]
				h.unmet = row.unmet
				for step, wrong := range row.faults {
					h.faults[step] = wrong
				}
				r := f.repair()
				r.MaxFailures = 9
				r.Journal.file.(*logged).breaks = row.breaks
				sum := f.run(t, r, "tm001", "tm002")
				if got := sum.Hosts[0].State; got != row.want {
					t.Errorf("it is %s (%s), want %s", got, sum.Hosts[0].Reason, row.want)
				}
				if row.never != "" && slices.Contains(f.log, "tm001 "+row.never) {
					t.Errorf("%q was done\n%s", row.never, strings.Join(f.log, "\n"))
				}
				if got := sum.Hosts[1].State; got != NotBegun || f.hosts["tm002"].connects > 0 {
					t.Errorf("the next host is %s, want not-begun", got)
				}
				if sum.Stopped == "" || !strings.Contains(fmt.Sprint(sum.Hosts[0].Reason, sum.Stopped), errFull.Error()) {
					t.Errorf("stopped because %q", sum.Stopped)
				}
				if row.want != Unknown {
					f.neverMixed(t)
				}
			})
		})
	}
}
