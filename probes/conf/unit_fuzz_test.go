package conf_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

const (
	unitTasks  = 33333
	unitMemory = 8<<30 + 12345
)

// asked is a tree as the resolver gets it.
func (u unitTree) asked() conf.Unit {
	in := conf.Unit{
		Name: u.name, Files: treeFiles(u.files), Systemd: u.systemd, NROpen: u.nrOpen, PID1: u.manager,
		TasksTotal: unitTasks, MemoryTotal: unitMemory,
	}
	if u.user {
		in.UserManager, in.Home = true, unitHome
	}
	return in
}

// String is the tree to be shown.
func (u unitTree) String() string {
	return fmt.Sprintf("%s, systemd %d, user %v\n%s", u.name, u.systemd, u.user, showTree(treeText(u.files)))
}

// unitAnswer is a result in the words of the reference model.
func unitAnswer(u unitTree, r conf.UnitResult) (state string, dropIns []string, limits map[string]conf.Rlimits) {
	switch {
	case r.Masked.File != "":
		state = "masked"
	case strings.HasPrefix(r.Unknown, "no unit file"):
		state = "not found"
	case r.Unknown != "":
		state = "bad"
	default:
		state = "loaded"
	}
	limits = map[string]conf.Rlimits{}
	for key, item := range r.Items {
		if item.Soft.Known && item.Hard.Known {
			limits[key] = conf.Rlimits{Soft: item.Soft.Value, Hard: item.Hard.Value}
		}
	}
	return state, r.DropIns, limits
}

func checkUnit(t *testing.T, data []byte) {
	t.Helper()
	u := newUnitTree(&draws{data})
	want := refLoad(u)
	r := conf.ResolveUnit(u.asked())
	state, dropIns, limits := unitAnswer(u, r)
	if state != want.state {
		t.Errorf("the unit is %s (%s), want %s of %s, on %s", state, r.Unknown, want.state, want.fragment, u)
		return
	}
	if state != "loaded" {
		return
	}
	if !slices.Equal(want.dropIns, dropIns) {
		t.Errorf("drop-ins (-want +got):\n%son %s", cmp.Diff(want.dropIns, dropIns), u)
	}
	if want := refLimits(u, want, unitTasks, unitMemory); !maps.Equal(want, limits) {
		t.Errorf("limits (-want +got):\n%son %s", cmp.Diff(want, limits), u)
	}
	if again := conf.ResolveUnit(u.asked()); !reflect.DeepEqual(again, r) {
		t.Errorf("twice differs:\n%son %s", cmp.Diff(r, again), u)
	}
}

// The reference model was compared with systemd 252 itself (systemd --test) on
// trees of this kind.
func TestUnitAgreesWithReference(t *testing.T) {
	t.Parallel()
	seeds(t, 4000, 400, checkUnit)
}

func FuzzUnitAgreesWithReference(f *testing.F) {
	f.Add([]byte("a tree"))
	f.Fuzz(checkUnit)
}
