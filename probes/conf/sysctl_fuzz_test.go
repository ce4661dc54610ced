package conf_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func checkSysctl(t *testing.T, data []byte) {
	t.Helper()
	s := newSysctlTree(&draws{data})
	for _, c := range []struct {
		what string
		got  func() conf.Resolution
		want string
	}{
		{"systemd", func() conf.Resolution { return conf.SysctlBoot(s.host(), mapCount) }, refSystemd(s)},
		{"sysctl --system", func() conf.Resolution { return conf.SysctlSystem(s.host(), mapCount) }, refProcps(s)},
	} {
		r := c.got()
		if valueOf(r) != c.want {
			t.Errorf("%s gives %s, want %s, on %s", c.what, valueOf(r), c.want, s)
		}
		if w, won := r.Winner(); won && r.Known && r.Source != w.Place.String() {
			t.Errorf("%s: the source is %s, the winner %v, on %s", c.what, r.Source, w, s)
		}
		if again := c.got(); !reflect.DeepEqual(r, again) {
			t.Errorf("%s: twice differs:\n%son %s", c.what, cmp.Diff(r, again), s)
		}
	}
}

func TestSysctlAgreesWithReference(t *testing.T) {
	t.Parallel()
	seeds(t, 3000, 300, checkSysctl)
}

func FuzzSysctlAgreesWithReference(f *testing.F) {
	f.Add([]byte("a tree"))
	f.Fuzz(checkSysctl)
}
