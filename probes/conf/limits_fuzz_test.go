package conf_test

import (
	"maps"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tmdoctor/tmdoctor/probes/conf"
)

func checkLimits(t *testing.T, data []byte) {
	t.Helper()
	l := newLimitsTree(&draws{data})
	code, want := refOpenSession(l)
	out := conf.ResolveLogin(l.login())
	if refused := out.Refused != ""; refused != (code != 0 && !l.optional) {
		t.Errorf("refused %q at %v, want code %d, on %s", out.Refused, out.RefusedAt, code, l)
	}
	got := map[string]conf.Rlimits{}
	for name, item := range out.Items {
		if item.Soft.Known && item.Hard.Known {
			got[name] = conf.Rlimits{Soft: item.Soft.Value, Hard: item.Hard.Value}
		}
	}
	if !maps.Equal(want, got) {
		t.Errorf("limits (-want +got):\n%son %s", cmp.Diff(want, got), l)
	}
	if again := conf.ResolveLogin(l.login()); !reflect.DeepEqual(again, out) {
		t.Errorf("twice differs:\n%son %s", cmp.Diff(out, again), l)
	}
}

func TestLimitsAgreeWithReference(t *testing.T) {
	t.Parallel()
	seeds(t, 4000, 300, checkLimits)
}

func FuzzLimitsAgreesWithReference(f *testing.F) {
	f.Add([]byte("a tree"))
	f.Add([]byte("\x02\xdc\xdb\x00\xf7UUU4U\x00 \x80\x00\x00\x00 dd\xab\x14")) // soft is lowered to hard, which is refused
	f.Fuzz(checkLimits)
}
