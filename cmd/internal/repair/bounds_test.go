package repair

import (
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/tmdoctor/tmdoctor/remote"
)

// TestTheHostGivesUpBeforeWeDo: who waits for a host's program waits longer than
// the program itself does for a unit.
func TestTheHostGivesUpBeforeWeDo(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../probes/fix/units.sh")
	if err != nil {
		t.Fatal(err)
	}
	seconds := func(pattern string) time.Duration {
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		if m == nil {
			t.Fatalf("units.sh has no %s", pattern)
		}
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(n) * time.Second
	}
	restart, healthy := seconds(`limit ([0-9]+) systemctl restart`), seconds(`"\$healthy_tries" -lt ([0-9]+)`)
	if most := restart + healthy + seconds(`limit ([0-9]+) systemctl show`) + time.Second; restartTime < most {
		t.Errorf("a unit has %s, and its host may take %s", restartTime, most)
	}
}

// A login that waits for its turn behind all others of its batch is no host
// that hangs.
func TestTheTimeOfAHostHasItsTurnInIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate                    float64
		inFlight, batch, canary int
		want                    time.Duration
	}{
		{0, 256, 10, 1, time.Minute},
		{1, 256, 10, 1, time.Minute + 20*time.Second},
		{1, 256, 2, 5, time.Minute + 10*time.Second},
		{0.5, 30, 0, 1, 3 * time.Minute},
		{1, 8, 50, 1, time.Minute + 16*time.Second},
	} {
		r := &Repair{Limits: remote.Limits{Rate: c.rate, InFlight: c.inFlight, Host: time.Minute}, Batch: c.batch, Canary: c.canary}
		if got := r.hostTime(); got != c.want {
			t.Errorf("%+v: a host has %v, want %v", c, got, c.want)
		}
	}
}
