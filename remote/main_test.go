package remote

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more tests run beside each other than there are processors,
// unless -parallel says how many: they wait for deadlines more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
