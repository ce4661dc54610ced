package main

import (
	"math"
	"testing"
)

func TestRatesAreReadAsTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want float64 // a second; 0 is refused
	}{
		{"5", 5}, {"0.5", 0.5}, {"5/s", 5}, {"30/m", 0.5}, {"1.5/m", 0.025}, {"36/h", 0.01}, {"1e3", 1000}, {"1/h", 1.0 / 3600}, {"0.9/h", 0},
		{"0", 0}, {"-1", 0}, {"", 0}, {"5/", 0}, {"/m", 0}, {"5/d", 0}, {"5 /m", 0}, {"5/m/s", 0}, {"NaN", 0}, {"Inf", 0}, {"1e999", 0}, {"many", 0},
	} {
		var got float64
		f := rateFlag{perSecond: &got}
		if err := f.Set(c.text); (err == nil) != (c.want > 0) || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%q is %v a second, %v; want %v", c.text, got, err, c.want)
		}
		if c.want > 0 && f.String() != c.text {
			t.Errorf("%q is typed again as %q", c.text, f.String())
		}
	}
}

// The command to type next asks the same hosts as gently.
func TestTheNextCommandKeepsTheRate(t *testing.T) {
	t.Parallel()
	f := hostFlags{}
	f.rate.perSecond = &f.ssh.Limits.Rate
	if err := f.rate.Set("30/m"); err != nil {
		t.Fatal(err)
	}
	if got := command("fix", f.words()); got != "tmdoctor fix --rate 30/m" {
		t.Errorf("next command %q", got)
	}
}
