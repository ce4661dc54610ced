package repair

import (
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
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
